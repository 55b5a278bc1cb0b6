//! What was counted and what was lost since it was told last.

use super::clock;
use crate::{
    probe::Losses,
    record::{Counts, Event, Kind, Line, Loss, Netns, Stamp, Task},
};

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct Tally {
    losses: Losses,
    counts: Vec<(Option<Netns>, Counts)>,
}

/// A cause of loss as a session has it, its number, and what it may hide.
type LossCause = (&'static str, fn(&Losses) -> u64, &'static str);
const CAUSES: [LossCause; 6] = [
    ("ring_full", |losses| losses.ring_full, "single events of any kind; the counts stay exact"),
    ("calls_full", |losses| losses.calls_full, "refusals and reclaims on the server, and their counts"),
    ("operations_full", |losses| losses.operations_full, "stalls of single tasks"),
    ("namespaces_full", |losses| losses.namespaces_full, "the counts of some network namespaces"),
    ("managers_full", |losses| losses.managers_full, "the end of some grace periods"),
    (
        "missed_probes",
        |losses| losses.missed_probes,
        "single events of any kind, and their counts: more threads were inside a function than expected",
    ),
];

impl Tally {
    /// What was lost since the last call, given what was lost since tracing began.
    pub(super) fn losses(&mut self, now: Losses) -> Vec<Line> {
        let at = clock::now();
        let before = std::mem::replace(&mut self.losses, now);
        let since = |number: fn(&Losses) -> u64| number(&now).saturating_sub(number(&before));
        CAUSES
            .into_iter()
            .map(|(cause, number, hides)| (cause, since(number), hides))
            .filter(|(_, count, _)| *count > 0)
            .map(|(cause, count, hides)| {
                Line::Loss(Loss { at, cause: cause.to_owned(), count, hides: hides.to_owned() })
            })
            .collect()
    }

    /// The counts since tracing began, of each namespace where that has changed.
    pub(super) fn counts(&mut self, now: Vec<(Option<Netns>, Counts)>) -> Vec<Line> {
        let at = clock::now();
        let changed = now.iter().filter(|entry| !self.counts.contains(entry));
        let lines = changed.map(|(netns, counts)| counted(at, *netns, counts.clone())).collect();
        self.counts = now;
        lines
    }

    /// The counts of all namespaces, told once more.
    pub(super) fn all_counts(&mut self, now: Vec<(Option<Netns>, Counts)>) -> Vec<Line> {
        self.counts.clear();
        self.counts(now)
    }
}

fn counted(at: Stamp, netns: Option<Netns>, counts: Counts) -> Line {
    Line::Event(Event { at, task: Task::default(), netns, kind: Kind::Counts(counts) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_told() {
        let mut tally = Tally::default();
        let lost = |ring_full, missed_probes| Losses { ring_full, missed_probes, ..Losses::default() };
        assert_eq!(tally.losses(lost(0, 0)), []);
        assert_eq!(tally.losses(lost(3, 0)).len(), 1);
        let lines = tally.losses(lost(5, 1));
        let told = lines.iter().filter_map(|line| match line {
            Line::Loss(loss) => Some((loss.cause.as_str(), loss.count)),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), [("ring_full", 2), ("missed_probes", 1)]);
    }

    #[test]
    fn counts_that_stand_still_are_told_once_and_at_the_end() {
        let mut tally = Tally::default();
        let counts = || vec![(Some(Netns(7)), Counts { opens: 2, ..Counts::default() }), (None, Counts::default())];
        assert_eq!(tally.counts(counts()).len(), 2);
        assert_eq!(tally.counts(counts()), []);
        assert_eq!(tally.all_counts(counts()).len(), 2);
    }
}
