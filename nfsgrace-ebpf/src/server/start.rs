//! nfsd starts and stops in a namespace (fs/nfsd/nfs4state.c).

use aya_ebpf::{
    macros::{kprobe, kretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use aya_log_ebpf::debug;
use nfsgrace_ebpf::{MessageKind, Server};

use super::{enter, leave, state};
use crate::{maps::inside, read, send};

/// `int nfs4_state_start_net(struct net *net)`; 5.10 to 7.3.
///
/// It ignores a failure of `nfsd4_client_tracking_init`.
#[kprobe]
pub fn nfs4_state_start_net(ctx: ProbeContext) -> u32 {
    let netns = read::netns(ctx.arg(0).unwrap_or(0));
    debug!(&ctx, "nfsd starts in namespace {}", netns);
    if let Some(call) = enter(inside::START_NET) {
        call.netns = netns;
    }
    send::call(MessageKind::ServerStart, netns, 0, 0);
    0
}

/// Returns 0 or a negative errno.
#[kretprobe]
pub fn nfs4_state_start_net_ret(ctx: RetProbeContext) -> u32 {
    let Some(call) = leave(inside::START_NET) else { return 0 };
    let status: i32 = ctx.ret();
    let head = send::head(MessageKind::ServerStarted, call.netns);
    send::message::<Server>(MessageKind::ServerStarted, |to| {
        // SAFETY: `to` is a reserved, zeroed entry.
        unsafe {
            (*to).head = head;
            (*to).status = status;
            state(call.manager, &raw mut (*to).state);
        }
    });
    0
}

/// `void nfs4_state_shutdown_net(struct net *net)`; 5.10 to 7.3.
#[kprobe]
pub fn nfs4_state_shutdown_net(ctx: ProbeContext) -> u32 {
    let netns = read::netns(ctx.arg(0).unwrap_or(0));
    if let Some(call) = enter(inside::SHUTDOWN) {
        call.netns = netns;
    }
    send::call(MessageKind::ServerStop, netns, 0, 0);
    0
}

/// Returns nothing.
#[kretprobe]
pub fn nfs4_state_shutdown_net_ret(_ctx: RetProbeContext) -> u32 {
    leave(inside::SHUTDOWN);
    0
}
