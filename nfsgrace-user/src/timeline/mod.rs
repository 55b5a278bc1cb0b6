//! What happened, rebuilt from events: restarts and stalls as state machines.
//!
//! Pure, incremental, deterministic: no I/O and no clock of its own. [`Timeline::apply`] takes one event and says what
//! changed; [`Timeline::expect`] foretells, for a moment that the caller names. Memory is bounded whatever comes in, and
//! totals stay exact where detail is given up.

pub mod backoff;
mod change;
mod client_side;
pub mod clients;
mod counted;
pub mod forecast;
mod foreign;
mod host;
pub mod kernel_log;
mod narrow;
pub mod restart;
mod server_side;
mod split;
pub mod stall;
pub mod stalls;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

pub use backoff::Hz;
pub use change::{Change, Changes, Told};
pub use clients::ClientSeen;
pub use forecast::{Between, Expectation, Foretold, GraceForecast, StallForecast, Unknown};
pub use foreign::Foreign;
pub use host::{HostFacts, MissingHook};
pub use restart::{KnownFrom, Restart, RestartId};
pub use split::{GraceSpan, Split};
pub use stall::{Attempt, Outcome, Stall, StallId, State};
pub use stalls::Stalls;

use self::restart::TAIL;
use crate::record::{Counts, Event, Kind, Loss, Netns, Stamp};

/// Restarts kept; the oldest are forgotten, and counted.
pub const MAX_RESTARTS: usize = 256;
/// Namespaces whose counts are kept apart; what comes beyond is counted together.
const MAX_NETNS: usize = 1_024;
/// Causes of loss kept apart; what comes beyond is added to the last.
pub const MAX_LOSSES: usize = 64;

/// One cause of missing records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LossTotal {
    /// How many.
    pub count: u64,
    /// First time that it was noticed.
    pub first: Stamp,
    /// Last time.
    pub last: Stamp,
    /// What may be missing.
    pub hides: String,
}

/// All that happened on one host.
#[derive(Debug, Default)]
pub struct Timeline {
    host: HostFacts,
    first: Option<Stamp>,
    now: Stamp,
    events: u64,
    restarts: VecDeque<Restart>,
    restarts_forgotten: u64,
    next_restart: u32,
    /// The only restart whose details are asked for.
    only: Option<RestartId>,
    log: server_side::PendingLog,
    early_lockd: server_side::EarlyLockd,
    stalls: Stalls,
    foreign: BTreeMap<StallId, Arc<Foreign>>,
    servers_known: bool,
    losses: BTreeMap<String, LossTotal>,
    counts: BTreeMap<Option<Netns>, counted::Counted>,
}

impl Timeline {
    /// Takes over what is known about the host; the header that tells may come late.
    pub fn set_host(&mut self, host: HostFacts) {
        self.host = host;
    }

    /// Takes one event, and says what it changed.
    pub fn apply(&mut self, event: &Event) -> Changes {
        let mut changes = Changes::new();
        self.apply_to(event, &mut changes);
        changes
    }

    /// Takes one event, and adds what it changed to a list.
    pub fn apply_to(&mut self, event: &Event, changes: &mut Changes) {
        self.events += 1;
        self.first.get_or_insert(event.at);
        self.now = self.now.max(event.at);
        match &event.kind {
            Kind::Delay { .. } | Kind::SleepEnd { .. } | Kind::Attempt { .. } | Kind::StallEnd { .. } => {
                self.client_side(event, changes);
            }
            Kind::Stack { began, stack } => self.stack(event, *began, stack, changes),
            Kind::Counts(counts) => {
                let of =
                    event.netns.filter(|_| self.counts.len() < MAX_NETNS || self.counts.contains_key(&event.netns));
                self.counts.entry(of).or_default().take(counts);
                changes.push(Change::Counted);
            }
            _ => self.server_side(event, changes),
        }
    }

    /// A stack belongs to the latest start, or to the stall that its event names.
    fn stack(&mut self, event: &Event, began: Option<Stamp>, stack: &[String], changes: &mut Changes) {
        if let Some(began) = began {
            let id = StallId { tid: event.task.tid, began };
            let room = self.stalls.has_room();
            if let Some(stall) = self.stalls.get_mut(id) {
                let learned = if room { stall.learn([&None; 3], stack) } else { 0 };
                self.stalls.learned(learned);
                changes.push(Change::StallStackNamed(id));
            }
        } else if let Some(restart) = self.latest(event.netns) {
            restart.seen.tracking.stack = stack.to_vec();
            changes.push(Change::StackNamed(restart.id()));
        }
    }

