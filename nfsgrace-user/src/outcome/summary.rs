//! Gathers the [`Summary`] of a session from its timeline.

use super::ns;
use crate::{
    record::{
        AttemptRow, ClientRow, Errno, Excess, LossRow, RestartRow, StallRow, StallState, StallTotals, Stamp, Summary,
        TrackerRow, Word,
    },
    timeline::{
        Attempt, ClientSeen, Outcome, Restart, Stall, State, Timeline, backoff,
        restart::TrackerAttempt,
        stall::{How, Slept},
    },
};

/// Live stalls listed; the rest is in the totals.
const MAX_LIVE: usize = 1_000;

/// What the session comes to, with live stalls counted up to `now`.
#[must_use]
pub fn summary(timeline: &Timeline, now: Stamp) -> Summary {
    Summary {
        t: now,
        from: timeline.first().unwrap_or_default(),
        events: timeline.events(),
        restarts: timeline.restarts().map(|restart| restart_row(timeline, restart, now)).collect(),
        restarts_not_listed: timeline.restarts_forgotten(),
        clients: timeline
            .restarts()
            .flat_map(|restart| restart.clients().list().iter().map(|client| client_row(restart, client)))
            .collect(),
        stalls: stalls(timeline, now),
        stall_totals: totals(timeline, now),
        losses: timeline
            .losses()
            .map(|(cause, total)| LossRow {
                cause: cause.to_owned(),
                count: total.count,
                first: total.first,
                last: total.last,
                hides: total.hides.clone(),
            })
            .collect(),
        counts: timeline.counts(),
        notes: Vec::new(),
    }
}

fn restart_row(timeline: &Timeline, restart: &Restart, now: Stamp) -> RestartRow {
    let cost = timeline.cost(restart, now);
    let grace = restart.grace().filter(|grace| grace.began_seen);
    let end = restart.grace_end();
    RestartRow {
        restart: restart.id().0,
        netns: restart.netns(),
        known_from: restart.known_from().into(),
        began: restart.began(),
        trackers: restart.tracking().attempts.iter().map(tracker_row).collect(),
        tracking_status: restart.tracking_result().map(|(_, status)| Errno(status)),
        before_watching: restart.is_history(),
        grace_began: grace.map(|grace| grace.began),
        timer_set: restart.timer_set(),
        grace_planned_ns: restart.length().map(|(length, _)| ns(length)),
        grace_ns: grace.zip(end).map(|(grace, end)| ns(end.at.since(grace.began))),
        grace_ended: end.map(|end| end.at),
        ended_by: end.map(|end| end.by),
        refused: restart.clients().refused,
        to_reclaim: restart.to_reclaim(),
        reclaimed: restart.reclaimed(),
        stalls: cost.stalls,
        lost_ns: ns(cost.lost),
        tail_ns: ns(cost.tail),
    }
}

fn tracker_row(attempt: &TrackerAttempt) -> TrackerRow {
    TrackerRow {
        tracker: attempt.tracker,
        began: attempt.began,
        took_ns: attempt.took().map(ns),
        status: attempt.status().map(Errno),
        polls_false: attempt.polls_false,
        polls_inferred: attempt.polls.iter().any(|poll| poll.inferred),
    }
}

fn client_row(restart: &Restart, client: &ClientSeen) -> ClientRow {
    ClientRow {
        restart: restart.id().0,
        addr: client.addr,
        name: client.name.clone(),
        minor: client.minor,
        recorded: client.recorded.is_some(),
        completed: client.completed,
        refused: client.refused,
        reclaims: client.reclaims,
    }
}

/// The most costly stalls, ended or not, longest first.
fn stalls(timeline: &Timeline, now: Stamp) -> Vec<StallRow> {
    let mut live: Vec<_> = timeline.stalls().live().collect();
    live.sort_by_key(|stall| stall.id);
    live.truncate(MAX_LIVE);
    let mut all = timeline.stalls().ended();
    all.extend(live);
    all.sort_by_key(|stall| (std::cmp::Reverse(stall.length(now)), stall.id));
    all.into_iter().map(|stall| stall_row(timeline, stall, now)).collect()
}

fn stall_row(timeline: &Timeline, stall: &Stall, now: Stamp) -> StallRow {
    let (state, ended, outcome) = match stall.state {
        State::Asleep { .. } => (StallState::Asleep, None, None),
        State::Trying { .. } => (StallState::Trying, None, None),
        State::Ended { at, outcome } => (StallState::Ended, Some(at), Some(outcome)),
    };
    let tail = if ended.is_some() { stall.tail } else { timeline.tail(stall, now) };
    StallRow {
        pid: stall.task.pid,
        tid: stall.task.tid,
        comm: stall.task.comm.clone(),
        path: stall.path.clone(),
        op: stall.op.clone(),
        server: stall.server.clone(),
        restart: stall.restart.map(|id| id.0),
        began: stall.id.began,
        began_seen: stall.began_seen,
        state: state.into(),
        ended,
        status: outcome.and_then(|outcome| match outcome {
            Outcome::Status(status) => Some(Errno(status)),
            Outcome::Unknown => None,
        }),
        total_ns: ns(stall.length(now)),
        refused: stall.refused,
        refused_delay: stall.refused_delay,
        tail_ns: tail.map(ns),
        attempts: stall.attempts().map(|attempt| attempt_row(timeline, attempt)).collect(),
        attempts_not_listed: stall.attempts_not_kept(),
    }
}

/// One attempt of any stall of this timeline.
pub(crate) fn attempt_row(timeline: &Timeline, attempt: &Attempt) -> AttemptRow {
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

fn totals(timeline: &Timeline, now: Stamp) -> StallTotals {
    let stalls = timeline.stalls();
    let mut totals = StallTotals {
        ended: stalls.totals.ended,
        live: stalls.live().len() as u64,
        not_followed: stalls.totals.not_followed,
        refused: stalls.totals.refused,
        lost_ns: ns(stalls.totals.lost),
        longest_ns: ns(stalls.totals.longest),
        tail_ns: ns(stalls.totals.tail),
    };
    for stall in stalls.live() {
        let length = ns(stall.length(now));
        totals.lost_ns = totals.lost_ns.saturating_add(length);
        totals.longest_ns = totals.longest_ns.max(length);
        totals.tail_ns = totals.tail_ns.saturating_add(timeline.tail(stall, now).map_or(0, ns));
    }
    totals
}
