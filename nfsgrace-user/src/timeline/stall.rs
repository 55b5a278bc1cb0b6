//! One task that waits for a server: each refusal, each sleep, and what it cost.

use std::{collections::VecDeque, time::Duration};

use super::{
    RestartId,
    backoff::{self, Excess, Hz},
};
use crate::record::{Errno, Refusal, Rpc, Stamp, Task};

/// Attempts at the beginning that are kept in detail.
pub const FIRST_KEPT: usize = 16;
/// Attempts at the end that are kept in detail; those in between are only counted.
pub const LAST_KEPT: usize = 48;

/// Which stall: a thread can be in one operation at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StallId {
    /// The thread.
    pub tid: u32,
    /// When its operation began.
    pub began: Stamp,
}

/// How a sleep's length is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The function that sleeps was probed.
    Observed,
    /// It is inlined: computed by the kernel's rule.
    Computed,
}

/// A sleep that the client asked its kernel for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// How long.
    pub span: Duration,
    /// How that is known.
    pub how: How,
}

/// One refusal and the sleep after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u64,
    /// When the refusal arrived and the sleep began.
    pub refused: Stamp,
    /// With what.
    pub refusal: Refusal,
    /// The RPC that was refused, where its XID is known.
    pub rpc: Option<Rpc>,
    /// The sleep asked for; `None` where neither its length nor its place in the sequence is known.
    pub asked: Option<Asked>,
    /// When the sleep ended; `None` while it lasts, and when its end was not seen.
    pub woke: Option<Stamp>,
    /// When the request was sent again.
    pub retried: Option<Stamp>,
    /// Whether a signal ended the sleep.
    pub interrupted: bool,
    /// When the next refusal, or the end of the operation, arrived.
    pub next: Option<Stamp>,
}

/// How long a sleep took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slept {
    /// Its end was seen.
    Exactly(Duration),
    /// Its end was not seen, but what came after it was: includes the time of the next request.
    AtMost(Duration),
}

impl Slept {
    /// The length, or its upper bound.
    #[must_use]
    pub fn span(self) -> Duration {
        match self {
            Self::Exactly(span) | Self::AtMost(span) => span,
        }
    }
}

impl Attempt {
    /// How long the sleep took; `None` while it lasts.
    #[must_use]
    pub fn slept(&self) -> Option<Slept> {
        match (self.woke, self.retried.or(self.next)) {
            (Some(woke), _) => Some(Slept::Exactly(woke.since(self.refused))),
            (None, Some(later)) => Some(Slept::AtMost(later.since(self.refused))),
            (None, None) => None,
        }
    }

    /// Time to the next refusal or the end of the operation.
    #[must_use]
    pub fn gap(&self) -> Option<Duration> {
        self.next.map(|next| next.since(self.refused))
    }

    /// Why the sleep was longer than asked for.
    #[must_use]
    pub fn excess(&self, hz: Option<Hz>) -> Option<Excess> {
        Some(backoff::explain(self.asked?.span, self.slept()?.span(), hz))
    }
}

/// How a stall ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The operation returned: zero or a negative errno.
    Status(Errno),
    /// The task died, or its end was only inferred from what it did next.
    Unknown,
}

/// What the task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Sleeps before its next try.
    Asleep {
        /// Since when.
        since: Stamp,
    },
    /// Its request is on the way.
    Trying {
        /// Since when.
        since: Stamp,
    },
    /// The operation is over.
    Ended {
        /// Since when.
        at: Stamp,
        /// How.
        outcome: Outcome,
    },
}

/// One operation of one task that was refused at least once.
#[derive(Debug, Clone, PartialEq)]
pub struct Stall {
    /// Which.
    pub id: StallId,
    /// Whose.
    pub task: Task,
    /// False when `id.began` is the first refusal seen rather than the beginning.
    pub began_seen: bool,
    /// Kernel function that runs the operation.
    pub op: Option<String>,
    /// Path of the file, as far as known.
    pub path: Option<String>,
    /// Server that refused.
    pub server: Option<String>,
    /// Kernel stack of the first sleep, innermost function first.
    pub stack: Vec<String>,
    /// What the task is doing.
    pub state: State,
    /// Refusals.
    pub refused: u64,
    /// Of these, NFS4ERR_DELAY instead of NFS4ERR_GRACE.
    pub refused_delay: u64,
    /// The server start that caused it, where that was seen on this host.
    pub restart: Option<RestartId>,
    /// How much of it lies after the end of the grace period; set at its end, `None` when that is not known.
    pub tail: Option<Duration>,
    first: Vec<Attempt>,
    last: VecDeque<Attempt>,
    /// Bytes of its texts.
    pub(super) text: usize,
}

