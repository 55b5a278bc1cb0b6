//! The wall clocks: what `--clock realtime` falls back to, and a check on what the RPCs say.
//!
//! Each host knows how far its wall clock is from its `CLOCK_BOOTTIME`. If all wall clocks were right, that would be
//! all there is to do. They are not, and nothing in the records says by how much: times made this way have no bound.

use std::collections::VecDeque;

use super::mapped::{Mapped, saturated, signed};
use crate::record::{ClockSample, Stamp};

/// Samples kept: at one a minute, those of nearly three days.
pub const MAX_SAMPLES: usize = 4_096;
/// What a wall clock gains or loses without a step: NTP slews by 500 ppm at most, `adjtime` as well.
const SLEW_PPM: u64 = 1_000;
/// And this much, as samples take a while.
const SLACK_NS: u64 = 1_000_000;

/// A wall clock stepped: somebody set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallStep {
    /// The last sample before it.
    pub after: Stamp,
    /// The first sample behind it.
    pub before: Stamp,
    /// By how much, nanoseconds; more than zero: forward.
    pub jump: i64,
}

/// One host's wall clock, as its session tells of it.
#[derive(Debug, Clone, Default)]
pub struct WallClock {
    samples: VecDeque<ClockSample>,
}

impl WallClock {
    /// Takes a sample: one of the header, or of a `clock` line. Late ones are put where they belong.
    pub fn add(&mut self, sample: ClockSample) {
        let at = self.samples.partition_point(|it| it.at < sample.at);
        match self.samples.get_mut(at).filter(|it| it.at == sample.at) {
            Some(same) => *same = sample,
            None => self.samples.insert(at, sample),
        }
        if self.samples.len() > MAX_SAMPLES {
            self.samples.pop_front();
        }
    }

    /// Where it was set.
    pub fn steps(&self) -> impl Iterator<Item = WallStep> {
        self.pairs().filter(|(a, b)| is_step(a, b)).map(|(a, b)| {
            let jump = i128::from(b.realtime_minus_boottime_ns) - i128::from(a.realtime_minus_boottime_ns);
            WallStep { after: a.at, before: b.at, jump: saturated(jump) }
        })
    }

    /// What it showed at a time of its host, nanoseconds since 1970; between two samples, in between, and either where
    /// it was set between them.
    #[must_use]
    pub fn shows(&self, at: Stamp) -> Mapped {
        let next = self.samples.partition_point(|it| it.at <= at);
        let before = next.checked_sub(1).and_then(|nth| self.samples.get(nth));
        let shown = |offset: i64| saturated(i128::from(signed(at)) + i128::from(offset));
        let exactly = |offset: i64| Mapped { earliest: Some(shown(offset)), latest: Some(shown(offset)) };
        match (before, self.samples.get(next)) {
            (None, None) => Mapped::UNKNOWN,
            (Some(only), None) | (None, Some(only)) => exactly(only.realtime_minus_boottime_ns),
            (Some(a), Some(b)) if is_step(a, b) => {
                exactly(a.realtime_minus_boottime_ns).or(exactly(b.realtime_minus_boottime_ns))
            }
            (Some(a), Some(b)) => {
                let part = i128::from(at.0 - a.at.0);
                let (from, to) = (a.realtime_minus_boottime_ns, b.realtime_minus_boottime_ns);
                let gained = (i128::from(to) - i128::from(from)) * part / i128::from((b.at.0 - a.at.0).max(1));
                exactly(saturated(i128::from(from) + gained))
            }
        }
    }

    /// The time of this host when its wall clock showed `wall`. What it never showed was skipped by a step; what it
    /// showed twice was repeated by one: then the answer holds all of it.
    #[must_use]
    pub fn when(&self, wall: i64) -> Mapped {
        let at = |offset: i64| saturated(i128::from(wall) - i128::from(offset));
        let exactly = |at: i64| Mapped { earliest: Some(at), latest: Some(at) };
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else { return Mapped::UNKNOWN };
        let early = Some(at(first.realtime_minus_boottime_ns)).filter(|it| *it <= signed(first.at)).map(exactly);
        let late = Some(at(last.realtime_minus_boottime_ns)).filter(|it| *it >= signed(last.at)).map(exactly);
        let between = self.pairs().filter_map(|(a, b)| {
            let (from, to) = (signed(a.at), signed(b.at));
            let (one, other) = (at(a.realtime_minus_boottime_ns), at(b.realtime_minus_boottime_ns));
            if is_step(a, b) {
                // Right up to the step by the old offset, right behind it by the new one, and skipped in between.
                let inside = |it: &i64| (from..=to).contains(it);
                let skipped = one > to && other < from;
                let found = [one, other].into_iter().filter(inside).map(exactly).reduce(Mapped::or);
                return found.or(skipped.then_some(Mapped { earliest: Some(from), latest: Some(to) }));
            }
            // The wall clock ran evenly from one sample to the next.
            let (passed, since) = (i128::from(to) - i128::from(from), i128::from(one) - i128::from(from));
            let run = passed + i128::from(one) - i128::from(other);
            let at = i128::from(from) + since * passed / run.max(1);
            Some(saturated(at)).filter(|it| (from..=to).contains(it)).map(exactly)
        });
        early.into_iter().chain(between).chain(late).reduce(Mapped::or).unwrap_or(Mapped::UNKNOWN)
    }

