//! All straight lines that lead from one clock to another without a message arriving before it was sent.
//!
//! The lines `server = α·client + β` that pass below every request and above every reply, and are not steeper than a
//! clock can drift, form a convex polygon of `(α, β)`. It is never written down: two hulls and the least and the most
//! slope that fit between them hold all of it. Everything is exact in whole numbers; what is published is rounded
//! outwards to whole nanoseconds.

use super::{
    bound::{Bound, Message, Point},
    hull::{Messages, Place},
    mapped::{Mapped, saturated},
    slope::{LEAST, MOST, Round, Slope},
};
use crate::record::ClockOutcome;

/// A message that no line allows together with those before it: a clock stepped between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contradiction;

/// All straight lines that are possible between two clocks. There is always one: what would leave none is refused.
#[derive(Debug, Clone)]
pub struct Alignment {
    messages: Messages,
    /// The least slope of a possible line: the inner tangent that falls.
    least: Slope,
    /// The most: the inner tangent that rises.
    most: Slope,
}

impl Default for Alignment {
    fn default() -> Self {
        Self { messages: Messages::default(), least: LEAST, most: MOST }
    }
}

impl Alignment {
    /// Takes what one more message proves. It costs a binary search where the message says nothing new, as nearly
    /// every one does.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] when no line would be left; then nothing has changed.
    pub fn add(&mut self, bound: Bound) -> Result<(), Contradiction> {
        if self.forbids(bound) {
            return Err(Contradiction);
        }
        if !self.says_new(bound) {
            return Ok(());
        }
        self.messages.insert(bound);
        if let Some((least, most)) = self.tangents() {
            (self.least, self.most) = (least, most);
        }
        self.messages.requests.keep(self.least, self.most);
        self.messages.replies.keep(self.least, self.most);
        Ok(())
    }

    /// Takes what many messages prove.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] when no line would be left; then only a part was taken.
    pub(super) fn add_all(&mut self, messages: &Messages) -> Result<(), Contradiction> {
        messages.bounds().try_for_each(|bound| self.add(bound))
    }

    /// Whether no possible line allows this message.
    #[must_use]
    pub fn forbids(&self, bound: Bound) -> bool {
        let Point { x, ahead } = bound.point;
        let server = i128::from(x) + i128::from(ahead);
        match bound.message {
            Message::Request => self.lowest(x, Round::Up).is_some_and(|lowest| server < lowest),
            Message::Reply => self.highest(x, Round::Down).is_some_and(|highest| server > highest),
        }
    }

    /// Whether some possible line does not allow this message.
    fn says_new(&self, bound: Bound) -> bool {
        let Point { x, ahead } = bound.point;
        let server = i128::from(x) + i128::from(ahead);
        match bound.message {
            Message::Request => self.highest(x, Round::Up).is_none_or(|highest| server < highest),
            Message::Reply => self.lowest(x, Round::Down).is_none_or(|lowest| server > lowest),
        }
    }

    /// The time `t` of the client on the server's clock.
    #[must_use]
    pub fn at(&self, t: i64) -> Mapped {
        Mapped {
            earliest: self.lowest(t, Round::Down).map(saturated),
            latest: self.highest(t, Round::Up).map(saturated),
        }
    }

    /// The time `s` of the server on the client's clock: all times from which a possible line leads to `s`.
    #[must_use]
    pub fn back(&self, s: i64) -> Mapped {
        let earliest = solve(s, |t| self.highest(t, Round::Up)).map(|t| saturated(t.0));
        let latest = solve(s, |t| self.lowest(t, Round::Down)).map(|t| saturated(t.1));
        Mapped { earliest, latest }
    }

    /// How well the clocks are known to each other.
    #[must_use]
    pub fn outcome(&self) -> ClockOutcome {
        match (self.messages.requests.points(), self.messages.replies.points()) {
            ([], []) => ClockOutcome::Absent,
            ([], _) | (_, []) => ClockOutcome::Incomplete,
            _ => ClockOutcome::Accurate,
        }
    }

