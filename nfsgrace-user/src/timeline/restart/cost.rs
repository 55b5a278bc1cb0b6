//! What a restart cost the tasks of this host.

use std::time::Duration;

use crate::record::Stamp;

/// A client that sleeps on for less after the end of a grace period is not worth a word.
pub const TAIL: Duration = Duration::from_secs(1);

/// What the stalls that a restart caused on this host cost, those that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// How many.
    pub stalls: u64,
    /// Refusals.
    pub refused: u64,
    /// Their lengths added up.
    pub lost: Duration,
    /// The longest.
    pub longest: Duration,
    /// Tails after the end of the grace period added up.
    pub tail: Duration,
    /// The longest tail.
    pub longest_tail: Duration,
    /// When the last of them ended.
    pub last_end: Option<Stamp>,
}

impl Cost {
    pub(in crate::timeline) fn add(&mut self, refused: u64, length: Duration, tail: Option<Duration>) {
        let tail = tail.unwrap_or_default();
        self.stalls += 1;
        self.refused += refused;
        self.lost = self.lost.saturating_add(length);
        self.longest = self.longest.max(length);
        self.tail = self.tail.saturating_add(tail);
        self.longest_tail = self.longest_tail.max(tail);
    }
}
