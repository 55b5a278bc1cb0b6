//! The tick rate: the unit of `exception->timeout`.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};

use super::{Kernel, config_value};

const CANDIDATES: [u32; 4] = [100, 250, 300, 1000];

/// Ticks in a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnedHz {
    /// The value of `CONFIG_HZ`.
    pub value: u32,
    /// How it was learned.
    pub source: HzSource,
}

/// How [`LearnedHz`] was learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HzSource {
    /// From this file.
    Config(String),
    /// From the count of ticks since boot in `/proc/timer_list`.
    Jiffies,
}

impl std::fmt::Display for HzSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(path) => write!(f, "from {path}"),
            Self::Jiffies => f.write_str("measured: jiffies since boot"),
        }
    }
}

impl Kernel {
    /// The tick rate, from the kernel's configuration or else from its tick counter.
    ///
    /// # Errors
    ///
    /// Where neither can be read: `/proc/timer_list` is root's.
    pub fn hz(&self) -> Result<LearnedHz> {
        if let Some((text, path)) = self.config_text()
            && let Some(value) = config_value(&text, "CONFIG_HZ").and_then(|value| value.parse().ok())
        {
            return Ok(LearnedHz { value, source: HzSource::Config(path) });
        }
        let first = self.tick_sample()?;
        let value = match hz_from_sample(first) {
            Some(value) => value,
            None => {
                thread::sleep(Duration::from_millis(200));
                hz_from_slope(first, self.tick_sample()?).context("the tick counter fits no known tick rate")?
            }
        };
        Ok(LearnedHz { value, source: HzSource::Jiffies })
    }

    /// The tick counter and `CLOCK_MONOTONIC` in nanoseconds.
    fn tick_sample(&self) -> Result<(u64, u64)> {
        let text = self.read("proc/timer_list").context("no kernel configuration, and cannot read /proc/timer_list")?;
        let number = |prefix: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(prefix))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        number("jiffies:").zip(number("now at")).context("no tick counter in /proc/timer_list")
    }
}

/// The tick rate that one sample (`jiffies`, `CLOCK_MONOTONIC` ns) tells; `None` where it fits several or none.
///
/// The counter starts at `(u32)(-300 * HZ)` (`INITIAL_JIFFIES`, include/linux/jiffies.h), whatever the rate. So only
/// around 300 seconds after boot, when all of them pass 2^32, does one sample not tell them apart.
#[must_use]
pub fn hz_from_sample((jiffies, now_ns): (u64, u64)) -> Option<u32> {
    let fits = |hz: u32| {
        let start = u64::from(hz.wrapping_mul(300).wrapping_neg());
        let expected = i128::from(start) + i128::from(now_ns) * i128::from(hz) / 1_000_000_000;
        // The two begin at boot within half a second of each other.
        (i128::from(jiffies) - expected).abs() <= i128::from(hz / 2)
    };
    let mut fitting = CANDIDATES.into_iter().filter(|&hz| fits(hz));
    fitting.next().filter(|_| fitting.next().is_none())
}

/// The tick rate that two samples tell by their distance; `None` where they are too close to each other.
#[must_use]
pub fn hz_from_slope(first: (u64, u64), second: (u64, u64)) -> Option<u32> {
    let ticks = second.0.checked_sub(first.0)?;
    let nanoseconds = second.1.checked_sub(first.1).filter(|&ns| ns >= 100_000_000)?;
    let hz = u128::from(ticks) * 1_000_000_000 / u128::from(nanoseconds);
    CANDIDATES.into_iter().find(|&candidate| hz.abs_diff(u128::from(candidate)) * 12 <= u128::from(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(hz: u32, milliseconds: u64) -> (u64, u64) {
        let start = u64::from((hz * 300).wrapping_neg());
        (start + milliseconds * u64::from(hz) / 1000, milliseconds * 1_000_000)
    }

    #[test]
    fn one_sample_tells_the_rate_except_around_300_seconds() {
        for hz in CANDIDATES {
            for seconds in [1, 12, 200, 290, 310, 86_400, 86_400 * 365] {
                assert_eq!(hz_from_sample(sample(hz, seconds * 1000)), Some(hz), "{hz} after {seconds} s");
            }
            assert_eq!(hz_from_sample(sample(hz, 300_000)), None);
        }
    }

    #[test]
    fn a_sample_of_a_real_kernel() {
        // Debian 6.18, HZ 250
        assert_eq!(hz_from_sample((4_294_895_337, 12_166_991_625)), Some(250));
    }

    #[test]
    fn two_samples_tell_the_rate_always() {
        for hz in CANDIDATES {
            assert_eq!(hz_from_slope(sample(hz, 300_000), sample(hz, 300_200)), Some(hz));
        }
        assert_eq!(hz_from_slope(sample(250, 1000), sample(250, 1010)), None);
        assert_eq!(hz_from_slope(sample(250, 2000), sample(250, 1000)), None);
    }

    #[test]
    fn numbers_that_are_no_sample_tell_nothing() {
        assert_eq!(hz_from_sample((0, 0)), None);
        assert_eq!(hz_from_sample((u64::MAX, u64::MAX)), None);
        assert_eq!(hz_from_slope((0, 0), (u64::MAX, u64::MAX)), None);
    }
}
