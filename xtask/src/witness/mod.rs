//! Compares what nfsgrace recorded with what others saw of the same run: ftrace's own probes, and the opener's clock.

pub mod compare;
pub mod ftrace;
pub mod opens;
pub mod paired;
pub mod printed;
pub mod rpcs;
pub mod session;

use std::time::Duration;

/// Something that both nfsgrace and the witness see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// `nfs4_state_start_net` was entered.
    ServerStart,
    /// It returned this.
    ServerStarted(i64),
    /// `nfsd4_client_tracking_init` was entered.
    TrackingStart,
    /// It returned this.
    TrackingEnd(i64),
    /// nfsdcld's tracker returned this.
    CldEnd(i64),
    /// nfsdcltrack's tracker returned this.
    UmhEnd(i64),
    /// The recovery directory's tracker returned this.
    LegacyEnd(i64),
    /// nfsd asked whether somebody holds nfsdcld's pipe, and nobody did.
    Poll,
    /// A grace period began.
    GraceStart,
    /// The server refused an OPEN because of the grace period.
    Refusal,
    /// A client's task was refused and went to sleep.
    Sleep,
    /// The sleep was over.
    SleepEnd,
}

impl Seen {
    /// Its name in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerStart => "server start",
            Self::ServerStarted(_) => "server started",
            Self::TrackingStart => "tracking start",
            Self::TrackingEnd(_) => "tracking end",
            Self::CldEnd(_) => "cld end",
            Self::UmhEnd(_) => "umh end",
            Self::LegacyEnd(_) => "legacy end",
            Self::Poll => "poll",
            Self::GraceStart => "grace start",
            Self::Refusal => "refusal",
            Self::Sleep => "sleep",
            Self::SleepEnd => "sleep end",
        }
    }
}

/// When and in which thread something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Observation {
    /// What.
    pub seen: Seen,
    /// Thread id.
    pub tid: u32,
    /// `CLOCK_BOOTTIME`, nanoseconds.
    pub at_ns: u64,
}

/// An RPC that a client was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedRpc {
    /// The number on the wire, where it is known.
    pub xid: Option<u32>,
    /// The request cannot have left before, `CLOCK_BOOTTIME`, nanoseconds; where it is known.
    pub sent_ns: Option<u64>,
    /// When the refusal had arrived.
    pub received_ns: u64,
    /// Whether it is an OPEN or a REMOVE, which nfsgrace must know the XID of.
    pub must_be_known: bool,
}

/// A task that was blocked: from the entry of `nfs4_do_open` to its return, with at least one sleep between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// Thread id.
    pub tid: u32,
    /// When it began, `CLOCK_BOOTTIME`, nanoseconds.
    pub began_ns: u64,
    /// When it ended.
    pub ended_ns: u64,
}

impl Stall {
    /// How long it was.
    pub fn length(&self) -> Duration {
        Duration::from_nanos(self.ended_ns.saturating_sub(self.began_ns))
    }

    /// Whether `other` is the same stall, perhaps timed a little differently.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.tid == other.tid && self.began_ns < other.ended_ns && other.began_ns < self.ended_ns
    }
}
