//! Compares what nfsgrace recorded with what others saw of the same run: ftrace's own probes, and the opener's clock.

pub mod compare;
pub mod ftrace;
pub mod opens;
pub mod session;

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
