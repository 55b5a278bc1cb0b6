//! What was seen, as one value per observation.
//!
//! An [`Event`] is the only thing that flows from a source to the timeline: the same whether this kernel sent it a
//! moment ago, or a file kept it for a month. Fields that a kernel could not give are `None`, never invented.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

#[cfg(feature = "arbitrary")]
use super::sample;
use super::{
    decode::{Why, quote},
    define::{choices, describe, fields, find, key, kinds, read},
    field::{Bounded, Field, FieldAbout, Fields, Key, KindAbout, Value, always_there, json},
    quick::Cursor,
};

/// Longest grace period, lease (seconds) and sleep (jiffies) that is believed: 24 days of the shortest jiffies, so that no
/// sum with it overflows.
pub const MAX_SPAN: u64 = 1 << 31;

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

fields! {
    /// The task that was running when the event happened.
    #[derive(Hash, Default, Serialize, Deserialize)]
    pub struct Task {
        /// Process id (the kernel's tgid).
        pid: u32 = 0,
        /// Thread id.
        tid: u32 = 0,
        /// Name of the thread, at most 15 bytes.
        comm: String = (String::new()),
    }
}

/// One observation.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Event {
    /// When it happened.
    #[cfg_attr(feature = "arbitrary", arbitrary(with = sample::of))]
    pub at: Stamp,
    /// Who was running.
    pub task: Task,
    /// The network namespace of the server concerned; `None` on client events and where it could not be told.
    #[cfg_attr(feature = "arbitrary", arbitrary(with = sample::of))]
    pub netns: Option<Netns>,
    /// What happened.
    pub kind: Kind,
}

choices! {
    /// A way for nfsd to remember its clients over a restart (`struct nfsd4_client_tracking_ops`, fs/nfsd/nfs4recover.c).
    #[derive(PartialOrd, Ord)]
    pub enum Tracker {
        /// The daemon nfsdcld over the rpc_pipefs pipe `nfsd/cld`.
        Cld = "cld",
        /// nfsdcld with the first version of its protocol.
        CldV0 = "cld_v0",
        /// The user-mode helper `/sbin/nfsdcltrack`.
        Umh = "umh",
        /// The recovery directory `/var/lib/nfs/v4recovery`.
        Legacy = "legacy",
    }
}

choices! {
    /// Whose grace period: each has its own `struct lock_manager`.
    pub enum Manager {
        /// nfsd's, for NFSv4 opens and locks.
        Nfsd = "nfsd",
        /// lockd's, for NLM locks (NFSv3); NFSv4 LOCK honours it as well.
        Lockd = "lockd",
    }
}

choices! {
    /// What ended a grace period.
    pub enum EndedBy {
        /// There was nobody to wait for: it ended inside `nfs4_state_start_net`.
        Skipped = "skipped",
        /// The laundromat's timer.
        Timer = "timer",
        /// The last expected RECLAIM_COMPLETE.
        AllReclaimed = "all_reclaimed",
        /// A write to `/proc/fs/nfsd/v4_end_grace`.
        V4EndGrace = "v4_end_grace",
        /// The server was stopped.
        Shutdown = "shutdown",
        /// Seen to end, cause not seen.
        Unknown = "unknown",
    }
}

choices! {
    /// A server operation that a grace period can refuse.
    pub enum ServerOp {
        /// OPEN
        Open = "open",
        /// LOCK
        Lock = "lock",
        /// REMOVE
        Remove = "remove",
        /// RENAME
        Rename = "rename",
    }
}

choices! {
    /// How an OPEN names its file (`enum open_claim_type4`, RFC 8881 §18.16).
    pub enum Claim {
        /// CLAIM_NULL: an ordinary open by name.
        Null = "null",
        /// CLAIM_PREVIOUS: a reclaim after a restart.
        Previous = "previous",
        /// CLAIM_DELEGATE_CUR
        DelegateCur = "delegate_cur",
        /// CLAIM_DELEGATE_PREV
        DelegatePrev = "delegate_prev",
        /// CLAIM_FH: an ordinary open by file handle.
        Fh = "fh",
        /// CLAIM_DELEG_CUR_FH
        DelegCurFh = "deleg_cur_fh",
        /// CLAIM_DELEG_PREV_FH
        DelegPrevFh = "deleg_prev_fh",
    }
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
}

choices! {
    /// Why the server asked the client to come back later.
    pub enum Refusal {
        /// NFS4ERR_GRACE (10013)
        Grace = "grace",
        /// NFS4ERR_DELAY (10008)
        Delay = "delay",
    }
}

