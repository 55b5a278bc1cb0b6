//! How long a refused client sleeps, and how much longer the kernel's timers make it.

use std::{num::NonZeroU32, time::Duration};

/// Longest sleep between two tries (`NFS4_POLL_RETRY_MAX`, fs/nfs/nfs4proc.c): 15 s.
const RETRY_MAX_S: u64 = 15;
/// The shortest one (`NFS4_POLL_RETRY_MIN`) is a tenth of a second.
const RETRY_MIN_PER_S: u64 = 10;
/// The values of `CONFIG_HZ` that kernel/Kconfig.hz offers.
const OFFERED: [u32; 4] = [100, 250, 300, 1000];
/// How late a woken task may run before it is called late: scheduling takes time on a busy machine.
pub const SCHEDULING: Duration = Duration::from_millis(5);

/// A span of time in timer ticks of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Jiffies(pub u64);

/// Timer ticks per second of a kernel (`CONFIG_HZ`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hz(NonZeroU32);

impl Hz {
    /// `None` for zero.
    #[must_use]
    pub fn new(per_second: u32) -> Option<Self> {
        NonZeroU32::new(per_second).map(Self)
    }

    /// Length of one tick.
    #[must_use]
    pub fn tick(self) -> Duration {
        self.span(Jiffies(1))
    }

    /// Length of so many ticks.
    #[must_use]
    pub fn span(self, ticks: Jiffies) -> Duration {
        let hz = u64::from(self.0.get());
        let rest = (ticks.0 % hz) * 1_000_000_000 / hz;
        Duration::from_secs(ticks.0 / hz) + Duration::from_nanos(rest)
    }

    /// Ticks in so much time, rounded up.
    #[must_use]
    pub fn ticks(self, span: Duration) -> Jiffies {
        let ticks = (span.as_nanos() * u128::from(self.0.get())).div_ceil(1_000_000_000);
        Jiffies(u64::try_from(ticks).unwrap_or(u64::MAX))
    }

    fn min(self) -> u64 {
        u64::from(self.0.get()) / RETRY_MIN_PER_S
    }

    fn max(self) -> u64 {
        u64::from(self.0.get()) * RETRY_MAX_S
    }
}

/// The sleep that `nfs4_update_delay` makes of `exception->timeout`:
/// `if (*t <= 0) *t = MIN; if (*t > MAX) *t = MAX; ret = *t; *t <<= 1;`.
#[must_use]
pub fn asked(timeout: i64, hz: Hz) -> Jiffies {
    match u64::try_from(timeout) {
        Err(_) | Ok(0) => Jiffies(hz.min()),
        Ok(timeout) => Jiffies(timeout.min(hz.max())),
    }
}

/// The sleep after the `nth` refusal of an operation, counted from 1, whatever HZ is.
#[must_use]
pub fn asked_in_order(nth: u64) -> Duration {
    let doublings = nth.saturating_sub(1).min(8);
    Duration::from_millis(100 << doublings).min(Duration::from_secs(RETRY_MAX_S))
}

/// The place in the sequence of a sleep, counted from 1: how many refusals a task had that now sleeps for so long.
#[must_use]
pub fn place(asked: Duration) -> u64 {
    (1..9).find(|&nth| asked_in_order(nth) >= asked).unwrap_or(9)
}

/// What a sleep of `ticks` may be longer by: the timer wheel (kernel/time/timer.c) keeps far timers in coarse buckets and
/// rounds up. Its levels start at 63, 504, 4032, 32256 … jiffies, their granules are 8, 64, 512, 4096 … jiffies.
#[must_use]
pub fn granule(ticks: Jiffies) -> Jiffies {
    let (mut start, mut granule) = (63, 1);
    while ticks.0 >= start && granule < 1 << 24 {
        start *= 8;
        granule *= 8;
    }
    Jiffies(granule)
}

/// How long a sleep may really take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SleepRange {
    /// Never shorter than this.
    pub earliest: Duration,
    /// Longer than this is not the timer wheel's doing.
    pub latest: Duration,
}

