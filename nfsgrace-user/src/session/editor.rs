//! What of all that happens is told, when, and how often: one event may change much, and thousands of tasks may wait for
//! one server, but a reader takes in only so much.

use std::{collections::BTreeSet, time::Duration};

use super::Item;
use crate::{
    record::{Manager, Stamp, Surroundings, frame_function},
    timeline::{Between, Change, Restart, RestartId, Stall, StallId, Timeline, Told},
};

/// Stalls of one restart that are told one by one.
const ONE_BY_ONE: usize = 5;
/// Others are first told of when they have had this long to come together, and last when no more come for as long.
const GATHER: Duration = Duration::from_secs(1);
/// How often it is told that more of them are free.
const PROGRESS: Duration = Duration::from_secs(5);
/// How often it is told that they still wait.
const STILL_WAITING: Duration = Duration::from_secs(15);
/// After this time without a stall, the next ones are told one by one again.
const QUIET: Duration = Duration::from_secs(10);
/// Call paths kept to tell each once; what comes beyond is not told.
const MAX_PATHS: usize = 64;

/// How the tasks fare that are not told one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Others {
    /// So many wait.
    pub waiting: u64,
    /// So many are free again.
    pub free: u64,
    /// The longest stall of those that are free again.
    pub longest: Duration,
    /// The longest of their tails after the end of the grace period.
    pub longest_tail: Duration,
    /// When the last stalled task is free, if that can be foretold.
    pub last_free: Option<Between>,
    /// Tasks of which that cannot be foretold.
    pub unknown: usize,
}

/// Keeps count of them, and of what was told.
#[derive(Debug, Default)]
struct Crowd {
    now: Others,
    since: Stamp,
    latest: Stamp,
    /// When the first of them was free that has not been told.
    first_free: Option<Stamp>,
    told: Option<(Stamp, Others)>,
}

impl Crowd {
    fn is_due(&self, now: Stamp) -> bool {
        let Others { waiting, free, .. } = self.now;
        if waiting == 0 {
            return free > 0 && now.since(self.latest) >= GATHER;
        }
        let Some((when, told)) = self.told else { return now.since(self.since) >= GATHER };
        let passed = now.since(when);
        waiting >= told.waiting.max(1) * 2 && passed >= GATHER
            || self.first_free.is_some_and(|first| now.since(first) >= PROGRESS)
            || passed >= STILL_WAITING
    }
}

/// Decides what is told.
#[derive(Debug, Default)]
pub(super) struct Editor {
    paths: BTreeSet<Vec<String>>,
    surroundings: Option<Surroundings>,
    /// What is told when the trackers have been tried: their tree is not torn apart.
    held: Vec<(RestartId, Item)>,
    one_by_one: BTreeSet<StallId>,
    begun: usize,
    latest_stall: Stamp,
    crowd: Crowd,
}

impl Editor {
    /// What is told of one event.
    pub(super) fn tell(&mut self, at: Stamp, changes: &[Change], timeline: &Timeline) -> Vec<Item> {
        let mut items = Vec::new();
        for change in changes {
            self.change(at, change, timeline, &mut items);
        }
        items
    }

    /// What is told because time has passed.
    pub(super) fn tick(&mut self, now: Stamp, timeline: &Timeline) -> Option<Item> {
        self.crowd.is_due(now).then(|| self.others(now, timeline))
    }

    /// What is left to tell at the end.
    pub(super) fn finish(&mut self, now: Stamp, timeline: &Timeline) -> Vec<Item> {
        let mut items: Vec<_> = std::mem::take(&mut self.held).into_iter().map(|(_, item)| item).collect();
        let told = self.crowd.told.map(|(_, others)| (others.waiting, others.free)).unwrap_or_default();
        if told != (self.crowd.now.waiting, self.crowd.now.free) {
            items.push(self.others(now, timeline));
        }
        items
    }

