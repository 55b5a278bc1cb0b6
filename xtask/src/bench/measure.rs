//! What one run of a program takes.

use std::{
    mem::MaybeUninit,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::tool;

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// From start to end, on the wall clock.
    pub(super) wall: Duration,
    /// On a processor.
    pub(super) cpu: Duration,
    /// The most memory that it had at once, KiB.
    pub(super) peak_kib: u64,
}

/// Runs a program, output unseen; it may end with one of these exit statuses.
pub(super) fn run(command: &mut Command, fine: &[i32]) -> Result<Run> {
    let began = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| tool::cannot_start(command, &error))?;
    let pid = libc::pid_t::try_from(child.id())?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers lead to memory of their types that lives through the call.
    let ended = unsafe { libc::wait4(pid, &mut status, 0, usage.as_mut_ptr()) };
    let wall = began.elapsed();
    // SAFETY: all bits zero are an rusage, which the kernel may have filled.
    let usage = unsafe { usage.assume_init() };
    if ended != pid || !libc::WIFEXITED(status) || !fine.contains(&libc::WEXITSTATUS(status)) {
        bail!("{command:?} failed (status {status:#x})");
    }
    let span = |time: libc::timeval| {
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_usec).unwrap_or(0) * 1_000)
    };
    Ok(Run { wall, cpu: span(usage.ru_utime) + span(usage.ru_stime), peak_kib: u64::try_from(usage.ru_maxrss)? })
}

/// The median of several runs, of each figure by itself.
pub(super) fn median(runs: &[Run]) -> Option<Run> {
    fn middle<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
        let mut values: Vec<_> = values.collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied()
    }
    Some(Run {
        wall: middle(runs.iter().map(|run| run.wall))?,
        cpu: middle(runs.iter().map(|run| run.cpu))?,
        peak_kib: middle(runs.iter().map(|run| run.peak_kib))?,
    })
}
