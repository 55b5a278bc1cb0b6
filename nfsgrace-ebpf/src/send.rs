//! Messages into the ring buffer.

use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid, generated::bpf_ktime_get_boot_ns};
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
    let words = to.cast::<u64>();
    let mut word = 0;
    while word < size_of::<T>() / 8 {
        // SAFETY: within the reserved entry, whose size is a multiple of eight (asserted below) and whose alignment is eight.
        unsafe { words.add(word).write_volatile(0) };
        word += 1;
    }
    fill(to);
    entry.submit(0);
}

const _: () = {
    assert!(size_of::<nfsgrace_ebpf::Call>() % 8 == 0);
    assert!(size_of::<nfsgrace_ebpf::Server>() % 8 == 0);
    assert!(size_of::<nfsgrace_ebpf::Request>() % 8 == 0);
    assert!(size_of::<nfsgrace_ebpf::Named>() % 8 == 0);
    assert!(size_of::<nfsgrace_ebpf::Stack>() % 8 == 0);
    assert!(size_of::<nfsgrace_ebpf::Delay>() % 8 == 0);
    assert!(size_of::<nfsgrace_ebpf::FirstDelay>() % 8 == 0);
    assert!(size_of::<nfsgrace_ebpf::Stalled>() % 8 == 0);
};

/// Sends a [`Call`].
#[inline(always)]
pub fn call(kind: MessageKind, netns: u32, arg: u32, status: i32) {
    let head = head(kind, netns);
    message::<Call>(kind, |to| {
        // SAFETY: `to` is a reserved, zeroed entry.
        unsafe { *to = Call { head, arg, status } };
    });
}
