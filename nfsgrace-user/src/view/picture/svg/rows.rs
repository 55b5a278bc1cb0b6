//! The lanes themselves.

use super::{
    super::{AttemptBar, GraceBar, GraceState, Lost, RestartSpan, ServerLane, Span, StallEnd, StallLane},
    EDGE, WIDTH,
    panel::Scale,
    pen::{Anchor, Pen, Type, ink},
};
use crate::view::{clean_tail, plural, span, width};

/// Room for names.
const NAMES: f64 = 192.0;
/// Polls that lie closer than this are not drawn one by one.
const POLLS_APART: f64 = 3.0;

/// How the lane of a stall is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Bars only.
    Plain,
    /// Each sleep with its length, as far as there is room.
    Explained,
}

impl Look {
    fn height(self) -> f64 {
        match self {
            Self::Plain => 24.0,
            Self::Explained => 50.0,
        }
    }
}

pub(super) const OBSERVED: &str = "stroke-width=\"1.2\"";
pub(super) const COMPUTED: &str = "stroke-width=\"1.2\" stroke-dasharray=\"3 2\"";

/// Below a bar: the sleep that was asked for.
pub(super) fn bracket(pen: &mut Pen, (x1, x2): (f64, f64), y: f64, line: &str) {
    let data = format!("M{x1:.1} {:.1}V{y:.1}H{x2:.1}V{:.1}", y - 3.0, y - 3.0);
    pen.path(&data, &format!("fill=\"none\" stroke=\"{}\" {line}", ink::MUTED));
}

fn name(pen: &mut Pen, y: f64, look: Type, text: &str) {
    pen.text(EDGE, y, Anchor::Start, look, &look.fit(text, NAMES));
}

/// The task, and as much of the file as there is room for: paths differ at their end.
fn task_and_file(pen: &mut Pen, y: f64, stall: &StallLane) {
    let task = format!("{} {}", stall.comm, stall.tid);
    name(pen, y, Type::BODY, &task);
    let Some(path) = &stall.path else { return };
    let from = Type::BODY.width(&task) + 6.0;
    let mut columns = width(path);
    let mut short = path.clone();
    while columns > 3 && Type::SMALL.width(&short) > NAMES - from {
        columns -= 1;
        short = clean_tail(path, columns);
    }
    if columns > 3 {
        pen.text(EDGE + from, y, Anchor::Start, Type::SMALL, &short);
    }
}

/// The three lanes of a server: trackers, grace periods, refusals.
pub(super) fn server(pen: &mut Pen, lane: &ServerLane, scale: Scale, mut y: f64) -> f64 {
    let shown: Vec<_> = lane.restarts.iter().filter(|it| scale.shows(it.extent())).collect();
    let nexts = shown.iter().skip(1).map(|next| scale.x(next.began)).chain([WIDTH - EDGE]);
    let limits: Vec<_> = shown.iter().zip(nexts).map(|(restart, limit)| (*restart, limit)).collect();
    name(pen, y + 17.0, Type::STRONG, "client trackers");
    limits.iter().for_each(|(restart, limit)| trackers(pen, restart, scale, (y, y + 26.0), *limit));
    y += 26.0;
    name(pen, y + 19.0, Type::STRONG, "grace period");
    for (restart, limit) in &limits {
        restart.grace.iter().for_each(|it| grace(pen, restart, it, scale, (y, y + 30.0), *limit));
    }
    y += 30.0;
    if shown.iter().any(|restart| restart.lockd.is_some()) {
        name(pen, y + 14.0, Type::BODY, "lockd's grace period");
        for (restart, limit) in &limits {
            restart.lockd.iter().for_each(|it| grace(pen, restart, it, scale, (y, y + 22.0), *limit));
        }
        y += 22.0;
    }
    let marks = |it: &&RestartSpan| it.refusals.total > 0 || !it.writes.is_empty() || !it.completed.is_empty();
    if shown.iter().any(marks) {
        name(pen, y + 14.0, Type::BODY, "refused, reclaimed");
        let total: u64 = shown.iter().map(|it| it.refusals.total).fold(0, u64::saturating_add);
        if total > 0 {
            pen.text(scale.right() + 8.0, y + 14.0, Anchor::Start, Type::SMALL, &plural(total, "refusal"));
        }
        shown.iter().for_each(|restart| answers(pen, restart, scale, y + 10.0));
        y += 22.0;
    }
    y
}

