//! What of a host's time has been read already: a recording goes on in the next file, two recorders may have run at once,
//! and a new one reads the kernel log from before it began.

use std::time::Duration;

use crate::record::{Continuation, Header, Kind, Line, Loss, Stamp, moment_text};

/// How far records may be out of order, and a header ahead of what it stands before.
const SLACK: Duration = Duration::from_secs(2);
/// A recorder that runs writes something at least this often (it samples the clock once a minute).
const SILENCE: Duration = Duration::from_secs(150);

/// How a file goes on where others of its host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// It is the first, or the next of its recording.
    GoesOn,
    /// It is of a recorder that was started later.
    After { began: Stamp },
    /// It covers a time that others cover too: that is passed over.
    Beside,
}

/// What was covered before a file, and what it covers itself.
#[derive(Debug)]
pub(super) struct Coverage {
    before: Stamp,
    latest: Stamp,
    joint: Joint,
    continuation: Continuation,
    /// When the recording of the file before began, and its number in it.
    part: Option<(Stamp, u64)>,
    passed_over: u64,
}

impl Coverage {
    pub(super) fn new() -> Self {
        Self {
            before: Stamp(0),
            latest: Stamp(0),
            joint: Joint::GoesOn,
            continuation: Continuation::default(),
            part: None,
            passed_over: 0,
        }
    }

    /// The time of the latest record.
    pub(super) fn latest(&self) -> Stamp {
        self.latest
    }

    /// A file of this name begins; what is missing between it and the one before.
    pub(super) fn begin(&mut self, name: &str, header: Option<&Header>) -> Option<Loss> {
        self.before = self.latest;
        self.passed_over = 0;
        let Some(header) = header else {
            self.joint = Joint::GoesOn;
            return None;
        };
        let part = header.continues.as_ref().map_or(1, |continues| continues.part);
        let before = self.part.replace((header.started, part));
        let (joint, missing) = match before {
            None => (Joint::GoesOn, None),
            Some((started, last)) if started == header.started && part > last => match part - last {
                1 => (Joint::GoesOn, None),
                _ => (Joint::Beside, Some(("file_missing", format!("what was in the files before {name}")))),
            },
            Some(_) if header.started.plus(SLACK) < self.before => (Joint::Beside, None),
            Some(_) => {
                let silent = header.started.since(self.before) > SILENCE;
                let hides = format!("all that happened from {} until {name} was begun", moment_text(self.before));
                (Joint::After { began: header.started }, silent.then_some(("not_recorded", hides)))
            }
        };
        self.joint = joint;
        missing.map(|(cause, hides)| Loss { at: self.before, cause: cause.to_owned(), count: 1, hides })
    }

    /// A recorder begins anew in the middle of a file: it says itself what it missed.
    pub(super) fn begin_again(&mut self, header: &Header) {
        if header.started.plus(SLACK) >= self.latest {
            self.before = self.latest;
            self.joint = Joint::After { began: header.started };
        }
    }

    /// What comes next is of a file that was passed over until now.
    pub(super) fn beside(&mut self) {
        self.before = self.latest;
        self.joint = Joint::Beside;
    }

    /// Takes a line. Whether it is to be passed over.
    pub(super) fn covers(&mut self, line: &Line) -> bool {
        let at = line.at();
        let repeated = !self.continuation.admits(line);
        let covered = match (self.joint, line) {
            (_, Line::Header(_) | Line::Clock(_) | Line::Verdict(_) | Line::Summary(_) | Line::Paired(_))
            | (Joint::GoesOn, _) => false,
            // What the other recorder counted, it counted from its own start.
            (Joint::Beside, Line::Event(event)) => at <= self.before || matches!(event.kind, Kind::Counts(_)),
            (Joint::Beside, Line::Loss(_)) => at <= self.before,
            // A recorder that starts reads what the kernel log holds from before.
            (Joint::After { began }, Line::Event(event)) => {
                matches!(event.kind, Kind::KernelLog { .. }) && at.plus(SLACK) < began && at <= self.before
            }
            (Joint::After { .. }, Line::Loss(_)) => false,
        };
        self.passed_over += u64::from(covered && !repeated);
        self.latest = self.latest.max(at);
        covered || repeated
    }

    /// Records passed over, where the file covers a time that others cover too.
    pub(super) fn passed_over(&self) -> Option<u64> {
        (self.joint == Joint::Beside).then_some(self.passed_over)
    }
}
