//! The axis that the times of several hosts are put on.

use std::{fmt, time::Duration};

use crate::record::Stamp;

/// A moment of a host on the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// When, nanoseconds; what happened before the axis begins is negative.
    pub at_ns: i64,
    /// How far off that may be; `None` where nothing bounds it.
    pub error: Option<Duration>,
}

impl Placed {
    /// The same as a stamp; zero for what happened before the axis begins.
    #[must_use]
    pub fn stamp(self) -> Stamp {
        Stamp(u64::try_from(self.at_ns).unwrap_or(0))
    }

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        let size = Duration::from_nanos(self.at_ns.unsigned_abs()).as_secs_f64();
        if self.at_ns < 0 { -size } else { size }
    }
}

/// Puts a host's clock on the axis.
pub struct Axis<'a>(Box<dyn Fn(Stamp) -> Placed + 'a>);

impl<'a> Axis<'a> {
    /// By this rule.
    pub fn new(place: impl Fn(Stamp) -> Placed + 'a) -> Self {
        Self(Box::new(place))
    }

    /// The host's clock is the axis.
    #[must_use]
    pub fn own() -> Self {
        Self::new(|at| Placed { at_ns: i64::try_from(at.0).unwrap_or(i64::MAX), error: Some(Duration::ZERO) })
    }

    /// Where a moment lies.
    #[must_use]
    pub fn place(&self, at: Stamp) -> Placed {
        (self.0)(at)
    }
}

impl fmt::Debug for Axis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Axis")
    }
}
