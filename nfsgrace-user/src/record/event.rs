//! What was seen, as one value per observation.
//!
//! An [`Event`] is the only thing that flows from a source to the timeline: the same whether this kernel sent it a
//! moment ago, or a file kept it for a month. Fields that a kernel could not give are `None`, never invented.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A point in time: nanoseconds of `CLOCK_BOOTTIME` of the host that saw the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(pub u64);

impl Stamp {
    /// Time elapsed since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This point in time, moved into the future.
    #[must_use]
    pub fn plus(self, by: std::time::Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// A network namespace, by the inode number that `/proc/PID/ns/net` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Netns(pub u32);

/// The task that was running when the event happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Task {
    /// Process id (the kernel's tgid).
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Name of the thread, at most 15 bytes.
    pub comm: String,
}

/// One observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it happened.
    pub at: Stamp,
    /// Who was running.
    pub task: Task,
    /// The network namespace of the server concerned; `None` on client events and where it could not be told.
    pub netns: Option<Netns>,
    /// What happened.
    pub kind: Kind,
}

/// A way for nfsd to remember its clients over a restart (`struct nfsd4_client_tracking_ops`, fs/nfsd/nfs4recover.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tracker {
    /// The daemon nfsdcld over the rpc_pipefs pipe `nfsd/cld`.
    Cld,
    /// nfsdcld with the first version of its protocol.
    CldV0,
    /// The user-mode helper `/sbin/nfsdcltrack`.
    Umh,
    /// The recovery directory `/var/lib/nfs/v4recovery`.
    Legacy,
}

/// Whose grace period: each has its own `struct lock_manager`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manager {
    /// nfsd's, for NFSv4 opens and locks.
    Nfsd,
    /// lockd's, for NLM locks (NFSv3); NFSv4 LOCK honours it as well.
    Lockd,
}

/// What ended a grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// There was nobody to wait for: it ended inside `nfs4_state_start_net`.
    Skipped,
    /// The laundromat's timer.
    Timer,
    /// The last expected RECLAIM_COMPLETE.
    AllReclaimed,
    /// A write to `/proc/fs/nfsd/v4_end_grace`.
    V4EndGrace,
    /// The server was stopped.
    Shutdown,
    /// Seen to end, cause not seen.
    Unknown,
}

/// A server operation that a grace period can refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerOp {
    /// OPEN
    Open,
    /// LOCK
    Lock,
    /// REMOVE
    Remove,
    /// RENAME
    Rename,
}

/// How an OPEN names its file (`enum open_claim_type4`, RFC 8881 §18.16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// CLAIM_NULL: an ordinary open by name.
    Null,
    /// CLAIM_PREVIOUS: a reclaim after a restart.
    Previous,
    /// CLAIM_DELEGATE_CUR
    DelegateCur,
    /// CLAIM_DELEGATE_PREV
    DelegatePrev,
    /// CLAIM_FH: an ordinary open by file handle.
    Fh,
    /// CLAIM_DELEG_CUR_FH
    DelegCurFh,
    /// CLAIM_DELEG_PREV_FH
    DelegPrevFh,
}

impl Claim {
    /// From the number on the wire.
    #[must_use]
    pub fn from_wire(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Null,
            1 => Self::Previous,
            2 => Self::DelegateCur,
            3 => Self::DelegatePrev,
            4 => Self::Fh,
            5 => Self::DelegCurFh,
            6 => Self::DelegPrevFh,
            _ => return None,
        })
    }

    /// Whether the client claims state that it held before the server restarted.
    #[must_use]
    pub fn is_reclaim(self) -> bool {
        matches!(self, Self::Previous | Self::DelegatePrev | Self::DelegPrevFh)
    }
}

/// Why the server asked the client to come back later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// NFS4ERR_GRACE (10013)
    Grace,
    /// NFS4ERR_DELAY (10008)
    Delay,
}

/// The RPC that was refused, as its client saw it. With the XID it is found again among the server's refusals.
///
/// `sent` lies before the server can have received the request, `received` after it can have sent its reply, whatever the
/// two hosts' clocks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rpc {
    /// The number on the wire. A request that is sent again keeps it.
    pub xid: u32,
    /// The request cannot have left before this moment; where it was sent more than once, the first time.
    pub sent: Option<Stamp>,
    /// The reply had arrived at this moment.
    pub received: Option<Stamp>,
    /// How often the request was sent.
    pub transmissions: Option<u32>,
}

