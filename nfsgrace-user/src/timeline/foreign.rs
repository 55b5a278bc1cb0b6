//! What another host knows of the grace period that a stall of this host waits for.

use std::time::Duration;

use super::{Between, Stall, StallId, State, Timeline, Unknown};
use crate::record::Stamp;

/// The grace period of a server on another host, on this host's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// When it ends or ended, the error of the clocks included.
    pub end: Result<Between, Unknown>,
    /// Whether it is over.
    pub over: bool,
}

impl Foreign {
    /// When it ended, as nearly as that is known.
    fn ended(&self) -> Option<Stamp> {
        let Between { earliest, latest } = self.end.ok().filter(|_| self.over)?;
        Some(Stamp(earliest.0.midpoint(latest.0)))
    }
}

impl Timeline {
    /// Takes note of what a stall waits for on another host. Forgotten with the stall.
    pub fn know_foreign(&mut self, stall: StallId, foreign: Foreign) {
        if self.stalls.get(stall).is_some() {
            self.foreign.insert(stall, foreign);
        }
    }

    /// Takes note of whether another host tells what all stalls of this one waited for.
    pub fn know_servers(&mut self, known: bool) {
        self.servers_known = known;
    }

    /// Whether another host tells what all stalls of this one waited for.
    #[must_use]
    pub fn servers_known(&self) -> bool {
        self.servers_known
    }

    pub(super) fn foreign_of(&self, stall: &Stall) -> Option<&Foreign> {
        self.foreign.get(&stall.id)
    }

    /// How much of a stall lies after the end of a grace period on another host.
    pub(super) fn foreign_tail(&self, stall: &Stall, now: Stamp) -> Option<Duration> {
        let foreign = self.foreign_of(stall)?;
        if !foreign.over {
            return Some(Duration::ZERO);
        }
        let to = match stall.state {
            State::Ended { at, .. } => at,
            State::Asleep { .. } | State::Trying { .. } => now,
        };
        Some(to.since(foreign.ended()?.max(stall.id.began)))
    }
}
