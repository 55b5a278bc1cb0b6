//! The bar of a grace period: where it lies, what ended it, when it should have ended.

use std::time::Duration;

use super::{
    Class, Lane, Mark, Span, Tip, moment,
    server::{self, Drawn},
};
use crate::{
    record::EndedBy,
    timeline::{KnownFrom, restart::Grace},
    view::{plural, rough, span, summary},
};

/// What became of a grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It ended.
    Ended {
        by: EndedBy,
        /// Whether its end was watched.
        seen: bool,
    },
    /// The server was stopped.
    Stopped,
    /// It is on at the end of the session.
    On,
    /// It must be over: computed.
    Over,
}

impl State {
    fn label(self) -> String {
        let Self::Ended { by, seen } = self else {
            return match self {
                Self::Stopped => "server stopped",
                Self::On => "still on",
                Self::Over | Self::Ended { .. } => "over (computed)",
            }
            .to_owned();
        };
        let by = match by {
            EndedBy::Skipped => "skipped",
            EndedBy::Timer => "ended by its timer",
            EndedBy::AllReclaimed => "all clients reclaimed",
            EndedBy::V4EndGrace => "ended by v4_end_grace",
            EndedBy::Shutdown => "server stopped",
            EndedBy::Unknown => "ended, why was not seen",
        };
        if seen { by.to_owned() } else { format!("{by} (inferred)") }
    }
}

/// A grace period on the axis, and what is said of it.
struct Bar {
    at: Span,
    state: State,
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
    let end = restart.planned_end(place.session.timeline().hz());
    let planned = end.zip(restart.length()).map(|(end, (length, _))| (place.span(end.earliest, end.latest), length));
    let (at, state) = lies(drawn, grace, planned.map(|(span, _)| span.to));
    let length = row.grace_ns.or(row.grace_planned_ns).map(|ns| rough(Duration::from_nanos(ns)));
    let short = length.map_or_else(|| state.label(), |length| format!("{length}: {}", state.label()));
    let texts = [summary::grace(row), short, String::new()];
    let length = row.grace_ns.map(Duration::from_nanos);
    draw(drawn, grace, Bar { at, state, texts, length, planned }, lane);
    Some((at, state != State::On))
}

/// lockd's, whose length is not known.
pub(super) fn lockd(drawn: &Drawn<'_>, lane: &mut Lane) {
    let Some(grace) = drawn.restart.lockd() else { return server::say(lane, drawn, "none seen".to_owned()) };
    let (at, state) = lies(drawn, grace, None);
    let length = grace.ended.filter(|_| grace.began_seen).map(|end| end.at.since(grace.began));
    let said = length.map(|length| format!(": {}", span(length))).unwrap_or_default();
    let texts = [format!("lockd's own grace period{said}"), state.label(), String::new()];
    draw(drawn, grace, Bar { at, state, texts, length, planned: None }, lane);
}

/// Where it lies; up to the end of the session while it is on.
fn lies(drawn: &Drawn<'_>, grace: Grace, computed: Option<f64>) -> (Span, State) {
    let Drawn { place, restart, .. } = drawn;
    let from = place.at(grace.began);
    let (to, state) = match (grace.ended, restart.stopped()) {
        (Some(end), _) => (place.at(end.at), State::Ended { by: end.by, seen: end.known_from == KnownFrom::Observed }),
        (None, Some(stopped)) => (place.at(stopped), State::Stopped),
        (None, None) if restart.is_history() => (computed.unwrap_or(from), State::Over),
        (None, None) => (place.at(place.now), State::On),
    };
    (Span::new(from, to).before(drawn.until()), state)
}

fn draw(drawn: &Drawn<'_>, grace: Grace, bar: Bar, lane: &mut Lane) {
    let Drawn { restart, row, .. } = drawn;
    let Bar { at, state, texts, length, planned } = bar;
    let seen = if grace.began_seen { "" } else { " (its first sign)" };
    let plan = |(end, length): (Span, Duration)| {
        format!("{}, until {} … {} s (computed)", span(length), moment(end.from), moment(end.to))
    };
    let rows = [
        ("from", format!("{} s{seen}", moment(at.from))),
        ("to", format!("{} s", moment(at.to))),
        ("end", state.label()),
        ("length", length.map(span).unwrap_or_default()),
        ("planned", planned.map(plan).unwrap_or_default()),
        ("refused", plural(restart.clients().refused.total(), "operation")),
    ];
    let end_seen = matches!(state, State::Ended { seen: true, .. });
    let watched = grace.began_seen && (restart.known_from() == KnownFrom::Observed || end_seen);
    let class = if watched { Class::Grace } else { Class::GraceNotWatched };
    let planned = planned.map(|(span, _)| Mark::over(Class::Planned, span));
    let title = format!("{} of restart {}", lane.name, row.restart);
    lane.tell(Tip::new(title, rows), [Mark::over(class, at)].into_iter().chain(planned));
    server::say(lane, drawn, format!("{}; {}", texts[0], state.label()));
    let texts = texts.map(|text| format!("#{}  {text}", row.restart).trim_end().to_owned());
    lane.marks.push(Mark::over(Class::GraceLabel, at).says(texts, drawn.until()));
}