fields! {
    /// The RPC that was refused, as its client saw it. With the XID it is found again among the server's refusals.
    ///
    /// `sent` lies before the server can have received the request, `received` after it can have sent its reply, whatever the
    /// two hosts' clocks say.
    #[derive(Copy, Hash)]
    pub struct Rpc {
        /// The number on the wire. A request that is sent again keeps it.
        xid: u32,
        /// The request cannot have left before this moment; where it was sent more than once, the first time.
        sent: Option<Stamp>,
        /// The reply had arrived at this moment.
        received: Option<Stamp>,
        /// How often the request was sent.
        transmissions: Option<u32>,
    }
}

fields! {
    /// An NFS client as the server sees it; each part only where the kernel gave it.
    #[derive(Hash, Default)]
    pub struct Client {
        /// Address that the request came from.
        addr "client_addr": Option<IpAddr>,
        /// The name that the client gave itself (`nfs_client_id4.id`), the key of the reclaim table.
        name "client_name": Option<String>,
        /// NFSv4 minor version of the request.
        minor: Option<u32>,
    }
}

fields! {
    /// What nfsd had in its `struct nfsd_net` at the moment; each part only where BTF gave its place.
    #[derive(Default)]
    pub struct ServerState {
        /// Length of the grace period, seconds (`nfsd4_grace`).
        grace_s: Option<u64> where at_most(MAX_SPAN),
        /// Length of a lease, seconds (`nfsd4_lease`).
        lease_s: Option<u64> where at_most(MAX_SPAN),
        /// Whether a tracker is in place (`client_tracking_ops` is not NULL).
        tracking: Option<bool>,
        /// Whether an early end is possible (`track_reclaim_completes`).
        tracks_reclaim_completes: Option<bool>,
        /// Clients that may reclaim (`reclaim_str_hashtbl_size`).
        to_reclaim: Option<u32>,
        /// Clients that finished reclaiming (`nr_reclaim_complete`).
        reclaimed: Option<u32>,
    }
}

fields! {
    /// What user space looked like when a tracker failed: gathered from `/proc` by the source, right then.
    #[derive(Default, Serialize, Deserialize)]
    pub struct Surroundings {
        /// Where an rpc_pipefs is mounted, as the process that started nfsd sees it; absent where it could not be read.
        rpc_pipefs: Option<Vec<String>>,
        /// Process id of nfsdcld, when one runs.
        nfsdcld_pid: Option<u32>,
        /// The `nfsd/cld` pipe that this nfsdcld holds open, when it does.
        nfsdcld_pipe: Option<String>,
        /// Whether `/sbin/nfsdcltrack` exists.
        nfsdcltrack: Option<bool>,
        /// Whether the recovery directory exists, and is a directory.
        recovery_dir: Option<bool>,
    }
}

fields! {
    /// What was counted in the kernel since tracing began: exact even where single events were lost.
    #[derive(Default, Serialize, Deserialize)]
    pub struct Counts {
        /// OPENs that the server answered.
        opens: u64 = 0,
        /// OPENs that it refused with NFS4ERR_GRACE.
        opens_refused: u64 = 0,
        /// Other operations that it refused with NFS4ERR_GRACE (LOCK, REMOVE, RENAME).
        others_refused: u64 = 0,
        /// Times that `__state_in_grace` was asked.
        grace_asked: u64 = 0,
        /// Times that it answered yes.
        grace_true: u64 = 0,
        /// Client side: refusals that put a task to sleep.
        delays: u64 = 0,
        /// Client side: operations that ended after at least one refusal.
        stalls_ended: u64 = 0,
    }
}

