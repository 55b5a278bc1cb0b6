//! All that the programs remember. Every map is bounded; `LOSSES` counts what did not fit.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, LruHashMap, PerCpuArray, PerCpuHashMap, RingBuf},
};
use nfsgrace_ebpf::{Counts, LOST_CAUSES, Layout, Lost, RING_BYTES};

/// The way to user space.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// One element: where things are in this kernel's structures.
#[map]
pub static LAYOUT: Array<Layout> = Array::with_max_entries(1, 0);

/// Server functions that a thread is inside of, by `pid_tgid`.
#[map]
pub static CALLS: HashMap<u64, CallState> = HashMap::with_max_entries(4096, 0);

/// Grace periods, by the address of their `struct lock_manager`.
#[map]
pub static MANAGERS: HashMap<u64, ManagerState> = HashMap::with_max_entries(512, 0);

/// Last answer of `__state_in_grace`.
#[map]
pub static ANSWERS: HashMap<Question, u32> = HashMap::with_max_entries(512, 0);

/// Questions to `__state_in_grace` on their way, by `pid_tgid`.
#[map]
pub static ASKED: HashMap<u64, Question> = HashMap::with_max_entries(4096, 0);

/// Namespaces whose grace period a write to `v4_end_grace` asked to end.
#[map]
pub static FORCED: HashMap<u32, u32> = HashMap::with_max_entries(512, 0);

/// Exact numbers, by namespace.
#[map]
pub static COUNTS: PerCpuHashMap<u32, Counts> = PerCpuHashMap::with_max_entries(512, 0);

/// Client operations that are inside `nfs4_do_open`, or were refused at least once, by `pid_tgid`.
#[map]
pub static OPERATIONS: HashMap<u64, Operation> = HashMap::with_max_entries(16384, 0);

/// Opens on their way to `nfs4_do_open`, by `pid_tgid`; only where that one's own argument cannot be read.
#[map]
pub static PREPARED: LruHashMap<u64, Prepared> = LruHashMap::with_max_entries(1024, 0);

/// Threads that wait for an OPEN, by the address of its `struct nfs4_opendata`. Where it is full an XID stays unknown.
#[map]
pub static WAITING: HashMap<u64, u64> = HashMap::with_max_entries(16384, 0);

/// Refusals that a thread has just found in a reply, by `pid_tgid`. A full map forgets the oldest: an XID stays unknown.
#[map]
pub static REPLIES: LruHashMap<u64, Reply> = LruHashMap::with_max_entries(4096, 0);

/// What was not sent, by cause.
#[map]
pub static LOSSES: PerCpuArray<u64> = PerCpuArray::with_max_entries(LOST_CAUSES, 0);

/// Bits of [`CallState::inside`].
pub mod inside {
    pub const START_NET: u32 = 1;
    pub const TRACKING: u32 = 2;
    pub const CLD: u32 = 4;
    pub const SHUTDOWN: u32 = 8;
    pub const LAUNDROMAT: u32 = 16;
    pub const RECLAIM_COMPLETE: u32 = 32;
    pub const END_GRACE_WRITE: u32 = 64;
    pub const REQUEST: u32 = 128;
    pub const TRACKER: u32 = 256;
}

/// What a thread of the server is doing.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CallState {
    /// Functions that it is inside of.
    pub inside: u32,
    /// Namespace, 0 while not known.
    pub netns: u32,
    /// `CLOCK_BOOTTIME` when the request entered, nanoseconds.
    pub entered: u64,
    /// `struct svc_rqst *`
    pub rqst: u64,
    /// `struct nfsd4_compound_state *`
    pub cstate: u64,
    /// `union nfsd4_op_u *`
    pub args: u64,
    /// The last `struct lock_manager *` that this thread started a grace period with.
    pub manager: u64,
    /// What `__state_in_grace` said during this request.
    pub in_grace: u32,
    /// Inside a request: one of `nfsgrace_ebpf::server_op`; while clients' tracker is looked for: the one being tried.
    pub op: u32,
}