    /// Takes note of missing records.
    pub fn loss(&mut self, loss: &Loss) {
        self.now = self.now.max(loss.at);
        self.first.get_or_insert(loss.at);
        let full = self.losses.len() >= MAX_LOSSES && !self.losses.contains_key(&loss.cause);
        let cause = if full { "other" } else { &loss.cause };
        let total = self.losses.entry(cause.to_owned()).or_insert_with(|| LossTotal {
            count: 0,
            first: loss.at,
            last: loss.at,
            hides: loss.hides.clone(),
        });
        total.count = total.count.saturating_add(loss.count);
        total.last = total.last.max(loss.at);
    }

    /// What is expected, seen from a moment.
    #[must_use]
    pub fn expect(&self, now: Stamp) -> Expectation {
        forecast::expect(self, now)
    }

    /// What is expected of one grace period; `None` when it is not on.
    #[must_use]
    pub fn grace_forecast(&self, id: RestartId, now: Stamp) -> Option<GraceForecast> {
        self.restart(id).filter(|restart| restart.in_grace()).map(|restart| forecast::grace(restart, self.host.hz, now))
    }

    /// What is expected of one stall.
    #[must_use]
    pub fn stall_forecast(&self, stall: &Stall, now: Stamp) -> StallForecast {
        forecast::stall_forecast(self, stall, now)
    }

    /// What is known about the host.
    #[must_use]
    pub fn host(&self) -> &HostFacts {
        &self.host
    }

    /// Jiffies per second of the host.
    #[must_use]
    pub fn hz(&self) -> Option<Hz> {
        self.host.hz
    }

    /// Time of the latest event.
    #[must_use]
    pub fn now(&self) -> Stamp {
        self.now
    }

    /// Time of the first event.
    #[must_use]
    pub fn first(&self) -> Option<Stamp> {
        self.first
    }

    /// Events taken.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The restarts that are kept, oldest first.
    pub fn restarts(&self) -> impl DoubleEndedIterator<Item = &Restart> + ExactSizeIterator {
        self.restarts.iter()
    }

    /// Restarts that were forgotten to bound memory.
    #[must_use]
    pub fn restarts_forgotten(&self) -> u64 {
        self.restarts_forgotten
    }

    /// A restart, unless it was forgotten.
    #[must_use]
    pub fn restart(&self, id: RestartId) -> Option<&Restart> {
        self.restarts.get(self.place(id)?)
    }

    fn restart_mut(&mut self, id: RestartId) -> Option<&mut Restart> {
        let place = self.place(id)?;
        self.restarts.get_mut(place)
    }

    fn place(&self, id: RestartId) -> Option<usize> {
        self.restarts.binary_search_by_key(&id, Restart::id).ok()
    }

    /// The stalls.
    #[must_use]
    pub fn stalls(&self) -> &Stalls {
        &self.stalls
    }

    /// What could not be recorded, by cause.
    pub fn losses(&self) -> impl Iterator<Item = (&str, &LossTotal)> {
        self.losses.iter().map(|(cause, total)| (cause.as_str(), total))
    }

    /// What the kernel side counted, of all namespaces; `None` when it never told.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        self.counts.values().map(counted::Counted::total).reduce(|a, b| counted::sum(&a, &b))
    }

    /// What a restart cost tasks on this host, live ones up to `now`.
    #[must_use]
    pub fn cost(&self, restart: &Restart, now: Stamp) -> restart::Cost {
        let mut cost = restart.cost;
        for stall in self.stalls.live().filter(|stall| stall.restart == Some(restart.id())) {
            cost.add(stall.refused, stall.length(now), self.tail(stall, now));
        }
        cost
    }

    /// Whether a restart held anybody up for longer than an instant: a task of this host, or a client that was refused.
    #[must_use]
    pub fn held_up(&self, restart: &Restart, now: Stamp) -> bool {
        let until = restart.grace_end().map_or(now, |end| end.at);
        let refused = |client: &ClientSeen| client.first_refused.is_some_and(|first| until.since(first) >= TAIL);
        self.cost(restart, now).longest >= TAIL
            || restart.slept_on > 0
            || restart.locks_refused_after > 0
            || restart.clients().list().iter().any(refused)
    }
}
