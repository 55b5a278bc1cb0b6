//! The lane of one stalled task.

use std::time::Duration;

use super::{About, Class, Lane, Mark, Place, Span, Tip, moment};
use crate::{
    record::{AttemptRow, StallRow, StallState, Stamp},
    view::{clean, names, plural, span, summary},
};

/// A host with no more stalls than this has their sleeps written beside them.
pub(super) const EXPLAINED: usize = 12;

/// What it waited for, each of its tries, and what came after the end of the grace period.
pub(super) fn lane(place: &Place<'_>, row: &StallRow, host: usize, explained: bool) -> Lane {
    let whole = place.span(row.began, row.ended.unwrap_or(place.now));
    let name = format!("{} {}", clean(&row.comm), row.tid);
    let mut lane = Lane::new(About::Stall, host, if explained { 52.0 } else { 26.0 }, name);
    lane.lost_ns = row.total_ns;
    let elsewhere = row.server_host.as_ref().zip(row.server_restart);
    let elsewhere = elsewhere.map(|(host, restart)| (Some(clean(host).into_owned()), restart));
    lane.caused_by = row.restart.map(|restart| (None, restart)).or(elsewhere);
    lane.file = row.path.as_deref().map(clean).unwrap_or_default().into_owned();
    lane.numbers = [
        format!("{}{}", if row.began_seen { "" } else { "≥ " }, ns(row.total_ns)),
        row.tail_ns.filter(|tail| *tail > 0).map(ns).unwrap_or_default(),
        if explained { plural(row.refused, "refusal") } else { String::new() },
    ];
    lane.tip = Some(tip(place, row, whole, &lane));
    if row.attempts_not_listed > 0 {
        lane.rest = format!("{} tries in the middle are only counted.", row.attempts_not_listed);
    }
    lane.marks.push(Mark::over(Class::Waited, whole));
    tries(place, row, whole, explained, &mut lane);
    let (class, end) = ending(place, row, whole.to);
    let rows = [("end", end), ("lost", ns(row.total_ns))];
    lane.tell(Tip::new(format!("End of {}", lane.name), rows), [Mark::at(class, whole.to)]);
    lane
}

fn tip(place: &Place<'_>, row: &StallRow, whole: Span, lane: &Lane) -> Tip {
    let cleaned = |text: &Option<String>| text.as_deref().map(clean).unwrap_or_default().into_owned();
    let [_, tail, _] = &lane.numbers;
    let error = row.error_ns.filter(|error| *error > 0 && !tail.is_empty()).map(|error| format!(" ± {}", ns(error)));
    let error = error.unwrap_or_default();
    let rows = [
        ("file", if lane.file.is_empty() { "not known".to_owned() } else { lane.file.clone() }),
        ("began", format!("{} s", moment(whole.from))),
        ("in", cleaned(&row.op)),
        ("server", cleaned(&row.server)),
        ("because of", summary::waited_for(row).unwrap_or_default()),
        ("lost", format!("{}{}", if row.began_seen { "" } else { "at least " }, ns(row.total_ns))),
        ("in the grace period", row.grace_ns.map(ns).unwrap_or_default()),
        ("after the grace period", format!("{tail}{error}")),
        ("refusals", row.refused.to_string()),
        ("end", ending(place, row, whole.to).1),
    ];
    Tip::new(format!("{} (pid {})", lane.name, row.pid), rows)
}

/// How it ended or is to end, as a sign and in words.
fn ending(place: &Place<'_>, row: &StallRow, at: f64) -> (Class, String) {
    let (class, text) = match (row.state.known(), row.status) {
        (Some(StallState::Ended), Some(status)) if !status.is_error() => (Class::Free, "free".to_owned()),
        (Some(StallState::Ended), Some(status)) => (Class::Failed, format!("failed with {status}")),
        (Some(StallState::Ended), None) => (Class::EndUnseen, "its end was not seen".to_owned()),
        (state, _) => {
            let does = if state == Some(StallState::Trying) { "trying" } else { "asleep" };
            let free = row.free_by.map(|at| format!(", free by {} s (computed)", moment(place.at(at))));
            return (Class::Waiting, format!("{does} at the end of the session{}", free.unwrap_or_default()));
        }
    };
    (class, format!("{text}, at {} s", moment(at)))
}

