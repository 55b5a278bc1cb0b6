//! Which RPC was refused, and when its reply came: what ties a client's attempt to the server's refusal of it.
//!
//! Nothing is done for replies that are no refusals. A refusal passes the trace event `nfs4_xdr_status` in the thread
//! that reads the reply. For most operations that is the thread that waits; for an OPEN it is a worker, which then calls
//! `nfs4_open_done` with the `struct nfs4_opendata *` that the waiting thread gave to `nfs4_run_open_task`.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_current_pid_tgid, generated::bpf_ktime_get_ns},
    macros::{kprobe, tracepoint},
    programs::{ProbeContext, TracePointContext},
};
use nfsgrace_ebpf::{NFS4ERR_DELAY, NFS4ERR_GRACE};

use crate::{
    maps::{Operation, REPLIES, Reply, WAITING, layout, operation},
    read, send,
};

/// Stands for a status that could not be read: theirs are 0 or negative.
const NOT_KNOWN: i32 = 1;
/// From reading a refusal to `nfs4_handle_exception` in the same thread, nanoseconds. What is older was meant for
/// somebody else.
const SAME_REPLY: u64 = 1_000_000_000;

/// `TP_PROTO(const struct xdr_stream *xdr, u32 op, u32 error)`, fs/nfs/nfs4trace.h; 5.10 to 7.3. Only errors pass here.
///
/// The record of the event is read rather than its arguments: it holds the XID also where modules have no BTF.
#[tracepoint]
pub fn nfs4_xdr_status(ctx: TracePointContext) -> u32 {
    let layout = layout();
    let record = ctx.as_ptr() as u64;
    let error = read::field::<u32>(record, layout.status_error).unwrap_or(0);
    if error != NFS4ERR_GRACE && error != NFS4ERR_DELAY {
        return 0;
    }
    let Some(xid) = read::field::<u32>(record, layout.status_xid) else { return 0 };
    let _ = REPLIES.insert(bpf_get_current_pid_tgid(), Reply { at: send::now(), xid, error }, 0);
    0
}

/// `static void nfs4_open_done(struct rpc_task *task, void *calldata)`; its address is in `nfs4_open_ops`, so it stays;
/// 5.10 to 7.3.
#[kprobe]
pub fn nfs4_open_done(ctx: ProbeContext) -> u32 {
    let layout = layout();
    let task: u64 = ctx.arg(0).unwrap_or(0);
    let status = read::field::<i32>(task, layout.task_status).unwrap_or(NOT_KNOWN);
    if status == 0 {
        return 0;
    }
    let opendata: u64 = ctx.arg(1).unwrap_or(0);
    let Some(thread) = WAITING.get_ptr(opendata) else { return 0 };
    // SAFETY: whoever changes the entry makes it useless, which the check of `opendata` below finds out.
    let Some(operation) = operation(unsafe { *thread }) else { return 0 };
    if operation.opendata != opendata {
        return 0;
    }
    let request = read::field::<u64>(task, layout.task_request).unwrap_or(0);
    let xid = u32::from_be(read::field(request, layout.request_xid).unwrap_or(0));
    if !take_read(operation, xid) && !take_request(operation, xid, status) {
        return 0;
    }
    operation.transmissions = read::field(request, layout.request_transmissions).unwrap_or(0);
    // The time of the last transmission is that of the first one only where there was no other. It is a moment before
    // the bytes leave. A suspend since the beginning makes it too early, never too late.
    if operation.transmissions == 1
        && let Some(sent) = read::field::<u64>(request, layout.request_sent)
    {
        operation.sent += sent.saturating_sub(operation.sent_monotonic);
        operation.sent_monotonic = sent;
    }
    0
}

/// Takes what this thread has read.
#[inline(always)]
fn take(thread: u64) -> Option<Reply> {
    // SAFETY: the entry is this thread's own.
    let reply = unsafe { REPLIES.get(thread) }.copied()?;
    let _ = REPLIES.remove(thread);
    Some(reply)
}

/// Takes the refusal that this worker has just read, unless it is not the one to the request `xid` (0: not known).
#[inline(always)]
fn take_read(operation: &mut Operation, xid: u32) -> bool {
    let worker = bpf_get_current_pid_tgid();
    let Some(reply) = take(worker) else { return false };
    if xid != 0 && xid != reply.xid {
        return false;
    }
    operation.xid = reply.xid;
    operation.received = reply.at;
    true
}

/// Where nobody saw it being read: takes what the request itself tells.
#[inline(always)]
fn take_request(operation: &mut Operation, xid: u32, status: i32) -> bool {
    if xid == 0 || (status != -(NFS4ERR_GRACE as i32) && status != -(NFS4ERR_DELAY as i32)) {
        return false;
    }
    operation.xid = xid;
    operation.received = send::now();
    true
}

/// This thread is about to send the OPEN of `opendata`.
#[inline(always)]
pub fn expect(thread: u64, operation: &mut Operation, opendata: u64) {
    expect_no_more(thread, operation);
    request_begins(operation);
    operation.opendata = opendata;
    let _ = WAITING.insert(opendata, thread, 0);
}

/// This thread does not wait for an OPEN any more.
#[inline(always)]
pub fn expect_no_more(thread: u64, operation: &Operation) {
    // Its memory may be another thread's by now.
    if let Some(waiting) = WAITING.get_ptr(operation.opendata)
        // SAFETY: a map's element stays readable while the program runs.
        && unsafe { *waiting } == thread
    {
        let _ = WAITING.remove(operation.opendata);
    }
}

/// The next request cannot leave before now.
#[inline(always)]
pub fn request_begins(operation: &mut Operation) {
    operation.received = 0;
    operation.transmissions = 0;
    operation.sent = send::now();
    // SAFETY: reads a clock.
    operation.sent_monotonic = unsafe { bpf_ktime_get_ns() };
}

/// Takes the refusal that this thread itself has read, where that is newer than what a worker told.
#[inline(always)]
pub fn take_own(thread: u64, operation: &mut Operation) {
    let Some(reply) = take(thread) else { return };
    if reply.error == operation.error
        && reply.at > operation.received
        && send::now().saturating_sub(reply.at) < SAME_REPLY
    {
        operation.xid = reply.xid;
        operation.received = reply.at;
        operation.transmissions = 0;
    }
}
