//! The wire contract between the eBPF programs and the program that loads them.
//!
//! Every message in the ring buffer starts with a [`Head`], whose `kind` names the structure that follows. Numbers are
//! in the byte order of the machine; all structures are `repr(C)`, hold only integers, and have no padding, which
//! zerocopy's derives prove wherever user space is compiled.
#![no_std]

mod layout;

#[cfg(not(target_arch = "bpf"))]
use zerocopy::{FromBytes, Immutable, IntoBytes, TryFromBytes};

pub use layout::Layout;

/// Value of a [`Layout`] field whose place in its structure is not known on this kernel: what it holds is not read.
pub const ABSENT: u32 = u32::MAX;
/// Longest file or client name sent, bytes; longer ones are cut.
pub const NAME_LEN: usize = 128;
/// Room for a path, bytes; longer ones lose their beginning.
pub const PATH_LEN: usize = 512;
/// Longest name of one directory level sent, bytes, with its NUL.
pub const COMPONENT_LEN: usize = 128;
/// Most directory levels walked to build a path.
pub const PATH_DEPTH: usize = 10;
/// Kernel stack frames sent.
pub const STACK_DEPTH: usize = 24;
/// Size of the ring buffer, bytes.
pub const RING_BYTES: u32 = 1 << 20;

/// The server is busy: come back later.
pub const NFS4ERR_DELAY: u32 = 10008;
/// The server only lets clients reclaim what they had before it restarted.
pub const NFS4ERR_GRACE: u32 = 10013;

/// What a message says.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "bpf"), derive(TryFromBytes))]
pub enum MessageKind {
    /// [`Stack`]: `nfs4_state_start_net` entered.
    ServerStart = 1,
    /// [`Server`]: `nfs4_state_start_net` returned.
    ServerStarted = 2,
    /// [`Call`]: `nfs4_state_shutdown_net` entered.
    ServerStop = 3,
    /// [`Call`]: `nfsd4_client_tracking_init` entered.
    TrackingStart = 4,
    /// [`Call`]: `nfsd4_client_tracking_init` returned.
    TrackingEnd = 5,
    /// [`Call`], `arg` is a [`tracker`]: its `init` entered.
    TrackerStart = 6,
    /// [`Call`], `arg` is a [`tracker`]: its `init` returned.
    TrackerEnd = 7,
    /// [`Call`], `arg` 1 where inferred, `status` the answer: `cld_running` asked.
    Poll = 8,
    /// [`Named`]: a client entered the reclaim table.
    ReclaimRecord = 9,
    /// [`Call`], `arg` is a [`manager`]: `locks_start_grace`.
    GraceStart = 10,
    /// [`Server`], `arg` is a [`manager`], `status` an [`ended_by`]: `locks_end_grace`.
    GraceEnd = 11,
    /// [`Call`], `arg` 1 for opens, `status` the answer: `__state_in_grace` changed its mind.
    GraceAnswer = 12,
    /// [`Request`]: the server answered NFS4ERR_GRACE.
    Refused = 13,
    /// [`Request`]: a client claimed state from before the restart.
    Reclaim = 14,
    /// [`Request`]: `nfsd4_reclaim_complete` returned.
    ReclaimComplete = 15,
    /// [`Request`]: a client confirmed its identity.
    ClientConfirmed = 16,
    /// [`Call`], `status` what the write returned: `v4_end_grace` written to.
    EndGraceWrite = 17,
    /// [`FirstDelay`]: a client's operation was refused for the first time.
    FirstDelay = 18,
    /// [`Delay`]: it was refused again.
    Delay = 19,
    /// [`Stalled`]: the sleep is over.
    SleepEnd = 20,
    /// [`Stalled`]: the client tries again.
    Attempt = 21,
    /// [`Stalled`]: the operation is over.
    StallEnd = 22,
    /// [`Named`]: a kernel module was loaded.
    ModuleLoaded = 23,
}

/// Numbers of the ways to track clients.
pub mod tracker {
    /// nfsdcld.
    pub const CLD: u32 = 0;
    /// nfsdcld, first protocol.
    pub const CLD_V0: u32 = 1;
    /// `/sbin/nfsdcltrack`.
    pub const UMH: u32 = 2;
    /// The recovery directory.
    pub const LEGACY: u32 = 3;
}

/// Numbers of the owners of grace periods.
pub mod manager {
    /// nfsd.
    pub const NFSD: u32 = 0;
    /// lockd.
    pub const LOCKD: u32 = 1;
}

