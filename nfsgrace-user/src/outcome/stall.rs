//! Rows of stalled tasks.

use super::ns;
use crate::{
    diagnosis::Verdict,
    record::{AttemptRow, Cause, Excess, StallRow, StallState, Stamp, Word},
    session::Session,
    timeline::{
        Attempt, Outcome, Stall, State, Timeline, backoff,
        stall::{How, Slept},
    },
};

/// A stalled task, its length counted up to `now`.
#[must_use]
pub fn stall(session: &Session, stall: &Stall, now: Stamp) -> StallRow {
    StallRow {
        attempts: stall.attempts().map(|it| attempt(session.timeline(), it)).collect(),
        attempts_not_listed: stall.attempts_not_kept(),
        ..stall_without_attempts(session, stall, now)
    }
}

/// The same for whoever has no use for its attempts, or has them already.
#[must_use]
pub fn stall_without_attempts(session: &Session, stall: &Stall, now: Stamp) -> StallRow {
    let timeline = session.timeline();
    let (state, ended, outcome) = match stall.state {
        State::Asleep { .. } => (StallState::Asleep, None, None),
        State::Trying { .. } => (StallState::Trying, None, None),
        State::Ended { at, outcome } => (StallState::Ended, Some(at), Some(outcome)),
    };
    let total = stall.length(now);
    let split = timeline.split(stall, now);
    // What was known when it ended is part of the totals.
    let tail = stall.tail.or(split.map(|split| split.tail));
    let foreign = timeline.foreign_of(stall).filter(|_| stall.restart.is_none());
    let free = ended.is_none().then(|| timeline.stall_forecast(stall, now).free.ok()).flatten();
    StallRow {
        pid: stall.task.pid,
        tid: stall.task.tid,
        comm: stall.task.comm.clone(),
        path: stall.path.clone(),
        op: stall.op.clone(),
        server: stall.server.clone(),
        restart: stall.restart.map(|id| id.0),
        server_host: foreign.map(|foreign| foreign.server.clone()),
        server_restart: foreign.map(|foreign| foreign.restart.0),
        causes: causes(session, stall).iter().copied().map(Word::from).collect(),
        began: stall.id.began,
        began_seen: stall.began_seen,
        state: state.into(),
        ended,
        status: outcome.and_then(|outcome| match outcome {
            Outcome::Status(status) => Some(status),
            Outcome::Unknown => None,
        }),
        total_ns: ns(total),
        refused: stall.refused,
        refused_delay: stall.refused_delay,
        grace_ns: split.map(|split| ns(split.grace.min(total.saturating_sub(tail.unwrap_or_default())))),
        tail_ns: tail.map(ns),
        error_ns: foreign.and_then(|foreign| foreign.error).map(ns),
        free_by: free.map(|free| free.latest),
        attempts: Vec::new(),
        attempts_not_listed: stall.refused,
    }
}

/// Why its server took so long, as far as the server's side is known.
fn causes<'a>(session: &'a Session, stall: &Stall) -> &'a [Cause] {
    let own =
        stall.restart.and_then(|id| session.diagnosis().root(id)).map(|verdict: &Verdict| verdict.finding.causes());
    let foreign = || session.timeline().foreign_of(stall).map(|foreign| foreign.causes.as_slice());
    own.or_else(foreign).unwrap_or_default()
}

/// One attempt of any stall of this timeline.
#[must_use]
pub fn attempt(timeline: &Timeline, attempt: &Attempt) -> AttemptRow {
    let slept = match attempt.slept() {
        Some(Slept::Exactly(span)) => Some(ns(span)),
        Some(Slept::AtMost(_)) | None => None,
    };
    let excess = attempt.excess(timeline.hz()).map(|excess| match excess {
        _ if attempt.interrupted => Excess::Interrupted,
        backoff::Excess::TimerWheel => Excess::TimerWheel,
        backoff::Excess::Late(_) => Excess::Late,
        backoff::Excess::Short(_) => Excess::Short,
    });
    AttemptRow {
        attempt: attempt.number,
        refused: attempt.refused,
        refusal: attempt.refusal,
        xid: attempt.rpc.map(|rpc| rpc.xid),
        asked_ns: attempt.asked.map(|asked| ns(asked.span)),
        asked_computed: attempt.asked.is_some_and(|asked| asked.how == How::Computed),
        slept_ns: slept,
        gap_ns: attempt.gap().map(ns),
        excess: excess.map(Word::from),
    }
}
