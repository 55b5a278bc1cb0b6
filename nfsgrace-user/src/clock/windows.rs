//! Steps: where no single line explains all messages, several do, one after the other.
//!
//! `CLOCK_BOOTTIME` does not step by itself, and goes on in suspend. But a virtual machine that is paused or moved
//! loses time, and so does one whose host sleeps.

use super::{
    alignment::{Alignment, Contradiction},
    bound::{Bound, Exchange, Message},
    history::{Block, History},
    mapped::{Mapped, saturated},
};
use crate::record::{ClockOutcome, Stamp};

/// Windows kept; of a clock that steps more often, only the latest times can be mapped.
pub const MAX_WINDOWS: usize = 32;

/// A stretch of time without a step.
#[derive(Debug, Clone)]
struct Window {
    /// The client's times of the first and the last message that are certain to belong here.
    first: i64,
    last: i64,
    /// From when on the client's times are certain to belong here. A server that stood still took no request until it
    /// went on, so a request that waited for it was sent too early to tell; a reply tells. `None` until there is one.
    from: Option<i64>,
    alignment: Alignment,
    history: History,
}

/// A clock stepped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The last message from before it, on the client's clock.
    pub after: Stamp,
    /// The first message from after it.
    pub before: Stamp,
    /// By how much the server's clock got ahead of the client's, nanoseconds, in bounds. More than zero: the client's
    /// clock stood still, or the server's jumped ahead.
    pub jump: Mapped,
}

/// From one clock to another, with steps: what messages prove, kept up to date.
#[derive(Debug, Clone, Default)]
pub struct Windows {
    windows: Vec<Window>,
    forgotten: u64,
}

impl Windows {
    /// No message yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what one more RPC proves. If it contradicts what came before it, a clock has stepped: whoever cannot be
    /// sure that both ends saw the same RPC asks [`allows`](Self::allows) first.
    pub fn add(&mut self, exchange: &Exchange) {
        exchange.bounds().for_each(|bound| self.add_bound(bound));
    }

    /// The same for one message.
    pub fn add_bound(&mut self, bound: Bound) {
        let x = bound.point.x;
        if self.windows.is_empty() {
            self.windows.push(Window::of(vec![Block::of(bound)], x, Some(x)));
            return;
        }
        // Between two windows it can belong to either, and proves nothing.
        let later = self.windows.partition_point(|window| window.first <= x).saturating_sub(1);
        let between = self.windows.get(later).is_some_and(|it| x > it.last) && later + 1 < self.windows.len();
        let Some(window) = self.windows.get_mut(later).filter(|_| !between) else { return };
        match window.alignment.add(bound) {
            Ok(()) => {
                (window.first, window.last) = (window.first.min(x), window.last.max(x));
                if bound.message == Message::Reply {
                    window.from.get_or_insert(x);
                }
                window.history.push(bound);
            }
            Err(Contradiction) => self.split(later, bound),
        }
    }

    fn split(&mut self, nth: usize, bound: Bound) {
        let window = self.windows.remove(nth);
        let mut blocks = window.history.into_blocks();
        let at = blocks.partition_point(|block| block.first <= bound.point.x);
        blocks.insert(at, Block::of(bound));
        self.windows.splice(nth..nth, apart(blocks, window.from));
        if let Some(excess) = self.windows.len().checked_sub(MAX_WINDOWS) {
            self.windows.drain(..excess);
            self.forgotten += excess as u64;
        }
    }

    /// Whether this RPC is possible as far as is known.
    #[must_use]
    pub fn allows(&self, exchange: &Exchange) -> bool {
        exchange.bounds().all(|bound| self.allows_bound(bound))
    }

    fn allows_bound(&self, bound: Bound) -> bool {
        let mut reached = self.reached(bound.point.x).peekable();
        reached.peek().is_none() || reached.any(|window| !window.alignment.forbids(bound))
    }

    /// The time `t` of the client on the server's clock. Where a step lies between two windows, the answer holds both
    /// lines.
    #[must_use]
    pub fn at(&self, t: i64) -> Mapped {
        let t = if self.forgotten > 0 { self.known(t) } else { Some(t) };
        let mapped = t.and_then(|t| self.reached(t).map(|window| window.alignment.at(t)).reduce(Mapped::or));
        mapped.unwrap_or(Mapped::UNKNOWN)
    }

    fn known(&self, t: i64) -> Option<i64> {
        self.windows.first().is_some_and(|window| window.first <= t).then_some(t)
    }

    /// The time `s` of the server on the client's clock. Where a step lies, all times between its windows are possible:
    /// one of the clocks may have stood still.
    #[must_use]
    pub fn back(&self, s: i64) -> Mapped {
        let last = self.windows.len().saturating_sub(1);
        let sure = self.windows.iter().enumerate().filter_map(|(nth, window)| {
            let from = if nth == 0 { Some(i64::MIN) } else { window.from };
            let to = if nth == last { i64::MAX } else { window.last };
            from.and_then(|from| within(window.alignment.back(s), from, to))
        });
        let steps = self.pairs().filter_map(|(old, new)| {
            let (from, to) = between(old, new);
            let (was, is) = (old.alignment.back(s), new.alignment.back(s));
            let skipped = was.earliest.is_none_or(|it| it >= to) && is.latest.is_none_or(|it| it <= from);
            let possible = skipped || within(was, from, to).is_some() || within(is, from, to).is_some();
            possible.then_some(Mapped { earliest: Some(from), latest: Some(to) })
        });
        let mapped = sure.chain(steps).reduce(Mapped::or).unwrap_or(Mapped::UNKNOWN);
        let forgotten = self.forgotten > 0 && mapped.earliest.and_then(|it| self.known(it)).is_none();
        if forgotten { Mapped::UNKNOWN } else { mapped }
    }