fn trackers(pen: &mut Pen, restart: &RestartSpan, scale: Scale, (top, bottom): (f64, f64), limit: f64) {
    let middle = (top + bottom) / 2.0;
    let mut end = scale.x(restart.began);
    for tracker in &restart.trackers {
        pen.begin(&tracker.label);
        let x = scale.xs(tracker.span);
        let fill = if tracker.status == Some(0) { ink::GOOD } else { ink::FAILED };
        pen.shape((x.0, x.1.max(x.0 + 2.0)), (middle - 6.0, middle + 6.0), &format!("fill=\"{fill}\" rx=\"1.5\""));
        let apart = (x.1 - x.0) / (tracker.polls.len() + 1) as f64;
        let polls = tracker.polls.iter().filter(|_| apart >= POLLS_APART);
        for poll in polls.filter(|poll| scale.shows(Span::new(poll.at, poll.at))) {
            let dash = if poll.inferred { "stroke-dasharray=\"2 1.5\"" } else { "" };
            let x = scale.x(poll.at);
            pen.line((x, middle - 6.0), (x, middle + 6.0), ink::PAPER, dash);
        }
        pen.end();
        end = end.max(x.1).max(x.0 + 2.0);
    }
    let color = if restart.trackers.iter().any(|it| it.status == Some(0)) { ink::GOOD } else { ink::FAILED };
    let look = Type::BODY.colored(color);
    let taken = restart.trackers.iter().filter_map(|it| it.took_ns).fold(0, u64::saturating_add);
    let took = if taken > 0 { format!(" in {}", seconds(taken)) } else { String::new() };
    let text = look.fit(&format!("{}{took}", restart.tracking), limit - end - 10.0);
    pen.text(end + 6.0, middle + 4.0, Anchor::Start, look, &text);
}

fn grace(pen: &mut Pen, restart: &RestartSpan, bar: &GraceBar, scale: Scale, (top, bottom): (f64, f64), limit: f64) {
    let (x1, x2) = scale.xs(bar.span);
    let (top, bottom) = (top + 4.0, bottom - 4.0);
    pen.begin(&format!("Restart {}: {}; {}", restart.restart, bar.label, bar.end_label));
    let fill = if bar.guessed { "url(#nfsgrace-grace)" } else { ink::GRACE };
    pen.shape((x1, x2.max(x1 + 2.0)), (top, bottom), &format!("fill=\"{fill}\" rx=\"2\""));
    if let Some(planned) = &bar.planned {
        let (from, to) = scale.xs(planned.span);
        let outline = format!("fill=\"none\" stroke=\"{}\" {COMPUTED}", ink::GRACE_END);
        if scale.shows(planned.span) {
            pen.shape((from, to.max(from + 2.0)), (top - 3.0, bottom + 3.0), &outline);
        }
    }
    if matches!(bar.state, GraceState::Ended { .. } | GraceState::Stopped) {
        pen.line((x2, top - 4.0), (x2, bottom + 4.0), ink::GRACE_END, "stroke-width=\"2\"");
    }
    pen.end();
    let inside = Type::STRONG.colored(ink::GRACE_TEXT);
    let middle = (top + bottom) / 2.0 + 4.0;
    let room = [(x1, x2 - x1), (x2, limit - x2)];
    let texts =
        [bar.label.as_str(), &bar.short, ""].map(|text| format!("#{}  {text}", restart.restart).trim_end().to_owned());
    let places = texts.iter().flat_map(|text| room.map(|(x, room)| (x, room, text)));
    let fits = places.clone().find(|(_, room, text)| Type::STRONG.width(text) <= room - 14.0);
    if let Some((x, _, text)) = fits {
        pen.text(x + 8.0, middle, Anchor::Start, inside, text);
    }
}

