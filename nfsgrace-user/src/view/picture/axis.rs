//! The time axis that all hosts of a picture share.

use serde::Serialize;

use crate::{record::Stamp, session::Session, view::Axis};

/// A session, and where its times lie on the axis.
#[derive(Debug)]
pub struct Place<'a> {
    /// What happened on the host.
    pub session: &'a Session,
    /// The end of the session: what lasts is drawn up to here.
    pub now: Stamp,
    /// From the host's clock to the axis; never goes back.
    pub axis: Axis<'a>,
}

impl<'a> Place<'a> {
    /// A session alone: the axis is its own clock, in seconds since boot.
    #[must_use]
    pub fn alone(session: &'a Session, now: Stamp) -> Self {
        Self { session, now, axis: Axis::own() }
    }

    pub(super) fn at(&self, stamp: Stamp) -> f64 {
        self.axis.place(stamp).seconds()
    }

    pub(super) fn span(&self, from: Stamp, to: Stamp) -> Span {
        Span::new(self.at(from), self.at(to))
    }

    /// How far the host's times may be off those of the others, seconds; zero where the axis is its own clock.
    pub(super) fn error_s(&self) -> f64 {
        self.axis.place(self.now).error.unwrap_or_default().as_secs_f64()
    }
}

/// A stretch of the axis, seconds; never ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Span {
    /// Its beginning.
    pub from: f64,
    /// Its end.
    pub to: f64,
}

impl Span {
    /// From one moment to another; empty where the second is the earlier one.
    #[must_use]
    pub fn new(from: f64, to: f64) -> Self {
        Self { from, to: to.max(from) }
    }

    /// Its length, seconds.
    #[must_use]
    pub fn length(self) -> f64 {
        self.to - self.from
    }

    /// Whether `other` lies within it.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// The shortest stretch that holds both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// Moved up to where the next begins, if it would reach further.
    pub(super) fn before(self, next: Option<f64>) -> Self {
        Self::new(self.from, next.map_or(self.to, |next| self.to.min(next)))
    }

    /// With some room at both ends.
    pub(super) fn padded(self) -> Self {
        let room = (self.length() * 0.03).max(0.05);
        Self { from: self.from - room, to: self.to + room }
    }
}

/// A stretch in which something happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Episode {
    /// Where it lies.
    pub span: Span,
    /// The restarts in it, by their numbers.
    #[serde(skip)]
    pub restarts: Vec<u32>,
    /// What the stalls in it cost, nanoseconds.
    #[serde(skip)]
    pub lost_ns: u64,
}

/// Shorter pauses than this, seconds, do not end an episode.
const PAUSE_S: f64 = 60.0;
/// Episodes are one stretch where that is no longer than so many times what happened in it.
const WHOLE: f64 = 3.0;

impl Episode {
    fn join(mut self, other: Self) -> Self {
        self.span = self.span.join(other.span);
        self.restarts.extend(other.restarts);
        self.lost_ns = self.lost_ns.saturating_add(other.lost_ns);
        self
    }
}

/// Puts together what happened close by: all of it, or several stretches where there are long pauses between them, the most
/// costly first.
pub(super) fn episodes(mut parts: Vec<Episode>) -> Vec<Episode> {
    parts.sort_by(|a, b| a.span.from.total_cmp(&b.span.from));
    let mut episodes: Vec<Episode> = Vec::new();
    for part in parts {
        match episodes.pop() {
            Some(last) if part.span.from <= last.span.to + PAUSE_S => episodes.push(last.join(part)),
            last => episodes.extend(last.into_iter().chain([part])),
        }
    }
    let busy: f64 = episodes.iter().map(|it| it.span.length()).sum();
    let all = episodes.iter().map(|it| it.span).reduce(Span::join);
    if all.is_some_and(|all| all.length() <= WHOLE * busy) {
        return episodes.into_iter().reduce(Episode::join).into_iter().collect();
    }
    episodes.sort_by_key(|episode| std::cmp::Reverse(episode.lost_ns));
    episodes
}

/// Round moments for the labels of a stretch: their distance, and the first one in it. At most `most` fit.
#[must_use]
pub fn ticks(span: Span, most: usize) -> Vec<f64> {
    let least = span.length() / f64::from(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
    if !(least.is_finite() && least > 0.0) {
        return Vec::new();
    }
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|step| *step >= least);
    let step = step.unwrap_or(power * 10.0);
    let first = (span.from / step).ceil();
    (0..=most).map(|nth| (first + nth as f64) * step).take_while(|at| *at <= span.to).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_stand_at_round_numbers() {
        assert_eq!(ticks(Span::new(439.4, 527.3), 10), [440.0, 450.0, 460.0, 470.0, 480.0, 490.0, 500.0, 510.0, 520.0]);
        assert_eq!(ticks(Span::new(5.0, 5.0), 10), [0.0; 0]);
    }

    proptest! {
        #[test]
        fn labels_lie_within_and_are_not_too_many(from in -1e3..1e9_f64, length in 1e-6..1e7_f64, most in 1_usize..40) {
            let span = Span::new(from, from + length);
            let ticks = ticks(span, most);
            prop_assert!(ticks.len() <= most + 1);
            prop_assert!(ticks.iter().all(|at| span.from <= *at + 1e-6 && *at <= span.to));
        }
    }
}
