//! What server events do to the timeline (fs/nfsd/nfs4state.c, fs/nfsd/nfs4recover.c, fs/nfs_common/grace.c).

use std::{collections::VecDeque, time::Duration};

use super::{
    Change, Changes, Heard, KnownFrom, MAX_RESTARTS, Restart, RestartId, Timeline,
    clients::RefusedOp,
    forecast,
    kernel_log::{self, LogFact},
    restart::{EndGraceWrite, Grace, GraceEnd, LONGEST_S, LengthFrom, TAIL, TrackerAttempt, WRITES_KEPT},
};
use crate::record::{EndedBy, Event, Kind, Manager, Netns, ServerOp, ServerState, Stamp, Task, Tracker};

/// How far the kernel log's clock and order may be off the events'.
const LOG_SLACK: Duration = Duration::from_secs(2);
/// An answer that was on its way when a grace period ended arrives within this time.
const IN_FLIGHT: Duration = Duration::from_secs(1);
/// lockd starts this long before nfsd at most (`nfsd_startup_net`).
const LOCKD_BEFORE: Duration = Duration::from_secs(10);
/// Lines of the kernel log that wait for their start.
const MAX_LINES: usize = 32;
/// Clients kept, of all restarts: the oldest restarts are forgotten for them.
const MAX_CLIENTS: usize = 65_536;
/// Namespaces whose lockd is remembered until their nfsd starts.
const MAX_LOCKD: usize = 64;

/// What the kernel log said about a start whose grace period has not begun yet, and lockd's grace periods before nfsd's.
#[derive(Debug, Default)]
pub(super) struct LogPending {
    failure: Option<(Stamp, i32)>,
    tracker: Option<(Stamp, String)>,
    container: bool,
    old_nfsdcld: bool,
    /// Lines from before watching began: shown only if the start that they belong to may still matter.
    lines: Vec<(Stamp, String)>,
    lockd: Vec<(Option<Netns>, Grace)>,
}

impl Timeline {
    pub(super) fn server_side(&mut self, event: &Event, changes: &mut Changes) {
        let (at, netns) = (event.at, event.netns);
        match &event.kind {
            Kind::ServerStart => {
                self.server_start(event, changes);
            }
            Kind::ServerStarted { status, state } => {
                let restart = self.starting(event, changes);
                restart.started = Some((at, *status));
                restart.armed = Some(at);
                restart.learn(state);
                let id = restart.id;
                changes.push(Change::Started(id));
            }
            Kind::ServerStop => {
                if let Some(restart) = self.latest(netns) {
                    restart.stopped = Some(at);
                    changes.push(Change::Stopped(restart.id));
                }
            }
            Kind::TrackingStart { .. } | Kind::TrackingEnd { .. } | Kind::Poll { .. } => self.tracking(event, changes),
            Kind::TrackerStart { tracker } => {
                let restart = self.starting(event, changes);
                let place = restart.tracking.attempt(TrackerAttempt::new(*tracker, at, true));
                changes.push(Change::TrackerBegan(restart.id, place));
            }
            Kind::TrackerEnd { tracker, status } => self.tracker_end(event, *tracker, *status, changes),
            Kind::GraceStart { manager } => self.grace_start(event, *manager, changes),
            Kind::GraceEnd { manager, by, state } => self.grace_end(event, *manager, *by, state, changes),
            Kind::GraceAnswer { for_open, in_grace } => self.answer(event, *for_open, *in_grace, changes),
            Kind::Refused { .. } => self.refused(event, changes),
            Kind::EndGraceWrite { status } => {
                let id = self.latest(netns).map(|restart| restart.id);
                let id = id.unwrap_or_else(|| self.notice(KnownFrom::GraceOnly, at, netns, &event.task, changes));
                if let Some(restart) = self.restart_mut(id) {
                    if restart.end_grace_writes.len() < WRITES_KEPT {
                        let write = EndGraceWrite { at, task: event.task.clone(), status: *status };
                        restart.end_grace_writes.push(write);
                    }
                    changes.push(Change::EndGraceWritten(id));
                }
            }
            Kind::KernelLog { text } => self.kernel_log(event, text, changes),
            _ => self.about_a_client(event, changes),
        }
    }

