//! The lanes of a server: trackers, grace periods and what ended them, refusals.

use std::{collections::BTreeMap, time::Duration};

use super::{About, Class, Lane, Mark, Place, Span, Tip, grace, moment};
use crate::{
    record::{Errno, Netns, RestartRow, Stamp, Summary},
    timeline::{
        Restart,
        clients::FIRST_KEPT,
        restart::{EndGraceWrite, TrackerAttempt},
    },
    view::{clean, plural, span, summary},
};

/// One start of a server, where it lies on the axis.
#[derive(Debug)]
pub(super) struct Start {
    /// Its number.
    pub restart: u32,
    /// From the first to the last that is drawn of it. The planned end counts while it is to come.
    pub extent: Span,
    /// Whether its grace period was over before watching began.
    pub before_watching: bool,
    /// Its grace period, and whether that is over.
    pub grace: Option<(Span, bool)>,
}

/// A start, and all that its marks are made from.
pub(super) struct Drawn<'a> {
    pub place: &'a Place<'a>,
    pub restart: &'a Restart,
    pub row: &'a RestartRow,
    /// When the next one of this server begins.
    pub next: Option<Stamp>,
}

impl Drawn<'_> {
    /// Where the room ends for words about this start.
    pub(super) fn until(&self) -> Option<f64> {
        self.next.map(|next| self.place.at(next))
    }
}

/// The lanes of a host's servers, one network namespace after the other.
pub(super) fn lanes(place: &Place<'_>, rows: &Summary, host: usize) -> (Vec<Lane>, Vec<Start>) {
    let timeline = place.session.timeline();
    let mut by_netns: BTreeMap<Option<Netns>, Vec<&Restart>> = BTreeMap::new();
    for restart in timeline.restarts() {
        by_netns.entry(restart.netns()).or_default().push(restart);
    }
    let (mut lanes, mut starts) = (Vec::new(), Vec::new());
    let several = by_netns.len() > 1;
    for (netns, restarts) in by_netns {
        let initial = timeline.host().initial_netns.is_none_or(|initial| netns == Some(initial));
        if let Some(netns) = netns.filter(|_| several || !initial) {
            lanes.push(Lane::new(About::Head, host, 26.0, format!("nfsd in net:[{}]", netns.0)));
        }
        let nexts = restarts.iter().skip(1).map(|next| Some(next.began())).chain([None]);
        let drawn = restarts.iter().zip(nexts).filter_map(|(restart, next)| {
            let row = rows.restarts.iter().find(|row| row.restart == restart.id().0)?;
            Some(Drawn { place, restart, row, next })
        });
        server(&drawn.collect::<Vec<_>>(), host, &mut lanes, &mut starts);
    }
    (lanes, starts)
}

