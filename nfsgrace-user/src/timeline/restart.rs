//! One start of nfsd in one network namespace, from its trackers to the end of its grace period.

use std::time::Duration;

use super::{
    backoff::{self, Hz},
    clients::Clients,
};
pub use crate::record::RestartId;
use crate::record::{EndedBy, Netns, ServerState, Stamp, Surroundings, Task, Tracker};

/// Attempts to set a tracker up that are kept; a kernel has four kinds.
pub const TRACKERS_KEPT: usize = 16;
/// Polls of one tracker that are kept in detail.
pub const POLLS_KEPT: usize = 64;
/// Writes to `v4_end_grace` that are kept in detail.
pub const WRITES_KEPT: usize = 32;
/// How often the laundromat looks again while somebody reclaims (`NFSD_LAUNDROMAT_MINTIMEOUT`).
pub const LAUNDROMAT_REARM: Duration = Duration::from_secs(1);

/// No grace period and no lease is longer than this, which spares later sums an overflow; nfsd itself takes an hour at most.
pub(super) const LONGEST_S: u64 = 1 << 32;

/// A client that sleeps on for less after the end of a grace period is not worth a word.
pub const TAIL: Duration = Duration::from_secs(1);

/// How a restart is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KnownFrom {
    /// Only its grace period was noticed, by what it refused or by its end.
    GraceOnly,
    /// Rebuilt from lines of the kernel log.
    KernelLog,
    /// Watched.
    Observed,
}

/// One question to `cld_running`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    /// When.
    pub at: Stamp,
    /// Its answer.
    pub running: bool,
    /// Whether it was inferred from the `msleep(100)` that follows a "no".
    pub inferred: bool,
    /// Time since the question before.
    pub gap: Option<Duration>,
}

/// One tracker that nfsd tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackerAttempt {
    /// Which.
    pub tracker: Tracker,
    /// When its `init` was entered.
    pub began: Stamp,
    /// False when only its return was seen, and `began` is that moment.
    pub began_seen: bool,
    /// When it returned, and with what.
    pub ended: Option<(Stamp, i32)>,
    /// The first questions to `cld_running`.
    pub polls: Vec<Poll>,
    /// Times that the answer was no.
    pub polls_false: u64,
    last_poll: Option<Stamp>,
}

impl TrackerAttempt {
    pub(super) fn new(tracker: Tracker, began: Stamp, began_seen: bool) -> Self {
        Self { tracker, began, began_seen, ended: None, polls: Vec::new(), polls_false: 0, last_poll: None }
    }

    pub(super) fn poll(&mut self, at: Stamp, running: bool, inferred: bool) {
        let gap = self.last_poll.replace(at).map(|before| at.since(before));
        self.polls_false += u64::from(!running);
        if self.polls.len() < POLLS_KEPT {
            self.polls.push(Poll { at, running, inferred, gap });
        }
    }

    /// How long it took; `None` while it runs, and where its beginning was not seen.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.ended.filter(|_| self.began_seen).map(|(at, _)| at.since(self.began))
    }

    /// What it returned.
    #[must_use]
    pub fn status(&self) -> Option<i32> {
        self.ended.map(|(_, status)| status)
    }

    /// Time from the first question to the last, for each gap between.
    #[must_use]
    pub fn mean_poll_gap(&self) -> Option<Duration> {
        let gaps: Vec<_> = self.polls.iter().filter_map(|poll| poll.gap).collect();
        let count = u32::try_from(gaps.len()).ok().filter(|&count| count > 0)?;
        Some(gaps.iter().sum::<Duration>() / count)
    }
}

/// How nfsd tried to remember its clients.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tracking {
    /// When `nfsd4_client_tracking_init` was entered.
    pub began: Option<Stamp>,
    /// When it returned, and with what.
    pub ended: Option<(Stamp, i32)>,
    /// The trackers in the order in which they were tried.
    pub attempts: Vec<TrackerAttempt>,
    /// The failure that the kernel log names, and when it was written.
    pub logged_failure: Option<(Stamp, i32)>,
    /// The tracker that the kernel log names, and when it was written.
    pub logged_tracker: Option<(Stamp, String)>,
    /// Whether the kernel log says that this is a container.
    pub logged_container: bool,
    /// Whether the kernel log says that nfsdcld is too old.
    pub logged_old_nfsdcld: bool,
    /// The failure to end the grace period that the kernel log names.
    pub logged_end_failure: Option<(Stamp, i32)>,
    /// Kernel stack at its start, innermost function first.
    pub stack: Vec<String>,
}

impl Tracking {
    /// Adds an attempt, and gives its place; where there are too many, the last one makes room.
    pub(super) fn attempt(&mut self, attempt: TrackerAttempt) -> usize {
        self.attempts.truncate(TRACKERS_KEPT - 1);
        self.attempts.push(attempt);
        self.attempts.len() - 1
    }