/// Each refusal with the sleep after it. Where times go backwards, bars end up empty rather than over one another.
fn tries(place: &Place<'_>, row: &StallRow, whole: Span, explained: bool, lane: &mut Lane) {
    let tail = row.tail_ns.filter(|tail| *tail > 0);
    let wasted = tail.map(|tail| place.at(Stamp(row.began.0.saturating_add(row.total_ns).saturating_sub(tail))));
    let wasted = wasted.map_or(f64::INFINITY, |from| from.clamp(whole.from, whole.to));
    let mut earliest = whole.from;
    for attempt in &row.attempts {
        let at = place.at(attempt.refused).clamp(earliest, whole.to);
        let after = |ns| place.at(attempt.refused.plus(Duration::from_nanos(ns)));
        let next = attempt.gap_ns.map(|gap| after(gap).clamp(at, whole.to));
        let woke = attempt.slept_ns.map(|slept| after(slept).clamp(at, next.unwrap_or(whole.to)));
        earliest = next.unwrap_or(at);
        let asleep = Span::new(at, woke.or(next).unwrap_or(whole.to));
        let mut marks = sleep(asleep, wasted, woke.is_some());
        if let Some(asked) = attempt.asked_ns {
            let class = if attempt.asked_computed { Class::AskedComputed } else { Class::Asked };
            marks.push(Mark::over(class, Span::new(at, after(asked))));
        }
        marks.push(Mark::at(Class::Refused, at));
        lane.tell(cells(attempt, at), marks);
        if explained {
            lane.marks.extend(lengths(attempt, asleep));
        }
    }
}

/// Its bar, in two parts where the grace period ended in between.
fn sleep(asleep: Span, wasted: f64, seen: bool) -> Vec<Mark> {
    let (before, after) = match seen {
        true => (Class::Asleep, Class::Wasted),
        false => (Class::AsleepUnseen, Class::WastedUnseen),
    };
    let mut marks = Vec::with_capacity(4);
    if asleep.from < wasted {
        marks.push(Mark::over(before, asleep.before(Some(wasted))));
    }
    if asleep.to > wasted {
        marks.push(Mark::over(after, Span::new(asleep.from.max(wasted), asleep.to)));
    }
    marks
}

/// The time slept above the bar, the time asked for below.
fn lengths(attempt: &AttemptRow, asleep: Span) -> impl Iterator<Item = Mark> {
    let slept = attempt.slept_ns.map(ns).or(attempt.gap_ns.map(|gap| format!("≤ {}", ns(gap))));
    let asked = attempt.asked_ns.map(|asked| format!("{:.1} s", Duration::from_nanos(asked).as_secs_f64()));
    let texts = [(Class::Slept, slept), (Class::AskedFor, asked)];
    texts.into_iter().filter_map(move |(class, text)| Some(Mark::over(class, asleep).says([text?], None)))
}

fn cells(attempt: &AttemptRow, at: f64) -> Tip {
    let dash = |length: Option<u64>| length.map_or("–".to_owned(), ns);
    let slept = match (attempt.slept_ns, attempt.gap_ns) {
        (None, Some(gap)) => format!("≤ {} (its end was not seen)", ns(gap)),
        (None, None) => "asleep at the end of the session".to_owned(),
        (slept, _) => dash(slept),
    };
    let computed = if attempt.asked_computed { " (computed)" } else { "" };
    Tip::Try([
        attempt.attempt.to_string(),
        attempt.refusal.to_string(),
        names::excess(attempt.excess.as_ref()).into_owned(),
        moment(at),
        format!("{}{computed}", dash(attempt.asked_ns)),
        slept,
        dash(attempt.gap_ns),
    ])
}

fn ns(ns: u64) -> String {
    span(Duration::from_nanos(ns))
}
