//! Clients' requests that a grace period touches, each seen from entry to return (fs/nfsd/nfs4proc.c, nfs4state.c).
//!
//! All have the prototype `__be32 nfsd4_X(struct svc_rqst *rqstp, struct nfsd4_compound_state *cstate,
//! union nfsd4_op_u *u)`; their addresses are in `nfsd4_ops[]`, so they stay; 5.10 to 7.3. Only refusals, reclaims and
//! changes of a client's identity are sent; the rest is counted.

use aya_ebpf::{
    macros::{kprobe, kretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use nfsgrace_ebpf::{ABSENT, MessageKind, NAME_LEN, NFS4ERR_GRACE, Request, server_op};

use super::{enter, leave};
use crate::{
    maps::{CallState, count, inside, layout},
    read, send,
};

/// CLAIM_PREVIOUS, CLAIM_DELEGATE_PREV and CLAIM_DELEG_PREV_FH (`enum open_claim_type4`).
const RECLAIMS: [u32; 3] = [1, 3, 6];

macro_rules! request {
    ($entry:ident, $op:expr, $inside:expr) => {
        #[kprobe]
        pub fn $entry(ctx: ProbeContext) -> u32 {
            begin(&ctx, $op, inside::REQUEST | $inside);
            0
        }
    };
}

request!(nfsd4_open, server_op::OPEN, 0);
request!(nfsd4_lock, server_op::LOCK, 0);
request!(nfsd4_remove, server_op::REMOVE, 0);
request!(nfsd4_rename, server_op::RENAME, 0);
request!(nfsd4_reclaim_complete, server_op::RECLAIM_COMPLETE, inside::RECLAIM_COMPLETE);
request!(nfsd4_setclientid_confirm, server_op::SETCLIENTID_CONFIRM, 0);
request!(nfsd4_create_session, server_op::CREATE_SESSION, 0);

#[inline(always)]
fn begin(ctx: &ProbeContext, op: u32, within: u32) {
    if let Some(call) = enter(within) {
        *call = CallState {
            inside: within,
            op,
            entered: send::now(),
            rqst: ctx.arg(0).unwrap_or(0),
            cstate: ctx.arg(1).unwrap_or(0),
            args: ctx.arg(2).unwrap_or(0),
            ..CallState::IDLE
        };
    }
}

/// The return of each of them: one program, since each one more costs the verifier some milliseconds.
#[kretprobe]
pub fn request_ret(ctx: RetProbeContext) -> u32 {
    finish(&ctx);
    0
}

#[inline(always)]
fn finish(ctx: &RetProbeContext) {
    let Some(call) = leave(inside::REQUEST | inside::RECLAIM_COMPLETE) else { return };
    let op = call.op;
    let status = u32::from_be(ctx.ret::<i32>() as u32);
    let refused = status == NFS4ERR_GRACE;
    let mut claim = ABSENT;
    let kind = match op {
        server_op::OPEN => {
            claim = read::field(call.args, layout().open_claim).unwrap_or(ABSENT);
            count(call.netns, |counts| {
                counts.opens += 1;
                counts.opens_refused += u64::from(refused);
            });
            let reclaims = RECLAIMS[0] == claim || RECLAIMS[1] == claim || RECLAIMS[2] == claim;
            match (refused, reclaims) {
                (true, _) => MessageKind::Refused,
                (false, true) => MessageKind::Reclaim,
                (false, false) => return,
            }
        }
        server_op::RECLAIM_COMPLETE => MessageKind::ReclaimComplete,
        server_op::SETCLIENTID_CONFIRM | server_op::CREATE_SESSION => MessageKind::ClientConfirmed,
        _ if refused => {
            count(call.netns, |counts| counts.others_refused += 1);
            MessageKind::Refused
        }
        _ => return,
    };
    report(kind, op, status, claim, &call);
}

/// Each value goes straight into the message: kept on the stack, the verifier would follow every combination of what
/// could be read and what could not.
#[inline(always)]
fn report(kind: MessageKind, op: u32, status: u32, claim: u32, call: &CallState) {
    let layout = layout();
    let netns = if call.netns == 0 { netns_of_transport(call.rqst) } else { call.netns };
    let head = send::head(kind, netns);
    send::message::<Request>(kind, |to| {
        // SAFETY: `to` is a reserved, zeroed entry.
        let to = unsafe { &mut *to };
        to.head = head;
        to.op = op;
        to.status = status;
        to.claim = claim;
        to.in_grace = call.in_grace;
        to.took_ns = head.at.saturating_sub(call.entered);
        to.minor = ABSENT;
        if op == server_op::SETCLIENTID_CONFIRM {
            to.minor = 0;
        } else {
            read::into(call.cstate, layout.cstate_minor, &mut to.minor);
        }
        read::into(call.rqst, layout.rqst_xid, &mut to.xid);
        to.xid = u32::from_be(to.xid);
        read::into(call.rqst, layout.rqst_addr, &mut to.addr);
        // SAFETY: both fields have room for `NAME_LEN` bytes.
        unsafe {
            if op == server_op::OPEN && claim == 0 {
                netobj(call.args, layout.open_fnamelen, layout.open_fname, to.name.as_mut_ptr());
            }
            if let Some(client) = read::field::<u64>(call.cstate, layout.cstate_clp)
                && layout.clp_name != ABSENT
            {
                netobj(client, layout.clp_name, layout.clp_name + 8, to.client.as_mut_ptr());
            }
        }
    });
}

/// Copies counted bytes; leaves `to` alone where their place is not known.
///
/// # Safety
///
/// `to` must be valid for writes of [`NAME_LEN`] bytes.
#[inline(always)]
unsafe fn netobj(base: u64, len: u32, data: u32, to: *mut u8) {
    if let (Some(len), Some(data)) = (read::field::<u32>(base, len), read::field::<u64>(base, data)) {
        // SAFETY: the caller vouches for `to`.
        unsafe { read::bytes::<NAME_LEN>(data, len, to) };
    }
}

/// The namespace of the transport that a request came over; 0 where its place is not known.
#[inline(always)]
fn netns_of_transport(rqst: u64) -> u32 {
    let layout = layout();
    read::field::<u64>(rqst, layout.rqst_xprt)
        .and_then(|transport| read::field::<u64>(transport, layout.xprt_net))
        .map_or(0, read::netns)
}