fn answers(pen: &mut Pen, restart: &RestartSpan, scale: Scale, y: f64) {
    if let Some(gap) = restart.refusals.not_kept_span.filter(|gap| scale.shows(*gap)) {
        pen.begin(&format!("{} more refusals between these", restart.refusals.not_kept));
        pen.shape(scale.xs(gap), (y - 3.0, y + 3.0), "fill=\"url(#nfsgrace-sleep)\"");
        pen.end();
    }
    let seen = |at: f64| scale.shows(Span::new(at, at));
    for at in restart.refusals.at.iter().filter(|at| seen(**at)) {
        let x = scale.x(*at);
        pen.line((x, y - 5.0), (x, y + 5.0), ink::TEXT, "stroke-width=\"1.2\"");
    }
    for mark in restart.completed.iter().filter(|mark| seen(mark.at)) {
        pen.begin(&mark.text);
        pen.circle(scale.x(mark.at), y, 4.0, &format!("fill=\"{}\" stroke=\"{}\"", ink::GOOD, ink::PAPER));
        pen.end();
    }
    for mark in restart.writes.iter().filter(|mark| seen(mark.at)) {
        let x = scale.x(mark.at);
        pen.begin(&mark.text);
        let color = if mark.ok { ink::GOOD } else { ink::TAIL };
        let diamond = format!("M{x:.1} {:.1}l5 6l-5 6l-5 -6z", y - 6.0);
        pen.path(&diamond, &format!("fill=\"{color}\" stroke=\"{}\"", ink::PAPER));
        pen.end();
        pen.text(x + 8.0, y + 4.0, Anchor::Start, Type::SMALL.colored(color), "v4_end_grace");
    }
}

pub(super) fn lost(pen: &mut Pen, lost: &Lost, scale: Scale, y: f64) -> f64 {
    pen.begin(&format!("{} records lost ({}); they may hide {}", lost.count, lost.cause, lost.hides));
    name(pen, y + 14.0, Type::STRONG.colored(ink::TAIL), &format!("{} records LOST", lost.count));
    let (x1, x2) = scale.xs(lost.span);
    pen.shape((x1 - 2.0, x2 + 2.0), (y + 4.0, y + 16.0), "fill=\"url(#nfsgrace-lost)\"");
    pen.end();
    let text = format!("{}; may hide {}", lost.cause, lost.hides);
    pen.text(x2 + 8.0, y + 14.0, Anchor::Start, Type::SMALL, &Type::SMALL.fit(&text, WIDTH - EDGE - x2 - 8.0));
    y + 22.0
}

pub(super) fn stall(pen: &mut Pen, stall: &StallLane, scale: Scale, look: Look, y: f64) -> f64 {
    let middle = y + look.height() / 2.0;
    pen.begin(&format!("{}: {}", stall.who(), stall.label));
    task_and_file(pen, middle + 4.0, stall);
    let (x1, x2) = scale.xs(stall.span());
    pen.line((x1, middle), (x2, middle), ink::SLEEP, "stroke-width=\"1.2\"");
    stall.attempts.iter().for_each(|it| attempt(pen, it, stall, scale, look, middle));
    end(pen, stall, x2, middle);
    pen.end();
    let at_least = if stall.began_seen { "" } else { "≥ " };
    let total = format!("{at_least}{}", seconds(stall.total_ns));
    pen.text(scale.right() + 72.0, middle + 4.0, Anchor::End, Type::STRONG, &total);
    if let Some(tail) = stall.tail_ns.filter(|tail| *tail > 0) {
        pen.text(WIDTH - EDGE, middle + 4.0, Anchor::End, Type::STRONG.colored(ink::TAIL), &seconds(tail));
    }
    if look == Look::Explained {
        pen.text(scale.right() + 72.0, middle + 19.0, Anchor::End, Type::SMALL, &plural(stall.refused, "refusal"));
    }
    y + look.height()
}

