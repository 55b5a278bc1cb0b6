//! How many guests run at a time, and how many of them boot.

use std::{
    fs,
    sync::{Condvar, Mutex, PoisonError},
    thread,
};

/// Memory that one guest takes of the host, with some for qemu itself.
const GUEST_KIB: u64 = 1300 << 10;

/// So many may go on at a time.
#[derive(Debug)]
pub struct Turns {
    free: Mutex<usize>,
    returned: Condvar,
}

impl Turns {
    /// `count` at a time.
    pub fn new(count: usize) -> Self {
        Self { free: Mutex::new(count), returned: Condvar::new() }
    }

    /// Waits for a turn, which lasts until the returned value is dropped.
    pub fn take(&self) -> Turn<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Turn(self)
    }
}

/// A turn; over when dropped.
#[derive(Debug)]
pub struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.returned.notify_one();
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// How many guests may boot at a time: one processor is left to those that are being measured.
pub fn boots() -> usize {
    processors().saturating_sub(1).max(1)
}

/// How many scenarios to run at a time: guests wait most of the time, so more than there are processors.
pub fn jobs() -> usize {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available =
        meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.split_whitespace().next()?.parse().ok());
    let by_memory = available.map_or(1, |available: u64| usize::try_from(available / GUEST_KIB).unwrap_or(1));
    (processors() * 2).min(by_memory).max(1)
}