    /// Events that tell nothing about a restart that is not known already: clients come and go in normal service too.
    fn about_a_client(&mut self, event: &Event, changes: &mut Changes) {
        let at = event.at;
        let Some(restart) = self.latest(event.netns) else { return };
        let id = restart.id;
        changes.push(match &event.kind {
            Kind::ReclaimRecord { name } => Change::Recorded(id, restart.clients.record(at, name)),
            Kind::Reclaim { client, status, .. } => {
                if *status == 0 {
                    restart.last_reclaim = Some(at);
                }
                Change::Reclaimed(id, restart.clients.reclaim(at, client, *status))
            }
            Kind::ReclaimComplete { client, status: 0 } => Change::Completed(id, restart.clients.complete(at, client)),
            Kind::ClientConfirmed { client, status: 0 } => Change::Confirmed(id, restart.clients.confirm(at, client)),
            Kind::Surroundings(seen) => {
                restart.surroundings = Some((at, seen.clone()));
                Change::Surroundings(id)
            }
            _ => return,
        });
    }

    /// The latest restart in a namespace; the latest of all where the namespace is not known.
    pub(super) fn latest(&mut self, netns: Option<Netns>) -> Option<&mut Restart> {
        let restart =
            self.restarts.iter_mut().rev().find(|it| netns.is_none() || it.netns.is_none() || it.netns == netns)?;
        restart.netns = restart.netns.or(netns);
        Some(restart)
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
        if let Some(place) = self.log.lockd.iter().position(|(it, _)| *it == netns) {
            let (_, grace) = self.log.lockd.swap_remove(place);
            restart.lockd = (at.since(grace.began) <= LOCKD_BEFORE).then_some(grace);
        }
        // Names of clients take most of the memory.
        let clients = |restarts: &VecDeque<Restart>| restarts.iter().map(|it| it.clients.list().len()).sum::<usize>();
        while self.restarts.len() >= MAX_RESTARTS || self.restarts.len() > 1 && clients(&self.restarts) > MAX_CLIENTS {
            let oldest = usize::from(self.only.is_some() && self.restarts.front().map(|it| it.id) == self.only);
            self.restarts.remove(oldest);
            self.restarts_forgotten += 1;
        }
        self.restarts.push_back(restart);
        changes.push(Change::RestartBegan(id));
        id
    }

    fn server_start(&mut self, event: &Event, changes: &mut Changes) {
        let at = event.at;
        // The kernel log may have been read first: the same start is not counted twice.
        if let Some(restart) = self.latest(event.netns)
            && restart.known_from == KnownFrom::KernelLog
            && restart.began.plus(LOG_SLACK) >= at
            && restart.stopped.is_none()
        {
            restart.known_from = KnownFrom::Observed;
            restart.began = restart.began.min(at);
            restart.task = event.task.clone();
            return;
        }
        self.notice(KnownFrom::Observed, at, event.netns, &event.task, changes);
    }

    /// The restart that is starting in a namespace; noticed now where its beginning was missed.
    fn starting(&mut self, event: &Event, changes: &mut Changes) -> &mut Restart {
        let is_starting = |restart: &Restart| {
            restart.known_from == KnownFrom::Observed && restart.started.is_none() && restart.stopped.is_none()
        };
        let known = self.latest(event.netns).filter(|restart| is_starting(restart)).map(|restart| restart.id);
        if known.is_none() {
            self.notice(KnownFrom::Observed, event.at, event.netns, &event.task, changes);
        }
        let last = self.restarts.len() - 1;
        let index = known.and_then(|id| self.restarts.iter().position(|restart| restart.id == id)).unwrap_or(last);
        &mut self.restarts[index]
    }

    fn tracking(&mut self, event: &Event, changes: &mut Changes) {
        let at = event.at;
        let restart = self.starting(event, changes);
        let id = restart.id;
        match &event.kind {
            Kind::TrackingStart { stack } => {
                restart.tracking.began = Some(at);
                restart.tracking.stack.clone_from(stack);
                changes.push(Change::TrackingBegan(id));
            }
            Kind::TrackingEnd { status } => {
                restart.tracking.ended = Some((at, *status));
                changes.push(Change::TrackingEnded(id));
            }
            Kind::Poll { running, inferred } => {
                if restart.tracking.running().is_none() {
                    restart.tracking.attempt(TrackerAttempt::new(Tracker::Cld, at, false));
                }
                let place = restart.tracking.attempts.len() - 1;
                restart.tracking.attempts[place].poll(at, *running, *inferred);
                changes.push(Change::Polled(id, place));
            }
            _ => {}
        }
    }

