//! What a cell may hold.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::{
    record::{ClockSample, Stamp},
    view::{clean, wall_ns},
};

/// A name that somebody else chose. A spreadsheet takes a cell for a formula by its first character: such a name gets an
/// apostrophe before it, as one would type it.
pub(super) fn name(text: &str) -> Cow<'_, str> {
    let text = clean(text);
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') => Cow::Owned(format!("'{text}")),
        _ => text,
    }
}

/// A moment in seconds of the session's clock, to the nanosecond.
pub(super) fn seconds(at: Stamp) -> String {
    format!("{}.{:09}", at.0 / 1_000_000_000, at.0 % 1_000_000_000)
}

/// A moment by the wall clock, RFC 3339, UTC; `None` where the session does not say how the clocks go together.
pub(super) fn wall(at: Stamp, clock: Option<ClockSample>) -> Option<String> {
    let since_1970 = wall_ns(at, clock?.realtime_minus_boottime_ns)?;
    let time = Timestamp::from_nanosecond(i128::from(since_1970)).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_formula() {
        assert_eq!(name("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(name("@SUM(1)"), "'@SUM(1)");
        assert_eq!(name("\t=1"), "\\t=1");
        assert_eq!(name("file"), "file");
    }

    #[test]
    fn moments_are_exact_and_unknown_ones_are_absent() {
        let at = Stamp(8_444_763_001);
        assert_eq!(seconds(at), "8.444763001");
        let clock = |offset| Some(ClockSample { at, realtime_minus_boottime_ns: offset });
        assert_eq!(wall(at, clock(1_795_400_000_000_000_000)).as_deref(), Some("2026-11-23T02:13:28.444763001Z"));
        assert_eq!(wall(at, None), None);
        assert_eq!(wall(at, clock(0)), None);
        assert_eq!(wall(at, clock(i64::MIN)), None);
        assert!(wall(Stamp(u64::MAX), clock(-1)).is_some());
    }
}
