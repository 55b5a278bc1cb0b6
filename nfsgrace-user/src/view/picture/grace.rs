//! The bar of a grace period: where it lies, what ended it, when it should have ended.

use std::time::Duration;

use super::{
    Class, Lane, Mark, Span, Tip, moment,
    server::{self, Drawn},
};
use crate::{
    record::{EndedBy, KnownFrom},
    timeline::restart::{Grace, GraceEnd, Phase},
    view::{plural, rough, span, summary},
};

/// A grace period on the axis, and what is said of it.
struct Bar {
    at: Span,
    /// What became of it.
    end: String,
    /// All in words, in fewer, and in none.
    texts: [String; 3],
    length: Option<Duration>,
    /// When it should end, and its configured length: computed.
    planned: Option<(Span, Duration)>,
}

/// nfsd's: where it lies, and whether it is over.
pub(super) fn nfsd(drawn: &Drawn<'_>, lane: &mut Lane) -> Option<(Span, bool)> {
    let Drawn { place, restart, row, .. } = drawn;
    let Some(grace) = restart.grace() else {
        server::say(lane, drawn, "not seen".to_owned());
        return None;
    };
    let planned = restart.planned_end(place.session.timeline().hz()).zip(restart.length());
    let planned = planned.map(|(end, (length, _))| (place.span(end.earliest, end.latest), length));
    let (at, end) = lies(drawn, grace, planned.map(|(span, _)| span.to));
    let length = row.grace_ns.or(row.grace_planned_ns).map(|ns| rough(Duration::from_nanos(ns)));
    let short = length.map_or_else(|| end.clone(), |length| format!("{length}: {end}"));
    let texts = [summary::grace(row), short, String::new()];
    let length = row.grace_ns.map(Duration::from_nanos);
    draw(drawn, grace, Bar { at, end, texts, length, planned }, lane);
    Some((at, !restart.in_grace()))
}

/// lockd's, whose length is not known.
pub(super) fn lockd(drawn: &Drawn<'_>, lane: &mut Lane) {
    let Some(grace) = drawn.restart.lockd() else { return server::say(lane, drawn, "none seen".to_owned()) };
    let (at, end) = lies(drawn, grace, None);
    let length = grace.ended.filter(|_| grace.began_seen).map(|end| end.at.since(grace.began));
    let said = length.map(|length| format!(": {}", span(length))).unwrap_or_default();
    let texts = [format!("lockd's own grace period{said}"), end.clone(), String::new()];
    draw(drawn, grace, Bar { at, end, texts, length, planned: None }, lane);
}

/// Where it lies, up to the end of the session while it is on, and what became of it.
fn lies(drawn: &Drawn<'_>, grace: Grace, computed: Option<f64>) -> (Span, String) {
    let Drawn { place, restart, .. } = drawn;
    let from = place.at(grace.began);
    let (to, end) = match (grace.ended, restart.phase()) {
        (Some(end), _) => (place.at(end.at), ended(end)),
        (None, Phase::History { .. }) => (computed.unwrap_or(from), "over (computed)".to_owned()),
        (None, Phase::Stopped { at, .. }) => (place.at(at), "server stopped".to_owned()),
        (None, _) => (place.at(place.now), "still on".to_owned()),
    };
    (Span::new(from, to).before(drawn.until()), end)
}

fn ended(end: GraceEnd) -> String {
    let by = match end.by {
        EndedBy::Skipped => "skipped",
        EndedBy::Timer => "ended by its timer",
        EndedBy::AllReclaimed => "all clients reclaimed",
        EndedBy::V4EndGrace => "ended by v4_end_grace",
        EndedBy::Shutdown => "server stopped",
        EndedBy::Unknown => "ended, reason not seen",
    };
    if end.known_from == KnownFrom::Observed { by.to_owned() } else { format!("{by} (inferred)") }
}

fn draw(drawn: &Drawn<'_>, grace: Grace, bar: Bar, lane: &mut Lane) {
    let Drawn { restart, row, .. } = drawn;
    let Bar { at, end, texts, length, planned } = bar;
    let seen = if grace.began_seen { "" } else { " (the first sign of it)" };
    let plan = |(end, length): (Span, Duration)| {
        format!("{}, until {} … {} s (computed)", span(length), moment(end.from), moment(end.to))
    };
    let rows = [
        ("from", format!("{} s{seen}", moment(at.from))),
        ("to", format!("{} s", moment(at.to))),
        ("end", end.clone()),
        ("length", length.map(span).unwrap_or_default()),
        ("planned", planned.map(plan).unwrap_or_default()),
        ("refused", plural(restart.clients().refused, "operation")),
    ];
    let end_seen = grace.ended.is_some_and(|end| end.known_from == KnownFrom::Observed);
    let watched = grace.began_seen && (restart.known_from() == KnownFrom::Observed || end_seen);
    let class = if watched { Class::Grace } else { Class::GraceNotWatched };
    let planned = planned.map(|(span, _)| Mark::over(Class::Planned, span));
    let title = format!("{} of restart {}", lane.name, row.restart);
    lane.tell(Tip::new(title, rows), [Mark::over(class, at)].into_iter().chain(planned));
    server::say(lane, drawn, format!("{}; {end}", texts[0]));
    let texts = texts.map(|text| format!("#{}  {text}", row.restart).trim_end().to_owned());
    lane.marks.push(Mark::over(Class::GraceLabel, at).says(texts, drawn.until()));
}
