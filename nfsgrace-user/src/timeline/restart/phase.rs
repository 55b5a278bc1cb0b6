//! How far a start of nfsd has come: the only place that knows.

use super::KnownFrom;
use crate::record::{EndedBy, Stamp};

/// The end of a grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraceEnd {
    /// When.
    pub at: Stamp,
    /// What ended it.
    pub by: EndedBy,
    /// How that is known.
    pub known_from: KnownFrom,
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

impl Grace {
    /// It was seen to begin.
    pub(in crate::timeline) fn begins(began: Stamp) -> Self {
        Self { began, began_seen: true, ended: None }
    }

    /// It was noticed while it was on.
    fn noticed(began: Stamp) -> Self {
        Self { began, began_seen: false, ended: None }
    }

    /// Ends it; what was watched is not overruled. Whether it was on until now.
    pub(in crate::timeline) fn end(&mut self, end: GraceEnd) -> bool {
        let was_on = self.ended.is_none();
        if self.ended.is_none_or(|before| before.known_from != KnownFrom::Observed) {
            self.ended = Some(end);
        }
        was_on
    }

    fn is_on(&self) -> bool {
        self.ended.is_none()
    }
}

/// How far a start of nfsd has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It is starting: it looks for a tracker. Its grace period begins before that, and is over before nfsd is up when
    /// nobody has anything to reclaim.
    Starting {
        /// Its grace period, once it has begun.
        grace: Option<Grace>,
    },
    /// It is up, and no sign of a grace period was seen.
    Up,
    /// Its grace period is on.
    Grace {
        /// When that began, or was first noticed.
        began: Stamp,
        /// Whether its beginning was seen.
        began_seen: bool,
    },
    /// Its grace period has ended.
    Over {
        /// When it began, or was first noticed.
        began: Stamp,
        /// Whether its beginning was seen.
        began_seen: bool,
        /// Its end.
        end: GraceEnd,
    },
    /// It was stopped.
    Stopped {
        /// When.
        at: Stamp,
        /// The grace period that it had.
        grace: Option<Grace>,
    },
    /// Known from the kernel log alone, and its grace period was over before watching began: the log says so, its planned
    /// end had passed, or a later start followed. A refusal that is seen disproves it.
    History {
        /// Its grace period, with its end where the log tells it.
        grace: Grace,
        /// When it was stopped, if that was watched.
        stopped: Option<Stamp>,
    },
}

/// How a grace period shows that it is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::timeline) enum Sign {
    /// It was not known of.
    Noticed,
    /// It was thought to be history.
    GoesOn,
}

impl Phase {
    /// Of a server that is up, or was.
    fn of(grace: Option<Grace>, stopped: Option<Stamp>) -> Self {
        match (stopped, grace) {
            (Some(at), grace) => Self::Stopped { at, grace },
            (None, None) => Self::Up,
            (None, Some(Grace { began, began_seen, ended: None })) => Self::Grace { began, began_seen },
            (None, Some(Grace { began, began_seen, ended: Some(end) })) => Self::Over { began, began_seen, end },
        }
    }

    /// The grace period, whatever became of it.
    #[must_use]
    pub fn grace(self) -> Option<Grace> {
        match self {
            Self::Up => None,
            Self::Starting { grace } | Self::Stopped { grace, .. } => grace,
            Self::Grace { began, began_seen } => Some(Grace { began, began_seen, ended: None }),
            Self::Over { began, began_seen, end } => Some(Grace { began, began_seen, ended: Some(end) }),
            Self::History { grace, .. } => Some(grace),
        }
    }

    /// Whether the grace period is on, as far as known.
    #[must_use]
    pub fn in_grace(self) -> bool {
        match self {
            Self::Starting { grace } => grace.is_some_and(|grace| grace.is_on()),
            Self::Grace { .. } => true,
            Self::Up | Self::Over { .. } | Self::Stopped { .. } | Self::History { .. } => false,
        }
    }

    /// When nfsd was stopped.
    #[must_use]
    pub fn stopped(self) -> Option<Stamp> {
        match self {
            Self::Stopped { at, .. } => Some(at),
            Self::History { stopped, .. } => stopped,
            Self::Starting { .. } | Self::Up | Self::Grace { .. } | Self::Over { .. } => None,
        }
    }

    pub(super) fn begin_grace(&mut self, at: Stamp) {
        *self = match *self {
            Self::Starting { .. } => Self::Starting { grace: Some(Grace::begins(at)) },
            before => Self::of(
                Some(Grace { ended: before.grace().and_then(|it| it.ended), ..Grace::begins(at) }),
                before.stopped(),
            ),
        };
    }

    /// It refused, or said that it is in its grace period.
    pub(super) fn show_grace(&mut self, at: Stamp) -> Option<Sign> {
        let (next, sign) = match *self {
            Self::Starting { grace: None } => (Self::Starting { grace: Some(Grace::noticed(at)) }, Sign::Noticed),
            Self::Up => (Self::of(Some(Grace::noticed(at)), None), Sign::Noticed),
            Self::History { grace, stopped } => (Self::of(Some(grace), stopped), Sign::GoesOn),
            Self::Starting { .. } | Self::Grace { .. } | Self::Over { .. } | Self::Stopped { .. } => return None,
        };
        *self = next;
        Some(sign)
    }

