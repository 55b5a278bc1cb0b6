//! What one event changed.

use std::sync::Arc;

use super::{RestartId, Stall, StallId};
use crate::record::{Manager, Stamp};

/// What a line of the kernel log told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Something that nothing else had told.
    New,
    /// What was watched already, or what another change says.
    Known,
    /// It was not understood.
    NotUnderstood,
}

/// What one event changed. Where a change names a place in a list, that is the index into it.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A restart was noticed.
    RestartBegan(RestartId),
    /// It began to look for a tracker.
    TrackingBegan(RestartId),
    /// It tries a tracker.
    TrackerBegan(RestartId, usize),
    /// It asked whether anybody holds the pipe.
    Polled(RestartId, usize),
    /// A tracker returned.
    TrackerEnded(RestartId, usize),
    /// It found a tracker, or found none.
    TrackingEnded(RestartId),
    /// nfsd is up.
    Started(RestartId),
    /// A client was put into the reclaim table.
    Recorded(RestartId, Option<usize>),
    /// A grace period began.
    GraceBegan(RestartId, Manager),
    /// A grace period that should have been over refuses: it goes on.
    GraceGoesOn(RestartId),
    /// Its length became known.
    LengthKnown(RestartId),
    /// A grace period ended.
    GraceEnded(RestartId, Manager),
    /// Opens or locks are answered differently from here on.
    AnswerChanged(RestartId),
    /// A client was refused.
    Refused(RestartId, Option<usize>),
    /// A client reclaimed.
    Reclaimed(RestartId, Option<usize>),
    /// A client finished reclaiming.
    Completed(RestartId, Option<usize>),
    /// A client confirmed its identity.
    Confirmed(RestartId, Option<usize>),
    /// Somebody wrote to `v4_end_grace`.
    EndGraceWritten(RestartId),
    /// What `/proc` showed became known.
    Surroundings(RestartId),
    /// nfsd was stopped.
    Stopped(RestartId),
    /// The kernel log tells of a start from before watching whose grace period is over.
    History(RestartId),
    /// nfsd wrote a line to the kernel log.
    Logged {
        /// When.
        at: Stamp,
        /// Without the time stamp.
        text: String,
        /// What it told the timeline.
        told: Told,
    },
    /// The kernel stack at its start became known.
    StackNamed(RestartId),
    /// A task was refused for the first time, and sleeps.
    StallBegan(StallId),
    /// The kernel stack of its first sleep became known.
    StallStackNamed(StallId),
    /// It was refused again, and sleeps.
    RefusedAgain(StallId),
    /// Its sleep is over.
    Woke(StallId),
    /// It sent its request again.
    Retried(StallId),
    /// It is over.
    StallEnded(Arc<Stall>),
    /// New totals of the kernel side.
    Counted,
}

/// What one event changed, in order.
pub type Changes = Vec<Change>;
