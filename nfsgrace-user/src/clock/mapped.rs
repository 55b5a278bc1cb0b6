//! A time on another host's clock: never a point, always between two bounds.

use std::time::Duration;

use crate::record::Stamp;

/// A time of one host on another host's clock: the truth lies between two bounds, as far as there are two.
///
/// The bounds are signed nanoseconds: what happened on one host can lie before another host booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapped {
    /// Not before; `None` when nothing says so.
    pub earliest: Option<i64>,
    /// Not after; `None` when nothing says so.
    pub latest: Option<i64>,
}

impl Mapped {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { earliest: None, latest: None };

    /// Exactly then: the same clock.
    #[must_use]
    pub fn exactly(at: Stamp) -> Self {
        let at = signed(at);
        Self { earliest: Some(at), latest: Some(at) }
    }

    /// The best single answer, nanoseconds: the middle; where only one bound is known, that bound.
    #[must_use]
    pub fn nanoseconds(&self) -> Option<i64> {
        match (self.earliest, self.latest) {
            (Some(earliest), Some(latest)) => Some(earliest.midpoint(latest)),
            (one, other) => one.or(other),
        }
    }

    /// The same as a time of that host; zero for what lies before its boot.
    #[must_use]
    pub fn time(&self) -> Option<Stamp> {
        self.nanoseconds().map(|at| Stamp(u64::try_from(at).unwrap_or(0)))
    }

    /// How wrong [`time`](Self::time) can be; `None` when a bound is missing.
    #[must_use]
    pub fn error(&self) -> Option<Duration> {
        Some(Duration::from_nanos(self.earliest?.abs_diff(self.latest?).div_ceil(2)))
    }

    /// This time, when it is known as well not to be after `limit`: the same message was received then.
    #[must_use]
    pub fn not_after(self, limit: Stamp) -> Self {
        let limit = signed(limit);
        let latest = Some(self.latest.map_or(limit, |it| it.min(limit)));
        Self { earliest: self.earliest.map(|it| it.min(limit)), latest }
    }

    /// This time, when it is known as well not to be before `limit`: the same message was sent then.
    #[must_use]
    pub fn not_before(self, limit: Stamp) -> Self {
        let limit = signed(limit);
        let earliest = Some(self.earliest.map_or(limit, |it| it.max(limit)));
        Self { earliest, latest: self.latest.map(|it| it.max(limit)) }
    }

    /// Whether `at` can be it.
    #[must_use]
    pub fn contains(&self, at: i64) -> bool {
        self.earliest.is_none_or(|it| it <= at) && self.latest.is_none_or(|it| at <= it)
    }

    /// Either this or that.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            earliest: self.earliest.zip(other.earliest).map(|(a, b)| a.min(b)),
            latest: self.latest.zip(other.latest).map(|(a, b)| a.max(b)),
        }
    }

    /// Maps both bounds on: `earliest` of the earliest, `latest` of the latest.
    #[must_use]
    pub fn then(self, map: impl Fn(i64) -> Self) -> Self {
        Self {
            earliest: self.earliest.and_then(|it| map(it).earliest),
            latest: self.latest.and_then(|it| map(it).latest),
        }
    }
}

/// A stamp as a signed number; stamps after the year 2262 are all the same.
pub(super) fn signed(stamp: Stamp) -> i64 {
    i64::try_from(stamp.0).unwrap_or(i64::MAX)
}

/// A computed time, as near as it can be kept.
pub(super) fn saturated(at: i128) -> i64 {
    i64::try_from(at).unwrap_or(if at < 0 { i64::MIN } else { i64::MAX })
}
