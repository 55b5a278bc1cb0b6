//! What a file that begins in the middle of an incident must repeat, so that it can be understood alone.
//!
//! An incident is open while a server starts, stops or is in its grace period, and while a task is stalled. Of an open
//! incident the server's own steps are repeated, in bounded number, and the first refusal of each task that is stalled. The
//! mass of an incident (each refusal, each sleep) is not; how many lines that were, a loss says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::record::{ClockSample, Event, Kind, Line, Loss, Manager, Netns, Stamp};

/// Steps that are repeated at most.
const MAX_STEPS: usize = 512;
/// Stalled tasks that are repeated at most.
const MAX_STALLS: usize = 1024;

/// Follows what is written.
#[derive(Debug, Default)]
pub(super) struct Outline {
    clock: Option<ClockSample>,
    /// Counts lines, so that what is repeated keeps its order.
    place: u64,
    steps: VecDeque<(u64, Line)>,
    stalls: BTreeMap<(u32, Stamp), (u64, Event)>,
    open: BTreeSet<Option<Netns>>,
    left_out: u64,
}

impl Outline {
    /// Takes note of a line.
    pub(super) fn follow(&mut self, line: &Line) {
        self.place += 1;
        match line {
            Line::Event(event) => self.event(event),
            Line::Loss(_) => self.step(line.clone()),
            Line::Clock(sample) => self.clock = Some(*sample),
            Line::Header(_) | Line::Verdict(_) | Line::Summary(_) | Line::Paired(_) => {}
        }
        if self.open.is_empty() && self.stalls.is_empty() {
            self.steps.clear();
            self.left_out = 0;
        }
    }

    /// What the next file repeats; `before` names the file with what is left out.
    pub(super) fn repeated(&self, at: Stamp, before: &str) -> Vec<Line> {
        let stalls = self.stalls.values().map(|(place, event)| (*place, Line::Event(event.clone())));
        let mut lines: Vec<_> = self.steps.iter().cloned().chain(stalls).collect();
        lines.sort_by_key(|(place, _)| *place);
        let clock = self.clock.map(Line::Clock);
        let left_out = (self.left_out > 0).then(|| {
            Line::Loss(Loss {
                at,
                cause: "earlier_file".to_owned(),
                count: self.left_out,
                hides: format!("refusals, sleeps and attempts of what goes on: they are in {before}, or before it"),
            })
        });
        clock.into_iter().chain(lines.into_iter().map(|(_, line)| line)).chain(left_out).collect()
    }

    fn event(&mut self, event: &Event) {
        match &event.kind {
            Kind::ServerStart => {
                // What was before is over, but for the stop that led to it.
                self.steps.retain(|(_, line)| match line {
                    Line::Event(of) => of.netns != event.netns || matches!(of.kind, Kind::ServerStop),
                    _ => true,
                });
                self.open.insert(event.netns);
                self.step(Line::Event(event.clone()));
            }
            Kind::ServerStop => {
                self.steps.retain(|(_, line)| !matches!(line, Line::Event(of) if of.netns == event.netns));
                self.open.insert(event.netns);
                self.step(Line::Event(event.clone()));
            }
            Kind::GraceStart { manager: Manager::Nfsd } => {
                self.open.insert(event.netns);
                self.step(Line::Event(event.clone()));
            }
            Kind::GraceEnd { manager: Manager::Nfsd, .. } | Kind::GraceAnswer { for_open: true, in_grace: false } => {
                self.open.remove(&event.netns);
                self.step(Line::Event(event.clone()));
            }
            Kind::Delay { began, .. } => {
                let stall = (event.task.tid, *began);
                if self.stalls.len() < MAX_STALLS && !self.stalls.contains_key(&stall) {
                    self.stalls.insert(stall, (self.place, event.clone()));
                } else {
                    self.left_out += 1;
                }
            }
            Kind::StallEnd { began, .. } => {
                self.stalls.remove(&(event.task.tid, *began));
            }
            // The mass of an incident: what clients and stalled tasks do again and again.
            Kind::Refused { .. } | Kind::Reclaim { .. } => self.left_out += 1,
            kind if kind.stall().is_some() => self.left_out += 1,
            // The next ones have all that these had.
            Kind::Counts(_) => {}
            _ => self.step(Line::Event(event.clone())),
        }
    }

    fn step(&mut self, line: Line) {
        if self.steps.len() < MAX_STEPS {
            self.steps.push_back((self.place, line));
        } else {
            self.left_out += 1;
        }
    }
}