    fn tracker_end(&mut self, event: &Event, tracker: Tracker, status: i32, changes: &mut Changes) {
        let at = event.at;
        let restart = self.starting(event, changes);
        let tracking = &mut restart.tracking;
        let is_open = |attempt: &TrackerAttempt| attempt.tracker == tracker && attempt.ended.is_none();
        let open = tracking.attempts.iter().rposition(is_open);
        let place = open.unwrap_or_else(|| tracking.attempt(TrackerAttempt::new(tracker, at, false)));
        tracking.attempts[place].ended = Some((at, status));
        changes.push(Change::TrackerEnded(restart.id, place));
    }

    fn grace_start(&mut self, event: &Event, manager: Manager, changes: &mut Changes) {
        let grace = Grace { began: event.at, began_seen: true, ended: None };
        match manager {
            Manager::Nfsd => {
                if self.latest(event.netns).is_some_and(|it| it.grace.is_some() && it.known_from == KnownFrom::Observed)
                {
                    // A second grace period is a second start, whose beginning was missed.
                    self.notice(KnownFrom::Observed, event.at, event.netns, &event.task, changes);
                }
                let restart = self.starting(event, changes);
                restart.grace = Some(grace);
                changes.push(Change::GraceBegan(restart.id, manager));
            }
            Manager::Lockd => {
                if self.log.lockd.len() < MAX_LOCKD {
                    self.log.lockd.retain(|(netns, _)| *netns != event.netns);
                    self.log.lockd.push((event.netns, grace));
                }
                if let Some(restart) = self.latest(event.netns).filter(|restart| restart.stopped.is_none()) {
                    restart.lockd = Some(grace);
                    changes.push(Change::GraceBegan(restart.id, manager));
                }
            }
        }
    }

    fn grace_end(&mut self, event: &Event, manager: Manager, by: EndedBy, state: &ServerState, changes: &mut Changes) {
        let (at, netns, hz) = (event.at, event.netns, self.host.hz);
        if manager == Manager::Lockd {
            self.log.lockd.retain(|(it, _)| *it != netns);
            if let Some(restart) = self.latest(netns)
                && let Some(grace) = restart.lockd.as_mut().filter(|grace| grace.ended.is_none())
            {
                grace.ended = Some(GraceEnd { at, by, from: KnownFrom::Observed });
                changes.push(Change::GraceEnded(restart.id, manager));
            }
            return;
        }
        let id = self.latest(netns).map(|restart| restart.id);
        let id = id.unwrap_or_else(|| self.notice(KnownFrom::GraceOnly, at, netns, &event.task, changes));
        let Some(restart) = self.restart_mut(id) else { return };
        restart.learn(state);
        let by = restart.what_ended_it(at, by, hz);
        let grace = restart.grace.get_or_insert(Grace { began: restart.began, began_seen: false, ended: None });
        let before = grace.ended.replace(GraceEnd { at, by, from: KnownFrom::Observed });
        match before {
            // locks_end_grace is called again when the server stops.
            Some(end) if end.from == KnownFrom::Observed => grace.ended = before,
            Some(_) => {}
            // That it ended now says only that the server stops.
            None if restart.history => {}
            None => {
                changes.push(Change::GraceEnded(id, manager));
                self.note_sleepers(id, at, by);
            }
        }
    }

    /// Who sleeps when a grace period ends, and for how long, is known at once: from the sleep that was asked for.
    fn note_sleepers(&mut self, id: RestartId, end: Stamp, by: EndedBy) {
        if by == EndedBy::Shutdown {
            return;
        }
        let hz = self.host.hz;
        let sleeps_on = |stall: &&super::Stall| {
            let next = forecast::next_try(stall, hz).and_then(Result::ok);
            stall.restart == Some(id) && next.is_some_and(|next| next.earliest.since(end) >= TAIL)
        };
        let count = self.stalls.live().filter(sleeps_on).count() as u64;
        if let Some(restart) = self.restart_mut(id) {
            restart.slept_on = count;
        }
    }

