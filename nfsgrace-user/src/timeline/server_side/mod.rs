//! What server events do to the timeline (fs/nfsd/nfs4state.c, fs/nfsd/nfs4recover.c, fs/nfs_common/grace.c).

mod clients;
mod grace;
mod log;
mod start;

use std::{collections::VecDeque, time::Duration};

pub(super) use log::PendingLog;

use super::{Changes, KnownFrom, MAX_RESTARTS, Restart, RestartId, Timeline, change::Change, restart::Grace};
use crate::record::{Errno, Event, Kind, Netns, Stamp, Task};

/// An answer that was on its way when a grace period ended arrives within this time.
const IN_FLIGHT: Duration = Duration::from_secs(1);
/// lockd starts this long before nfsd at most (`nfsd_startup_net`).
const LOCKD_BEFORE: Duration = Duration::from_secs(10);
/// Clients kept, of all restarts: the oldest restarts are forgotten for them.
const MAX_CLIENTS: usize = 65_536;

/// lockd's grace periods, by namespace, until their nfsd starts.
pub(super) type EarlyLockd = Vec<(Option<Netns>, Grace)>;

impl Timeline {
    pub(super) fn server_side(&mut self, event: &Event, changes: &mut Changes) {
        match &event.kind {
            Kind::ServerStart => self.server_start(event, changes),
            Kind::ServerStarted { status, state } => self.server_started(event, Errno(*status), state, changes),
            Kind::ServerStop => self.server_stop(event, changes),
            Kind::TrackingStart { .. }
            | Kind::TrackingEnd { .. }
            | Kind::TrackerStart { .. }
            | Kind::TrackerEnd { .. }
            | Kind::Poll { .. } => self.tracking(event, changes),
            Kind::GraceStart { manager } => self.grace_start(event, *manager, changes),
            Kind::GraceEnd { manager, by, state } => self.grace_end(event, *manager, *by, state, changes),
            Kind::GraceAnswer { for_open, in_grace } => self.answer(event, *for_open, *in_grace, changes),
            Kind::EndGraceWrite { status } => self.end_grace_write(event, Errno(*status), changes),
            Kind::Refused { .. } => self.refused(event, changes),
            Kind::KernelLog { text } => self.kernel_log(event, text, changes),
            Kind::ReclaimRecord { .. }
            | Kind::Reclaim { .. }
            | Kind::ReclaimComplete { .. }
            | Kind::ClientConfirmed { .. }
            | Kind::Surroundings(_) => self.about_a_client(event, changes),
            // `Timeline::apply_to` knows what to do with them.
            Kind::Delay { .. }
            | Kind::SleepEnd { .. }
            | Kind::Attempt { .. }
            | Kind::StallEnd { .. }
            | Kind::Stack { .. }
            | Kind::Counts(_) => {}
        }
    }

    /// The latest restart in a namespace; the latest of all where the namespace is not known.
    pub(super) fn latest(&mut self, netns: Option<Netns>) -> Option<&mut Restart> {
        let restart =
            self.restarts.iter_mut().rev().find(|it| netns.is_none() || it.netns.is_none() || it.netns == netns)?;
        restart.netns = restart.netns.or(netns);
        Some(restart)
    }

    /// The latest restart in the namespace of an event; noticed now where its beginning was missed.
    fn latest_or_noticed(&mut self, event: &Event, changes: &mut Changes) -> Option<&mut Restart> {
        let id = self.latest(event.netns).map(|restart| restart.id());
        let id = id.unwrap_or_else(|| self.notice(KnownFrom::GraceOnly, event.at, event.netns, &event.task, changes));
        self.restart_mut(id)
    }

    fn notice(
        &mut self,
        known_from: KnownFrom,
        at: Stamp,
        netns: Option<Netns>,
        task: &Task,
        changes: &mut Changes,
    ) -> RestartId {
        self.next_restart += 1;
        let id = RestartId(self.next_restart);
        let mut restart = Restart::new(id, netns, known_from, at, task.clone());
        if let Some(place) = self.early_lockd.iter().position(|(it, _)| *it == netns) {
            let (_, grace) = self.early_lockd.swap_remove(place);
            restart.lockd = (at.since(grace.began) <= LOCKD_BEFORE).then_some(grace);
        }
        self.make_room();
        self.restarts.push_back(restart);
        changes.push(Change::RestartBegan(id));
        id
    }

    /// Forgets the oldest restarts, but the one that is asked for.
    fn make_room(&mut self) {
        // Names of clients take most of the memory.
        let clients = |restarts: &VecDeque<Restart>| restarts.iter().map(|it| it.clients.list().len()).sum::<usize>();
        while self.restarts.len() >= MAX_RESTARTS || self.restarts.len() > 1 && clients(&self.restarts) > MAX_CLIENTS {
            let oldest = usize::from(self.only.is_some() && self.restarts.front().map(Restart::id) == self.only);
            self.restarts.remove(oldest);
            self.restarts_forgotten += 1;
        }
    }
}