    /// The grace period ends, which began at `began` unless that is known better. Whether it was on until now.
    pub(super) fn end_grace(&mut self, began: Stamp, end: GraceEnd) -> bool {
        // That it ends now says only that the server stops.
        if matches!(self, Self::History { .. }) {
            return false;
        }
        let mut grace = self.grace().unwrap_or(Grace::noticed(began));
        let was_on = grace.end(end);
        *self = match *self {
            Self::Starting { .. } => Self::Starting { grace: Some(grace) },
            before => Self::of(Some(grace), before.stopped()),
        };
        was_on
    }

    /// The kernel log tells that the grace period ended. Whether nothing else had told.
    pub(super) fn hear_end(&mut self, end: GraceEnd) -> bool {
        let Some(grace) = self.grace().filter(Grace::is_on) else { return false };
        let grace = Grace { ended: Some(end), ..grace };
        *self = match *self {
            Self::Starting { .. } => Self::Starting { grace: Some(grace) },
            Self::History { stopped, .. } => Self::History { grace, stopped },
            before => Self::of(Some(grace), before.stopped()),
        };
        true
    }

    /// The start of a server that was known from the kernel log is being watched after all.
    pub(super) fn start(&mut self) {
        *self = Self::Starting { grace: None };
    }

    /// Its start has returned.
    pub(super) fn up(&mut self) {
        if let Self::Starting { grace } = *self {
            *self = Self::of(grace, None);
        }
    }

    pub(super) fn stop(&mut self, at: Stamp) {
        *self = match *self {
            Self::History { grace, .. } => Self::History { grace, stopped: Some(at) },
            before => Self::Stopped { at, grace: before.grace() },
        };
    }

    /// Its grace period was over before watching began.
    pub(super) fn becomes_history(&mut self) {
        if let Some(grace) = self.grace() {
            *self = Self::History { grace, stopped: self.stopped() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(at: u64, by: EndedBy, known_from: KnownFrom) -> GraceEnd {
        GraceEnd { at: Stamp(at), by, known_from }
    }

    fn on() -> Phase {
        Phase::Grace { began: Stamp(2), began_seen: true }
    }

    #[test]
    fn a_grace_period_that_is_skipped_is_over_before_nfsd_is_up() {
        let mut phase = Phase::Starting { grace: None };
        phase.begin_grace(Stamp(2));
        assert!(phase.in_grace());
        let skipped = end(3, EndedBy::Skipped, KnownFrom::Observed);
        assert!(phase.end_grace(Stamp(1), skipped));
        assert!(matches!(phase, Phase::Starting { .. }) && !phase.in_grace());
        phase.up();
        assert_eq!(phase, Phase::Over { began: Stamp(2), began_seen: true, end: skipped });
    }

    #[test]
    fn what_was_watched_is_not_overruled() {
        let (mut phase, timer) = (on(), end(9, EndedBy::Timer, KnownFrom::Observed));
        assert!(phase.end_grace(Stamp(1), end(8, EndedBy::Unknown, KnownFrom::GraceOnly)));
        assert!(!phase.end_grace(Stamp(1), timer), "it was over already");
        // locks_end_grace is called again when the server stops.
        phase.stop(Stamp(20));
        assert!(!phase.end_grace(Stamp(1), end(21, EndedBy::Shutdown, KnownFrom::Observed)));
        assert_eq!(phase.grace().and_then(|grace| grace.ended), Some(timer));
        assert!(!phase.hear_end(end(3, EndedBy::AllReclaimed, KnownFrom::KernelLog)));
    }

    #[test]
    fn a_server_that_stops_in_its_grace_period_is_in_none() {
        let mut phase = on();
        phase.stop(Stamp(5));
        assert!(!phase.in_grace());
        let stopped = end(6, EndedBy::Shutdown, KnownFrom::Observed);
        assert!(phase.end_grace(Stamp(1), stopped));
        assert_eq!(phase.grace().and_then(|grace| grace.ended), Some(stopped));
        assert_eq!((phase.stopped(), phase.show_grace(Stamp(7))), (Some(Stamp(5)), None));
    }

    #[test]
    fn history_ends_no_second_time_and_is_disproved_by_a_refusal() {
        let mut phase = on();
        phase.becomes_history();
        let before = phase;
        assert!(!phase.end_grace(Stamp(1), end(50, EndedBy::Shutdown, KnownFrom::Observed)));
        assert_eq!(phase, before);
        assert_eq!(phase.show_grace(Stamp(40)), Some(Sign::GoesOn));
        assert_eq!(phase, on());

        let mut stopped = before;
        stopped.stop(Stamp(60));
        assert_eq!(stopped.stopped(), Some(Stamp(60)));
        assert!(matches!(stopped, Phase::History { .. }));
    }

    #[test]
    fn a_grace_period_that_nobody_saw_begin_is_noticed_once() {
        let mut phase = Phase::Up;
        assert_eq!(phase.show_grace(Stamp(7)), Some(Sign::Noticed));
        assert_eq!(phase.show_grace(Stamp(8)), None);
        assert_eq!(phase, Phase::Grace { began: Stamp(7), began_seen: false });
        // The kernel log, read afterwards, knows since when.
        phase.begin_grace(Stamp(2));
        assert_eq!(phase, on());
    }
}
