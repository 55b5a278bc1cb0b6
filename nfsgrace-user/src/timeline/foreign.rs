//! What another host knows of the grace period that a stall of this host waits or waited for.

use std::{collections::BTreeMap, time::Duration};

use super::{Between, Foretold, RestartId, Stall, StallId, State, Timeline, stalls::MAX_ENDED};
use crate::record::Stamp;

/// The grace period of a server on another host, on this host's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Name of the server's host.
    pub server: String,
    /// The server start that it belongs to, by its number on that host.
    pub restart: RestartId,
    /// When it ends or ended, the error of the clocks included.
    pub end: Foretold,
    /// Whether it is over.
    pub over: bool,
}

impl Foreign {
    /// When it ended, as nearly as that is known.
    fn ended(&self) -> Option<Stamp> {
        let Between { earliest, latest } = self.end.ok().filter(|_| self.over)?;
        Some(Stamp(earliest.0.midpoint(latest.0)))
    }

    /// How much of a stall lies after its end.
    fn tail(&self, stall: &Stall, now: Stamp) -> Option<Duration> {
        if !self.over {
            return Some(Duration::ZERO);
        }
        let to = match stall.state {
            State::Ended { at, .. } => at,
            State::Asleep { .. } | State::Trying { .. } => now,
        };
        Some(to.since(self.ended()?.max(stall.id.began)))
    }
}

impl Timeline {
    /// Takes note of what stalls wait or waited for on other hosts. Forgotten with the stalls.
    pub fn know_foreign(&mut self, told: impl IntoIterator<Item = (StallId, Foreign)>) {
        let mut ended = BTreeMap::new();
        for (id, foreign) in told {
            if self.stalls.get(id).is_some() {
                self.foreign.insert(id, foreign);
            } else {
                ended.insert(id, foreign);
            }
        }
        if !ended.is_empty() {
            self.stalls.tell_ended(|stall| ended.get(&stall.id)?.tail(stall, self.now));
            self.foreign.extend(ended);
            self.forget_foreign();
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

    /// What another host told of a stall.
    #[must_use]
    pub fn foreign_of(&self, stall: &Stall) -> Option<&Foreign> {
        self.foreign.get(&stall.id)
    }

    /// How much of a stall lies after the end of a grace period on another host.
    pub(super) fn foreign_tail(&self, stall: &Stall, now: Stamp) -> Option<Duration> {
        self.foreign_of(stall)?.tail(stall, now)
    }

    /// Forgets what was told of stalls that are not kept any more, now and then.
    pub(super) fn forget_foreign(&mut self) {
        if self.foreign.len() > self.stalls.live().len() + 2 * MAX_ENDED {
            let kept = self.stalls.ended_ids();
            self.foreign.retain(|id, _| self.stalls.get(*id).is_some() || kept.contains(id));
        }
    }
}