/// How long a sleep of `asked` may take: one granule and a tick longer. Without HZ, whatever any usual HZ allows.
#[must_use]
pub fn window(asked: Duration, hz: Option<Hz>) -> SleepRange {
    let latest = |hz: Hz| asked + hz.span(granule(hz.ticks(asked))) + hz.tick();
    let latest = match hz {
        Some(hz) => latest(hz),
        None => OFFERED.into_iter().filter_map(Hz::new).map(latest).max().unwrap_or(asked),
    };
    SleepRange { earliest: asked, latest }
}

/// Why a sleep was longer than asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// By no more than the timer wheel rounds.
    TimerWheel,
    /// By more than that: the task was woken, and ran this much too late.
    Late(Duration),
    /// It was shorter: the sleep was interrupted, or the value of HZ is wrong.
    Short(Duration),
}

/// Explains a sleep.
#[must_use]
pub fn explain(asked: Duration, slept: Duration, hz: Option<Hz>) -> Excess {
    let window = window(asked, hz);
    // A sleep starts within a running tick, so it may be shorter than asked by what has passed of that tick.
    let tick = hz.map_or(Duration::from_millis(10), Hz::tick);
    if slept + tick < window.earliest {
        Excess::Short(window.earliest - slept)
    } else if slept <= window.latest + SCHEDULING {
        Excess::TimerWheel
    } else {
        Excess::Late(slept - window.latest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hz(per_second: u32) -> Hz {
        Hz::new(per_second).expect("not zero")
    }

    #[test]
    fn the_sleeps_of_one_operation_double_from_a_tenth_of_a_second_to_fifteen_seconds() {
        for hz in OFFERED.map(hz) {
            let mut timeout = 0;
            let sleeps: Vec<_> = (0..11)
                .map(|_| {
                    let ticks = asked(timeout, hz);
                    timeout = i64::try_from(ticks.0 * 2).expect("small");
                    hz.span(ticks).as_millis()
                })
                .collect();
            assert_eq!(sleeps, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000, 15000], "{hz:?}");
            let in_order: Vec<_> = (1..=11).map(|nth| asked_in_order(nth).as_millis()).collect();
            assert_eq!(sleeps, in_order);
            let places: Vec<_> = (1..=11).map(|nth| place(asked_in_order(nth))).collect();
            assert_eq!(places, [1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9]);
        }
    }

    #[test]
    fn the_wheel_has_the_levels_of_the_kernel() {
        let granules = [0, 62, 63, 503, 504, 4031, 4032, 32255, 32256].map(|ticks| granule(Jiffies(ticks)).0);
        assert_eq!(granules, [1, 1, 8, 8, 64, 64, 512, 512, 4096]);
    }

    #[test]
    fn fifteen_seconds_may_take_a_quarter_of_a_second_more_on_debian() {
        let window = window(Duration::from_secs(15), Some(hz(250)));
        assert_eq!(window.latest, Duration::from_millis(15_000 + 256 + 4));
    }

    #[test]
    fn without_hz_no_usual_kernel_is_called_late() {
        let latest = window(Duration::from_secs(15), None).latest;
        assert!(OFFERED.into_iter().all(|it| window(Duration::from_secs(15), Hz::new(it)).latest <= latest));
    }

    proptest! {
        #[test]
        fn a_sleep_is_never_outside_the_limits_of_the_kernel(timeout: i64, per_second in 10_u32..10_000) {
            let hz = hz(per_second);
            let span = hz.span(asked(timeout, hz));
            prop_assert!(span <= Duration::from_secs(15));
            prop_assert!(hz.ticks(span).0 >= u64::from(per_second / 10));
        }

        #[test]
        fn rounding_is_never_more_than_a_seventh(ticks in 63_u64..100_000_000) {
            prop_assert!(granule(Jiffies(ticks)).0 * 7 <= ticks + 7);
        }

        #[test]
        fn whatever_the_wheel_may_do_is_explained(millis in 1_u64..100_000, part in 0.0..1.0_f64, hertz in prop::sample::select(OFFERED.to_vec())) {
            let (asked, hz) = (Duration::from_millis(millis), hz(hertz));
            let window = window(asked, Some(hz));
            let slept = window.earliest + (window.latest - window.earliest).mul_f64(part);
            prop_assert_eq!(explain(asked, slept, Some(hz)), Excess::TimerWheel);
        }
    }
}
