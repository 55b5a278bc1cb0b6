//! The clocks of the running system.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::record::{ClockSample, Stamp};

fn read(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

/// `CLOCK_BOOTTIME`: what every record is stamped with.
#[must_use]
pub fn now() -> Stamp {
    Stamp(u64::try_from(read(ClockId::Boottime)).unwrap_or(0))
}

/// `CLOCK_REALTIME - CLOCK_BOOTTIME`, now.
#[must_use]
pub fn sample() -> ClockSample {
    let at = now();
    ClockSample { at, realtime_minus_boottime_ns: read(ClockId::Realtime).saturating_sub(read(ClockId::Boottime)) }
}

/// A time of the kernel log, which stops in suspend, on `CLOCK_BOOTTIME`; some milliseconds off.
#[must_use]
pub fn of_kernel_log(since_boot: Duration) -> Stamp {
    let suspended = read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic));
    Stamp(u64::try_from(suspended).unwrap_or(0)).plus(since_boot)
}