    fn answer(&mut self, event: &Event, for_open: bool, in_grace: bool, changes: &mut Changes) {
        if for_open && in_grace {
            self.grace_noticed(event, changes);
        }
        let Some(restart) = self.latest(event.netns) else { return };
        let id = restart.id;
        let answer = if for_open { &mut restart.opens_in_grace } else { &mut restart.locks_in_grace };
        *answer = Some((event.at, in_grace));
        changes.push(Change::AnswerChanged(id));
        if for_open
            && !in_grace
            && restart.in_grace()
            && (restart.armed.is_some() || restart.known_from != KnownFrom::Observed)
        {
            if let Some(grace) = &mut restart.grace {
                grace.ended = Some(GraceEnd { at: event.at, by: EndedBy::Unknown, from: KnownFrom::GraceOnly });
            }
            changes.push(Change::GraceEnded(id, Manager::Nfsd));
            self.note_sleepers(id, event.at, EndedBy::Unknown);
        }
    }

    /// A grace period shows itself. Where none is known to be on, its restart was missed.
    fn grace_noticed(&mut self, event: &Event, changes: &mut Changes) {
        let at = event.at;
        let known = self.latest(event.netns).is_some_and(|restart| {
            let over = restart.grace_end().is_some_and(|end| at.since(end.at) > IN_FLIGHT);
            restart.stopped.is_none_or(|stopped| at.since(stopped) <= IN_FLIGHT) && !over
        });
        if !known {
            self.notice(KnownFrom::GraceOnly, at, event.netns, &event.task, changes);
        }
        if let Some(restart) = self.latest(event.netns)
            && (restart.grace.is_none() || restart.history)
        {
            let history = std::mem::take(&mut restart.history);
            restart.grace.get_or_insert(Grace { began: at, began_seen: false, ended: None });
            changes.push(match history {
                true => Change::GraceGoesOn(restart.id),
                false => Change::GraceBegan(restart.id, Manager::Nfsd),
            });
        }
    }

    fn refused(&mut self, event: &Event, changes: &mut Changes) {
        let Kind::Refused { op, client, xid, claim, name, in_grace, took_ns: _ } = &event.kind else { return };
        // Locks wait for lockd's grace period too, and a refusal outside any tells of no restart.
        let history = self.latest(event.netns).is_some_and(|restart| restart.history);
        if (*in_grace == Some(true) || history && in_grace.is_none()) && *op != ServerOp::Lock {
            self.grace_noticed(event, changes);
        }
        let Some(restart) = self.latest(event.netns) else { return };
        let over = restart.grace_end().is_some_and(|end| event.at.since(end.at) > IN_FLIGHT);
        restart.locks_refused_after += u64::from(*op == ServerOp::Lock && over && *in_grace != Some(false));
        let refusal = RefusedOp {
            at: event.at,
            op: *op,
            client: None,
            xid: *xid,
            claim: *claim,
            name: name.clone(),
            in_grace: *in_grace,
        };
        let client = restart.clients.refuse(client, refusal);
        changes.push(Change::Refused(restart.id, client));
    }

    fn kernel_log(&mut self, event: &Event, text: &str, changes: &mut Changes) {
        let at = event.at;
        let place = changes.len();
        let heard = match kernel_log::parse(text) {
            Some(fact) => self.log_fact(event, text, fact, changes),
            None if text.contains("NFSD:") || text.contains("nfsd:") || text.contains("lockd:") => Heard::NotUnderstood,
            None => return,
        };
        // The line first, then what follows from it.
        changes.insert(place, Change::Logged { at, text: text.to_owned(), heard });
    }

