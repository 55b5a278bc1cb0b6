//! The lane of a server: trackers, grace periods and what ended them, refusals.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{
    Place, Span,
    grace::{self, GraceBar, GraceState},
};
use crate::{
    record::{Netns, RestartRow, Stamp, Summary},
    timeline::{
        Restart,
        restart::{EndGraceWrite, TrackerAttempt},
    },
    view::{clean, errno, plural, span, summary},
};

/// All starts of nfsd in one network namespace.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerLane {
    /// The namespace, where it is known.
    pub netns: Option<u32>,
    /// Whether it is the one that the host began with, as far as that is known.
    pub initial: bool,
    /// The starts, in order; they do not overlap.
    pub restarts: Vec<RestartSpan>,
}

/// One start.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestartSpan {
    /// Counted from 1.
    pub restart: u32,
    /// `observed`, `kernel_log` or `grace_only`.
    pub known_from: String,
    /// When it began, or was first noticed.
    pub began: f64,
    /// Whether its grace period was over before watching began.
    pub before_watching: bool,
    /// The trackers that were tried, in order.
    pub trackers: Vec<TrackerBar>,
    /// What became of them, in words.
    pub tracking: String,
    /// nfsd's grace period.
    pub grace: Option<GraceBar>,
    /// lockd's own grace period, for locks of NFSv3.
    pub lockd: Option<GraceBar>,
    /// Whom it refused.
    pub refusals: Refusals,
    /// Writes to `/proc/fs/nfsd/v4_end_grace`.
    pub writes: Vec<Mark>,
    /// RECLAIM_COMPLETEs.
    pub completed: Vec<Mark>,
    /// When the server was stopped.
    pub stopped: Option<f64>,
    /// Stalls that it caused on this host.
    pub stalls: u64,
    /// Their lengths added up, nanoseconds.
    pub lost_ns: u64,
    /// How much of that lies after the end of the grace period.
    pub tail_ns: u64,
}

/// One tracker that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackerBar {
    /// The kernel function that sets it up.
    pub function: &'static str,
    /// Where it lies; up to the end of the session while it has not returned.
    pub span: Span,
    /// Whether its beginning was seen.
    pub began_seen: bool,
    /// Zero or a negative errno; absent while it has not returned.
    pub status: Option<i32>,
    /// How long it took, nanoseconds.
    pub took_ns: Option<u64>,
    /// What it answered, in words.
    pub label: String,
    /// The questions to `cld_running` that are kept in detail.
    pub polls: Vec<PollTick>,
    /// Times that it said no.
    pub polls_false: u64,
}

/// One question to `cld_running`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PollTick {
    /// When.
    pub at: f64,
    /// Its answer.
    pub running: bool,
    /// Whether that was inferred.
    pub inferred: bool,
}

/// Refusals of one start.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Refusals {
    /// How many, exact.
    pub total: u64,
    /// Those that are kept in detail: the first and the last ones.
    pub at: Vec<f64>,
    /// Between the first and the last ones are so many more.
    pub not_kept: u64,
    /// Where those lie that are not kept.
    pub not_kept_span: Option<Span>,
}

/// A moment with words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mark {
    /// When.
    pub at: f64,
    /// What.
    pub text: String,
    /// Whether it worked.
    pub ok: bool,
}

impl RestartSpan {
    /// From the first to the last that is drawn of it. The planned end counts while it is to come.
    #[must_use]
    pub fn extent(&self) -> Span {
        let spans = self.trackers.iter().map(|it| it.span);
        let graces = [&self.grace, &self.lockd].into_iter().flatten();
        let to_come = graces.clone().filter(|it| it.state == GraceState::On);
        let planned = to_come.filter_map(|it| it.planned.as_ref()).map(|it| it.span);
        let moments = self.refusals.at.iter().copied().chain(self.writes.iter().chain(&self.completed).map(|it| it.at));
        let moments = moments.chain(self.stopped).map(|at| Span::new(at, at));
        spans
            .chain(graces.map(|it| it.span))
            .chain(planned)
            .chain(moments)
            .fold(Span::new(self.began, self.began), Span::join)
    }
}

/// The lanes of a host's servers.
pub(super) fn lanes(place: &Place<'_>, rows: &Summary) -> Vec<ServerLane> {
    let timeline = place.session.timeline();
    let mut by_netns: BTreeMap<Option<Netns>, Vec<&Restart>> = BTreeMap::new();
    for restart in timeline.restarts() {
        by_netns.entry(restart.netns).or_default().push(restart);
    }
    by_netns
        .into_iter()
        .map(|(netns, restarts)| ServerLane {
            netns: netns.map(|it| it.0),
            initial: timeline.host().initial_netns.is_none_or(|initial| netns == Some(initial)),
            restarts: lane(place, rows, &restarts),
        })
        .collect()
}