/// Numbers of what ends a grace period.
pub mod ended_by {
    /// Not seen.
    pub const UNKNOWN: i32 = 0;
    /// Nobody to wait for.
    pub const SKIPPED: i32 = 1;
    /// The laundromat.
    pub const TIMER: i32 = 2;
    /// The last RECLAIM_COMPLETE.
    pub const ALL_RECLAIMED: i32 = 3;
    /// A write to `v4_end_grace`.
    pub const V4_END_GRACE: i32 = 4;
    /// The server stopped.
    pub const SHUTDOWN: i32 = 5;
}

/// Numbers of server operations.
pub mod server_op {
    /// OPEN
    pub const OPEN: u32 = 0;
    /// LOCK
    pub const LOCK: u32 = 1;
    /// REMOVE
    pub const REMOVE: u32 = 2;
    /// RENAME
    pub const RENAME: u32 = 3;
    /// RECLAIM_COMPLETE
    pub const RECLAIM_COMPLETE: u32 = 4;
    /// SETCLIENTID_CONFIRM
    pub const SETCLIENTID_CONFIRM: u32 = 5;
    /// CREATE_SESSION
    pub const CREATE_SESSION: u32 = 6;
}

/// Start of every message.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
pub struct Head {
    /// A [`MessageKind`].
    pub kind: u32,
    /// Inode number of the network namespace, 0 where not known.
    pub netns: u32,
    /// `CLOCK_BOOTTIME`, nanoseconds.
    pub at: u64,
    /// Process id (tgid) in the high half, thread id in the low half.
    pub pid_tgid: u64,
    /// Name of the thread, NUL-padded.
    pub comm: [u8; 16],
}

/// A call or a return.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
pub struct Call {
    /// Which.
    pub head: Head,
    /// See [`MessageKind`].
    pub arg: u32,
    /// Returned value, or see [`MessageKind`].
    pub status: i32,
}

/// A kernel stack.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
pub struct Stack {
    /// Which.
    pub head: Head,
    /// Addresses, innermost first; 0 from the first unused one on.
    pub frames: [u64; STACK_DEPTH],
}

/// Bits of [`State::known`].
pub mod known {
    /// `grace_s`
    pub const GRACE: u32 = 1;
    /// `lease_s`
    pub const LEASE: u32 = 2;
    /// `tracking`
    pub const TRACKING: u32 = 4;
    /// `tracks_reclaim_completes`
    pub const TRACKS_RECLAIM_COMPLETES: u32 = 8;
    /// `to_reclaim`
    pub const TO_RECLAIM: u32 = 16;
    /// `reclaimed`
    pub const RECLAIMED: u32 = 32;
}

/// Parts of `struct nfsd_net` (fs/nfsd/netns.h).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
pub struct State {
    /// `nfsd4_grace`, seconds.
    pub grace_s: u64,
    /// `nfsd4_lease`, seconds.
    pub lease_s: u64,
    /// `reclaim_str_hashtbl_size`.
    pub to_reclaim: u32,
    /// `nr_reclaim_complete`.
    pub reclaimed: u32,
    /// 1 where `client_tracking_ops` is not NULL.
    pub tracking: u32,
    /// 1 where `track_reclaim_completes` is set.
    pub tracks_reclaim_completes: u32,
    /// Which of the above were read: bits of [`known`].
    pub known: u32,
    /// Zero.
    pub reserved: u32,
}

/// A server's state.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
pub struct Server {
    /// Which.
    pub head: Head,
    /// See [`MessageKind`].
    pub arg: u32,
    /// Returned value, or see [`MessageKind`].
    pub status: i32,
    /// As it was then.
    pub state: State,
}

/// Value of [`Request::in_grace`] where `__state_in_grace` was not asked.
pub const NOT_ASKED: u32 = 2;

/// A client's request to the server, answered.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
pub struct Request {
    /// Which.
    pub head: Head,
    /// A [`server_op`].
    pub op: u32,
    /// NFS status, host byte order.
    pub status: u32,
    /// XID in host byte order; 0 where not known.
    pub xid: u32,
    /// `op_claim_type`, [`ABSENT`] where not known or not an OPEN.
    pub claim: u32,
    /// NFSv4 minor version, [`ABSENT`] where not known.
    pub minor: u32,
    /// What `__state_in_grace` said meanwhile: 0, 1 or [`NOT_ASKED`].
    pub in_grace: u32,
    /// Time in the server, nanoseconds.
    pub took_ns: u64,
    /// `struct sockaddr` of the client, zero where not known.
    pub addr: [u8; 32],
    /// File name of an OPEN by name; NUL-terminated unless full.
    pub name: [u8; NAME_LEN],
    /// The client's own name for itself; NUL-terminated unless full.
    pub client: [u8; NAME_LEN],
}

