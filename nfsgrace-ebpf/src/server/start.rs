//! nfsd starts and stops in a namespace (fs/nfsd/nfs4state.c).

use aya_ebpf::{
    EbpfContext,
    helpers::generated::bpf_get_stack,
    macros::{kprobe, kretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use aya_log_ebpf::debug;
use nfsgrace_ebpf::{MessageKind, STACK_DEPTH, Server, Stack};

use super::{enter, leave, state};
use crate::{maps::inside, read, send};

/// `int nfs4_state_start_net(struct net *net)`; 5.10 to 7.3.
///
/// It ignores a failure of `nfsd4_client_tracking_init`. The stack is taken here, in the outermost function that is
/// probed at its return: kernels before 5.16 cannot see past one of those.
#[kprobe]
pub fn nfs4_state_start_net(ctx: ProbeContext) -> u32 {
    let netns = read::netns(ctx.arg(0).unwrap_or(0));
    debug!(&ctx, "nfsd starts in namespace {}", netns);
    if let Some(call) = enter(inside::START_NET) {
        call.netns = netns;
    }
    let head = send::head(MessageKind::ServerStart, netns);
    send::message::<Stack>(MessageKind::ServerStart, |to| {
        // SAFETY: `to` is a reserved, zeroed entry; the helper is given the room of `frames`.
        unsafe {
            (*to).head = head;
            bpf_get_stack(ctx.as_ptr(), (&raw mut (*to).frames).cast(), (STACK_DEPTH * 8) as u32, 0);
        }
    });
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
