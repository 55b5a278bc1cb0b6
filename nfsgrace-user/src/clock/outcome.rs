//! How well two clocks are known to each other.

use std::fmt;

/// How well two clocks are known to each other; the first four names are those of Poirier, Roy and Dagenais (2010).
/// The better comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The same clock: the same host, or the same boot of it.
    Exact,
    /// One straight line explains all messages, in both directions.
    Accurate,
    /// A clock stepped, or ran wrong by more than 500 ppm: several lines, and in between either of two.
    Approximate,
    /// Messages in one direction only: a bound on one side, and no error to name.
    Incomplete,
    /// The wall clocks were believed, as asked for: wrong by whatever they are wrong.
    WallClock,
    /// No messages: nothing is known.
    Absent,
}

impl Outcome {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Accurate => "accurate",
            Self::Approximate => "approximate",
            Self::Incomplete => "incomplete",
            Self::WallClock => "wall_clock",
            Self::Absent => "absent",
        }
    }

    /// What it means, in words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Exact => "the same clock",
            Self::Accurate => "aligned by RPCs in both directions",
            Self::Approximate => "aligned by RPCs in parts: a clock stepped",
            Self::Incomplete => "RPCs in one direction only: the error has no bound",
            Self::WallClock => "aligned by the wall clocks, as asked for: the error is not known",
            Self::Absent => "no RPC seen on both hosts: not aligned",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
