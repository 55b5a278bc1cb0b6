//! How long a grace period should be, whom it waits for, and what ended it.

use std::time::Duration;

use super::{KnownFrom, Restart};
use crate::{
    record::{EndedBy, Stamp},
    timeline::backoff::{self, Hz},
};

/// How often the laundromat looks again while somebody reclaims (`NFSD_LAUNDROMAT_MINTIMEOUT`).
pub const LAUNDROMAT_REARM: Duration = Duration::from_secs(1);

/// When a grace period should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedEnd {
    /// The timer's time.
    pub earliest: Stamp,
    /// The latest that the timer wheel makes of it.
    pub latest: Stamp,
    /// The laundromat waits until here while clients go on reclaiming (`boot_time + 2 * lease`).
    pub postponable_to: Option<Stamp>,
    /// Whether the last RECLAIM_COMPLETE can end it early; `None` when that could not be read.
    pub can_end_early: Option<bool>,
}

impl Restart {
    /// When the laundromat's timer was set.
    #[must_use]
    pub fn timer_set(&self) -> Option<Stamp> {
        self.seen.started.map(|(at, _)| at).or(self.heard.timer_set)
    }

    /// Length of the grace period, and how it is known.
    #[must_use]
    pub fn length(&self) -> Option<(Duration, KnownFrom)> {
        let seen = self.seen.length().map(|length| (length, KnownFrom::Observed));
        seen.or(self.heard.length.map(|length| (length, KnownFrom::KernelLog)))
    }

    /// How long nfsd's grace period was on before its timer was set: new opens are refused from `locks_start_grace` on, and
    /// the trackers are tried first. `None` where either moment was not seen.
    #[must_use]
    pub fn before_timer(&self) -> Option<Duration> {
        let grace = self.grace().filter(|grace| grace.began_seen && self.known_from == KnownFrom::Observed)?;
        self.timer_set().map(|set| set.since(grace.began))
    }

    /// Clients in the reclaim table: as nfsd counts them, or as they were seen to be recorded.
    #[must_use]
    pub fn to_reclaim(&self) -> Option<u32> {
        self.seen.state.to_reclaim.or((self.clients.recorded > 0).then_some(self.clients.recorded))
    }

    /// Clients of the reclaim table that finished: the greater of nfsd's latest count and what was seen since.
    #[must_use]
    pub fn reclaimed(&self) -> Option<u32> {
        let seen = self.clients.completed;
        self.seen.state.reclaimed.map(|count| count.max(seen)).or((self.clients.recorded > 0).then_some(seen))
    }

    /// When nfsd's grace period should end; `None` when its length or its start is not known.
    #[must_use]
    pub fn planned_end(&self, hz: Option<Hz>) -> Option<PlannedEnd> {
        let (length, _) = self.length()?;
        let timer_set = self.timer_set()?;
        let window = backoff::window(length, hz);
        // boot_time is taken in nfs4_state_create_net, right after the start, in whole seconds.
        let twice = |lease: u64| Duration::from_secs(lease.saturating_mul(2)) + LAUNDROMAT_REARM;
        Some(PlannedEnd {
            earliest: timer_set.plus(window.earliest),
            latest: timer_set.plus(window.latest),
            postponable_to: self.seen.state.lease_s.map(|lease| self.began.plus(twice(lease))),
            can_end_early: self.seen.state.tracks_reclaim_completes,
        })
    }

    /// Refines what ended a grace period by what else was seen.
    pub(in crate::timeline) fn what_ended_it(&self, at: Stamp, by: EndedBy, hz: Option<Hz>) -> EndedBy {
        let before_its_time = self.planned_end(hz).is_some_and(|planned| at < planned.earliest);
        // nfsd4_force_end_grace leaves the work to the laundromat, which then looks like the timer.
        let written = self.seen.end_grace_writes.iter().any(|write| !write.status.is_error() && at >= write.at);
        match by {
            EndedBy::Timer | EndedBy::Unknown if written && before_its_time => EndedBy::V4EndGrace,
            EndedBy::Unknown if self.stopped().is_some() => EndedBy::Shutdown,
            EndedBy::Unknown if self.known_from == KnownFrom::Observed && self.seen.started.is_none() => {
                EndedBy::Skipped
            }
            by => by,
        }
    }
}