    /// The least and the most that the server's clock can gain on the client's, parts per billion.
    #[must_use]
    pub fn drift_ppb(&self) -> (i64, i64) {
        (self.least.ppb(), self.most.ppb())
    }

    /// Points kept, for whoever watches memory.
    #[must_use]
    pub fn points(&self) -> usize {
        self.messages.requests.points().len() + self.messages.replies.points().len()
    }

    /// The upper envelope: the latest that any possible line says.
    fn highest(&self, t: i64, round: Round) -> Option<i128> {
        let points = self.messages.requests.points();
        let (point, slope) = match self.messages.requests.place(t) {
            Place::Before => (points.first()?, self.least),
            Place::Within(nth) => (points.get(nth)?, points.get(nth)?.slope_to(*points.get(nth + 1)?)),
            Place::After => (points.last()?, self.most),
        };
        Some(point.line(slope, t, round))
    }

    /// The lower envelope: the earliest that any possible line says.
    fn lowest(&self, t: i64, round: Round) -> Option<i128> {
        let points = self.messages.replies.points();
        let (point, slope) = match self.messages.replies.place(t) {
            Place::Before => (points.first()?, self.most),
            Place::Within(nth) => (points.get(nth)?, points.get(nth)?.slope_to(*points.get(nth + 1)?)),
            Place::After => (points.last()?, self.least),
        };
        Some(point.line(slope, t, round))
    }

    /// The least and the most slope of a line that still fits between the hulls.
    fn tangents(&self) -> Option<(Slope, Slope)> {
        Some((self.tangent(self.least, self.most, false)?, self.tangent(self.most, self.least, true)?))
    }

    /// The room between the hulls, by slope, is a concave function made of straight pieces. From a slope with no room,
    /// Newton's method reaches the first slope with some without passing it, in a few steps.
    fn tangent(&self, from: Slope, until: Slope, falling: bool) -> Option<Slope> {
        let mut slope = from;
        loop {
            let (Some(above), Some(below)) =
                (self.messages.requests.touched_by(slope), self.messages.replies.touched_by(slope))
            else {
                return Some(slope);
            };
            if gap(above, below, slope) >= 0 {
                return Some(slope);
            }
            let (left, right) = if falling { (below, above) } else { (above, below) };
            if left.x >= right.x {
                return None;
            }
            slope = left.slope_to(right);
            let too_far = if falling { slope < until } else { slope > until };
            if too_far {
                return None;
            }
        }
    }
}

/// The room between two parallel lines of this slope, `above` minus `below`, times `slope.run`.
fn gap(above: Point, below: Point, slope: Slope) -> i128 {
    (i128::from(above.ahead) - i128::from(below.ahead)) * i128::from(slope.run)
        - i128::from(slope.rise) * (i128::from(above.x) - i128::from(below.x))
}

/// The times just before and just after an envelope reaches `s`: the last with a value of at most `s`, and the first
/// with a value of at least `s`.
fn solve(s: i64, envelope: impl Fn(i64) -> Option<i128>) -> Option<(i128, i128)> {
    let s = i128::from(s);
    // The envelope differs from a line of slope 1 by a two-thousandth: each round is nearer by that factor.
    let mut t = s;
    for _ in 0..24 {
        let missing = s - envelope(saturated(t))?;
        t += missing;
        if missing == 0 {
            break;
        }
    }
    let value = |t: i128| envelope(saturated(t));
    let (mut before, mut after) = (t, t);
    for _ in 0..4 {
        if value(before)? > s {
            before -= 1;
        } else if value(before + 1)? <= s {
            before += 1;
        }
        if value(after)? < s {
            after += 1;
        } else if value(after - 1)? >= s {
            after -= 1;
        }
    }
    Some((before, after))
}