/// Something with a name.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
pub struct Named {
    /// Which.
    pub head: Head,
    /// NUL-terminated unless full.
    pub name: [u8; NAME_LEN],
}

/// Bits of [`Delay::flags`].
pub mod delay_flag {
    /// The beginning of the operation was seen.
    pub const BEGAN_SEEN: u32 = 1;
    /// `timeout` was read.
    pub const TIMEOUT: u32 = 2;
    /// `nfs4_delay` itself was probed.
    pub const OBSERVED: u32 = 4;
    /// The operation is an OPEN (`nfs4_do_open`).
    pub const OPEN: u32 = 8;
    /// `xid` and `received` are those of the refused RPC.
    pub const XID: u32 = 16;
}

/// A task sleeps because its server said NFS4ERR_GRACE or NFS4ERR_DELAY.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
pub struct Delay {
    /// Which.
    pub head: Head,
    /// When the operation began, `CLOCK_BOOTTIME` nanoseconds.
    pub began: u64,
    /// `exception->timeout` before this sleep, jiffies.
    pub timeout: i64,
    /// The refusal: 10008 or 10013.
    pub error: u32,
    /// Bits of [`delay_flag`].
    pub flags: u32,
    /// The request cannot have left before, `CLOCK_BOOTTIME` nanoseconds; 0 where not known.
    pub sent: u64,
    /// When the refusal had arrived, `CLOCK_BOOTTIME` nanoseconds.
    pub received: u64,
    /// XID in host byte order.
    pub xid: u32,
    /// How often the request was sent; 0 where not known.
    pub transmissions: u32,
}

/// Bit of [`FirstDelay::path_len`]: the path is longer than what was sent.
pub const PATH_CUT: u32 = 1 << 31;

/// The first [`Delay`] of an operation, with what stays the same for the later ones.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
pub struct FirstDelay {
    /// As for the later ones.
    pub delay: Delay,
    /// `super_block.s_dev`, 0 where not known.
    pub dev: u32,
    /// Used bytes of `path`, and [`PATH_CUT`] where directories are missing at its end.
    pub path_len: u32,
    /// Names from the file up to the root of the file system, each NUL-terminated.
    pub path: [u8; PATH_LEN],
    /// The server's name as the mount has it; NUL-terminated unless full.
    pub server: [u8; 64],
    /// Kernel stack, innermost first; 0 from the first unused one on.
    pub frames: [u64; STACK_DEPTH],
}

/// Something about a stalled operation.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
pub struct Stalled {
    /// Which.
    pub head: Head,
    /// When the operation began, `CLOCK_BOOTTIME` nanoseconds.
    pub began: u64,
    /// Returned value.
    pub status: i32,
    /// Zero.
    pub reserved: u32,
}

/// Exact numbers, kept in the kernel per network namespace (map `COUNTS`; key 0 holds those with no namespace).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
pub struct Counts {
    /// OPENs answered.
    pub opens: u64,
    /// OPENs refused with NFS4ERR_GRACE.
    pub opens_refused: u64,
    /// Other operations refused with NFS4ERR_GRACE.
    pub others_refused: u64,
    /// Questions to `__state_in_grace`.
    pub grace_asked: u64,
    /// Of these, answered yes.
    pub grace_true: u64,
    /// Refusals that put a client's task to sleep.
    pub delays: u64,
    /// Operations over after at least one refusal.
    pub stalls_ended: u64,
}

/// Why something was not sent: an index into the map `LOSSES`.
///
/// Indices below [`LOST_KINDS`] count messages for which the ring buffer was full, by [`MessageKind`].
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Too many server calls in flight for the map `CALLS`.
    CallsFull = LOST_KINDS,
    /// Too many client operations in flight for the map `OPERATIONS`.
    OperationsFull,
    /// Too many network namespaces for the map `COUNTS`.
    NamespacesFull,
    /// Too many grace periods for the map `MANAGERS`.
    ManagersFull,
}

/// First index of [`Lost`].
pub const LOST_KINDS: u32 = 32;
/// Length of the map `LOSSES`.
pub const LOST_CAUSES: u32 = LOST_KINDS + 4;
