//! The two system calls that tie an eBPF program to a trace event.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
};

use perf_event_open_sys::{
    bindings::{PERF_FLAG_FD_CLOEXEC, PERF_TYPE_TRACEPOINT, perf_event_attr},
    ioctls, perf_event_open,
};

/// Runs `program` whenever the event with this id happens, on any processor, until the result is closed.
pub(super) fn attach(id: u64, program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut attr = perf_event_attr {
        type_: PERF_TYPE_TRACEPOINT,
        size: u32::try_from(size_of::<perf_event_attr>()).map_err(io::Error::other)?,
        config: id,
        ..Default::default()
    };
    attr.__bindgen_anon_1.sample_period = 1;
    attr.__bindgen_anon_2.wakeup_events = 1;
    // SAFETY: `attr` is initialised and outlives the call; the rest are plain numbers. The program belongs to the
    // event itself, so naming one processor does not limit where it runs.
    let fd = unsafe { perf_event_open(&raw mut attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC.into()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call returned a new file descriptor that nobody else owns.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let program = u32::try_from(program.as_raw_fd()).map_err(io::Error::other)?;
    // SAFETY: both are open file descriptors.
    if unsafe { ioctls::SET_BPF(fd.as_raw_fd(), program) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: an open file descriptor.
    if unsafe { ioctls::ENABLE(fd.as_raw_fd(), 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(fd)
}