/// The lanes of one server, of which only those are shown that have something to show.
fn server(drawn: &[Drawn<'_>], host: usize, lanes: &mut Vec<Lane>, starts: &mut Vec<Start>) {
    let lane = |height, name: &str| Lane::new(About::Server, host, height, name);
    let mut list = [
        lane(28.0, "Client trackers"),
        lane(34.0, "Grace period"),
        lane(26.0, "lockd’s grace period"),
        lane(26.0, "Refused, reclaimed"),
    ];
    starts.extend(drawn.iter().map(|it| start(it, &mut list)));
    let [tracked, graced, locked, answered] = list;
    lanes.extend([tracked, graced]);
    lanes.extend([locked, answered].into_iter().filter(|lane| !lane.marks.is_empty()));
}

fn start(drawn: &Drawn<'_>, lanes: &mut [Lane; 4]) -> Start {
    let before = lanes.each_ref().map(|lane| lane.marks.len());
    let [tracked, graced, locked, answered] = lanes;
    trackers(drawn, tracked);
    let grace = grace::nfsd(drawn, graced);
    grace::lockd(drawn, locked);
    answers(drawn, answered);
    let over = grace.is_none_or(|(_, over)| over);
    let marks = lanes.iter().zip(before).filter_map(|(lane, before)| lane.marks.get(before..)).flatten();
    let spans = marks.filter(|mark| !(mark.class == Class::Planned && over)).map(Mark::span);
    let moments = [Some(drawn.restart.began()), drawn.restart.stopped()].into_iter().flatten();
    Start {
        restart: drawn.row.restart,
        extent: moments.map(|at| drawn.place.span(at, at)).chain(spans).reduce(Span::join).unwrap_or_default(),
        before_watching: drawn.row.before_watching,
        grace,
    }
}

/// Starts that the words about a lane tell about.
const TOLD: usize = 12;

/// Puts into words what a lane shows of a start.
pub(super) fn say(lane: &mut Lane, drawn: &Drawn<'_>, text: String) {
    let title = lane.name.clone();
    let Tip::Said { rows, .. } = lane.tip.get_or_insert_with(|| Tip::Said { title, rows: Vec::new() }) else { return };
    lane.aside = if rows.is_empty() { text.clone() } else { String::new() };
    if rows.len() < TOLD {
        rows.push((format!("restart {}", drawn.row.restart), text));
    }
}

/// One is tried after the other, and all before the next start.
fn trackers(drawn: &Drawn<'_>, lane: &mut Lane) {
    let attempts = &drawn.restart.tracking().attempts;
    let ends = attempts.iter().skip(1).map(|it| Some(it.began)).chain([drawn.next]);
    let mut end = drawn.place.at(drawn.restart.began());
    for (attempt, next) in attempts.iter().zip(ends) {
        end = tracker(drawn, attempt, next, lane).max(end);
    }
    let works = attempts.iter().any(|it| it.status() == Some(Errno::OK));
    let class = if works { Class::TrackingWorks } else { Class::TrackingFails };
    let took: Duration =
        attempts.iter().filter_map(TrackerAttempt::took).fold(Duration::ZERO, Duration::saturating_add);
    let took = if took > Duration::ZERO { format!(" in {}", span(took)) } else { String::new() };
    let text = summary::tracking(drawn.row);
    lane.marks.push(Mark::at(class, end).says([format!("{text}{took}"), text.clone()], drawn.until()));
    say(lane, drawn, text);
}

/// One tracker with its questions to `cld_running`; where it ends.
fn tracker(drawn: &Drawn<'_>, attempt: &TrackerAttempt, next: Option<Stamp>, lane: &mut Lane) -> f64 {
    let Drawn { place, restart, .. } = drawn;
    let given_up = restart.tracking().ended.map(|(at, _)| at).or(restart.stopped());
    let to = attempt.ended.map(|(at, _)| at).or(given_up).unwrap_or(place.now);
    let span = place.span(attempt.began, to).before(next.map(|next| place.at(next)));
    let seen = if attempt.began_seen { "" } else { " (only its return was seen)" };
    let rows = [("began", format!("{} s{seen}", moment(span.from))), ("result", tracker_label(attempt))];
    let class = if attempt.status() == Some(Errno::OK) { Class::TrackerWorks } else { Class::TrackerFails };
    lane.tell(Tip::new(attempt.tracker.init_function(), rows), [Mark::over(class, span)]);
    let apart = span.length() / (attempt.polls.len() + 1) as f64;
    for poll in &attempt.polls {
        let at = place.at(poll.at).clamp(span.from, span.to);
        let inferred = if poll.inferred { " (inferred from msleep)" } else { "" };
        let tip =
            Tip::new(format!("cld_running() = {}{inferred}", poll.running), [("at", format!("{} s", moment(at)))]);
        let class = if poll.inferred { Class::PollInferred } else { Class::Poll };
        lane.tell(tip, [Mark::over(class, Span::new(at, (at + apart).min(span.to)))]);
    }
    span.to
}

fn tracker_label(attempt: &TrackerAttempt) -> String {
    let function = attempt.tracker.init_function();
    let status = match attempt.status() {
        None => format!("{function} has not returned"),
        Some(Errno::OK) => format!("{function} works"),
        Some(status) => format!("{function} = {}", status),
    };
    let took = attempt.took().map(|took| format!(" after {}", span(took))).unwrap_or_default();
    let inferred = if attempt.polls.iter().any(|poll| poll.inferred) { " (inferred)" } else { "" };
    let polls = match attempt.polls_false {
        0 => String::new(),
        count => format!("; cld_running said no {}{inferred}", plural(count, "time")),
    };
    format!("{status}{took}{polls}")
}

/// Refusals, RECLAIM_COMPLETEs, writes to `v4_end_grace`.
fn answers(drawn: &Drawn<'_>, lane: &mut Lane) {
    let Drawn { place, restart, .. } = drawn;
    let first = lane.marks.len();
    let refusals: Vec<_> = restart.clients().refusals().map(|refusal| place.at(refusal.at)).collect();
    let total = restart.clients().refused;
    let counted = total.saturating_sub(refusals.len() as u64);
    let edge = refusals.get(FIRST_KEPT.wrapping_sub(1)).zip(refusals.get(FIRST_KEPT)).filter(|_| counted > 0);
    if let Some((from, to)) = edge {
        let rows = [("shown one by one", "the first and the last".to_owned())];
        let mark = Mark::over(Class::RefusedCounted, Span::new(*from, *to));
        lane.tell(Tip::new(format!("{counted} more refusals"), rows), [mark]);
    }
    let mut instant = |class, at, title: &str| {
        lane.tell(Tip::new(title, [("at", format!("{} s", moment(at)))]), [Mark::at(class, at)]);
    };
    refusals.iter().for_each(|at| instant(Class::Refused, *at, "Refused with NFS4ERR_GRACE (10013)"));
    for client in restart.clients().list() {
        let Some(at) = client.completed else { continue };
        let who = client.name.as_deref().map(clean).unwrap_or_default();
        instant(Class::Free, place.at(at), &format!("RECLAIM_COMPLETE {who}"));
    }
    for write in restart.end_grace_writes() {
        let EndGraceWrite { at, task, status } = write;
        let answer = if status.is_error() { status.to_string() } else { "accepted".to_owned() };
        let class = if status.is_error() { Class::WriteRefused } else { Class::WriteAccepted };
        instant(class, place.at(*at), &format!("{} writes v4_end_grace: {answer}", clean(&task.comm)));
    }
    let last = lane.marks.iter().skip(first).map(|mark| mark.to).max_by(f64::total_cmp);
    let refused = plural(total, "refusal");
    if let Some(last) = last.filter(|_| total > 0) {
        lane.marks.push(Mark::at(Class::Note, last).says([refused.clone()], drawn.until()));
    }
    let completed = restart.clients().list().iter().filter(|client| client.completed.is_some()).count();
    say(lane, drawn, format!("{refused}, {}", plural(completed as u64, "RECLAIM_COMPLETE")));
}
