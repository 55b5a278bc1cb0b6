//! Times of the wall clock, for tickets and for other hosts.

use jiff::{Timestamp, tz::TimeZone};

use crate::record::{ClockSample, Stamp};

/// Where the wall clock stood, and the time zone to show it in.
#[derive(Debug, Clone)]
pub struct Wall {
    realtime_minus_boottime_ns: i64,
    zone: TimeZone,
}

impl Wall {
    /// `None` where a session does not say where the wall clock stood.
    #[must_use]
    pub fn new(clock: Option<ClockSample>, zone: TimeZone) -> Option<Self> {
        let realtime_minus_boottime_ns = clock?.realtime_minus_boottime_ns;
        (realtime_minus_boottime_ns != 0).then_some(Self { realtime_minus_boottime_ns, zone })
    }

    fn format(&self, at: Stamp, format: &str) -> Option<String> {
        let at = Timestamp::from_nanosecond(i128::from(at.0) + i128::from(self.realtime_minus_boottime_ns)).ok()?;
        Some(at.to_zoned_datetime(self.zone.clone()).strftime(format).to_string())
    }

    /// `2026-11-24 10:00:03 +01:00`; `None` for a moment that no calendar has.
    #[must_use]
    pub fn time(&self, at: Stamp) -> Option<String> {
        self.format(at, "%Y-%m-%d %H:%M:%S %:z")
    }

    /// `2026-11-24 09:58:12 – 10:01:40 +01:00`.
    #[must_use]
    pub fn range(&self, from: Stamp, to: Stamp) -> Option<String> {
        let day = |at| self.format(at, "%Y-%m-%d %:z");
        let until = if day(from) == day(to) { "%H:%M:%S %:z" } else { "%Y-%m-%d %H:%M:%S %:z" };
        Some(format!("{} – {}", self.format(from, "%Y-%m-%d %H:%M:%S")?, self.format(to, until)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_names_its_day_once() {
        let clock = ClockSample { at: Stamp(0), realtime_minus_boottime_ns: 1_795_510_800_000_000_000 };
        let wall = Wall::new(Some(clock), TimeZone::fixed(jiff::tz::offset(1))).expect("known");
        let at = |seconds: u64| Stamp(seconds * 1_000_000_000);
        assert_eq!(wall.time(at(3)).as_deref(), Some("2026-11-24 10:00:03 +01:00"));
        assert_eq!(wall.range(at(3), at(63)).as_deref(), Some("2026-11-24 10:00:03 – 10:01:03 +01:00"));
        let next_day = wall.range(at(3), at(86_403));
        assert_eq!(next_day.as_deref(), Some("2026-11-24 10:00:03 – 2026-11-25 10:00:03 +01:00"));
        assert_eq!(wall.time(Stamp(u64::MAX)).map(|it| it.len()), Some("2026-11-24 10:00:03 +01:00".len()));
    }
}
