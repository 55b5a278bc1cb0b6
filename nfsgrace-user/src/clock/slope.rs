//! How fast one clock runs against another, as an exact fraction.

use std::cmp::Ordering;

/// How much the server's clock gains on the client's: `rise` nanoseconds in `run` of them.
///
/// A fraction and not a float: a bound that was rounded the wrong way by one part in 2^53 is off by a microsecond after
/// a hundred days.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slope {
    /// Nanoseconds gained; its size is below 2^63.
    pub rise: i64,
    /// In that many nanoseconds of the client's clock; more than zero.
    pub run: i64,
}

/// The least that a server's clock can gain. Quartz is wrong by up to 100 ppm, and NTP slews by up to 500 ppm.
pub(super) const LEAST: Slope = Slope { rise: -1, run: 2000 };
/// The most. It is 500.25 ppm, so that the limits stay the same when the two hosts change places.
pub(super) const MOST: Slope = Slope { rise: 1, run: 1999 };

impl Slope {
    /// In parts per billion, rounded.
    pub fn ppb(self) -> i64 {
        let ppb = i128::from(self.rise) * 1_000_000_000 / i128::from(self.run);
        i64::try_from(ppb).unwrap_or(if ppb < 0 { i64::MIN } else { i64::MAX })
    }
}

impl Ord for Slope {
    fn cmp(&self, other: &Self) -> Ordering {
        (i128::from(self.rise) * i128::from(other.run)).cmp(&(i128::from(other.rise) * i128::from(self.run)))
    }
}

impl PartialOrd for Slope {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Slope {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Slope {}

/// Which way a result that is no whole number of nanoseconds is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    Down,
    Up,
}

impl Round {
    /// `above / below`, where `below` is more than zero.
    pub fn divide(self, above: i128, below: i64) -> i128 {
        // Nearly always the numbers are small, and a processor divides those itself.
        let (down, exact) = match i64::try_from(above) {
            Ok(above) => (i128::from(above.div_euclid(below)), above % below == 0),
            Err(_) => (above.div_euclid(i128::from(below)), above % i128::from(below) == 0),
        };
        match self {
            Self::Up if !exact => down + 1,
            Self::Up | Self::Down => down,
        }
    }
}
