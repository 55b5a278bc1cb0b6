//! The client side: operations that were refused, and the sleeps that follow (fs/nfs/nfs4proc.c).
//!
//! An OPEN is seen from the entry of `nfs4_do_open` to its return. Any other operation is seen from its first refusal
//! (`nfs4_handle_exception` with NFS4ERR_GRACE or NFS4ERR_DELAY) until that function is called for another outcome.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_current_pid_tgid, generated::bpf_get_stack},
    macros::{kprobe, kretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use aya_log_ebpf::debug;
use nfsgrace_ebpf::{
    Delay, FirstDelay, Lost, MessageKind, NFS4ERR_DELAY, NFS4ERR_GRACE, STACK_DEPTH, Stalled, delay_flag,
};

use crate::{
    maps::{OPERATIONS, Operation, PREPARED, Prepared, count, doing, layout, lost, operation},
    path, read, reply, send,
};

/// `static int nfs_atomic_open(struct inode *dir, struct dentry *dentry, struct file *file, …)`, fs/nfs/dir.c (`nfs`);
/// 5.10 to 7.3. Needed only where the place of `nfs_open_context.dentry` is not known.
#[kprobe]
pub fn nfs_atomic_open(ctx: ProbeContext) -> u32 {
    prepare(ctx.arg(1).unwrap_or(0));
    0
}

/// `static int nfs4_file_open(struct inode *inode, struct file *filp)`, fs/nfs/nfs4file.c; 5.10 to 7.3.
/// Needed only where the place of `nfs_open_context.dentry` is not known.
#[kprobe]
pub fn nfs4_file_open(ctx: ProbeContext) -> u32 {
    let file: u64 = ctx.arg(1).unwrap_or(0);
    prepare(read::field(file, layout().file_dentry).unwrap_or(0));
    0
}

/// Remembers a dentry for the `nfs4_do_open` that may follow in the same thread.
#[inline(always)]
fn prepare(dentry: u64) {
    // A full map forgets the oldest: no loss, only a path that stays unknown.
    let _ = PREPARED.insert(bpf_get_current_pid_tgid(), Prepared { dentry, at: send::now() }, 0);
}

/// `static struct nfs4_state *nfs4_do_open(struct inode *dir, struct nfs_open_context *ctx, int flags, …)`; 5.10 to 7.3.
#[kprobe]
pub fn nfs4_do_open(ctx: ProbeContext) -> u32 {
    let thread = bpf_get_current_pid_tgid();
    let dentry = read::field::<u64>(ctx.arg(1).unwrap_or(0), layout().octx_dentry);
    match (dentry, PREPARED.get_ptr(thread)) {
        (None, Some(prepared)) => {
            // SAFETY: the entry is this thread's own.
            let prepared = unsafe { *prepared };
            let _ = PREPARED.remove(thread);
            start(prepared.at, prepared.dentry, doing::OPEN);
        }
        (dentry, _) => start(send::now(), dentry.unwrap_or(0), doing::OPEN),
    }
    0
}

#[inline(always)]
fn start(began: u64, dentry: u64, doing: u32) {
    let operation = Operation { began, dentry, doing, ..Operation::default() };
    if OPERATIONS.insert(bpf_get_current_pid_tgid(), operation, 0).is_err() {
        lost(Lost::OperationsFull);
    }
}

/// Returns `struct nfs4_state *` or an `ERR_PTR`.
#[kretprobe]
pub fn nfs4_do_open_ret(ctx: RetProbeContext) -> u32 {
    let thread = bpf_get_current_pid_tgid();
    let Some(&mut operation) = operation(thread) else { return 0 };
    let _ = OPERATIONS.remove(thread);
    reply::expect_no_more(thread, &operation);
    if operation.delays > 0 {
        let returned: i64 = ctx.ret();
        let status = if (-4095..0).contains(&returned) { returned as i32 } else { 0 };
        end(&operation, status);
    }
    0
}

#[inline(always)]
fn end(operation: &Operation, status: i32) {
    count(0, |counts| counts.stalls_ended += 1);
    stalled(MessageKind::StallEnd, operation.began, status);
}

#[inline(always)]
fn stalled(kind: MessageKind, began: u64, status: i32) {
    send::whole(kind, Stalled { head: send::head(kind, 0), began, status, reserved: 0 });
}

/// `int nfs4_handle_exception(struct nfs_server *server, int errorcode, struct nfs4_exception *exception)`; 5.10 to 7.3.
///
/// Its own return value proves nothing: it is 0 after a refusal, the retry flag is in the exception.
#[kprobe]
pub fn nfs4_handle_exception(ctx: ProbeContext) -> u32 {
    let error = ctx.arg::<i32>(1).unwrap_or(0).wrapping_neg() as u32;
    let exception: u64 = ctx.arg(2).unwrap_or(0);
    let thread = bpf_get_current_pid_tgid();
    if error != NFS4ERR_GRACE && error != NFS4ERR_DELAY {
        other_outcome(thread, exception, -(error as i32));
        return 0;
    }
    if operation(thread).is_none_or(|it| it.doing & doing::OPEN == 0 && it.exception != exception) {
        start(send::now(), 0, 0);
    }
    let Some(operation) = operation(thread) else { return 0 };
    operation.exception = exception;
    operation.error = error;
    operation.server = ctx.arg(0).unwrap_or(0);
    reply::take_own(thread, operation);
    let layout = layout();
    if layout.nfs4_delay_probed == 0 {
        let timeout = read::field::<i64>(exception, layout.exception_timeout);
        delay(&ctx, operation, timeout, 0);
    }
    0
}

/// An operation that is not an OPEN ended otherwise than by a refusal.
#[inline(always)]
fn other_outcome(thread: u64, exception: u64, status: i32) {
    let Some(&mut operation) = operation(thread) else { return };
    if operation.doing & doing::OPEN == 0 && operation.exception == exception && operation.delays > 0 {
        let _ = OPERATIONS.remove(thread);
        end(&operation, status);
    }
}

/// Returns 0 or a negative errno.
#[kretprobe]
pub fn nfs4_handle_exception_ret(ctx: RetProbeContext) -> u32 {
    wake(ctx.ret());
    0
}

/// `static int nfs4_delay(long *timeout, bool interruptible)`; inlined on every Debian kernel from 5.10 to 7.3.
#[kprobe]
pub fn nfs4_delay(ctx: ProbeContext) -> u32 {
    let Some(operation) = operation(bpf_get_current_pid_tgid()) else { return 0 };
    let timeout = read::field::<i64>(ctx.arg(0).unwrap_or(0), 0);
    delay(&ctx, operation, timeout, delay_flag::OBSERVED);
    0
}

/// Returns 0 or a negative errno.
#[kretprobe]
pub fn nfs4_delay_ret(ctx: RetProbeContext) -> u32 {
    wake(ctx.ret());
    0
}

/// The sleep is over: for this thread, and where it was interrupted for the operation too, unless it is an OPEN, whose
/// own return will say so.
#[inline(always)]
fn wake(status: i32) {
    let thread = bpf_get_current_pid_tgid();
    let Some(operation) = operation(thread) else { return };
    if operation.doing & doing::SLEEP == 0 {
        return;
    }
    operation.doing &= !doing::SLEEP;
    // What is not an OPEN has no later moment to tell when its next request begins.
    reply::request_begins(operation);
    let copy = *operation;
    stalled(MessageKind::SleepEnd, copy.began, status);
    if status != 0 && copy.doing & doing::OPEN == 0 {
        let _ = OPERATIONS.remove(thread);
        end(&copy, status);
    }
}

#[inline(always)]
fn delay(ctx: &ProbeContext, operation: &mut Operation, timeout: Option<i64>, mut flags: u32) {
    operation.doing |= doing::SLEEP;
    operation.delays = operation.delays.wrapping_add(1);
    count(0, |counts| counts.delays += 1);
    if operation.doing & doing::OPEN != 0 {
        flags |= delay_flag::BEGAN_SEEN | delay_flag::OPEN;
    }
    if timeout.is_some() {
        flags |= delay_flag::TIMEOUT;
    }
    if operation.received != 0 {
        flags |= delay_flag::XID;
    }
    let first = operation.delays == 1;
    let kind = if first { MessageKind::FirstDelay } else { MessageKind::Delay };
    let message = Delay {
        head: send::head(kind, 0),
        began: operation.began,
        timeout: timeout.unwrap_or(0),
        error: operation.error,
        flags,
        sent: operation.sent,
        received: operation.received,
        xid: operation.xid,
        transmissions: operation.transmissions,
    };
    if first {
        debug!(ctx, "first refusal {} of this operation", operation.error);
        first_delay(ctx, &message, operation.dentry, operation.server);
    } else {
        send::whole(kind, message);
    }
}

#[inline(always)]
fn first_delay(ctx: &ProbeContext, delay: &Delay, dentry: u64, server: u64) {
    send::message::<FirstDelay>(MessageKind::FirstDelay, |to| {
        let layout = layout();
        // SAFETY: `to` is a reserved, zeroed entry; each helper is given the room of the field it writes.
        unsafe {
            (*to).delay = *delay;
            if let Some(superblock) = read::field::<u64>(dentry, layout.dentry_sb) {
                read::into(superblock, layout.sb_dev, &mut (*to).dev);
            }
            if let Some(client) = read::field::<u64>(server, layout.server_client)
                && let Some(hostname) = read::field::<u64>(client, layout.client_hostname)
            {
                read::string(hostname, (&raw mut (*to).server).cast(), 64);
            }
            path::names(dentry, to);
            bpf_get_stack(ctx.as_ptr(), (&raw mut (*to).frames).cast(), (STACK_DEPTH * 8) as u32, 0);
        }
    });
}

/// `static int nfs4_run_open_task(struct nfs4_opendata *data, struct nfs_open_context *ctx)`; 5.10 to 7.3.
///
/// One call is one OPEN on the wire.
#[kprobe]
pub fn nfs4_run_open_task(ctx: ProbeContext) -> u32 {
    let thread = bpf_get_current_pid_tgid();
    let Some(operation) = operation(thread) else { return 0 };
    reply::expect(thread, operation, ctx.arg(0).unwrap_or(0));
    if operation.delays > 0 {
        stalled(MessageKind::Attempt, operation.began, 0);
    }
    0
}
