//! What another host knows of the grace period that a stall of this host waits or waited for.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{Foretold, GraceSpan, RestartId, Stall, StallId, Timeline, stalls::MAX_ENDED};
use crate::record::Cause;

/// What a server on another host knows, with all times on this host's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Name of the server's host.
    pub server: String,
    /// The server start that a stall waits for, by its number on that host.
    pub restart: RestartId,
    /// Why that takes so long: one cause, or several that cannot be told apart; none where nothing was concluded.
    pub causes: Vec<Cause>,
    /// When its grace period ends or ended, the error of the clocks included.
    pub end: Foretold,
    /// The server's grace periods. None where the clocks are not tied.
    pub graces: Vec<GraceSpan>,
    /// How wrong these can be because of the clocks; `None` where nothing bounds that.
    pub error: Option<Duration>,
}

impl Timeline {
    /// Takes note of what stalls wait or waited for on other hosts. Forgotten with the stalls.
    pub fn know_foreign(&mut self, told: impl IntoIterator<Item = (StallId, Arc<Foreign>)>) {
        let mut ended = BTreeSet::new();
        for (id, foreign) in told {
            if self.stalls.get(id).is_none() {
                ended.insert(id);
            }
            self.foreign.insert(id, foreign);
        }
        if !ended.is_empty() {
            let mut stalls = std::mem::take(&mut self.stalls);
            stalls.tell_ended(|stall| self.tail(stall, self.now).filter(|_| ended.contains(&stall.id)));
            self.stalls = stalls;
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
        self.foreign.get(&stall.id).map(Arc::as_ref)
    }

    /// Forgets what was told of stalls that are not kept any more, now and then.
    pub(super) fn forget_foreign(&mut self) {
        if self.foreign.len() > self.stalls.live().len() + 2 * MAX_ENDED {
            let kept = self.stalls.ended_ids();
            self.foreign.retain(|id, _| self.stalls.get(*id).is_some() || kept.contains(id));
        }
    }
}