impl CallState {
    pub const IDLE: Self = Self {
        inside: 0,
        netns: 0,
        entered: 0,
        rqst: 0,
        cstate: 0,
        args: 0,
        manager: 0,
        in_grace: nfsgrace_ebpf::NOT_ASKED,
        op: 0,
    };
}

/// A grace period.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ManagerState {
    /// Namespace.
    pub netns: u32,
    /// One of `nfsgrace_ebpf::manager`.
    pub whose: u32,
    /// 1 until it ends.
    pub active: u32,
}

/// A question to `__state_in_grace`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Question {
    /// Namespace.
    pub netns: u32,
    /// 1 for opens.
    pub for_open: u32,
}

/// What a client's task is doing.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Operation {
    /// `CLOCK_BOOTTIME` when the operation began, nanoseconds.
    pub began: u64,
    /// `struct dentry *`, 0 where not known.
    pub dentry: u64,
    /// `struct nfs_server *`
    pub server: u64,
    /// `struct nfs4_exception *`, which tells one operation from the next where its end is not seen.
    pub exception: u64,
    /// Refusals so far.
    pub delays: u32,
    /// Bits of [`doing`].
    pub doing: u32,
    /// The last refusal.
    pub error: u32,
    /// XID of the last refused RPC, where `received` is not 0.
    pub xid: u32,
    /// How often its request was sent, 0 where not known.
    pub transmissions: u32,
    /// Zero.
    pub reserved: u32,
    /// `struct nfs4_opendata *` of the OPEN under way, 0 where there is none.
    pub opendata: u64,
    /// The request under way cannot have left before, `CLOCK_BOOTTIME` nanoseconds; 0 where not known.
    pub sent: u64,
    /// The same moment on `CLOCK_MONOTONIC`.
    pub sent_monotonic: u64,
    /// When its refusal had arrived, `CLOCK_BOOTTIME` nanoseconds; 0 where that was not seen.
    pub received: u64,
}

/// A refusal in a reply.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Reply {
    /// When it was found, `CLOCK_BOOTTIME` nanoseconds.
    pub at: u64,
    /// XID in host byte order.
    pub xid: u32,
    /// The refusal.
    pub error: u32,
}

/// An open on its way to `nfs4_do_open`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Prepared {
    /// `struct dentry *`
    pub dentry: u64,
    /// `CLOCK_BOOTTIME`, nanoseconds.
    pub at: u64,
}

/// Bits of [`Operation::doing`].
pub mod doing {
    /// Inside `nfs4_do_open`.
    pub const OPEN: u32 = 1;
    /// Asleep.
    pub const SLEEP: u32 = 2;
}

/// The layout as it stands.
#[inline(always)]
pub fn layout() -> &'static Layout {
    LAYOUT.get(0).unwrap_or(&Layout::UNKNOWN)
}

/// What a client's thread is doing, where that is followed.
#[inline(always)]
pub fn operation(thread: u64) -> Option<&'static mut Operation> {
    // SAFETY: the entry is that thread's own, and lives at least as long as the program runs. Another thread only looks at
    // it while the first one waits for it.
    OPERATIONS.get_ptr_mut(thread).map(|operation| unsafe { &mut *operation })
}

/// Counts one loss.
#[inline(always)]
pub fn lost(cause: Lost) {
    lost_index(cause as u32);
}

/// Counts one loss at an index of `LOSSES`.
#[inline(always)]
pub fn lost_index(index: u32) {
    if let Some(count) = LOSSES.get_ptr_mut(index) {
        // SAFETY: a per-CPU array's element belongs to this CPU while the program runs.
        unsafe { *count += 1 };
    }
}

/// Changes the exact numbers of a namespace.
#[inline(always)]
pub fn count(netns: u32, change: impl FnOnce(&mut Counts)) {
    if COUNTS.get_ptr_mut(netns).is_none() && COUNTS.insert(netns, Counts::default(), 0).is_err() {
        lost(Lost::NamespacesFull);
        return;
    }
    if let Some(counts) = COUNTS.get_ptr_mut(netns) {
        // SAFETY: a per-CPU map's element belongs to this CPU while the program runs.
        change(unsafe { &mut *counts });
    }
}
