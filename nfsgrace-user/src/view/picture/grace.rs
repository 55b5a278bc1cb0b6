//! The bar of a grace period: where it lies, what ended it, when it should have ended.

use std::time::Duration;

use serde::Serialize;

use super::{Place, Span, server::ns};
use crate::{
    record::{EndedBy, RestartRow, Stamp},
    timeline::{
        KnownFrom, Restart,
        restart::{Grace, LengthFrom},
    },
    view::{rough, span, summary},
};

/// A grace period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GraceBar {
    /// Where it lies; up to the end of the session while it is on.
    pub span: Span,
    /// Whether its beginning was seen, rather than its first sign.
    pub began_seen: bool,
    /// Whether it was put together from its first sign or the kernel log, rather than watched.
    pub guessed: bool,
    /// What became of it.
    pub state: GraceState,
    /// Its real length, nanoseconds.
    pub grace_ns: Option<u64>,
    /// When its timer was set.
    pub timer_set: Option<f64>,
    /// When it should have ended, as computed.
    pub planned: Option<Planned>,
    /// All that in words.
    pub label: String,
    /// The same where there is little room.
    pub short: String,
    /// What ended it, in a few words.
    pub end_label: String,
}

/// When a grace period should end: computed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// From the timer's time to the latest that the timer wheel makes of it.
    pub span: Span,
    /// The configured length, nanoseconds.
    pub length_ns: u64,
    /// Whether that comes from the kernel log.
    pub from_log: bool,
}

/// What became of a grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum GraceState {
    /// It ended.
    Ended {
        /// What ended it.
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

/// nfsd's.
pub(super) fn grace(
    place: &Place<'_>,
    restart: &Restart,
    grace: Grace,
    row: &RestartRow,
    next: Option<Stamp>,
) -> GraceBar {
    let planned = restart.planned_end(place.session.timeline().hz());
    let planned = planned.zip(restart.length).map(|(end, (length, from))| Planned {
        span: place.span(end.earliest, end.latest),
        length_ns: ns(length),
        from_log: from == LengthFrom::KernelLog,
    });
    let computed = planned.as_ref().map(|it| it.span.to);
    let mut bar = bar(place, restart, grace, computed, next);
    bar.grace_ns = row.grace_ns;
    bar.timer_set = restart.armed.map(|at| place.at(at));
    bar.label = summary::grace(row);
    let length = row.grace_ns.or(row.grace_planned_ns).map(|ns| rough(Duration::from_nanos(ns)));
    bar.short = length.map(|length| format!("{length}: {}", bar.end_label)).unwrap_or_else(|| bar.end_label.clone());
    bar.planned = planned;
    bar
}

/// lockd's, whose length is not known.
pub(super) fn lockd(place: &Place<'_>, restart: &Restart, grace: Grace, next: Option<Stamp>) -> GraceBar {
    let mut bar = bar(place, restart, grace, None, next);
    bar.grace_ns = grace.ended.filter(|_| grace.began_seen).map(|end| ns(end.at.since(grace.began)));
    bar.label = match bar.grace_ns {
        Some(length) => format!("lockd's own grace period: {}", span(Duration::from_nanos(length))),
        None => "lockd's own grace period".to_owned(),
    };
    bar.short = bar.end_label.clone();
    bar
}

fn bar(place: &Place<'_>, restart: &Restart, grace: Grace, computed: Option<f64>, next: Option<Stamp>) -> GraceBar {
    let from = place.at(grace.began);
    let (to, state) = match (grace.ended, restart.stopped) {
        (Some(end), _) => (place.at(end.at), GraceState::Ended { by: end.by, seen: end.from == KnownFrom::Observed }),
        (None, Some(stopped)) => (place.at(stopped), GraceState::Stopped),
        (None, None) if restart.history => (computed.unwrap_or(from), GraceState::Over),
        (None, None) => (place.at(place.now), GraceState::On),
    };
    let end_seen = matches!(state, GraceState::Ended { seen: true, .. });
    GraceBar {
        span: Span::new(from, to).before(next.map(|next| place.at(next))),
        began_seen: grace.began_seen,
        guessed: !grace.began_seen || !(restart.known_from == KnownFrom::Observed || end_seen),
        state,
        grace_ns: None,
        timer_set: None,
        planned: None,
        label: String::new(),
        short: String::new(),
        end_label: end_label(state),
    }
}

fn end_label(state: GraceState) -> String {
    match state {
        GraceState::Ended { by, seen } => {
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
        GraceState::Stopped => "server stopped".to_owned(),
        GraceState::On => "still on".to_owned(),
        GraceState::Over => "over (computed)".to_owned(),
    }
}