    fn change(&mut self, at: Stamp, change: &Change, timeline: &Timeline, items: &mut Vec<Item>) {
        let (mut then, mut release) = (None, None);
        match change {
            Change::Logged { told: Told::Known, .. } | Change::Woke(_) | Change::Retried(_) | Change::Counted => {
                return;
            }
            Change::RestartBegan(_) => self.begun = 0,
            Change::TrackingBegan(id) | Change::StackNamed(id) => {
                let stack = timeline.restart(*id).map_or(&[][..], |restart| &restart.tracking().stack);
                if let Some(path) = self.path(at, stack) {
                    self.hold(*id, path, timeline, items);
                }
                if matches!(change, Change::StackNamed(_)) {
                    return;
                }
            }
            Change::Surroundings(id) => {
                let seen = timeline.restart(*id).and_then(Restart::surroundings).map(|(_, it)| it);
                if seen == self.surroundings.as_ref() {
                    return;
                }
                self.surroundings = seen.cloned();
                self.held.retain(|(of, item)| {
                    of != id || !matches!(item, Item::Change { change: Change::Surroundings(_), .. })
                });
                self.hold(*id, Item::Change { at, change: change.clone() }, timeline, items);
                return;
            }
            Change::TrackingEnded(id) | Change::Stopped(id) => release = Some(*id),
            Change::StallBegan(id) => {
                let Some(stall) = timeline.stalls().get(*id) else { return };
                then = self.path(at, &stall.stack);
                if !self.begins(at, *id, timeline) {
                    items.extend(then);
                    return;
                }
            }
            Change::StallStackNamed(id) => {
                let stack = timeline.stalls().get(*id).map_or(&[][..], |stall| &stall.stack);
                items.extend(self.path(at, stack));
                return;
            }
            Change::RefusedAgain(id) if !self.one_by_one.contains(id) || self.crowd.now.waiting > 0 => return,
            Change::StallEnded(stall) if !self.one_by_one.remove(&stall.id) => {
                self.ends(at, stall);
                return;
            }
            Change::GraceEnded(_, Manager::Nfsd) if self.crowd.now.waiting > 0 => {
                then = Some(self.others(at, timeline));
            }
            _ => {}
        }
        items.push(Item::Change { at, change: change.clone() });
        items.extend(then);
        if let Some(id) = release {
            items.extend(self.held.extract_if(.., |(of, _)| *of == id).map(|(_, item)| item));
        }
    }

    /// Tells something about a start at once, or when its trackers have been tried.
    fn hold(&mut self, id: RestartId, item: Item, timeline: &Timeline, items: &mut Vec<Item>) {
        if timeline.restart(id).is_some_and(Restart::is_trying_trackers) {
            self.held.push((id, item));
        } else {
            items.push(item);
        }
    }

    /// A call path that was not told before; one function alone is no path.
    fn path(&mut self, at: Stamp, stack: &[String]) -> Option<Item> {
        let functions: Vec<_> =
            stack.iter().rev().filter_map(|frame| frame_function(frame)).map(str::to_owned).collect();
        let is_new = functions.len() > 1 && self.paths.len() < MAX_PATHS && self.paths.insert(functions.clone());
        is_new.then_some(Item::CallPath { at, functions })
    }

    /// Whether a stall that begins is told on its own.
    fn begins(&mut self, at: Stamp, id: StallId, timeline: &Timeline) -> bool {
        if at.since(self.latest_stall) >= QUIET && timeline.stalls().live().len() == 1 {
            self.begun = 0;
        }
        self.latest_stall = at;
        self.begun += 1;
        if self.begun <= ONE_BY_ONE {
            self.one_by_one.insert(id);
            return true;
        }
        if self.crowd.now.waiting + self.crowd.now.free == 0 {
            self.crowd.since = at;
        }
        self.crowd.now.waiting += 1;
        self.crowd.latest = at;
        false
    }

    fn ends(&mut self, at: Stamp, stall: &Stall) {
        let others = &mut self.crowd.now;
        others.waiting = others.waiting.saturating_sub(1);
        others.free += 1;
        others.longest = others.longest.max(stall.length(at));
        others.longest_tail = others.longest_tail.max(stall.tail.unwrap_or_default());
        self.crowd.latest = at;
        self.crowd.first_free.get_or_insert(at);
    }

    fn others(&mut self, at: Stamp, timeline: &Timeline) -> Item {
        let mut others = self.crowd.now;
        if others.waiting == 0 {
            self.crowd = Crowd::default();
        } else {
            let expectation = timeline.expect(at);
            (others.last_free, others.unknown) = (expectation.last_free, expectation.unknown);
            self.crowd.first_free = None;
            self.crowd.told = Some((at, others));
        }
        Item::Others { at, others }
    }
}