fn lane(place: &Place<'_>, rows: &Summary, restarts: &[&Restart]) -> Vec<RestartSpan> {
    let nexts = restarts.iter().skip(1).map(|next| Some(next.began)).chain([None]);
    restarts
        .iter()
        .zip(nexts)
        .filter_map(|(restart, next)| {
            let row = rows.restarts.iter().find(|row| row.restart == restart.id.0)?;
            Some(start(place, restart, row, next))
        })
        .collect()
}

fn start(place: &Place<'_>, restart: &Restart, row: &RestartRow, next: Option<Stamp>) -> RestartSpan {
    let clients = restart.clients.list();
    let completed = clients.iter().filter_map(|client| {
        let at = place.at(client.completed?);
        let who = client.name.as_deref().map(clean).unwrap_or_default();
        Some(Mark { at, text: format!("RECLAIM_COMPLETE {who}"), ok: true })
    });
    RestartSpan {
        restart: row.restart,
        known_from: row.known_from.clone(),
        began: place.at(row.began),
        before_watching: row.before_watching,
        trackers: trackers(place, restart, next),
        tracking: summary::tracking(row),
        grace: restart.grace.map(|it| grace::grace(place, restart, it, row, next)),
        lockd: restart.lockd.map(|it| grace::lockd(place, restart, it, next)),
        refusals: refusals(place, restart),
        writes: restart.end_grace_writes.iter().map(|it| write(place, it)).collect(),
        completed: completed.collect(),
        stopped: restart.stopped.map(|at| place.at(at)),
        stalls: row.stalls,
        lost_ns: row.lost_ns,
        tail_ns: row.tail_ns,
    }
}

/// One is tried after the other, and all before the next start.
fn trackers(place: &Place<'_>, restart: &Restart, next: Option<Stamp>) -> Vec<TrackerBar> {
    let attempts = &restart.tracking.attempts;
    let ends = attempts.iter().skip(1).map(|it| Some(it.began)).chain([next]);
    attempts.iter().zip(ends).map(|(it, next)| tracker(place, restart, it, next)).collect()
}

fn tracker(place: &Place<'_>, restart: &Restart, attempt: &TrackerAttempt, next: Option<Stamp>) -> TrackerBar {
    let given_up = restart.tracking.ended.map(|(at, _)| at).or(restart.stopped);
    let to = attempt.ended.map(|(at, _)| at).or(given_up).unwrap_or(place.now);
    let span = place.span(attempt.began, to).before(next.map(|next| place.at(next)));
    let polls = attempt.polls.iter().map(|poll| PollTick {
        at: place.at(poll.at).clamp(span.from, span.to),
        running: poll.running,
        inferred: poll.inferred,
    });
    TrackerBar {
        function: attempt.tracker.init_function(),
        span,
        began_seen: attempt.began_seen,
        status: attempt.status(),
        took_ns: attempt.took().map(ns),
        label: tracker_label(attempt),
        polls: polls.collect(),
        polls_false: attempt.polls_false,
    }
}

fn tracker_label(attempt: &TrackerAttempt) -> String {
    let function = attempt.tracker.init_function();
    let status = match attempt.status() {
        None => format!("{function} has not returned"),
        Some(0) => format!("{function} works"),
        Some(status) => format!("{function} = {}", errno(status)),
    };
    let took = attempt.took().map(|took| format!(" after {}", span(took))).unwrap_or_default();
    let inferred = if attempt.polls.iter().any(|poll| poll.inferred) { " (inferred)" } else { "" };
    let polls = match attempt.polls_false {
        0 => String::new(),
        count => format!("; cld_running said no {}{inferred}", plural(count, "time")),
    };
    format!("{status}{took}{polls}")
}

fn refusals(place: &Place<'_>, restart: &Restart) -> Refusals {
    let kept: Vec<_> = restart.clients.refusals().map(|refusal| place.at(refusal.at)).collect();
    let total = restart.clients.refused.total();
    let not_kept = total.saturating_sub(kept.len() as u64);
    let edge = crate::timeline::clients::FIRST_KEPT;
    let gap = kept.get(edge.wrapping_sub(1)).zip(kept.get(edge)).filter(|_| not_kept > 0);
    Refusals { total, not_kept, not_kept_span: gap.map(|(from, to)| Span::new(*from, *to)), at: kept }
}

fn write(place: &Place<'_>, write: &EndGraceWrite) -> Mark {
    let who = clean(&write.task.comm);
    let answer = if write.status < 0 { errno(write.status) } else { "accepted".to_owned() };
    Mark { at: place.at(write.at), text: format!("{who} writes v4_end_grace: {answer}"), ok: write.status >= 0 }
}

pub(super) fn ns(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
