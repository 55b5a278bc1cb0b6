//! Reading kernel memory at the places that BTF told.

use aya_ebpf::helpers::{
    self,
    generated::{bpf_probe_read_kernel, bpf_probe_read_kernel_str},
};
use nfsgrace_ebpf::ABSENT;

/// Reads a field of a structure; `None` where its place is not known or the address is bad.
#[inline(always)]
pub fn field<T>(base: u64, offset: u32) -> Option<T> {
    if offset == ABSENT || base == 0 {
        return None;
    }
    // SAFETY: the helper checks the address and fails on a bad one.
    unsafe { helpers::bpf_probe_read_kernel((base + u64::from(offset)) as *const T) }.ok()
}

/// Reads a field of a structure straight into a message; leaves it alone where its place is not known.
#[inline(always)]
pub fn into<T>(base: u64, offset: u32, to: &mut T) {
    if offset != ABSENT {
        // SAFETY: the helper checks the address; `to` has room for a `T`.
        unsafe {
            bpf_probe_read_kernel(
                core::ptr::from_mut(to).cast(),
                size_of::<T>() as u32,
                (base + u64::from(offset)) as *const _,
            );
        }
    }
}

/// Copies a NUL-terminated string; the number of bytes copied with its NUL, 0 where it could not be read.
///
/// # Safety
///
/// `to` must be valid for writes of `room` bytes.
#[inline(always)]
pub unsafe fn string(from: u64, to: *mut u8, room: u32) -> u32 {
    // SAFETY: the helper checks `from`; the caller vouches for `to`.
    let copied = unsafe { bpf_probe_read_kernel_str(to.cast(), room, from as *const _) };
    u32::try_from(copied).unwrap_or(0)
}

/// Copies `len` bytes, at most `N - 1`; the rest of `to` is left alone.
///
/// # Safety
///
/// `to` must be valid for writes of `N` bytes, and `N` a power of two.
#[inline(always)]
pub unsafe fn bytes<const N: usize>(from: u64, len: u32, to: *mut u8) {
    let room = N as u32 - 1;
    let len = if len > room { room } else { len };
    // The mask repeats for the verifier what the line above says: it loses track of bounds across a spill (5.10).
    // SAFETY: the helper checks `from`; the caller vouches for `to`.
    unsafe {
        bpf_probe_read_kernel(to.cast(), core::hint::black_box(len) & room, from as *const _);
    }
}

/// Inode number of a `struct net *`, 0 where not known.
#[inline(always)]
pub fn netns(net: u64) -> u32 {
    field(net, crate::maps::layout().net_inum).unwrap_or(0)
}
