//! What will happen next: when a grace period ends, when each sleeper tries again, when it is free.

use std::time::Duration;

use super::{
    Restart, RestartId, Stall, StallId, State, Timeline,
    backoff::{self, Hz},
    restart::LAUNDROMAT_REARM,
};
use crate::record::{Refusal, Stamp};

/// Tries looked ahead; at 15 s each, more than an hour, the longest grace period that nfsd accepts.
const LOOK_AHEAD: u64 = 512;

/// Something will happen within this time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between {
    /// Not before.
    pub earliest: Stamp,
    /// Not after.
    pub latest: Stamp,
}

impl Between {
    fn at(stamp: Stamp) -> Self {
        Self { earliest: stamp, latest: stamp }
    }

    /// The time left from `now`.
    #[must_use]
    pub fn left(&self, now: Stamp) -> (Duration, Duration) {
        (self.earliest.since(now), self.latest.since(now))
    }
}

/// Why something cannot be foretold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The server is not on this host, or was not seen: only it knows when its grace period ends.
    ServerNotSeen,
    /// The server is seen, but the length or the start of its grace period is not known.
    GraceEnd,
    /// It should be over, and is not.
    Overdue,
    /// The server answered NFS4ERR_DELAY: it is busy, and nobody knows for how long.
    Delay,
    /// The length of the sleep is not known.
    Sleep,
}

/// When something will happen, or why that cannot be foretold.
pub type Foretold = Result<Between, Unknown>;

/// What is expected of a grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraceForecast {
    /// Whose.
    pub restart: RestartId,
    /// When it ends, unless something ends it early.
    pub end: Foretold,
    /// Whether the last RECLAIM_COMPLETE can end it before that.
    pub can_end_early: Option<bool>,
}

/// What is expected of a stall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StallForecast {
    /// Which.
    pub stall: StallId,
    /// When the client tries again; `None` while it tries.
    pub next_try: Option<Foretold>,
    /// When the task is free.
    pub free: Foretold,
}

/// All that is expected at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The moment.
    pub at: Stamp,
    /// Grace periods that are on, oldest first.
    pub graces: Vec<GraceForecast>,
    /// Live stalls, oldest first.
    pub stalls: Vec<StallForecast>,
    /// When the last of those stalls that can be foretold is free.
    pub last_free: Option<Between>,
    /// Stalls of which that is not known.
    pub unknown: usize,
}

pub(super) fn expect(timeline: &Timeline, now: Stamp) -> Expectation {
    let graces = timeline
        .restarts()
        .filter(|restart| restart.in_grace())
        .map(|restart| grace(restart, timeline.hz(), now))
        .collect();
    let mut stalls: Vec<_> = timeline.stalls().live().map(|stall| stall_forecast(timeline, stall, now)).collect();
    stalls.sort_by_key(|forecast| (forecast.stall.began, forecast.stall.tid));
    let last_free = stalls
        .iter()
        .filter_map(|forecast| forecast.free.ok())
        .reduce(|a, b| Between { earliest: a.earliest.max(b.earliest), latest: a.latest.max(b.latest) });
    let unknown = stalls.iter().filter(|forecast| forecast.free.is_err()).count();
    Expectation { at: now, graces, stalls, last_free, unknown }
}

pub(super) fn grace(restart: &Restart, hz: Option<Hz>, now: Stamp) -> GraceForecast {
    GraceForecast {
        restart: restart.id(),
        end: grace_end(restart, hz, now),
        can_end_early: restart.state().tracks_reclaim_completes,
    }
}

/// When nfsd's grace period ends, or when it ended.
fn grace_end(restart: &Restart, hz: Option<Hz>, now: Stamp) -> Foretold {
    if let Some(end) = restart.grace_end() {
        return Ok(Between::at(end.at));
    }
    if let Some(stopped) = restart.stopped() {
        return Ok(Between::at(stopped));
    }
    let planned = restart.planned_end(hz).ok_or(Unknown::GraceEnd)?;
    if now <= planned.latest {
        return Ok(Between { earliest: planned.earliest.max(now), latest: planned.latest });
    }
    // The laundromat looks again each second while somebody reclaims, up to twice the lease.
    let to = planned
        .postponable_to
        .filter(|&to| restart.clients.last_reclaim.is_some() && now <= to)
        .ok_or(Unknown::Overdue)?;
    Ok(Between { earliest: now, latest: now.plus(LAUNDROMAT_REARM).max(to) })
}

