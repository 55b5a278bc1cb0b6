//! What the seconds of a stall were: grace period, backoff tail, anything else.

use std::time::Duration;

use crate::record::Stamp;

/// A stretch of time on one host's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub from: Stamp,
    /// Its end.
    pub to: Stamp,
}

impl Span {
    /// How long it is; zero where it ends before it begins.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }

    fn overlap(&self, other: &Self) -> Self {
        let from = self.from.max(other.from);
        Self { from, to: self.to.min(other.to).max(from) }
    }
}

/// How the length of a stall divides. The parts add up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Split {
    /// While the server was in its grace period.
    pub grace: Duration,
    /// Asleep after it was over: nobody wakes a sleeper.
    pub tail: Duration,
    /// The rest: on the wire, before the grace period began, asleep because the server was busy.
    pub other: Duration,
}

impl Split {
    /// Divides `stall` by the grace periods that caused it and by its sleeps after NFS4ERR_GRACE; all times are the
    /// client's. Neither grace periods nor sleeps overlap each other.
    #[must_use]
    pub fn of(stall: Span, graces: &[Span], sleeps: impl Iterator<Item = Span>) -> Self {
        let inside = |span: &Span| graces.iter().map(|grace| grace.overlap(span).length()).sum::<Duration>();
        let grace = inside(&stall).min(stall.length());
        let first_end = graces.iter().map(|grace| grace.to).min().unwrap_or(stall.to);
        let after = Span { from: first_end, to: stall.to };
        let tail: Duration = sleeps
            .map(|sleep| {
                let asleep = stall.overlap(&after).overlap(&sleep);
                asleep.length().saturating_sub(inside(&asleep))
            })
            .sum();
        let tail = tail.min(stall.length() - grace);
        Self { grace, tail, other: stall.length() - grace - tail }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.grace + self.tail + self.other
    }
}

impl std::ops::AddAssign for Split {
    fn add_assign(&mut self, other: Self) {
        self.grace += other.grace;
        self.tail += other.tail;
        self.other += other.other;
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn span(from: u64, to: u64) -> Span {
        Span { from: Stamp(from), to: Stamp(to) }
    }

    #[test]
    fn the_last_sleep_reaches_over_the_end_of_the_grace_period() {
        // Refused from 5 on, asleep from 30 to 95, and the grace period ends at 60; the last request takes 5.
        let split = Split::of(span(5, 100), &[span(0, 60)], [span(10, 25), span(30, 95)].into_iter());
        assert_eq!([split.grace, split.tail, split.other].map(|it| it.as_nanos()), [55, 35, 5]);
    }

    #[test]
    fn a_second_restart_is_a_second_grace_period() {
        let split = Split::of(span(0, 100), &[span(0, 20), span(30, 60)], [span(10, 40), span(50, 90)].into_iter());
        assert_eq!([split.grace, split.tail, split.other].map(|it| it.as_nanos()), [50, 40, 10]);
    }

    #[test]
    fn without_a_grace_period_nothing_is_tail() {
        let split = Split::of(span(0, 100), &[], [span(10, 40)].into_iter());
        assert_eq!([split.grace, split.tail, split.other].map(|it| it.as_nanos()), [0, 0, 100]);
    }

    proptest! {
        #[test]
        fn the_parts_add_up(stall in (0u64..1_000, 0u64..1_000), graces in vec((0u64..1_000, 0u64..1_000), 0..4),
                            sleeps in vec((0u64..1_000, 0u64..1_000), 0..4)) {
            let graces: Vec<_> = graces.into_iter().map(|(from, to)| span(from, to)).collect();
            let stall = span(stall.0, stall.1);
            let split = Split::of(stall, &graces, sleeps.into_iter().map(|(from, to)| span(from, to)));
            prop_assert_eq!(split.total(), stall.length());
        }
    }
}
