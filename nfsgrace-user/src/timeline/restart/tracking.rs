//! How nfsd tried to remember its clients (fs/nfsd/nfs4recover.c), as the probes saw it.

use std::time::Duration;

use crate::record::{Errno, Stamp, Tracker};

/// Attempts to set a tracker up that are kept; a kernel has four kinds.
pub const TRACKERS_KEPT: usize = 16;
/// Polls of one tracker that are kept in detail.
pub const POLLS_KEPT: usize = 64;

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
    pub ended: Option<(Stamp, Errno)>,
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

    fn poll(&mut self, at: Stamp, running: bool, inferred: bool) {
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
    pub fn status(&self) -> Option<Errno> {
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
    pub ended: Option<(Stamp, Errno)>,
    /// The trackers in the order in which they were tried.
    pub attempts: Vec<TrackerAttempt>,
    /// Kernel stack at its start, innermost function first.
    pub stack: Vec<String>,
}

impl Tracking {
    /// Adds an attempt, and gives its place; where there are too many, the last one makes room.
    pub(in crate::timeline) fn begin(&mut self, tracker: Tracker, began: Stamp, began_seen: bool) -> usize {
        self.attempts.truncate(TRACKERS_KEPT - 1);
        self.attempts.push(TrackerAttempt::new(tracker, began, began_seen));
        self.attempts.len() - 1
    }

    /// A tracker returned; gives the place of its attempt.
    pub(in crate::timeline) fn end(&mut self, tracker: Tracker, at: Stamp, status: Errno) -> usize {
        let is_open = |attempt: &TrackerAttempt| attempt.tracker == tracker && attempt.ended.is_none();
        let open = self.attempts.iter().rposition(is_open);
        let place = open.unwrap_or_else(|| self.begin(tracker, at, false));
        self.attempts[place].ended = Some((at, status));
        place
    }

    /// It asked whether anybody holds the pipe; gives the place of the attempt that asked.
    pub(in crate::timeline) fn poll(&mut self, at: Stamp, running: bool, inferred: bool) -> usize {
        if self.running().is_none() {
            self.begin(Tracker::Cld, at, false);
        }
        let place = self.attempts.len() - 1;
        self.attempts[place].poll(at, running, inferred);
        place
    }

    /// Whether any of it was seen.
    #[must_use]
    pub fn was_seen(&self) -> bool {
        self.began.is_some() || self.ended.is_some()
    }

    /// Whether it goes on, as far as seen.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.began.is_some() && self.ended.is_none()
    }

    /// What a tracker of this kind returned, the last time it was tried.
    #[must_use]
    pub fn status_of(&self, tracker: Tracker) -> Option<Errno> {
        self.attempts.iter().rev().find(|attempt| attempt.tracker == tracker)?.status()
    }

    /// The last one that returned zero.
    #[must_use]
    pub fn works(&self) -> Option<Tracker> {
        self.attempts.iter().rev().find(|attempt| attempt.status() == Some(Errno::OK)).map(|attempt| attempt.tracker)
    }

    /// A tracker that was entered and has not returned.
    #[must_use]
    pub fn running(&self) -> Option<&TrackerAttempt> {
        self.attempts.last().filter(|attempt| attempt.ended.is_none() && self.ended.is_none())
    }
}
