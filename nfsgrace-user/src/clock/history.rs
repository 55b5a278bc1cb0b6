//! What each part of the past proved by itself, fine where it is recent and coarse where it is old.
//!
//! When messages contradict each other a clock has stepped, some time ago: small steps hide for a while. Messages from
//! after the step must not stay among those from before it, so the past has to come apart again.

use std::collections::VecDeque;

use super::{bound::Bound, hull::Messages};

/// The latest messages, kept one by one.
const RECENT: usize = 32;
/// How many of them become a block at a time.
const BLOCK: usize = 16;
/// Two blocks become one when they hold no more than this part of all messages after them: some hundred blocks for a
/// million messages.
const COARSENESS: u64 = 4;

/// Messages that follow each other and that one line explains.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub first: i64,
    pub last: i64,
    pub count: u64,
    pub messages: Messages,
}

impl Block {
    pub fn of(bound: Bound) -> Self {
        let x = bound.point.x;
        let mut block = Self { first: x, last: x, count: 0, messages: Messages::default() };
        block.add(bound);
        block
    }

    fn add(&mut self, bound: Bound) {
        let x = bound.point.x;
        (self.first, self.last) = (self.first.min(x), self.last.max(x));
        self.count += 1;
        self.messages.insert(bound);
    }

    fn join(&mut self, later: &Self) {
        self.last = self.last.max(later.last);
        self.count += later.count;
        later.messages.bounds().for_each(|bound| self.messages.insert(bound));
    }

    /// Whether a step can lie inside.
    pub fn can_hide_a_step(&self) -> bool {
        self.count > 1
    }

    pub fn has_replies(&self) -> bool {
        !self.messages.replies.points().is_empty()
    }
}

/// The past of one window, in order of the client's time.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    blocks: Vec<Block>,
    recent: VecDeque<Bound>,
}

impl History {
    pub fn of(blocks: Vec<Block>) -> Self {
        let mut history = Self { blocks, recent: VecDeque::new() };
        history.coarsen();
        history
    }

    /// The time of the first message and of the last.
    pub fn span(&self) -> Option<(i64, i64)> {
        let first = self.blocks.first().map(|it| it.first).or(self.recent.front().map(|it| it.point.x));
        let last = self.recent.back().map(|it| it.point.x).or(self.blocks.last().map(|it| it.last));
        first.zip(last)
    }

    pub fn push(&mut self, bound: Bound) {
        let x = bound.point.x;
        let at = self.recent.partition_point(|it| it.point.x <= x);
        let late = at == 0 && self.blocks.last().is_some_and(|block| x <= block.last);
        if late {
            let at = self.blocks.partition_point(|block| block.last < x);
            if let Some(block) = self.blocks.get_mut(at) {
                block.add(bound);
            }
            return;
        }
        self.recent.insert(at, bound);
        if self.recent.len() > RECENT {
            if let Some(first) = self.recent.pop_front() {
                let mut block = Block::of(first);
                self.recent.drain(..BLOCK - 1).for_each(|bound| block.add(bound));
                self.blocks.push(block);
            }
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        let mut after = self.recent.len() as u64;
        for nth in (1..self.blocks.len()).rev() {
            let both = self.blocks[nth - 1].count + self.blocks[nth].count;
            if both <= after / COARSENESS {
                let later = self.blocks.remove(nth);
                self.blocks[nth - 1].join(&later);
            } else {
                after += self.blocks[nth].count;
            }
        }
    }

    pub fn into_blocks(self) -> Vec<Block> {
        let Self { mut blocks, recent } = self;
        blocks.extend(recent.into_iter().map(Block::of));
        blocks
    }
}
