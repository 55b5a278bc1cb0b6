//! What of a host's time has been read already: two recorders may have run at once, and a new one reads the kernel log
//! from before it began.

use std::time::Duration;

use crate::record::{Header, Kind, Line, Stamp};

/// How far records may be out of order, and a header ahead of what it stands before.
const SLACK: Duration = Duration::from_secs(2);
/// A recorder that runs writes something at least this often (it samples the clock once a minute).
const SILENCE: Duration = Duration::from_secs(150);

/// How a file goes on where others of its host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// It is the first.
    First,
    /// It was begun when the one before was full, or some time later.
    After { began: Stamp },
    /// It was written at the same time: what the others cover is passed over.
    Beside,
}

/// What was covered before a file, and what it covers itself.
#[derive(Debug)]
pub(super) struct Coverage {
    before: Stamp,
    latest: Stamp,
    joint: Joint,
    passed_over: u64,
}

impl Coverage {
    pub(super) fn new() -> Self {
        Self { before: Stamp(0), latest: Stamp(0), joint: Joint::First, passed_over: 0 }
    }

    /// The time of the latest record.
    pub(super) fn latest(&self) -> Stamp {
        self.latest
    }

    /// Begins the next file. When nobody recorded before it, since when.
    pub(super) fn next_file(&mut self, header: Option<&Header>) -> Option<Stamp> {
        let first = self.latest == Stamp(0);
        self.before = self.latest;
        self.passed_over = 0;
        self.joint = match header {
            Some(header) if !first => match header.started.plus(SLACK) < self.before {
                true => Joint::Beside,
                false => Joint::After { began: header.started },
            },
            _ => Joint::First,
        };
        match self.joint {
            Joint::After { began } if began.since(self.before) > SILENCE => Some(self.before),
            _ => None,
        }
    }

    /// Takes a line. Whether it is to be passed over.
    pub(super) fn covers(&mut self, line: &Line) -> bool {
        let at = line.at();
        let covered = match (self.joint, line) {
            (Joint::First, _)
            | (_, Line::Header(_) | Line::Clock(_) | Line::Verdict(_) | Line::Summary(_) | Line::Paired(_)) => false,
            (Joint::Beside, _) => at <= self.before,
            // A recorder that starts reads what the kernel log holds from before.
            (Joint::After { began }, Line::Event(event)) => {
                matches!(event.kind, Kind::KernelLog { .. }) && at.plus(SLACK) < began && at <= self.before
            }
            (Joint::After { .. }, Line::Loss(_)) => false,
        };
        self.passed_over += u64::from(covered);
        self.latest = self.latest.max(at);
        covered
    }

    /// Records passed over, where the file was written at the same time as others.
    pub(super) fn passed_over(&self) -> Option<u64> {
        (self.joint == Joint::Beside).then_some(self.passed_over)
    }
}