kinds! {
    /// What happened.
    ///
    /// Server events mirror fs/nfsd/nfs4state.c and fs/nfsd/nfs4recover.c, client events fs/nfs/nfs4proc.c.
    pub enum Kind {
        /// `nfs4_state_start_net` was entered: nfsd starts in this namespace.
        ServerStart = "server_start",
        /// `nfs4_state_start_net` returned. A failed tracker does not make it fail.
        ServerStarted = "server_started" {
            /// Zero or a negative errno.
            status: i32,
            /// What nfsd had set up by then.
            state: ServerState,
        },
        /// `nfs4_state_shutdown_net` was entered: nfsd stops in this namespace.
        ServerStop = "server_stop",
        /// `nfsd4_client_tracking_init` was entered.
        TrackingStart = "tracking_start" {
            /// Kernel stack, innermost function first; empty where it was not taken.
            stack: Vec<String>,
        },
        /// `nfsd4_client_tracking_init` returned.
        TrackingEnd = "tracking_end" {
            /// Zero or a negative errno.
            status: i32,
        },
        /// A way to track clients is tried: its `init` was entered.
        TrackerStart = "tracker_start" {
            /// Which one.
            tracker: Tracker,
        },
        /// The `init` of a way to track clients returned.
        TrackerEnd = "tracker_end" {
            /// Which one.
            tracker: Tracker,
            /// Zero or a negative errno.
            status: i32,
        },
        /// `cld_running` was asked whether anybody holds the pipe `nfsd/cld` open.
        Poll = "poll" {
            /// Its answer.
            running: bool,
            /// True where the function is inlined, and the answer was inferred from the `msleep(100)` that follows a "no".
            inferred: bool,
        },
        /// A client was put into the reclaim table (`nfs4_client_to_reclaim`).
        ReclaimRecord = "reclaim_record" {
            /// The name it is kept under.
            name: String,
        },
        /// `locks_start_grace`: from here on new state is refused.
        GraceStart = "grace_start" {
            /// Whose grace period.
            manager: Manager,
        },
        /// `locks_end_grace`: from here on new state is granted.
        GraceEnd = "grace_end" {
            /// Whose grace period.
            manager: Manager,
            /// What ended it.
            by: EndedBy,
            /// What nfsd had at that moment (nothing for lockd).
            state: ServerState,
        },
        /// `__state_in_grace` began to give another answer than before.
        GraceAnswer = "grace_answer" {
            /// Asked for an OPEN (`opens_in_grace`) rather than a LOCK (`locks_in_grace`).
            for_open: bool,
            /// The new answer.
            in_grace: bool,
        },
        /// The server refused an operation with NFS4ERR_GRACE.
        Refused = "refused" {
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
            /// Whether `__state_in_grace` said yes during this operation; false means that the refusal has another
            /// reason (a 4.1+ client that has not sent RECLAIM_COMPLETE).
            in_grace: Option<bool>,
            /// Time in the server, nanoseconds.
            took_ns: u64 = 0,
        },
        /// A client claimed state from before the restart.
        Reclaim = "reclaim" {
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
        ReclaimComplete = "reclaim_complete" {
            /// Who.
            client: Client,
            /// NFS status, 0 or an `NFS4ERR_` number.
            status: u32,
        },
        /// A client confirmed its identity (`nfsd4_setclientid_confirm` for 4.0, `nfsd4_create_session` for 4.1+).
        ClientConfirmed = "client_confirmed" {
            /// Who.
            client: Client,
            /// NFS status, 0 or an `NFS4ERR_` number.
            status: u32,
        },
        /// The task wrote to `/proc/fs/nfsd/v4_end_grace`.
        EndGraceWrite = "end_grace_write" {
            /// Negative errno when refused, otherwise the number of bytes.
            status: i32,
        },
        /// What `/proc` showed when a tracker failed.
        Surroundings = "surroundings" (seen: Surroundings),
        /// A line that nfsd or lockd wrote to the kernel log.
        KernelLog = "kernel_log" {
            /// Without the time stamp.
            text: String,
        },
        /// A client's operation was refused, and its task goes to sleep.
        Delay = "delay" {
            /// When the operation began; with the thread id it identifies the stall.
            began: Stamp,
            /// False when the beginning was not seen, and `began` is the first refusal.
            began_seen: bool = false,
            /// Kernel function that runs the operation (`nfs4_do_open`), where known.
            op: Option<String>,
            /// Path of the file as the task would name it, as far as known.
            path: Option<String>,
            /// Server that refused, as the mount names it.
            server: Option<String>,
            /// Why.
            refusal: Refusal,
            /// `exception->timeout` before this sleep, jiffies; the sleep asked for follows from it.
            timeout: Option<i64> where at_most(MAX_SPAN),
            /// True where `nfs4_delay` itself was probed; false where it is inlined and the delay is computed.
            observed: bool = false,
            /// The RPC that was refused, where its XID is known.
            rpc: Option<Rpc>,
            /// Kernel stack at the task's first sleep, innermost function first; otherwise empty.
            stack: Vec<String>,
        },
        /// The sleep is over.
        SleepEnd = "sleep_end" {
            /// Identifies the stall.
            began: Stamp,
            /// Negative errno when the sleep was interrupted, otherwise zero.
            status: i32,
        },
        /// The client sends the request again.
        Attempt = "attempt" {
            /// Identifies the stall.
            began: Stamp,
        },
        /// The operation is over.
        StallEnd = "stall_end" {
            /// Identifies the stall.
            began: Stamp,
            /// Zero or a negative errno; absent where the task died, or the end was inferred.
            status: Option<i32>,
        },
        /// The kernel stack of an earlier event, which could not wait until its addresses had names.
        Stack = "stack" {
            /// Identifies the stall whose first sleep it is; absent for the stack of the latest start.
            began: Option<Stamp>,
            /// Innermost function first.
            stack: Vec<String>,
        },
        /// What the kernel side has counted so far, exact where single events were lost.
        Counts = "counts" (counts: Counts),
    }
}
