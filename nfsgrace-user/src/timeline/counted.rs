//! What the kernel side counted: each recorder counts from its own start.

use crate::record::Counts;

/// The counts of one namespace, of all recorders that ran one after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    before: Counts,
    latest: Counts,
}

impl Counted {
    /// Takes what was counted so far. Counts never fall: where one does, another recorder was started.
    pub(super) fn take(&mut self, counts: &Counts) {
        if fields(counts).iter().zip(fields(&self.latest)).any(|(new, old)| *new < old) {
            self.before = self.total();
        }
        self.latest.clone_from(counts);
    }

    pub(super) fn total(&self) -> Counts {
        sum(&self.before, &self.latest)
    }
}

fn fields(counts: &Counts) -> [u64; 7] {
    let Counts { opens, opens_refused, others_refused, grace_asked, grace_true, delays, stalls_ended } = *counts;
    [opens, opens_refused, others_refused, grace_asked, grace_true, delays, stalls_ended]
}

/// Both together.
pub(super) fn sum(a: &Counts, b: &Counts) -> Counts {
    Counts {
        opens: a.opens.saturating_add(b.opens),
        opens_refused: a.opens_refused.saturating_add(b.opens_refused),
        others_refused: a.others_refused.saturating_add(b.others_refused),
        grace_asked: a.grace_asked.saturating_add(b.grace_asked),
        grace_true: a.grace_true.saturating_add(b.grace_true),
        delays: a.delays.saturating_add(b.delays),
        stalls_ended: a.stalls_ended.saturating_add(b.stalls_ended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorders_that_ran_one_after_the_other_are_added() {
        let opens = |opens| Counts { opens, delays: 1, ..Counts::default() };
        let mut counted = Counted::default();
        for count in [5, 9, 2, 4] {
            counted.take(&opens(count));
        }
        assert_eq!(counted.total(), Counts { opens: 13, delays: 2, ..Counts::default() });
    }
}
