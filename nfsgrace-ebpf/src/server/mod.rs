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

/// Reads what is known of a `struct nfsd_net`.
#[inline(always)]
fn state(manager: u64) -> State {
    let layout = layout();
    let nn = nfsd_net(manager, layout);
    let mut state = State::default();
    if let Some(grace) = read::field::<u64>(nn, layout.nn_grace) {
        state.grace_s = grace;
        state.known |= known::GRACE;
    }
    if let Some(lease) = read::field::<u64>(nn, layout.nn_lease) {
        state.lease_s = lease;
        state.known |= known::LEASE;
    }
    if let Some(ops) = read::field::<u64>(nn, layout.nn_tracking_ops) {
        state.tracking = u32::from(ops != 0);
        state.known |= known::TRACKING;
    }
    if let Some(size) = read::field::<u32>(nn, layout.nn_to_reclaim) {
        state.to_reclaim = size;
        state.known |= known::TO_RECLAIM;
    }
    if let Some(done) = read::field::<u32>(nn, layout.nn_reclaimed) {
        state.reclaimed = done;
        state.known |= known::RECLAIMED;
    }
    let tracks = if layout.nn_tracks_bit == nfsgrace_ebpf::ABSENT {
        read::field::<u8>(nn, layout.nn_tracks).map(u32::from)
    } else {
        read::field::<u64>(nn, layout.nn_tracks).map(|flags| (flags >> (layout.nn_tracks_bit & 63)) as u32 & 1)
    };
    if let Some(tracks) = tracks {
        state.tracks_reclaim_completes = tracks;
        state.known |= known::TRACKS_RECLAIM_COMPLETES;
    }
    state
}