/// When the sleep of this stall ends; `None` while it tries.
pub(super) fn next_try(stall: &Stall, hz: Option<Hz>) -> Option<Foretold> {
    let State::Asleep { since } = stall.state else { return None };
    let Some(asked) = stall.latest().and_then(|attempt| attempt.asked) else { return Some(Err(Unknown::Sleep)) };
    let window = backoff::window(asked.span, hz);
    Some(Ok(Between { earliest: since.plus(window.earliest), latest: since.plus(window.latest) }))
}

pub(super) fn stall_forecast(timeline: &Timeline, stall: &Stall, now: Stamp) -> StallForecast {
    let own = stall.restart.and_then(|id| timeline.restart(id)).map(|restart| grace_end(restart, timeline.hz(), now));
    let end = own.or(timeline.foreign_of(stall).map(|foreign| foreign.end)).unwrap_or(Err(Unknown::ServerNotSeen));
    let next = next_try(stall, timeline.hz());
    StallForecast { stall: stall.id, next_try: next, free: free(timeline.hz(), stall, next, end, now) }
}

fn free(hz: Option<Hz>, stall: &Stall, next: Option<Foretold>, end: Foretold, now: Stamp) -> Foretold {
    if stall.latest().is_some_and(|attempt| attempt.refusal == Refusal::Delay) {
        return Err(Unknown::Delay);
    }
    let end = end?;
    let first = match next {
        None => Between::at(now),
        Some(next) => next?,
    };
    // A task that slept before it was watched had more refusals than were seen.
    let asked = stall.latest().and_then(|attempt| attempt.asked);
    let refused = asked.map_or(stall.refused, |asked| backoff::place(asked.span));
    let free = first_try_after(first, refused, end, hz);
    Ok(Between { earliest: free.earliest.max(now), latest: free.latest.max(now) })
}

/// The first try at or after the end of the grace period, where `first` is the next try and `refused` tries came before.
///
/// Each sleep may be a granule longer than asked, so the tries to come spread; the earliest try that can be late enough
/// and the latest one that can be needed bound the answer.
fn first_try_after(first: Between, refused: u64, end: Between, hz: Option<Hz>) -> Between {
    let mut at = first;
    let mut earliest = None;
    for nth in refused + 1..refused + LOOK_AHEAD {
        if earliest.is_none() && at.latest >= end.earliest {
            earliest = Some(at.earliest.max(end.earliest));
        }
        if at.earliest >= end.latest {
            break;
        }
        let sleep = backoff::window(backoff::asked_in_order(nth), hz);
        at = Between { earliest: at.earliest.plus(sleep.earliest), latest: at.latest.plus(sleep.latest) };
    }
    Between { earliest: earliest.unwrap_or(at.earliest), latest: at.latest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(s: f64) -> Stamp {
        Stamp::default().plus(Duration::from_secs_f64(s))
    }

    #[test]
    fn a_task_that_just_missed_the_end_sleeps_on() {
        // Refused 8 times, asleep until 25.5 s; the grace period ends at 20 s.
        let first = Between { earliest: seconds(25.5), latest: seconds(25.8) };
        let free = first_try_after(first, 8, Between::at(seconds(20.0)), Hz::new(250));
        assert_eq!(free, first);
    }

    #[test]
    fn a_try_that_may_fall_before_or_after_the_end_gives_a_wide_answer() {
        let first = Between { earliest: seconds(25.0), latest: seconds(25.4) };
        let end = Between { earliest: seconds(25.2), latest: seconds(25.3) };
        let free = first_try_after(first, 8, end, Hz::new(250));
        assert_eq!(free.earliest, seconds(25.2));
        assert_eq!(free.latest, seconds(25.4 + 15.0 + 0.260));
    }

    #[test]
    fn the_open_of_the_default_grace_period_is_free_after_a_hundred_seconds() {
        // First refusal at 0, first retry at 0.1 s; grace period of 90 s.
        let first = Between { earliest: seconds(0.1), latest: seconds(0.108) };
        let free = first_try_after(first, 1, Between::at(seconds(90.0)), Hz::new(250));
        assert!(free.earliest <= seconds(101.9) && seconds(101.9) <= free.latest, "{free:?}");
    }
}
