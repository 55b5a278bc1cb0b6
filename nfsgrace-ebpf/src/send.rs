//! Messages into the ring buffer.

use aya_ebpf::helpers::{
    bpf_get_current_comm, bpf_get_current_pid_tgid,
    generated::{bpf_ktime_get_boot_ns, bpf_probe_read_kernel},
};
use nfsgrace_ebpf::{Call, Head, MessageKind};

use crate::maps::{EVENTS, lost_index};

/// `CLOCK_BOOTTIME`, nanoseconds.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: reads a clock.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// What every message starts with.
#[inline(always)]
pub fn head(kind: MessageKind, netns: u32) -> Head {
    Head {
        kind: kind as u32,
        netns,
        at: now(),
        pid_tgid: bpf_get_current_pid_tgid(),
        comm: bpf_get_current_comm().unwrap_or([0; 16]),
    }
}

/// Sends a message that `fill` writes in place; it gets zeroed memory. Counts a loss where there is no room.
#[inline(always)]
pub fn message<T: 'static>(kind: MessageKind, fill: impl FnOnce(*mut T)) {
    let Some(mut entry) = EVENTS.reserve::<T>(0) else {
        lost_index(kind as u32);
        return;
    };
    let to = entry.as_mut_ptr();
    // A read from address 0 fails, and a failed read zeroes its destination (`bpf_probe_read_kernel_common`,
    // kernel/trace/bpf_trace.c): one helper call, where a loop costs the verifier a visit for each word.
    // SAFETY: `to` is a reserved entry of this size.
    unsafe { bpf_probe_read_kernel(to.cast(), size_of::<T>() as u32, core::ptr::null()) };
    fill(to);
    entry.submit(0);
}

/// Sends a message that is there already, a small one.
#[inline(always)]
pub fn whole<T: 'static>(kind: MessageKind, value: T) {
    message::<T>(kind, |to| {
        // SAFETY: `to` is a reserved entry of this size.
        unsafe { *to = value };
    });
}

/// Sends a [`Call`].
#[inline(always)]
pub fn call(kind: MessageKind, netns: u32, arg: u32, status: i32) {
    whole(kind, Call { head: head(kind, netns), arg, status });
}
