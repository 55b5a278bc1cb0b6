//! What the kernel log says about a start.

use std::time::Duration;

use super::LONGEST_S;
use crate::{
    record::{Errno, Stamp},
    timeline::kernel_log::{LogFact, TrackerName},
};

/// What the kernel log says about a start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// That nfsd found no tracker, and why.
    pub failure: Option<(Stamp, Errno)>,
    /// The tracker that it uses.
    pub tracker: Option<(Stamp, TrackerName)>,
    /// That this is a container.
    pub container: bool,
    /// That nfsdcld is too old.
    pub old_nfsdcld: bool,
    /// When the timer of the grace period was set, or the grace period was skipped.
    pub timer_set: Option<Stamp>,
    /// The length of the grace period.
    pub length: Option<Duration>,
    /// That the tracker could not end the grace period, and why.
    pub end_failure: Option<(Stamp, Errno)>,
}

impl Heard {
    /// Takes over what a line says.
    pub(in crate::timeline) fn take(&mut self, at: Stamp, fact: &LogFact) {
        match fact {
            LogFact::TrackingFailed(status) => self.failure = Some((at, *status)),
            LogFact::Using(tracker) => self.tracker = Some((at, tracker.clone())),
            LogFact::Container => self.container = true,
            LogFact::OldNfsdcld => self.old_nfsdcld = true,
            LogFact::EndFailed(status) => self.end_failure = Some((at, *status)),
            LogFact::GraceStarts { seconds, .. } => {
                self.timer_set.get_or_insert(at);
                self.length.get_or_insert(Duration::from_secs((*seconds).min(LONGEST_S)));
            }
            LogFact::GraceSkipped(_) => {
                self.timer_set.get_or_insert(at);
            }
            LogFact::AllReclaimed(_) | LogFact::NoRecoveryDir | LogFact::Comment => {}
        }
    }

    /// When nfsd was done with its trackers, and with what.
    #[must_use]
    pub fn tracking_result(&self) -> Option<(Stamp, Errno)> {
        self.failure.or(self.tracker.as_ref().map(|(at, _)| (*at, Errno::OK)))
    }
}