    fn log_fact(&mut self, event: &Event, text: &str, fact: LogFact, changes: &mut Changes) -> Heard {
        let at = event.at;
        if fact == LogFact::Comment {
            return Heard::Known;
        }
        let netns = match &fact {
            LogFact::GraceStarts { netns, .. } | LogFact::GraceSkipped(netns) | LogFact::AllReclaimed(netns) => *netns,
            _ => event.netns,
        };
        // A line about a start that was watched adds to it.
        let watched = self.latest(netns).filter(|restart| restart.covers(at));
        if let Some(restart) = watched {
            let heard = restart.hear(at, &fact);
            if let LogFact::GraceStarts { .. } = fact {
                changes.push(Change::LengthKnown(restart.id));
            }
            let unseen = restart.tracking.began.is_none() && restart.tracking.ended.is_none();
            if unseen && matches!(fact, LogFact::TrackingFailed(_) | LogFact::Using(_)) {
                changes.push(Change::TrackingEnded(restart.id));
            }
            return heard;
        }
        let before_watching = at < self.host.started;
        let starts = matches!(fact, LogFact::GraceStarts { .. } | LogFact::GraceSkipped(_));
        if before_watching && !starts && self.log.lines.len() < MAX_LINES {
            self.log.lines.push((at, text.to_owned()));
        }
        match fact {
            LogFact::TrackingFailed(status) => self.log.failure = Some((at, status)),
            LogFact::Using(name) => self.log.tracker = Some((at, name)),
            LogFact::Container => self.log.container = true,
            LogFact::OldNfsdcld => self.log.old_nfsdcld = true,
            LogFact::GraceStarts { .. } | LogFact::GraceSkipped(_) => self.log_start(event, netns, &fact, changes),
            LogFact::AllReclaimed(_) | LogFact::EndFailed(_) => {
                let Some(restart) = self.latest(netns) else { return Heard::New };
                let (was_on, started) = (restart.in_grace(), restart.known_from == KnownFrom::KernelLog);
                let heard = restart.hear(at, &fact);
                if was_on && !restart.in_grace() {
                    restart.history = started && before_watching;
                    changes.push(Change::GraceEnded(restart.id, Manager::Nfsd));
                }
                return if before_watching { Heard::Known } else { heard };
            }
            LogFact::NoRecoveryDir | LogFact::Comment => {}
        }
        if before_watching || starts { Heard::Known } else { Heard::New }
    }

    /// A start that nobody watched, rebuilt from what the kernel log says.
    fn log_start(&mut self, event: &Event, netns: Option<Netns>, fact: &LogFact, changes: &mut Changes) {
        let at = event.at;
        let lockd = std::mem::take(&mut self.log.lockd);
        let LogPending { failure, tracker, container, old_nfsdcld, lines, lockd: _ } = std::mem::take(&mut self.log);
        self.log.lockd = lockd;
        let first = failure.map(|it| it.0).into_iter().chain(tracker.as_ref().map(|it| it.0)).min().unwrap_or(at);
        let (started, hz, place) = (self.host.started, self.host.hz, changes.len());
        // nfsd was stopped before it started anew.
        if let Some(before) = self.latest(netns).filter(|it| {
            it.known_from == KnownFrom::KernelLog && it.began < started && it.netns == netns && netns.is_some()
        }) {
            before.history = true;
        }
        // A grace period that was noticed before the log was read.
        let noticed = self
            .latest(netns)
            .filter(|it| it.known_from == KnownFrom::GraceOnly && it.began >= at && it.stopped.is_none())
            .map(|restart| restart.id);
        let id = noticed.unwrap_or_else(|| self.notice(KnownFrom::KernelLog, first, netns, &event.task, changes));
        let Some(restart) = self.restart_mut(id) else { return };
        restart.known_from = KnownFrom::KernelLog;
        restart.began = restart.began.min(first);
        restart.armed = Some(at);
        let ended = restart.grace_end();
        restart.grace = Some(Grace { began: at, began_seen: true, ended });
        let tracking = &mut restart.tracking;
        (tracking.logged_failure, tracking.logged_tracker) = (failure, tracker);
        (tracking.logged_container, tracking.logged_old_nfsdcld) = (container, old_nfsdcld);
        restart.hear(at, fact);
        let over = restart.grace_end().map(|end| end.at).or(restart.planned_end(hz).map(|planned| planned.latest));
        restart.history = noticed.is_none() && over.is_some_and(|over| over < started);
        if restart.history {
            changes.truncate(place);
            changes.push(Change::History(id));
            return;
        }
        let lines = lines.into_iter().map(|(at, text)| Change::Logged { at, text, heard: Heard::New });
        changes.splice(place..place, lines);
        if restart.tracking.result().is_some() {
            changes.push(Change::TrackingEnded(id));
        }
        changes.push(Change::GraceBegan(id, Manager::Nfsd));
        changes.push(Change::LengthKnown(id));
        if restart.grace_end().is_some() {
            changes.push(Change::GraceEnded(id, Manager::Nfsd));
        }
    }
}

