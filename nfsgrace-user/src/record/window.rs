//! From when to when to look at a session.

use std::time::Duration;

use super::Stamp;

/// A moment in a session, as somebody names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// On the session's own clock.
    Boot(Stamp),
    /// On the wall clock, nanoseconds since 1970.
    Wall(i64),
    /// This long before the end of the session.
    BeforeEnd(Duration),
}

impl Moment {
    /// On the session's own clock, which the wall clock is ahead of by `realtime_minus_boottime_ns`.
    #[must_use]
    pub fn stamp(self, realtime_minus_boottime_ns: i64, end: Stamp) -> Stamp {
        match self {
            Self::Boot(stamp) => stamp,
            Self::Wall(at) => {
                let since_boot = i128::from(at) - i128::from(realtime_minus_boottime_ns);
                Stamp(u64::try_from(since_boot.max(0)).unwrap_or(u64::MAX))
            }
            Self::BeforeEnd(by) => Stamp(end.0.saturating_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX))),
        }
    }
}

/// A span of time in a session; without an end of its own it reaches to the session's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Its beginning.
    pub since: Option<Moment>,
    /// Its end, included.
    pub until: Option<Moment>,
}

impl Window {
    /// Whether the end of the session must be known to tell where it is.
    #[must_use]
    pub fn needs_end(&self) -> bool {
        [self.since, self.until].into_iter().any(|it| matches!(it, Some(Moment::BeforeEnd(_))))
    }

    /// Whether it is all of a session.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Both ends, on the session's own clock.
    #[must_use]
    pub fn on(&self, realtime_minus_boottime_ns: i64, end: Stamp) -> Span {
        let stamp = |moment: Moment| moment.stamp(realtime_minus_boottime_ns, end);
        Span { since: self.since.map_or(Stamp(0), stamp), until: self.until.map_or(Stamp(u64::MAX), stamp) }
    }
}

/// A span of time on a session's own clock, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub since: Stamp,
    /// Its end.
    pub until: Stamp,
}

impl Span {
    /// All of a session.
    pub const ALL: Self = Self { since: Stamp(0), until: Stamp(u64::MAX) };

    /// Whether something that lasted from one moment to another lies in it, at least in part.
    #[must_use]
    pub fn overlaps(&self, began: Stamp, ended: Stamp) -> bool {
        began <= self.until && ended >= self.since
    }
}
