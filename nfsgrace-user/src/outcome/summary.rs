//! The tables at the end of a session.

use std::cmp::Reverse;

use super::{
    ns,
    restart::{client, restart},
    stall::stall,
};
use crate::{
    record::{LossRow, StallRow, StallTotals, Stamp, Summary},
    session::Session,
    timeline::Timeline,
};

/// Live stalls listed; the rest is in the totals.
const MAX_LIVE: usize = 1_000;

/// What a session comes to, with live stalls counted up to `now`.
#[must_use]
pub fn summary(session: &Session, now: Stamp) -> Summary {
    let timeline = session.timeline();
    Summary {
        t: now,
        from: timeline.first().unwrap_or_default(),
        events: timeline.events(),
        restarts: timeline.restarts().map(|it| restart(timeline, it, now)).collect(),
        restarts_not_listed: timeline.restarts_forgotten(),
        clients: timeline
            .restarts()
            .flat_map(|restart| restart.clients().list().iter().map(|it| client(restart, it)))
            .collect(),
        stalls: stalls(session, now),
        stall_totals: totals(timeline, now),
        losses: losses(timeline),
        counts: timeline.counts(),
        notes: Vec::new(),
    }
}

/// The most costly stalls, ended or not, longest first.
fn stalls(session: &Session, now: Stamp) -> Vec<StallRow> {
    let stalls = session.timeline().stalls();
    let mut live: Vec<_> = stalls.live().collect();
    live.sort_by_key(|stall| stall.id);
    live.truncate(MAX_LIVE);
    let mut all = stalls.ended();
    all.extend(live);
    all.sort_by_key(|stall| (Reverse(stall.length(now)), stall.id));
    all.into_iter().map(|it| stall(session, it, now)).collect()
}

fn losses(timeline: &Timeline) -> Vec<LossRow> {
    let losses = timeline.losses().map(|(cause, total)| LossRow {
        cause: cause.to_owned(),
        count: total.count,
        first: total.first,
        last: total.last,
        hides: total.hides.clone(),
    });
    losses.collect()
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