impl Restart {
    /// Whether a line of the kernel log with this time is about this start.
    fn covers(&self, at: Stamp) -> bool {
        let until = self.started.map_or(Stamp(u64::MAX), |(started, _)| started.plus(LOG_SLACK));
        self.known_from == KnownFrom::Observed && at.plus(LOG_SLACK) >= self.began && at <= until
            // The same line read twice.
            || self.known_from == KnownFrom::KernelLog && self.armed.is_some_and(|armed| at >= self.began && at <= armed)
    }

    /// Adds what a line of the kernel log says; what was seen is not overruled.
    fn hear(&mut self, at: Stamp, fact: &LogFact) -> Heard {
        let watched = self.tracking.began.is_some() || self.tracking.ended.is_some();
        let is_new = match fact {
            LogFact::TrackingFailed(_) | LogFact::Using(_) => !watched,
            LogFact::NoRecoveryDir => !watched && self.tracking.status_of(Tracker::Legacy).is_none(),
            LogFact::OldNfsdcld => self.tracking.status_of(Tracker::Cld) != Some(-95),
            // What follows from it is said in a sentence of its own.
            LogFact::GraceStarts { .. } | LogFact::GraceSkipped(_) | LogFact::AllReclaimed(_) | LogFact::Comment => {
                false
            }
            LogFact::Container | LogFact::EndFailed(_) => true,
        };
        let heard_end = |by| GraceEnd { at, by, from: KnownFrom::KernelLog };
        match fact {
            LogFact::TrackingFailed(status) => self.tracking.logged_failure = Some((at, *status)),
            LogFact::Using(name) => self.tracking.logged_tracker = Some((at, name.clone())),
            LogFact::Container => self.tracking.logged_container = true,
            LogFact::OldNfsdcld => self.tracking.logged_old_nfsdcld = true,
            LogFact::EndFailed(status) => self.tracking.logged_end_failure = Some((at, *status)),
            LogFact::GraceStarts { seconds, .. } => {
                self.armed.get_or_insert(at);
                self.length.get_or_insert((Duration::from_secs((*seconds).min(LONGEST_S)), LengthFrom::KernelLog));
            }
            LogFact::GraceSkipped(_) | LogFact::AllReclaimed(_) => {
                let skipped = matches!(fact, LogFact::GraceSkipped(_));
                let by = if skipped { EndedBy::Skipped } else { EndedBy::AllReclaimed };
                // The end itself is watched where the start was.
                if self.known_from != KnownFrom::Observed
                    && let Some(grace) = &mut self.grace
                {
                    grace.ended.get_or_insert(heard_end(by));
                }
            }
            LogFact::NoRecoveryDir | LogFact::Comment => {}
        }
        if is_new { Heard::New } else { Heard::Known }
    }

    /// Refines what ended a grace period by what else was seen.
    fn what_ended_it(&self, at: Stamp, by: EndedBy, hz: Option<super::Hz>) -> EndedBy {
        let before_its_time = self.planned_end(hz).is_some_and(|planned| at < planned.earliest);
        // nfsd4_force_end_grace leaves the work to the laundromat, which then looks like the timer.
        let written = self.end_grace_writes.iter().any(|write| write.status >= 0 && at >= write.at);
        match by {
            EndedBy::Timer | EndedBy::Unknown if written && before_its_time => EndedBy::V4EndGrace,
            EndedBy::Unknown if self.stopped.is_some() => EndedBy::Shutdown,
            EndedBy::Unknown if self.known_from == KnownFrom::Observed && self.started.is_none() => EndedBy::Skipped,
            by => by,
        }
    }
}
