//! One start of nfsd in one network namespace, from its trackers to the end of its grace period.
//!
//! What the probes saw and what the kernel log says are kept apart; how far the start has come is a [`Phase`].

mod cost;
mod heard;
mod phase;
mod planned;
mod seen;
mod tracking;

pub use cost::{Cost, TAIL};
pub use heard::Heard;
pub(super) use phase::Sign;
pub use phase::{Grace, GraceEnd, Phase};
pub use planned::{LAUNDROMAT_REARM, PlannedEnd};
pub use seen::EndGraceWrite;
use seen::Seen;
pub use tracking::{POLLS_KEPT, Poll, TRACKERS_KEPT, TrackerAttempt, Tracking};

use super::{
    clients::Clients,
    kernel_log::{LogFact, TrackerName},
};
use crate::record::{Errno, Netns, ServerState, Stamp, Surroundings, Task, Tracker};
pub use crate::record::{KnownFrom, RestartId};

/// Writes to `v4_end_grace` that are kept in detail.
pub const WRITES_KEPT: usize = 32;
/// No grace period and no lease is longer than this, which spares later sums an overflow; nfsd itself takes an hour at most.
const LONGEST_S: u64 = 1 << 32;

/// One start of nfsd in one network namespace.
#[derive(Debug, Clone)]
pub struct Restart {
    id: RestartId,
    pub(super) netns: Option<Netns>,
    pub(super) known_from: KnownFrom,
    pub(super) began: Stamp,
    pub(super) task: Task,
    phase: Phase,
    pub(super) seen: Seen,
    pub(super) heard: Heard,
    pub(super) lockd: Option<Grace>,
    pub(super) clients: Clients,
    /// LOCKs refused after nfsd's own grace period had ended.
    pub(super) locks_refused_after: u64,
    pub(super) slept_on: u64,
    pub(super) cost: Cost,
}

/// What it is.
impl Restart {
    pub(super) fn new(id: RestartId, netns: Option<Netns>, known_from: KnownFrom, began: Stamp, task: Task) -> Self {
        Self {
            id,
            netns,
            known_from,
            began,
            task,
            phase: if known_from == KnownFrom::Observed { Phase::Starting { grace: None } } else { Phase::Up },
            seen: Seen::default(),
            heard: Heard::default(),
            lockd: None,
            clients: Clients::default(),
            locks_refused_after: 0,
            slept_on: 0,
            cost: Cost::default(),
        }
    }

    /// Which.
    #[must_use]
    pub fn id(&self) -> RestartId {
        self.id
    }

    /// Namespace, where it is known.
    #[must_use]
    pub fn netns(&self) -> Option<Netns> {
        self.netns
    }

    /// How it is known.
    #[must_use]
    pub fn known_from(&self) -> KnownFrom {
        self.known_from
    }

    /// When it began, or was first noticed.
    #[must_use]
    pub fn began(&self) -> Stamp {
        self.began
    }

    /// Who started it.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Its clients.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// What it cost tasks on this host, whose stalls are over.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Tasks of this host that slept when the grace period ended, and went on for [`TAIL`] at least.
    #[must_use]
    pub fn slept_on(&self) -> u64 {
        self.slept_on
    }

    /// LOCKs refused after nfsd's own grace period had ended.
    #[must_use]
    pub fn locks_refused_after(&self) -> u64 {
        self.locks_refused_after
    }
}

/// How far it has come.
impl Restart {
    /// How far it has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it is history: known from the kernel log alone, and over before watching began.
    #[must_use]
    pub fn is_history(&self) -> bool {
        matches!(self.phase, Phase::History { .. })
    }

    /// When the server was stopped.
    #[must_use]
    pub fn stopped(&self) -> Option<Stamp> {
        self.phase.stopped()
    }

    /// nfsd's grace period.
    #[must_use]
    pub fn grace(&self) -> Option<Grace> {
        self.phase.grace()
    }

    /// Whether nfsd's grace period is on, as far as known.
    #[must_use]
    pub fn in_grace(&self) -> bool {
        self.phase.in_grace()
    }

    /// The end of nfsd's grace period.
    #[must_use]
    pub fn grace_end(&self) -> Option<GraceEnd> {
        self.grace()?.ended
    }

