//! Where the times of hosts lie on the axis that all share.

use std::sync::Arc;

use super::Conductor;
use crate::{
    clock::{Axis, HostId, Placed},
    paired::Towards,
    record::Stamp,
};

/// The axis that hosts share which have been conducted to their end: the clock of one of them.
#[derive(Debug, Clone)]
pub struct Axes {
    known: Arc<Conductor>,
    towards: Arc<Towards>,
}

impl Axes {
    /// Of these hosts.
    #[must_use]
    pub fn of(known: Arc<Conductor>) -> Self {
        let towards = known.paired.towards(known.paired.reference());
        Self { known, towards: Arc::new(towards) }
    }

    /// Where a moment of a host lies; where the clocks are not tied, on the host's own clock, with no bound to the error.
    #[must_use]
    pub fn place(&self, host: HostId, at: Stamp) -> Placed {
        self.known.paired.place(&self.towards, host, at)
    }

    /// Where a moment of the host lies that a source told of, nanoseconds.
    #[must_use]
    pub fn order(&self, source: usize, at: Stamp) -> i64 {
        let member = self.known.of(source).and_then(|nth| self.known.members.get(nth));
        member.map_or(0, |member| self.place(member.id, at).at_ns)
    }

    /// The same for the times of one host; what happened before the first record of any does not lie before zero.
    #[must_use]
    pub fn not_before_zero(&self, host: HostId) -> Axis<'static> {
        let first = self.known.members.iter().filter_map(|member| {
            let first = member.session.timeline().first()?;
            Some(self.place(member.id, first).at_ns)
        });
        let shift_ns = first.min().unwrap_or(0).min(0).saturating_neg();
        let axes = self.clone();
        Axis::new(move |at| {
            let placed = axes.place(host, at);
            Placed { at_ns: placed.at_ns.saturating_add(shift_ns), ..placed }
        })
    }

    /// The place of a host among all, the one first whose clock is the axis.
    #[must_use]
    pub fn number(&self, host: HostId) -> usize {
        let is_it = |nth: &usize| self.known.members.get(*nth).is_some_and(|member| member.id == host);
        self.known.reference_first().iter().position(is_it).unwrap_or(0)
    }
}
