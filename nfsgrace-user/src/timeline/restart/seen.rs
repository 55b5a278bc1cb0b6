//! What the probes saw of a start.

use std::time::Duration;

use super::{LONGEST_S, Tracking};
use crate::record::{Errno, ServerState, Stamp, Surroundings, Task};

/// A write to `v4_end_grace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndGraceWrite {
    /// When.
    pub at: Stamp,
    /// Who wrote.
    pub task: Task,
    /// Negative errno when refused.
    pub status: Errno,
}

/// What the probes saw of a start.
#[derive(Debug, Clone, Default)]
pub(in crate::timeline) struct Seen {
    pub(in crate::timeline) tracking: Tracking,
    /// When `nfs4_state_start_net` returned, and with what.
    pub(in crate::timeline) started: Option<(Stamp, Errno)>,
    /// Latest state of `struct nfsd_net`.
    pub(super) state: ServerState,
    pub(in crate::timeline) opens_in_grace: Option<(Stamp, bool)>,
    pub(in crate::timeline) locks_in_grace: Option<(Stamp, bool)>,
    pub(in crate::timeline) end_grace_writes: Vec<EndGraceWrite>,
    pub(in crate::timeline) surroundings: Option<(Stamp, Surroundings)>,
}

impl Seen {
    /// Takes over what nfsd had at a moment; what could not be read stays as it was.
    pub(in crate::timeline) fn learn(&mut self, state: &ServerState) {
        let ServerState { grace_s, lease_s, tracking, tracks_reclaim_completes, to_reclaim, reclaimed } = state;
        let at_most = |seconds: &Option<u64>| seconds.map(|seconds| seconds.min(LONGEST_S));
        self.state = ServerState {
            grace_s: at_most(grace_s).or(self.state.grace_s),
            lease_s: at_most(lease_s).or(self.state.lease_s),
            tracking: tracking.or(self.state.tracking),
            tracks_reclaim_completes: tracks_reclaim_completes.or(self.state.tracks_reclaim_completes),
            to_reclaim: to_reclaim.or(self.state.to_reclaim),
            reclaimed: reclaimed.or(self.state.reclaimed),
        };
    }

    /// Length of the grace period, from `nfsd_net.nfsd4_grace`.
    pub(super) fn length(&self) -> Option<Duration> {
        self.state.grace_s.map(Duration::from_secs)
    }
}
