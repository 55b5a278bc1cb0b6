//! The server side: a start, its trackers, its grace period, and whom it refuses (fs/nfsd).

mod grace;
mod request;
mod start;
mod tracking;

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use nfsgrace_ebpf::{Layout, Lost, State, known};

use crate::{
    maps::{CALLS, CallState, layout, lost},
    read,
};

/// This thread's state, made where there is none; `None` where the map is full.
#[inline(always)]
fn enter(inside: u32) -> Option<&'static mut CallState> {
    let thread = bpf_get_current_pid_tgid();
    if CALLS.get_ptr_mut(thread).is_none() && CALLS.insert(thread, CallState::IDLE, 0).is_err() {
        lost(Lost::CallsFull);
        return None;
    }
    let call = current()?;
    call.inside |= inside;
    Some(call)
}

/// This thread's state.
#[inline(always)]
fn current() -> Option<&'static mut CallState> {
    // SAFETY: the entry is this thread's own, and lives at least as long as the program runs.
    CALLS.get_ptr_mut(bpf_get_current_pid_tgid()).map(|call| unsafe { &mut *call })
}

/// Leaves a function; what the thread's state was, `None` where its entry was not seen.
#[inline(always)]
fn leave(inside: u32) -> Option<CallState> {
    let call = current()?;
    let copy = *call;
    if copy.inside & inside == 0 {
        return None;
    }
    call.inside &= !inside;
    if call.inside == 0 {
        let _ = CALLS.remove(bpf_get_current_pid_tgid());
    }
    Some(copy)
}

/// The `struct nfsd_net *` that a `struct lock_manager *` of nfsd lies in; 0 where the place is not known.
#[inline(always)]
fn nfsd_net(manager: u64, layout: &Layout) -> u64 {
    if manager == 0 || layout.nn_manager == nfsgrace_ebpf::ABSENT { 0 } else { manager - u64::from(layout.nn_manager) }
}

/// Writes what is known of a `struct nfsd_net`.
///
/// Straight into the message: values on the stack would have the verifier of 5.10 follow each combination of them.
///
/// # Safety
///
/// `to` must be valid for writes.
#[inline(always)]
unsafe fn state(manager: u64, to: *mut State) {
    let layout = layout();
    let nn = nfsd_net(manager, layout);
    // SAFETY: the caller vouches for `to`.
    let to = unsafe { &mut *to };
    if let Some(grace) = read::field::<u64>(nn, layout.nn_grace) {
        to.grace_s = grace;
        to.known |= known::GRACE;
    }
    if let Some(lease) = read::field::<u64>(nn, layout.nn_lease) {
        to.lease_s = lease;
        to.known |= known::LEASE;
    }
    if let Some(ops) = read::field::<u64>(nn, layout.nn_tracking_ops) {
        to.tracking = u32::from(ops != 0);
        to.known |= known::TRACKING;
    }
    if let Some(size) = read::field::<u32>(nn, layout.nn_to_reclaim) {
        to.to_reclaim = size;
        to.known |= known::TO_RECLAIM;
    }
    if let Some(done) = read::field::<u32>(nn, layout.nn_reclaimed) {
        to.reclaimed = done;
        to.known |= known::RECLAIMED;
    }
    if layout.nn_tracks_bit == nfsgrace_ebpf::ABSENT {
        if let Some(tracks) = read::field::<u8>(nn, layout.nn_tracks) {
            to.tracks_reclaim_completes = u32::from(tracks != 0);
            to.known |= known::TRACKS_RECLAIM_COMPLETES;
        }
    } else if let Some(flags) = read::field::<u64>(nn, layout.nn_tracks) {
        to.tracks_reclaim_completes = (flags >> (layout.nn_tracks_bit & 63)) as u32 & 1;
        to.known |= known::TRACKS_RECLAIM_COMPLETES;
    }
}