/// An NFS client as the server sees it; each part only where the kernel gave it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Client {
    /// Address that the request came from.
    pub addr: Option<IpAddr>,
    /// The name that the client gave itself (`nfs_client_id4.id`), the key of the reclaim table.
    pub name: Option<String>,
    /// NFSv4 minor version of the request.
    pub minor: Option<u32>,
}

/// What nfsd had in its `struct nfsd_net` at the moment; each part only where BTF gave its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerState {
    /// Length of the grace period, seconds (`nfsd4_grace`).
    pub grace_s: Option<u64>,
    /// Length of a lease, seconds (`nfsd4_lease`).
    pub lease_s: Option<u64>,
    /// Whether a tracker is in place (`client_tracking_ops` is not NULL).
    pub tracking: Option<bool>,
    /// Whether an early end is possible (`track_reclaim_completes`).
    pub tracks_reclaim_completes: Option<bool>,
    /// Clients that may reclaim (`reclaim_str_hashtbl_size`).
    pub to_reclaim: Option<u32>,
    /// Clients that finished reclaiming (`nr_reclaim_complete`).
    pub reclaimed: Option<u32>,
}

/// What user space looked like when a tracker failed: gathered from `/proc` by the source, right then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Surroundings {
    /// Where an rpc_pipefs is mounted, as the process that started nfsd sees it; `None` when it could not be read.
    pub rpc_pipefs: Option<Vec<String>>,
    /// Process id of nfsdcld, when one runs.
    pub nfsdcld_pid: Option<u32>,
    /// The `nfsd/cld` pipe that this nfsdcld holds open, when it does.
    pub nfsdcld_pipe: Option<String>,
    /// Whether `/sbin/nfsdcltrack` exists.
    pub nfsdcltrack: Option<bool>,
    /// Whether the recovery directory exists, and is a directory.
    pub recovery_dir: Option<bool>,
}

/// What was counted in the kernel since tracing began: exact even where single events were lost.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// OPENs that the server answered.
    pub opens: u64,
    /// OPENs that it refused with NFS4ERR_GRACE.
    pub opens_refused: u64,
    /// Other operations that it refused with NFS4ERR_GRACE (LOCK, REMOVE, RENAME).
    pub others_refused: u64,
    /// Times that `__state_in_grace` was asked.
    pub grace_asked: u64,
    /// Times that it answered yes.
    pub grace_true: u64,
    /// Client side: refusals that put a task to sleep.
    pub delays: u64,
    /// Client side: operations that ended after at least one refusal.
    pub stalls_ended: u64,
}