impl Stall {
    pub(super) fn new(id: StallId, task: Task, began_seen: bool) -> Self {
        Self {
            id,
            task,
            began_seen,
            op: None,
            path: None,
            server: None,
            stack: Vec::new(),
            state: State::Trying { since: id.began },
            refused: 0,
            refused_delay: 0,
            restart: None,
            tail: None,
            first: Vec::new(),
            last: VecDeque::new(),
            text: 0,
        }
    }

    /// Takes over what is not known yet; how many bytes that is.
    pub(super) fn learn(&mut self, texts: [&Option<String>; 3], stack: &[String]) -> usize {
        let before = self.text;
        for (known, told) in [&mut self.op, &mut self.path, &mut self.server].into_iter().zip(texts) {
            if let (None, Some(told)) = (&known, told) {
                self.text += told.len();
                *known = Some(told.clone());
            }
        }
        if self.stack.is_empty() && !stack.is_empty() {
            self.text += stack.iter().map(String::len).sum::<usize>();
            self.stack = stack.to_vec();
        }
        self.text - before
    }

    /// The attempts that are kept in detail, oldest first.
    pub fn attempts(&self) -> impl DoubleEndedIterator<Item = &Attempt> {
        self.first.iter().chain(&self.last)
    }

    /// Attempts that are only counted.
    #[must_use]
    pub fn attempts_not_kept(&self) -> u64 {
        self.refused - (self.first.len() + self.last.len()) as u64
    }

    /// Whether the operation is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Ended { .. })
    }

    /// The latest attempt.
    #[must_use]
    pub fn latest(&self) -> Option<&Attempt> {
        self.last.back().or(self.first.last())
    }

    fn latest_mut(&mut self) -> Option<&mut Attempt> {
        self.last.back_mut().or(self.first.last_mut())
    }

    /// Its length so far, or altogether when it has ended.
    #[must_use]
    pub fn length(&self, now: Stamp) -> Duration {
        match self.state {
            State::Ended { at, .. } => at.since(self.id.began),
            State::Asleep { .. } | State::Trying { .. } => now.since(self.id.began),
        }
    }

    pub(super) fn refuse(&mut self, at: Stamp, refusal: Refusal, rpc: Option<Rpc>, asked: Option<Asked>) {
        if let Some(attempt) = self.latest_mut() {
            attempt.next = Some(at);
        }
        self.refused += 1;
        self.refused_delay += u64::from(refusal == Refusal::Delay);
        let attempt = Attempt {
            number: self.refused,
            refused: at,
            refusal,
            rpc,
            asked,
            woke: None,
            retried: None,
            interrupted: false,
            next: None,
        };
        if self.first.len() < FIRST_KEPT {
            self.first.push(attempt);
        } else {
            if self.last.len() == LAST_KEPT {
                self.last.pop_front();
            }
            self.last.push_back(attempt);
        }
        self.state = State::Asleep { since: at };
    }

    pub(super) fn wake(&mut self, at: Stamp, status: i32) {
        if let Some(attempt) = self.latest_mut() {
            attempt.woke = Some(at);
            attempt.interrupted = status < 0;
        }
        self.state = State::Trying { since: at };
    }

    pub(super) fn retry(&mut self, at: Stamp) {
        if let Some(attempt) = self.latest_mut() {
            attempt.retried = Some(at);
        }
        self.state = State::Trying { since: at };
    }

    pub(super) fn end(&mut self, at: Stamp, outcome: Outcome) {
        if let Some(attempt) = self.latest_mut() {
            attempt.next = Some(at);
        }
        self.state = State::Ended { at, outcome };
    }
}
