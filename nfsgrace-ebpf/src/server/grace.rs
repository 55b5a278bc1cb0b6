//! Grace periods: begun, asked for, ended, and by whom (fs/nfs_common/grace.c, fs/nfsd).

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{kprobe, kretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use aya_log_ebpf::debug;
use nfsgrace_ebpf::{Lost, MessageKind, Server, ended_by, manager};

use super::{current, enter, leave, state};
use crate::{
    maps::{ANSWERS, ASKED, FORCED, MANAGERS, ManagerState, Question, count, inside, layout, lost},
    read, send,
};

/// `void locks_start_grace(struct net *net, struct lock_manager *lm)` (module `grace`); 5.10 to 7.3.
///
/// Called by nfsd inside `nfs4_state_start_net`, and by lockd for its own grace period.
#[kprobe]
pub fn locks_start_grace(ctx: ProbeContext) -> u32 {
    let netns = read::netns(ctx.arg(0).unwrap_or(0));
    let lock_manager: u64 = ctx.arg(1).unwrap_or(0);
    let whose = match current() {
        Some(call) if call.inside & inside::START_NET != 0 => {
            call.manager = lock_manager;
            manager::NFSD
        }
        _ => manager::LOCKD,
    };
    if MANAGERS.insert(lock_manager, ManagerState { netns, whose, active: 1 }, 0).is_err() {
        lost(Lost::ManagersFull);
    }
    if whose == manager::NFSD {
        let _ = FORCED.remove(netns);
    }
    send::call(MessageKind::GraceStart, netns, whose, 0);
    0
}

/// `void locks_end_grace(struct lock_manager *lm)` (module `grace`); 5.10 to 7.3.
///
/// It is called again, to no effect, when nfsd stops.
#[kprobe]
pub fn locks_end_grace(ctx: ProbeContext) -> u32 {
    let lock_manager: u64 = ctx.arg(0).unwrap_or(0);
    let within = current().map_or(0, |call| call.inside);
    let (netns, whose) = match MANAGERS.get_ptr_mut(lock_manager) {
        Some(known) => {
            // SAFETY: the entry is shared; a race with another end of the same grace period costs one message more.
            let known = unsafe { &mut *known };
            if known.active == 0 {
                return 0;
            }
            known.active = 0;
            (known.netns, known.whose)
        }
        // Begun before tracing did.
        None if within & inside::SHUTDOWN != 0 => return 0,
        None if within != 0 => (current().map_or(0, |call| call.netns), manager::NFSD),
        None => (0, manager::LOCKD),
    };
    let by = reason(within, netns, whose);
    debug!(&ctx, "grace period of namespace {} ended by {}", netns, by);
    let head = send::head(MessageKind::GraceEnd, netns);
    send::message::<Server>(MessageKind::GraceEnd, |to| {
        // SAFETY: `to` is a reserved, zeroed entry.
        unsafe {
            (*to).head = head;
            (*to).arg = whose;
            (*to).status = by;
            if whose == manager::NFSD {
                state(lock_manager, &raw mut (*to).state);
            }
        }
    });
    0
}

/// One of [`ended_by`]. Not inlined: the verifier then follows each answer no further than this function.
#[inline(never)]
fn reason(within: u32, netns: u32, whose: u32) -> i32 {
    if within & inside::START_NET != 0 {
        ended_by::SKIPPED
    } else if within & inside::SHUTDOWN != 0 {
        ended_by::SHUTDOWN
    } else if within & inside::RECLAIM_COMPLETE != 0 {
        ended_by::ALL_RECLAIMED
    } else if within & inside::END_GRACE_WRITE != 0 {
        ended_by::V4_END_GRACE
    } else if within & inside::LAUNDROMAT != 0 {
        if FORCED.get_ptr(netns).is_some() { ended_by::V4_END_GRACE } else { ended_by::TIMER }
    } else if whose == manager::LOCKD {
        ended_by::TIMER
    } else {
        ended_by::UNKNOWN
    }
}

/// `static time64_t/void laundromat_main(struct work_struct *laundry)`; queued by address; 5.10 to 7.3.
#[kprobe]
pub fn laundromat_main(_ctx: ProbeContext) -> u32 {
    enter(inside::LAUNDROMAT);
    0
}

/// Returns nothing.
#[kretprobe]
pub fn laundromat_main_ret(_ctx: RetProbeContext) -> u32 {
    leave(inside::LAUNDROMAT);
    0
}

/// `static ssize_t write_v4_end_grace(struct file *file, char *buf, size_t size)`, fs/nfsd/nfsctl.c; 5.10 to 7.3.
///
/// A read of the file comes here as well, with a size of 0. The namespace is that of the mounted file system.
#[kprobe]
pub fn write_v4_end_grace(ctx: ProbeContext) -> u32 {
    let file: u64 = ctx.arg(0).unwrap_or(0);
    let size: u64 = ctx.arg(2).unwrap_or(0);
    if size == 0 {
        return 0;
    }
    let layout = layout();
    let net = read::field::<u64>(file, layout.file_inode)
        .and_then(|inode| read::field::<u64>(inode, layout.inode_sb))
        .and_then(|superblock| read::field::<u64>(superblock, layout.sb_fs_info))
        .unwrap_or(0);
    let netns = read::netns(net);
    if let Some(call) = enter(inside::END_GRACE_WRITE) {
        call.netns = netns;
    }
    // Before the call returns the laundromat may already have done it (`nfsd4_force_end_grace` only queues it).
    let _ = FORCED.insert(netns, 1, 0);
    0
}

/// Returns a size or a negative errno: `-EBUSY` without a tracker where `nfsd4_force_end_grace` exists.
#[kretprobe]
pub fn write_v4_end_grace_ret(ctx: RetProbeContext) -> u32 {
    let Some(call) = leave(inside::END_GRACE_WRITE) else { return 0 };
    let status: i64 = ctx.ret();
    if status < 0 {
        let _ = FORCED.remove(call.netns);
    }
    send::call(MessageKind::EndGraceWrite, call.netns, 0, status as i32);
    0
}

/// `static bool __state_in_grace(struct net *net, bool open)` (module `grace`); 5.10 to 7.3. Hot.
#[kprobe]
pub fn state_in_grace(ctx: ProbeContext) -> u32 {
    let for_open: u64 = ctx.arg(1).unwrap_or(0);
    ask(ctx.arg(0).unwrap_or(0), u32::from(for_open & 0xff != 0));
    0
}

/// Returns whether a grace period holds.
#[kretprobe]
pub fn state_in_grace_ret(ctx: RetProbeContext) -> u32 {
    answer(ctx.ret());
    0
}

/// `bool opens_in_grace(struct net *net)` (module `grace`), exported; 5.10 to 7.3. Hot.
#[kprobe]
pub fn opens_in_grace(ctx: ProbeContext) -> u32 {
    ask(ctx.arg(0).unwrap_or(0), 1);
    0
}

/// Returns whether a grace period holds for opens.
#[kretprobe]
pub fn opens_in_grace_ret(ctx: RetProbeContext) -> u32 {
    answer(ctx.ret());
    0
}

/// `bool locks_in_grace(struct net *net)` (module `grace`), exported; 5.10 to 7.3. Hot.
#[kprobe]
pub fn locks_in_grace(ctx: ProbeContext) -> u32 {
    ask(ctx.arg(0).unwrap_or(0), 0);
    0
}

/// Returns whether a grace period holds for locks.
#[kretprobe]
pub fn locks_in_grace_ret(ctx: RetProbeContext) -> u32 {
    answer(ctx.ret());
    0
}

#[inline(always)]
fn ask(net: u64, for_open: u32) {
    let netns = read::netns(net);
    if let Some(call) = current()
        && call.inside & inside::REQUEST != 0
    {
        call.netns = netns;
    }
    if ASKED.insert(bpf_get_current_pid_tgid(), Question { netns, for_open }, 0).is_err() {
        lost(Lost::CallsFull);
    }
}

#[inline(always)]
fn answer(returned: i32) {
    let in_grace = u32::from(returned & 0xff != 0);
    let thread = bpf_get_current_pid_tgid();
    // SAFETY: the entry is this thread's own.
    let Some(question) = (unsafe { ASKED.get(thread) }).copied() else { return };
    let _ = ASKED.remove(thread);
    if let Some(call) = current()
        && call.inside & inside::REQUEST != 0
    {
        call.in_grace = in_grace;
    }
    count(question.netns, |counts| {
        counts.grace_asked += 1;
        counts.grace_true += u64::from(in_grace);
    });
    // SAFETY: the value is a plain number; a race costs one message more.
    let before = unsafe { ANSWERS.get(question) }.copied();
    // Its first answer is news only where it is yes: that is the grace period that began before tracing did.
    if before == Some(in_grace) || (before.is_none() && in_grace == 0) {
        return;
    }
    let _ = ANSWERS.insert(question, in_grace, 0);
    send::call(MessageKind::GraceAnswer, question.netns, question.for_open, in_grace as i32);
}