    /// How well the two clocks are known to each other.
    #[must_use]
    pub fn outcome(&self) -> ClockOutcome {
        match self.windows.as_slice() {
            [] => ClockOutcome::Absent,
            [window] if self.forgotten == 0 => window.alignment.outcome(),
            _ => ClockOutcome::Approximate,
        }
    }

    /// Where a clock stepped, in order.
    pub fn steps(&self) -> impl Iterator<Item = Step> {
        self.pairs().map(|(old, new)| {
            let (after, before) = (old.last, new.from.unwrap_or(new.first));
            let middle = after.midpoint(before);
            let (was, is) = (old.alignment.at(middle), new.alignment.at(middle));
            let less = |a: Option<i64>, b: Option<i64>| Some(saturated(i128::from(a?) - i128::from(b?)));
            let jump = Mapped { earliest: less(is.earliest, was.latest), latest: less(is.latest, was.earliest) };
            Step { after: stamp(after), before: stamp(before), jump }
        })
    }

    /// The lines of the window in which `t` lies, the later one where there are two.
    #[must_use]
    pub fn alignment(&self, t: i64) -> Option<&Alignment> {
        self.reached(t).last().map(|window| &window.alignment)
    }

    /// Windows that were forgotten because there were too many.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn pairs(&self) -> impl Iterator<Item = (&Window, &Window)> {
        self.windows.iter().zip(self.windows.iter().skip(1))
    }

    fn reached(&self, t: i64) -> impl Iterator<Item = &Window> {
        self.windows.iter().enumerate().filter(move |(nth, _)| self.reaches(*nth, t)).map(|(_, window)| window)
    }

    /// Whether the time `t` of the client can belong to a window.
    fn reaches(&self, nth: usize, t: i64) -> bool {
        let Some(window) = self.windows.get(nth) else { return false };
        let previous = nth.checked_sub(1).and_then(|nth| self.windows.get(nth));
        let next = self.windows.get(nth + 1);
        let begun = previous.is_none_or(|it| t > it.last);
        begun && next.is_none_or(|it| t <= window.last || it.from.is_none_or(|from| t < from))
    }
}

/// The client's times between two windows, where the step lies.
fn between(old: &Window, new: &Window) -> (i64, i64) {
    (old.last, new.from.unwrap_or(i64::MAX))
}

/// The part of a time that lies between these.
fn within(time: Mapped, from: i64, to: i64) -> Option<Mapped> {
    let part = Mapped { earliest: time.earliest.map(|it| it.max(from)), latest: time.latest.map(|it| it.min(to)) };
    (time.latest.is_none_or(|it| it >= from) && time.earliest.is_none_or(|it| it <= to)).then_some(part)
}

fn stamp(t: i64) -> Stamp {
    Stamp(u64::try_from(t).unwrap_or(0))
}

impl Window {
    /// Of messages that agree; where there are none, of a moment at which nothing is known.
    fn of(blocks: Vec<Block>, moment: i64, from: Option<i64>) -> Self {
        let mut alignment = Alignment::default();
        for block in &blocks {
            // They were put together because they agree.
            let _: Result<(), _> = alignment.add_all(&block.messages);
        }
        let history = History::of(blocks);
        let (first, last) = history.span().unwrap_or((moment, moment));
        Self { first, last, from, alignment, history }
    }
}

/// Takes the past apart where it contradicts itself.
///
/// The step lies somewhere between the longest beginning that agrees and the longest end that agrees, going back from
/// the message that contradicts. What lies between these can be from before or after it, and proves nothing any more.
fn apart(blocks: Vec<Block>, mut from: Option<i64>) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut rest = blocks;
    while let (Some(first), Some(last)) = (rest.first().map(|it| it.first), rest.last().map(|it| it.last)) {
        let mut agreed = Alignment::default();
        let Some(contradicting) = rest.iter().position(|block| agreed.add_all(&block.messages).is_err()) else {
            windows.push(Window::of(rest, first, from));
            break;
        };
        let mut agreed = Alignment::default();
        let since = rest[..=contradicting].iter().rposition(|block| agreed.add_all(&block.messages).is_err());
        // A block that holds several messages may itself hold the step.
        let mixed = |nth: usize| rest[nth].can_hide_a_step();
        let sure = since.map_or(0, |nth| if mixed(nth) { nth } else { nth + 1 });
        let next = if mixed(contradicting) { contradicting + 1 } else { contradicting };
        let later = rest.split_off(next);
        rest.truncate(sure);
        windows.push(Window::of(rest, first, from));
        from = later.iter().find(|block| block.has_replies()).map(|block| block.last);
        if later.is_empty() {
            windows.push(Window::of(Vec::new(), last, None));
        }
        rest = later;
    }
    windows
}
