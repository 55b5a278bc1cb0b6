//! The ways to track clients, tried one after the other (fs/nfsd/nfs4recover.c).

use aya_ebpf::{
    macros::{kprobe, kretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use nfsgrace_ebpf::{ABSENT, MessageKind, NAME_LEN, Named, tracker};

use super::{current, enter, leave};
use crate::{
    maps::{MANAGERS, inside, layout},
    read, send,
};

/// `int nfsd4_client_tracking_init(struct net *net)`; 5.10 to 7.3.
#[kprobe]
pub fn nfsd4_client_tracking_init(ctx: ProbeContext) -> u32 {
    let netns = read::netns(ctx.arg(0).unwrap_or(0));
    if let Some(call) = enter(inside::TRACKING) {
        call.netns = netns;
    }
    send::call(MessageKind::TrackingStart, netns, 0, 0);
    0
}

/// Returns 0 or a negative errno: the status of the last way tried.
#[kretprobe]
pub fn nfsd4_client_tracking_init_ret(ctx: RetProbeContext) -> u32 {
    if let Some(call) = leave(inside::TRACKING) {
        send::call(MessageKind::TrackingEnd, call.netns, 0, ctx.ret());
    }
    0
}

#[inline(always)]
fn tracker_start(ctx: &ProbeContext, which: u32, within: u32) {
    let netns = read::netns(ctx.arg(0).unwrap_or(0));
    if let Some(call) = enter(within | inside::TRACKER) {
        call.op = which;
        call.netns = netns;
    }
    send::call(MessageKind::TrackerStart, netns, which, 0);
}

/// The return of each of them: 0 or a negative errno, for nfsdcld `-ETIMEDOUT` where nobody opened the pipe.
#[kretprobe]
pub fn tracker_ret(ctx: RetProbeContext) -> u32 {
    if let Some(call) = leave(inside::TRACKER | inside::CLD) {
        send::call(MessageKind::TrackerEnd, call.netns, call.op, ctx.ret());
    }
    0
}

/// `static int nfsd4_cld_tracking_init(struct net *net)`; its address is in an ops table; 5.10 to 7.3.
#[kprobe]
pub fn nfsd4_cld_tracking_init(ctx: ProbeContext) -> u32 {
    tracker_start(&ctx, tracker::CLD, inside::CLD);
    0
}

/// `static int nfsd4_init_cld_pipe(struct net *net)`; its address is in an ops table; 5.10 to 7.3.
#[kprobe]
pub fn nfsd4_init_cld_pipe(ctx: ProbeContext) -> u32 {
    tracker_start(&ctx, tracker::CLD_V0, 0);
    0
}

/// `static int nfsd4_umh_cltrack_init(struct net *net)`; up to 6.6, later with legacy client tracking; 5.10 to 6.12.
#[kprobe]
pub fn nfsd4_umh_cltrack_init(ctx: ProbeContext) -> u32 {
    tracker_start(&ctx, tracker::UMH, 0);
    0
}

/// `static int nfsd4_legacy_tracking_init(struct net *net)`; as the one above.
#[kprobe]
pub fn nfsd4_legacy_tracking_init(ctx: ProbeContext) -> u32 {
    tracker_start(&ctx, tracker::LEGACY, 0);
    0
}

/// `static bool cld_running(struct nfsd_net *nn)`; inlined on every Debian kernel from 5.10 to 7.3.
#[kretprobe]
pub fn cld_running_ret(ctx: RetProbeContext) -> u32 {
    let running: i32 = ctx.ret();
    if let Some(call) = current() {
        send::call(MessageKind::Poll, call.netns, 0, running & 0xff);
    }
    0
}

/// `void msleep(unsigned int msecs)`, kernel/time; 5.10 to 7.3.
///
/// Inside `nfsd4_cld_tracking_init` it follows each `cld_running` that answered no.
#[kprobe]
pub fn msleep(_ctx: ProbeContext) -> u32 {
    if let Some(call) = current()
        && call.inside & inside::CLD != 0
        && layout().cld_running_probed == 0
    {
        send::call(MessageKind::Poll, call.netns, 1, 0);
    }
    0
}

/// `struct nfs4_client_reclaim *nfs4_client_to_reclaim(struct xdr_netobj name, struct xdr_netobj princhash,
/// struct nfsd_net *nn)`, fs/nfsd/nfs4state.c; 5.10 to 7.3.
///
/// By the x86-64 calling convention the two 16-byte structures come in two registers each.
#[kprobe]
pub fn nfs4_client_to_reclaim(ctx: ProbeContext) -> u32 {
    let len: u32 = ctx.arg(0).unwrap_or(0);
    let data: u64 = ctx.arg(1).unwrap_or(0);
    let nn: u64 = ctx.arg(4).unwrap_or(0);
    let offset = layout().nn_manager;
    let manager = if offset == ABSENT { None } else { MANAGERS.get_ptr(nn + u64::from(offset)) };
    // SAFETY: `netns` never changes once the entry is there.
    let netns = manager.map_or(0, |manager| unsafe { (*manager).netns });
    let head = send::head(MessageKind::ReclaimRecord, netns);
    send::message::<Named>(MessageKind::ReclaimRecord, |to| {
        // SAFETY: `to` is a reserved, zeroed entry with room for `NAME_LEN` bytes in `name`.
        unsafe {
            (*to).head = head;
            read::bytes::<NAME_LEN>(data, len, (&raw mut (*to).name).cast());
        }
    });
    0
}