    /// What became of it, from what was seen or else from the kernel log. `None` while it is not known.
    #[must_use]
    pub fn result(&self) -> Option<(Stamp, i32)> {
        self.ended.or(self.logged_failure).or(self.logged_tracker.as_ref().map(|(at, _)| (*at, 0)))
    }

    /// What a tracker of this kind returned, the last time it was tried.
    #[must_use]
    pub fn status_of(&self, tracker: Tracker) -> Option<i32> {
        self.attempts.iter().rev().find(|attempt| attempt.tracker == tracker)?.status()
    }

    /// The tracker in use: the last one that returned zero, or the one that the kernel log names.
    #[must_use]
    pub fn in_use(&self) -> Option<Tracker> {
        let seen =
            self.attempts.iter().rev().find(|attempt| attempt.status() == Some(0)).map(|attempt| attempt.tracker);
        let logged = self.logged_tracker.as_ref().and_then(|(_, name)| match name.as_str() {
            "nfsdcld" => Some(Tracker::Cld),
            "old nfsdcld" => Some(Tracker::CldV0),
            "UMH upcall" => Some(Tracker::Umh),
            "legacy" => Some(Tracker::Legacy),
            _ => None,
        });
        seen.or(logged)
    }

    /// A tracker that was entered and has not returned.
    #[must_use]
    pub fn running(&self) -> Option<&TrackerAttempt> {
        self.attempts.last().filter(|attempt| attempt.ended.is_none() && self.ended.is_none())
    }
}

/// How the length of a grace period is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthFrom {
    /// Read from `nfsd_net.nfsd4_grace`.
    Kernel,
    /// From the line in the kernel log.
    KernelLog,
}

/// The end of a grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraceEnd {
    /// When.
    pub at: Stamp,
    /// What ended it.
    pub by: EndedBy,
    /// How that is known.
    pub from: KnownFrom,
}

/// A grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// When it began, or was first noticed.
    pub began: Stamp,
    /// False when `began` is only the first sign of it.
    pub began_seen: bool,
    /// Its end.
    pub ended: Option<GraceEnd>,
}

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

/// Writes to `v4_end_grace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndGraceWrite {
    /// When.
    pub at: Stamp,
    /// Who wrote.
    pub task: Task,
    /// Negative errno when refused.
    pub status: i32,
}

/// What the stalls that a restart caused on this host cost, those that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// How many.
    pub stalls: u64,
    /// Refusals.
    pub refused: u64,
    /// Their lengths added up.
    pub lost: Duration,
    /// The longest.
    pub longest: Duration,
    /// Tails after the end of the grace period added up.
    pub tail: Duration,
    /// The longest tail.
    pub longest_tail: Duration,
    /// When the last of them ended.
    pub last_end: Option<Stamp>,
}

impl Cost {
    pub(super) fn add(&mut self, refused: u64, length: Duration, tail: Option<Duration>) {
        let tail = tail.unwrap_or_default();
        self.stalls += 1;
        self.refused += refused;
        self.lost = self.lost.saturating_add(length);
        self.longest = self.longest.max(length);
        self.tail = self.tail.saturating_add(tail);
        self.longest_tail = self.longest_tail.max(tail);
    }
}

/// One start of nfsd in one network namespace.
#[derive(Debug, Clone)]
pub struct Restart {
    /// Which.
    pub id: RestartId,
    /// Namespace, where it is known.
    pub netns: Option<Netns>,
    /// How it is known.
    pub known_from: KnownFrom,
    /// When it began, or was first noticed.
    pub began: Stamp,
    /// Who started it.
    pub task: Task,
    /// How it tried to remember its clients.
    pub tracking: Tracking,
    /// When `nfs4_state_start_net` returned, and with what.
    pub started: Option<(Stamp, i32)>,
    /// When the laundromat's timer was set.
    pub armed: Option<Stamp>,
    /// Length of the grace period, and how it is known.
    pub length: Option<(Duration, LengthFrom)>,
    /// Latest state of `struct nfsd_net` that was read.
    pub state: ServerState,
    /// nfsd's grace period.
    pub grace: Option<Grace>,
    /// lockd's grace period.
    pub lockd: Option<Grace>,
    /// Latest answer of `opens_in_grace`.
    pub opens_in_grace: Option<(Stamp, bool)>,
    /// Latest answer of `locks_in_grace`.
    pub locks_in_grace: Option<(Stamp, bool)>,
    /// LOCKs refused after nfsd's own grace period had ended.
    pub locks_refused_after: u64,
    /// Its clients.
    pub clients: Clients,
    /// Writes to `v4_end_grace`, the first ones.
    pub end_grace_writes: Vec<EndGraceWrite>,
    /// What `/proc` showed when the tracker failed.
    pub surroundings: Option<(Stamp, Surroundings)>,
    /// When the server was stopped.
    pub stopped: Option<Stamp>,
    /// When a client last reclaimed.
    pub last_reclaim: Option<Stamp>,
    /// Whether it is history: known from the kernel log alone, and its grace period was over before watching began, since
    /// the log says so, its planned end had passed, or a later start followed. Refusals that are seen disprove it.
    pub history: bool,
    /// Tasks of this host that slept when the grace period ended, and went on for [`TAIL`] at least.
    pub slept_on: u64,
    /// What it cost tasks on this host.
    pub cost: Cost,
}

