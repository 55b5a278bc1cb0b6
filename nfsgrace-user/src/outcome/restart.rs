//! Rows of server starts, of what they tried, and of their clients.

use super::ns;
use crate::{
    record::{ClientRow, RestartRow, Stamp, TrackerRow},
    timeline::{ClientSeen, Restart, Timeline, restart::TrackerAttempt},
};

/// A server start, with what it cost tasks on this host up to `now`.
#[must_use]
pub fn restart(timeline: &Timeline, restart: &Restart, now: Stamp) -> RestartRow {
    let cost = timeline.cost(restart, now);
    let grace = restart.grace().filter(|grace| grace.began_seen);
    let end = restart.grace_end();
    RestartRow {
        restart: restart.id().0,
        netns: restart.netns(),
        known_from: restart.known_from().into(),
        began: restart.began(),
        trackers: restart.tracking().attempts.iter().map(tracker).collect(),
        tracking_status: restart.tracking_result().map(|(_, status)| status),
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
        held_up: timeline.held_up(restart, now),
        stalls: cost.stalls,
        lost_ns: ns(cost.lost),
        tail_ns: ns(cost.tail),
    }
}

fn tracker(attempt: &TrackerAttempt) -> TrackerRow {
    TrackerRow {
        tracker: attempt.tracker,
        began: attempt.began,
        took_ns: attempt.took().map(ns),
        status: attempt.status(),
        polls_false: attempt.polls_false,
        polls_inferred: attempt.polls.iter().any(|poll| poll.inferred),
    }
}

pub(super) fn client(restart: &Restart, client: &ClientSeen) -> ClientRow {
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