fn seconds(ns: u64) -> String {
    span(std::time::Duration::from_nanos(ns))
}

fn attempt(pen: &mut Pen, attempt: &AttemptBar, stall: &StallLane, scale: Scale, look: Look, middle: f64) {
    let until = attempt.woke.or(attempt.next).unwrap_or(stall.end.at());
    let asleep = Span::new(attempt.at, until);
    if !scale.shows(asleep) {
        return;
    }
    let seen = attempt.woke.is_some();
    let before = asleep.before(stall.tail.map(|tail| tail.from));
    let after =
        stall.tail.filter(|tail| asleep.to > tail.from).map(|tail| Span::new(asleep.from.max(tail.from), asleep.to));
    let fill = |solid: &str, hatched: &str| if seen { solid.to_owned() } else { format!("url(#nfsgrace-{hatched})") };
    let high = (middle - 5.0, middle + 5.0);
    if before.length() > 0.0 {
        pen.rect(scale.xs(before), high, &fill(ink::SLEEP, "sleep"));
    }
    if let Some(after) = after {
        pen.rect(scale.xs(after), high, &fill(ink::TAIL, "tail"));
    }
    if let Some(due) = attempt.due {
        let x = scale.xs(Span::new(attempt.at, due));
        if x.1 - x.0 > 4.0 {
            bracket(pen, x, middle + 9.0, if attempt.computed { COMPUTED } else { OBSERVED });
        }
    }
    let x = scale.x(attempt.at);
    pen.line((x, middle - 7.0), (x, middle + 7.0), ink::TEXT, "stroke-width=\"1.4\"");
    if look == Look::Explained {
        lengths(pen, attempt, scale.xs(asleep), middle);
    }
}

/// The time slept above the bar, the time asked for below.
fn lengths(pen: &mut Pen, attempt: &AttemptBar, (x1, x2): (f64, f64), middle: f64) {
    let slept = attempt.slept_ns.map(seconds).or(attempt.gap_ns.map(|gap| format!("≤ {}", seconds(gap))));
    let asked = attempt.asked_ns.map(|asked| format!("{:.1} s", std::time::Duration::from_nanos(asked).as_secs_f64()));
    for (text, y) in [(slept, middle - 10.0), (asked, middle + 20.0)] {
        let Some(text) = text.filter(|text| Type::SMALL.width(text) <= x2 - x1 - 2.0) else { continue };
        pen.text((x1 + x2) / 2.0, y, Anchor::Middle, Type::SMALL.colored(ink::TEXT), &text);
    }
}

/// How it ended: free, failed, not seen, or not yet.
fn end(pen: &mut Pen, stall: &StallLane, x: f64, middle: f64) {
    match &stall.end {
        StallEnd::Ended { status: Some(status), .. } if *status >= 0 => {
            pen.circle(x, middle, 4.5, &format!("fill=\"{}\" stroke=\"{}\"", ink::GOOD, ink::PAPER));
        }
        StallEnd::Ended { status: Some(_), .. } => {
            let cross = format!("M{:.1} {:.1}l9 9m0 -9l-9 9", x - 4.5, middle - 4.5);
            pen.path(&cross, &format!("stroke=\"{}\" stroke-width=\"2.4\"", ink::TAIL));
        }
        StallEnd::Ended { status: None, .. } => {
            pen.circle(x, middle, 4.5, &format!("fill=\"{}\" stroke=\"{}\" {COMPUTED}", ink::PAPER, ink::MUTED));
        }
        StallEnd::Asleep { .. } | StallEnd::Trying { .. } => {
            let arrow = format!("M{x:.1} {:.1}l7 6l-7 6z", middle - 6.0);
            pen.path(&arrow, &format!("fill=\"{}\"", ink::SLEEP));
        }
    }
}