    /// A time of this host on another host's clock, if both wall clocks were right.
    #[must_use]
    pub fn at(&self, at: Stamp, other: &Self) -> Mapped {
        self.shows(at).then(|wall| other.when(wall))
    }

    /// How far another host's wall clock is ahead of this one's, nanoseconds: at the time `at` of this host, which is
    /// the time `there` of the other.
    #[must_use]
    pub fn behind(&self, at: Stamp, other: &Self, there: &Mapped) -> Mapped {
        let here = self.shows(at);
        let shows = there.then(|it| other.shows(Stamp(u64::try_from(it).unwrap_or(0))));
        let less = |a: Option<i64>, b: Option<i64>| Some(saturated(i128::from(a?) - i128::from(b?)));
        Mapped { earliest: less(shows.earliest, here.latest), latest: less(shows.latest, here.earliest) }
    }

    fn pairs(&self) -> impl Iterator<Item = (&ClockSample, &ClockSample)> {
        self.samples.iter().zip(self.samples.iter().skip(1))
    }
}

fn is_step(a: &ClockSample, b: &ClockSample) -> bool {
    let passed = b.at.0.saturating_sub(a.at.0);
    let allowed = passed / 1_000_000 * SLEW_PPM + SLACK_NS;
    a.realtime_minus_boottime_ns.abs_diff(b.realtime_minus_boottime_ns) > allowed
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn clock(samples: &[(u64, i64)]) -> WallClock {
        let mut clock = WallClock::default();
        for &(at, realtime_minus_boottime_ns) in samples {
            clock.add(ClockSample { at: Stamp(at), realtime_minus_boottime_ns });
        }
        clock
    }

    #[test]
    fn between_two_samples_the_offset_is_in_between() {
        let clock = clock(&[(60 * SECOND, 1_000), (0, 0)]);
        assert_eq!(clock.shows(Stamp(30 * SECOND)).nanoseconds(), Some(30 * 1_000_000_000 + 500));
        assert_eq!(clock.shows(Stamp(90 * SECOND)).nanoseconds(), Some(90 * 1_000_000_000 + 1_000));
        assert_eq!(clock.steps().count(), 0);
    }

    #[test]
    fn a_clock_that_was_set_is_named_and_both_times_are_possible_until_the_next_sample() {
        let hour = 3_600 * SECOND.cast_signed();
        let set = clock(&[(0, 0), (60 * SECOND, 0), (120 * SECOND, -hour)]);
        let steps: Vec<_> = set.steps().collect();
        assert_eq!(steps, [WallStep { after: Stamp(60 * SECOND), before: Stamp(120 * SECOND), jump: -hour }]);
        let shown = set.shows(Stamp(90 * SECOND));
        assert_eq!(shown.latest.zip(shown.earliest).map(|(a, b)| a - b), Some(hour));
        let right = clock(&[(0, 0)]);
        assert_eq!(set.at(Stamp(30 * SECOND), &right).time(), Some(Stamp(30 * SECOND)));
    }

    #[test]
    fn wall_clocks_that_differ_are_found_out() {
        let (client, server) = (clock(&[(0, 500)]), clock(&[(0, 5_000_000_500)]));
        let there = Mapped { earliest: Some(990), latest: Some(1_010) };
        let ahead = client.behind(Stamp(1_000), &server, &there);
        assert_eq!(ahead, Mapped { earliest: Some(4_999_999_990), latest: Some(5_000_000_010) });
    }

    #[test]
    fn without_a_sample_nothing_is_known() {
        assert_eq!(WallClock::default().at(Stamp(1), &clock(&[(0, 1)])), Mapped::UNKNOWN);
        assert_eq!(clock(&[(0, 1)]).at(Stamp(1), &WallClock::default()), Mapped::UNKNOWN);
    }

    proptest! {
        #[test]
        fn there_and_back_is_where_one_was(
            slews in vec(-30_000_i64..30_000, 1..20), at in 0_u64..1_300,
        ) {
            let mut offset = 1_795_400_000_000_000_000;
            let mut samples = Vec::new();
            for (minute, slew) in (0_u64..).zip(&slews) {
                offset += slew;
                samples.push((minute * 60 * SECOND, offset));
            }
            let clock = clock(&samples);
            let at = Stamp(at * SECOND + 123);
            let back = clock.at(at, &clock);
            let error = back.nanoseconds().map(|it| it.abs_diff(at.0.cast_signed()));
            prop_assert!(error.is_some_and(|it| it <= 2), "{:?} is {:?}", at, back);
        }

        #[test]
        fn nothing_is_too_wild(samples in vec((any::<u64>(), any::<i64>()), 0..6), at: u64, wall: i64) {
            let clock = clock(&samples);
            let shown = clock.shows(Stamp(at));
            let _: Mapped = clock.when(wall);
            let _: Mapped = clock.behind(Stamp(at), &clock, &shown);
            prop_assert!(clock.steps().count() < samples.len().max(1));
        }
    }
}