impl Restart {
    pub(super) fn new(id: RestartId, netns: Option<Netns>, known_from: KnownFrom, began: Stamp, task: Task) -> Self {
        Self {
            id,
            netns,
            known_from,
            began,
            task,
            tracking: Tracking::default(),
            started: None,
            armed: None,
            length: None,
            state: ServerState::default(),
            grace: None,
            lockd: None,
            opens_in_grace: None,
            locks_in_grace: None,
            locks_refused_after: 0,
            clients: Clients::default(),
            end_grace_writes: Vec::new(),
            surroundings: None,
            stopped: None,
            last_reclaim: None,
            history: false,
            slept_on: 0,
            cost: Cost::default(),
        }
    }

    /// Whether nfsd's grace period is on, as far as known.
    #[must_use]
    pub fn in_grace(&self) -> bool {
        self.grace.is_some_and(|grace| grace.ended.is_none()) && self.stopped.is_none() && !self.history
    }

    /// The end of nfsd's grace period.
    #[must_use]
    pub fn grace_end(&self) -> Option<GraceEnd> {
        self.grace?.ended
    }

    /// How long nfsd's grace period was on before its timer was set: new opens are refused from `locks_start_grace` on, and
    /// the trackers are tried first. `None` where either moment was not seen.
    #[must_use]
    pub fn before_timer(&self) -> Option<Duration> {
        let grace = self.grace.filter(|grace| grace.began_seen && self.known_from == KnownFrom::Observed)?;
        self.armed.map(|armed| armed.since(grace.began))
    }

    /// Clients in the reclaim table: as nfsd counts them, or as they were seen to be recorded.
    #[must_use]
    pub fn to_reclaim(&self) -> Option<u32> {
        self.state.to_reclaim.or((self.clients.recorded > 0).then_some(self.clients.recorded))
    }

    /// Clients of the reclaim table that finished: the greater of nfsd's latest count and what was seen since.
    #[must_use]
    pub fn reclaimed(&self) -> Option<u32> {
        let seen = self.clients.completed;
        self.state.reclaimed.map(|count| count.max(seen)).or((self.clients.recorded > 0).then_some(seen))
    }

    /// When nfsd's grace period should end; `None` when its length or its start is not known.
    #[must_use]
    pub fn planned_end(&self, hz: Option<Hz>) -> Option<PlannedEnd> {
        let (length, _) = self.length?;
        let armed = self.armed?;
        let window = backoff::window(length, hz);
        // boot_time is taken in nfs4_state_create_net, right after the start, in whole seconds.
        let postponable_to = self
            .state
            .lease_s
            .map(|lease| self.began.plus(Duration::from_secs(lease.saturating_mul(2)) + LAUNDROMAT_REARM));
        Some(PlannedEnd {
            earliest: armed.plus(window.earliest),
            latest: armed.plus(window.latest),
            postponable_to,
            can_end_early: self.state.tracks_reclaim_completes,
        })
    }

    /// Takes over what nfsd had at a moment; what could not be read stays as it was.
    pub(super) fn learn(&mut self, state: &ServerState) {
        let ServerState { grace_s, lease_s, tracking, tracks_reclaim_completes, to_reclaim, reclaimed } = state;
        let (grace_s, lease_s) = (grace_s.map(|it| it.min(LONGEST_S)), lease_s.map(|it| it.min(LONGEST_S)));
        self.state.grace_s = grace_s.or(self.state.grace_s);
        self.state.lease_s = lease_s.or(self.state.lease_s);
        self.state.tracking = tracking.or(self.state.tracking);
        self.state.tracks_reclaim_completes = tracks_reclaim_completes.or(self.state.tracks_reclaim_completes);
        self.state.to_reclaim = to_reclaim.or(self.state.to_reclaim);
        self.state.reclaimed = reclaimed.or(self.state.reclaimed);
        if let Some(seconds) = grace_s {
            self.length = Some((Duration::from_secs(seconds), LengthFrom::Kernel));
        }
    }
}