/// What happened.
///
/// Server events mirror fs/nfsd/nfs4state.c and fs/nfsd/nfs4recover.c, client events fs/nfs/nfs4proc.c.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `nfs4_state_start_net` was entered: nfsd starts in this namespace.
    ServerStart,
    /// `nfs4_state_start_net` returned.
    ServerStarted {
        /// Zero or a negative errno. A failed tracker does not make it fail.
        status: i32,
        /// What nfsd had set up by then.
        state: ServerState,
    },
    /// `nfs4_state_shutdown_net` was entered: nfsd stops in this namespace.
    ServerStop,
    /// `nfsd4_client_tracking_init` was entered.
    TrackingStart {
        /// Kernel stack, innermost function first; empty where it was not taken.
        stack: Vec<String>,
    },
    /// `nfsd4_client_tracking_init` returned.
    TrackingEnd {
        /// Zero or a negative errno.
        status: i32,
    },
    /// A tracker's `init` was entered.
    TrackerStart {
        /// Which one.
        tracker: Tracker,
    },
    /// A tracker's `init` returned.
    TrackerEnd {
        /// Which one.
        tracker: Tracker,
        /// Zero or a negative errno.
        status: i32,
    },
    /// `cld_running` was asked whether anybody holds the pipe `nfsd/cld` open.
    Poll {
        /// Its answer.
        running: bool,
        /// True where the function is inlined, and the answer was inferred from the `msleep(100)` that follows a "no".
        inferred: bool,
    },
    /// A client was put into the reclaim table (`nfs4_client_to_reclaim`).
    ReclaimRecord {
        /// The name it is kept under.
        name: String,
    },
    /// `locks_start_grace`: from here on new state is refused.
    GraceStart {
        /// Whose grace period.
        manager: Manager,
    },
    /// `locks_end_grace`: from here on new state is granted.
    GraceEnd {
        /// Whose grace period.
        manager: Manager,
        /// What ended it.
        by: EndedBy,
        /// What nfsd had at that moment (nothing for lockd).
        state: ServerState,
    },
    /// `__state_in_grace` began to give another answer than before.
    GraceAnswer {
        /// Asked for an OPEN (`opens_in_grace`) rather than a LOCK (`locks_in_grace`).
        for_open: bool,
        /// The new answer.
        in_grace: bool,
    },
    /// The server refused an operation with NFS4ERR_GRACE.
    Refused {
        /// Which operation.
        op: ServerOp,
        /// Who asked.
        client: Client,
        /// XID of the RPC.
        xid: Option<u32>,
        /// How an OPEN names its file.
        claim: Option<Claim>,
        /// File name in an OPEN by name.
        name: Option<String>,
        /// Whether `__state_in_grace` said yes during this operation; `Some(false)` means that the refusal has another
        /// reason (a 4.1+ client that has not sent RECLAIM_COMPLETE).
        in_grace: Option<bool>,
        /// Time in the server, nanoseconds.
        took_ns: u64,
    },
    /// A client claimed state from before the restart.
    Reclaim {
        /// Which operation.
        op: ServerOp,
        /// Who asked.
        client: Client,
        /// XID of the RPC.
        xid: Option<u32>,
        /// NFS status, 0 or an `NFS4ERR_` number.
        status: u32,
    },
    /// `nfsd4_reclaim_complete` returned: a client says it has claimed all that it wants.
    ReclaimComplete {
        /// Who.
        client: Client,
        /// NFS status, 0 or an `NFS4ERR_` number.
        status: u32,
    },
    /// A client confirmed its identity (`nfsd4_setclientid_confirm` for 4.0, `nfsd4_create_session` for 4.1+).
    ClientConfirmed {
        /// Who.
        client: Client,
        /// NFS status, 0 or an `NFS4ERR_` number.
        status: u32,
    },
    /// A process wrote to `/proc/fs/nfsd/v4_end_grace`; the task is the writer.
    EndGraceWrite {
        /// Negative errno when refused, otherwise the number of bytes.
        status: i32,
    },
    /// What `/proc` showed when a tracker failed.
    Surroundings(Surroundings),
    /// A line that nfsd or lockd wrote to the kernel log.
    KernelLog {
        /// Without the time stamp.
        text: String,
    },
    /// A client's operation was refused, and its task goes to sleep.
    Delay {
        /// When the operation began; with the thread id it identifies the stall.
        began: Stamp,
        /// False when the beginning was not seen, and `began` is the first refusal.
        began_seen: bool,
        /// Kernel function that runs the operation (`nfs4_do_open`), where known.
        op: Option<String>,
        /// Path of the file as the task would name it, as far as known.
        path: Option<String>,
        /// Server that refused, as the mount names it.
        server: Option<String>,
        /// Why.
        refusal: Refusal,
        /// `exception->timeout` before this sleep, jiffies; the sleep asked for follows from it.
        timeout: Option<i64>,
        /// True where `nfs4_delay` itself was probed; false where it is inlined and the delay is computed.
        observed: bool,
        /// Kernel stack at the task's first sleep, innermost function first; otherwise empty.
        stack: Vec<String>,
        /// The RPC that was refused, where its XID is known.
        rpc: Option<Rpc>,
    },
    /// The sleep is over.
    SleepEnd {
        /// Identifies the stall.
        began: Stamp,
        /// Negative errno when the sleep was interrupted, otherwise zero.
        status: i32,
    },
    /// The client sends the request again.
    Attempt {
        /// Identifies the stall.
        began: Stamp,
    },
    /// The operation is over.
    StallEnd {
        /// Identifies the stall.
        began: Stamp,
        /// Zero or a negative errno; `None` when the task died, or the end was inferred.
        status: Option<i32>,
    },
    /// The kernel stack of an earlier event: naming its addresses takes longer than the event could wait.
    Stack {
        /// Identifies the stall whose first sleep it is; `None` for the stack of [`Kind::ServerStart`].
        began: Option<Stamp>,
        /// Innermost function first.
        stack: Vec<String>,
    },
    /// Counted so far.
    Counts(Counts),
}