    /// lockd's grace period.
    #[must_use]
    pub fn lockd(&self) -> Option<Grace> {
        self.lockd
    }

    /// nfsd begins its grace period, as was watched or is in the kernel log.
    pub(super) fn begin_grace(&mut self, at: Stamp) {
        self.phase.begin_grace(at);
    }

    /// It refused, or said that it is in its grace period.
    pub(super) fn show_grace(&mut self, at: Stamp) -> Option<Sign> {
        self.phase.show_grace(at)
    }

    /// nfsd's grace period ends. Whether it was on until now.
    pub(super) fn end_grace(&mut self, end: GraceEnd) -> bool {
        self.phase.end_grace(self.began, end)
    }

    /// A start that the kernel log told of is being watched after all.
    pub(super) fn becomes_watched(&mut self, at: Stamp, task: &Task) {
        self.known_from = KnownFrom::Observed;
        self.began = self.began.min(at);
        self.task.clone_from(task);
        self.phase.start();
    }

    /// `nfs4_state_start_net` returned.
    pub(super) fn up(&mut self, at: Stamp, status: Errno, state: &ServerState) {
        self.seen.started = Some((at, status));
        self.seen.learn(state);
        self.phase.up();
    }

    pub(super) fn stop(&mut self, at: Stamp) {
        self.phase.stop(at);
    }

    /// Its grace period was over before watching began.
    pub(super) fn becomes_history(&mut self) {
        self.phase.becomes_history();
    }

    /// Takes over a line of the kernel log. The end of a grace period is watched where its start was.
    pub(super) fn hear(&mut self, at: Stamp, fact: &LogFact) {
        self.heard.take(at, fact);
        if let Some(by) = fact.ends_grace()
            && self.known_from != KnownFrom::Observed
        {
            self.phase.hear_end(GraceEnd { at, by, known_from: KnownFrom::KernelLog });
        }
    }
}

/// How it tried to remember its clients.
impl Restart {
    /// How it tried, as far as that was seen.
    #[must_use]
    pub fn tracking(&self) -> &Tracking {
        &self.seen.tracking
    }

    /// What the kernel log says.
    #[must_use]
    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Whether it is still trying trackers, as far as seen.
    #[must_use]
    pub fn is_trying_trackers(&self) -> bool {
        self.seen.tracking.goes_on() && matches!(self.phase, Phase::Starting { .. })
    }

    /// What became of it, from what was seen or else from the kernel log. `None` while it is not known.
    #[must_use]
    pub fn tracking_result(&self) -> Option<(Stamp, Errno)> {
        self.seen.tracking.ended.or(self.heard.tracking_result())
    }

    /// The tracker in use: the last one that returned zero, or the one that the kernel log names.
    #[must_use]
    pub fn tracker(&self) -> Option<Tracker> {
        let heard = self.heard.tracker.as_ref().and_then(|(_, name)| match name {
            TrackerName::Known(tracker) => Some(*tracker),
            TrackerName::Other(_) => None,
        });
        self.seen.tracking.works().or(heard)
    }

    /// When `nfs4_state_start_net` returned, and with what.
    #[must_use]
    pub fn started(&self) -> Option<(Stamp, Errno)> {
        self.seen.started
    }

    /// Latest state of `struct nfsd_net` that was read.
    #[must_use]
    pub fn state(&self) -> &ServerState {
        &self.seen.state
    }

    /// What `/proc` showed when the tracker failed.
    #[must_use]
    pub fn surroundings(&self) -> Option<(Stamp, &Surroundings)> {
        self.seen.surroundings.as_ref().map(|(at, seen)| (*at, seen))
    }

    /// Writes to `v4_end_grace`, the first ones.
    #[must_use]
    pub fn end_grace_writes(&self) -> &[EndGraceWrite] {
        &self.seen.end_grace_writes
    }

    /// Latest answer of `opens_in_grace`, and when it was given.
    #[must_use]
    pub fn opens_in_grace(&self) -> Option<(Stamp, bool)> {
        self.seen.opens_in_grace
    }

    /// Latest answer of `locks_in_grace`, and when it was given.
    #[must_use]
    pub fn locks_in_grace(&self) -> Option<(Stamp, bool)> {
        self.seen.locks_in_grace
    }
}
