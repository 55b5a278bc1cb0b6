//! All stalls of a host, in bounded memory: the live ones, the most costly ended ones, and exact totals.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{
    RestartId,
    restart::Cost,
    stall::{Outcome, Stall, StallId},
};
use crate::record::Stamp;

/// Stalls followed at a time; what comes beyond is counted.
pub const MAX_LIVE: usize = 65_536;
/// Bytes of names, paths and stacks that the followed stalls may have together.
const MAX_TEXT: usize = 32 << 20;
/// Ended stalls kept in detail: the most costly ones.
pub const MAX_ENDED: usize = 1_000;

/// What all stalls cost together, those that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// How many.
    pub ended: u64,
    /// Stalls that were not followed, because [`MAX_LIVE`] others were.
    pub not_followed: u64,
    /// Refusals, those of live stalls as well.
    pub refused: u64,
    /// Lengths added up.
    pub lost: Duration,
    /// The longest.
    pub longest: Duration,
    /// Tails after the end of the grace period added up.
    pub tail: Duration,
}

/// Orders stalls by their cost.
#[derive(Debug)]
struct Costly(Duration, Arc<Stall>);

impl PartialEq for Costly {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Costly {}

impl PartialOrd for Costly {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Costly {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, Reverse(self.1.id)).cmp(&(other.0, Reverse(other.1.id)))
    }
}

/// All stalls of a host.
#[derive(Debug, Default)]
pub struct Stalls {
    live: HashMap<u32, Stall>,
    /// Bytes of their texts.
    text: usize,
    ended: BinaryHeap<Reverse<Costly>>,
    /// Beginning of the first ended stall that a server's grace period caused which is not seen from here, and that was
    /// longer than a second.
    pub first_unseen: Option<Stamp>,
    /// What the ended ones cost.
    pub totals: Totals,
}

impl Stalls {
    /// Stalls that have not ended, in no order.
    pub fn live(&self) -> impl ExactSizeIterator<Item = &Stall> {
        self.live.values()
    }

    /// The live stall of a thread.
    #[must_use]
    pub fn of_thread(&self, tid: u32) -> Option<&Stall> {
        self.live.get(&tid)
    }

    /// A live stall.
    #[must_use]
    pub fn get(&self, id: StallId) -> Option<&Stall> {
        self.live.get(&id.tid).filter(|stall| stall.id == id)
    }

    /// The most costly ended stalls, the longest first.
    #[must_use]
    pub fn ended(&self) -> Vec<&Stall> {
        let mut ended: Vec<_> = self.ended.iter().map(|Reverse(it)| it).collect();
        ended.sort_by(|a, b| b.cmp(a));
        ended.into_iter().map(|Costly(_, stall)| stall.as_ref()).collect()
    }

    /// Which of those that ended are kept.
    pub(super) fn ended_ids(&self) -> BTreeSet<StallId> {
        self.ended.iter().map(|Reverse(Costly(_, stall))| stall.id).collect()
    }

    /// Corrects the tails of those that ended, where more is known of them by now.
    pub(super) fn tell_ended(&mut self, tail: impl Fn(&Stall) -> Option<Duration>) {
        let mut ended = std::mem::take(&mut self.ended).into_vec();
        for Reverse(Costly(_, stall)) in &mut ended {
            let Some(tail) = tail(stall).filter(|tail| stall.tail != Some(*tail)) else { continue };
            let before = Arc::make_mut(stall).tail.replace(tail).unwrap_or_default();
            self.totals.tail = self.totals.tail.saturating_sub(before).saturating_add(tail);
        }
        self.ended = ended.into();
    }

    /// Forgets those that ended; their refusals do not count any more.
    pub(super) fn forget_ended(&mut self) {
        self.ended.clear();
        self.first_unseen = None;
        let refused = self.live().map(|stall| stall.refused).sum();
        self.totals = Totals { refused, ..Totals::default() };
    }

    /// Keeps those that a restart caused, here or on another host (`foreign`); those that it caused here and that ended
    /// cost so much.
    pub(super) fn keep_of(&mut self, id: RestartId, foreign: &BTreeSet<StallId>, mut cost: Cost) {
        let keeps = |stall: &Stall| match stall.restart {
            Some(restart) => restart == id,
            None => foreign.contains(&stall.id),
        };
        self.live.retain(|_, stall| keeps(stall));
        self.ended.retain(|Reverse(Costly(_, stall))| keeps(stall));
        for Reverse(Costly(length, stall)) in self.ended.iter().filter(|Reverse(Costly(_, it))| it.restart.is_none()) {
            cost.add(stall.refused, *length, stall.tail);
        }
        self.first_unseen = None;
        let live: u64 = self.live().map(|stall| stall.refused).sum();
        let Cost { stalls, refused, lost, longest, tail, longest_tail: _, last_end: _ } = cost;
        self.totals =
            Totals { ended: stalls, not_followed: 0, refused: refused.saturating_add(live), lost, longest, tail };
    }

    /// Whether more text may be kept.
    pub(super) fn has_room(&self) -> bool {
        self.text < MAX_TEXT
    }

    /// A live stall keeps so much more text.
    pub(super) fn learned(&mut self, bytes: usize) {
        self.text += bytes;
    }

    pub(super) fn get_mut(&mut self, id: StallId) -> Option<&mut Stall> {
        self.live.get_mut(&id.tid).filter(|stall| stall.id == id)
    }

    /// Begins to follow a stall. `None` when too many are followed already.
    pub(super) fn begin(&mut self, stall: Stall) -> Option<&mut Stall> {
        if self.live.len() >= MAX_LIVE {
            self.totals.not_followed += 1;
            return None;
        }
        Some(self.live.entry(stall.id.tid).insert_entry(stall).into_mut())
    }

    /// Ends a live stall, and keeps it when it is wanted in detail, and among the most costly.
    pub(super) fn end(
        &mut self,
        tid: u32,
        at: Stamp,
        outcome: Outcome,
        tail: Option<Duration>,
        in_detail: bool,
    ) -> Option<Arc<Stall>> {
        let mut stall = self.live.remove(&tid)?;
        self.text = self.text.saturating_sub(stall.text);
        stall.end(at, outcome);
        stall.tail = tail;
        let length = stall.length(at);
        self.totals.ended += 1;
        self.totals.lost = self.totals.lost.saturating_add(length);
        self.totals.longest = self.totals.longest.max(length);
        self.totals.tail = self.totals.tail.saturating_add(stall.tail.unwrap_or_default());
        if stall.restart.is_none() && stall.refused > stall.refused_delay && length >= Duration::from_secs(1) {
            self.first_unseen.get_or_insert(stall.id.began);
        }
        let stall = Arc::new(stall);
        if in_detail {
            self.ended.push(Reverse(Costly(length, Arc::clone(&stall))));
        }
        if self.ended.len() > MAX_ENDED {
            self.ended.pop();
        }
        Some(stall)
    }
}
