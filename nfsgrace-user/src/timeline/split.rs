//! How the length of a stall divides: the grace period, what came after it, anything else.

use std::time::Duration;

use super::{Restart, Stall, Timeline};
use crate::record::{Span, Stamp};

/// A grace period as a stall sees it: on the clock of the stalled task's host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraceSpan {
    /// When it began.
    pub began: Stamp,
    /// When it ended; `None` while it is on.
    pub ended: Option<Stamp>,
}

/// How the length of a stall divides. The parts add up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Split {
    /// While the server was in its grace period.
    pub grace: Duration,
    /// After that: nobody wakes a sleeper.
    pub tail: Duration,
    /// Before it: the network, the server's start, and between two grace periods.
    pub other: Duration,
}

impl Split {
    /// Divides a stall by the grace periods of its server, which do not overlap. `None` where there was none.
    #[must_use]
    pub fn of(stall: Span, graces: impl IntoIterator<Item = GraceSpan>) -> Option<Self> {
        let length = stall.until.since(stall.since);
        let waited_for = graces.into_iter().filter(|grace| grace.began <= stall.until);
        let (grace, last_end) = waited_for.fold((None, stall.since), |(sum, last_end), grace| {
            let end = grace.ended.unwrap_or(stall.until).min(stall.until);
            let within = end.since(grace.began.max(stall.since));
            (Some(sum.unwrap_or(Duration::ZERO) + within), last_end.max(end))
        });
        let grace = grace?.min(length);
        let tail = stall.until.since(last_end).min(length - grace);
        Some(Self { grace, tail, other: length - grace - tail })
    }
}

impl Restart {
    /// nfsd's grace period; `None` where none was seen, or its end is not known.
    #[must_use]
    pub fn grace_span(&self) -> Option<GraceSpan> {
        let grace = self.grace()?;
        let ended = grace.ended.map(|end| end.at).or(self.stopped());
        (ended.is_some() || self.in_grace()).then_some(GraceSpan { began: grace.began, ended })
    }
}

impl Timeline {
    /// How a stall divides up to `now`. `None` where it is not known what it waits for.
    #[must_use]
    pub fn split(&self, stall: &Stall, now: Stamp) -> Option<Split> {
        let whole = Span { since: stall.id.began, until: stall.id.began.plus(stall.length(now)) };
        let Some(id) = stall.restart else { return Split::of(whole, self.foreign_of(stall)?.graces.iter().copied()) };
        let from = self.place(id)?;
        let first = self.restarts.get(from)?;
        first.grace_span()?;
        let later = self.restarts.range(from..).filter(|it| it.netns() == first.netns());
        Split::of(whole, later.filter_map(Restart::grace_span))
    }

    /// How much of a stall lies after the end of the grace period that caused it, up to `now`. `None` when the server's
    /// side is not known; zero while the grace period is on.
    #[must_use]
    pub fn tail(&self, stall: &Stall, now: Stamp) -> Option<Duration> {
        self.split(stall, now).map(|split| split.tail)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    fn split(stall: (u64, u64), graces: &[(u64, Option<u64>)]) -> Option<[u128; 3]> {
        let graces = graces.iter().map(|(began, ended)| GraceSpan { began: Stamp(*began), ended: ended.map(Stamp) });
        let split = Split::of(Span { since: Stamp(stall.0), until: Stamp(stall.1) }, graces)?;
        Some([split.grace, split.tail, split.other].map(|it| it.as_nanos()))
    }

    #[test]
    fn what_comes_after_the_end_of_the_grace_period_is_the_tail() {
        assert_eq!(split((5, 100), &[(0, Some(60))]), Some([55, 40, 0]));
        assert_eq!(split((5, 100), &[(20, Some(60))]), Some([40, 40, 15]), "it waited for the server to start");
        assert_eq!(split((5, 100), &[(0, None)]), Some([95, 0, 0]), "it is on");
        assert_eq!(split((70, 100), &[(0, Some(60))]), Some([0, 30, 0]), "it was over");
    }

    #[test]
    fn a_second_restart_is_a_second_grace_period() {
        assert_eq!(split((0, 100), &[(0, Some(20)), (30, Some(60))]), Some([50, 40, 10]));
        assert_eq!(split((0, 100), &[(0, Some(20)), (200, Some(300))]), Some([20, 80, 0]), "later is no matter");
    }

    #[test]
    fn without_a_grace_period_nothing_is_known() {
        assert_eq!(split((0, 100), &[]), None);
    }

    proptest! {
        #[test]
        fn the_parts_add_up(stall in (0u64..1_000, 0u64..1_000),
                            graces in vec((0u64..1_000, option::of(0u64..1_000)), 0..4)) {
            if let Some(parts) = split(stall, &graces) {
                prop_assert_eq!(parts.iter().sum::<u128>(), u128::from(stall.1.saturating_sub(stall.0)));
            }
        }
    }
}
