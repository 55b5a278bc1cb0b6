//! From messages to lines: adds what the programs cannot tell, from `/proc` and the symbol table.

use std::{path::Path, sync::Arc};

use super::{
    decode::{FirstRefusal, ProbeMessage},
    mounts::Mounts,
    stacks::{Stacks, Unnamed},
    surroundings,
};
use crate::{
    kernel::Kernel,
    record::{Event, Kind, Line, Stamp, Tracker},
};

/// Completes messages.
#[derive(Debug)]
pub(super) struct Completer {
    stacks: Stacks<Event>,
    mounts: Mounts,
}

impl Completer {
    pub(super) fn new(kernel: Arc<Kernel>) -> Self {
        Self { stacks: Stacks::new(kernel), mounts: Mounts::default() }
    }

    /// Adds what a message tells to `lines`; a stack follows when it is named. A module that was loaded is the result
    /// instead.
    pub(super) fn take(&mut self, message: ProbeMessage, lines: &mut Vec<Line>) -> Option<String> {
        match message {
            ProbeMessage::Event(event) => {
                let look = tracker_failed(&event).then(|| look_around(&event));
                lines.push(Line::Event(event));
                lines.extend(look.map(Line::Event));
            }
            ProbeMessage::ServerStart { event, frames } => {
                self.stacks.name(Unnamed { of: stack_of(&event, None), addresses: frames });
                lines.push(Line::Event(event));
            }
            ProbeMessage::FirstRefusal(first) => lines.push(Line::Event(self.first_refusal(*first))),
            ProbeMessage::ModuleLoaded(name) => return Some(name),
        }
        None
    }

    fn first_refusal(&mut self, first: FirstRefusal) -> Event {
        let FirstRefusal { mut event, dev, path: below, frames } = first;
        let pid = event.task.pid;
        let full = below.map(|below| self.mounts.full(dev, pid, &below));
        if let Kind::Delay { began, path, .. } = &mut event.kind {
            *path = full;
            let began = *began;
            self.stacks.name(Unnamed { of: stack_of(&event, Some(began)), addresses: frames });
        }
        event
    }

    /// The next stack that was named. Safe to cancel.
    pub(super) async fn named(&mut self) -> Option<Line> {
        self.stacks.named().await.map(stack)
    }

    /// A stack that was named already.
    pub(super) fn try_named(&mut self) -> Option<Line> {
        self.stacks.try_named().map(stack)
    }
}

fn tracker_failed(event: &Event) -> bool {
    matches!(event.kind, Kind::TrackerEnd { tracker: Tracker::Cld | Tracker::Umh | Tracker::Legacy, status } if status != 0)
}

fn look_around(event: &Event) -> Event {
    Event { kind: Kind::Surroundings(surroundings::look(Path::new("/"), event.task.pid)), ..event.clone() }
}

/// What a stack that is named later belongs to.
fn stack_of(event: &Event, began: Option<Stamp>) -> Event {
    Event { kind: Kind::Stack { began, stack: Vec::new() }, ..event.clone() }
}

fn stack((mut event, names): (Event, Vec<String>)) -> Line {
    if let Kind::Stack { stack, .. } = &mut event.kind {
        *stack = names;
    }
    Line::Event(event)
}
