//! Grace periods begin, show themselves, and end: nfsd's and lockd's.

use super::IN_FLIGHT;
use crate::{
    record::{EndedBy, Errno, Event, Manager, ServerState, Stamp},
    timeline::{
        Change, Changes, KnownFrom, Restart, RestartId, Stall, Timeline, forecast,
        restart::{EndGraceWrite, Grace, GraceEnd, Sign, TAIL, WRITES_KEPT},
    },
};

/// Namespaces whose lockd is remembered until their nfsd starts.
const MAX_LOCKD: usize = 64;

impl Timeline {
    pub(super) fn grace_start(&mut self, event: &Event, manager: Manager, changes: &mut Changes) {
        if manager == Manager::Lockd {
            return self.lockd_start(event, changes);
        }
        // A second grace period is a second start, whose beginning was missed.
        let is_another = |it: &mut Restart| it.grace().is_some() && it.known_from == KnownFrom::Observed;
        if self.latest(event.netns).is_some_and(is_another) {
            self.notice(KnownFrom::Observed, event.at, event.netns, &event.task, changes);
        }
        let restart = self.starting(event, changes);
        restart.begin_grace(event.at);
        changes.push(Change::GraceBegan(restart.id(), manager));
    }

    fn lockd_start(&mut self, event: &Event, changes: &mut Changes) {
        let grace = Grace::begins(event.at);
        if self.early_lockd.len() < MAX_LOCKD {
            self.early_lockd.retain(|(netns, _)| *netns != event.netns);
            self.early_lockd.push((event.netns, grace));
        }
        if let Some(restart) = self.latest(event.netns).filter(|restart| restart.stopped().is_none()) {
            restart.lockd = Some(grace);
            changes.push(Change::GraceBegan(restart.id(), Manager::Lockd));
        }
    }

    pub(super) fn grace_end(
        &mut self,
        event: &Event,
        manager: Manager,
        by: EndedBy,
        state: &ServerState,
        changes: &mut Changes,
    ) {
        let (at, hz) = (event.at, self.host.hz);
        if manager == Manager::Lockd {
            return self.lockd_end(event, by, changes);
        }
        let Some(restart) = self.latest_or_noticed(event, changes) else { return };
        restart.seen.learn(state);
        let by = restart.what_ended_it(at, by, hz);
        let was_on = restart.end_grace(GraceEnd { at, by, known_from: KnownFrom::Observed });
        let id = restart.id();
        if was_on {
            changes.push(Change::GraceEnded(id, manager));
            self.note_sleepers(id, at, by);
        }
    }

    fn lockd_end(&mut self, event: &Event, by: EndedBy, changes: &mut Changes) {
        self.early_lockd.retain(|(netns, _)| *netns != event.netns);
        let end = GraceEnd { at: event.at, by, known_from: KnownFrom::Observed };
        if let Some(restart) = self.latest(event.netns)
            && restart.lockd.as_mut().is_some_and(|grace| grace.end(end))
        {
            changes.push(Change::GraceEnded(restart.id(), Manager::Lockd));
        }
    }

    /// Who sleeps when a grace period ends, and for how long, is known at once: from the sleep that was asked for.
    fn note_sleepers(&mut self, id: RestartId, end: Stamp, by: EndedBy) {
        if by == EndedBy::Shutdown {
            return;
        }
        let hz = self.host.hz;
        let sleeps_on = |stall: &&Stall| {
            let next = forecast::next_try(stall, hz).and_then(Result::ok);
            stall.restart == Some(id) && next.is_some_and(|next| next.earliest.since(end) >= TAIL)
        };
        let count = self.stalls.live().filter(sleeps_on).count() as u64;
        if let Some(restart) = self.restart_mut(id) {
            restart.slept_on = count;
        }
    }

    pub(super) fn answer(&mut self, event: &Event, for_open: bool, in_grace: bool, changes: &mut Changes) {
        let at = event.at;
        if for_open && in_grace {
            self.grace_shows(event, changes);
        }
        let Some(restart) = self.latest(event.netns) else { return };
        let id = restart.id();
        let seen = &mut restart.seen;
        let answer = if for_open { &mut seen.opens_in_grace } else { &mut seen.locks_in_grace };
        *answer = Some((at, in_grace));
        changes.push(Change::AnswerChanged(id));
        let may_end = restart.timer_set().is_some() || restart.known_from != KnownFrom::Observed;
        if for_open && !in_grace && restart.in_grace() && may_end {
            restart.end_grace(GraceEnd { at, by: EndedBy::Unknown, known_from: KnownFrom::GraceOnly });
            changes.push(Change::GraceEnded(id, Manager::Nfsd));
            self.note_sleepers(id, at, EndedBy::Unknown);
        }
    }

    /// A grace period shows that it is on. Where none is known to be on, its restart was missed.
    pub(super) fn grace_shows(&mut self, event: &Event, changes: &mut Changes) {
        let at = event.at;
        if !self.latest(event.netns).is_some_and(|restart| restart.may_refuse(at)) {
            self.notice(KnownFrom::GraceOnly, at, event.netns, &event.task, changes);
        }
        if let Some(restart) = self.latest(event.netns)
            && let Some(sign) = restart.show_grace(at)
        {
            changes.push(match sign {
                Sign::GoesOn => Change::GraceGoesOn(restart.id()),
                Sign::Noticed => Change::GraceBegan(restart.id(), Manager::Nfsd),
            });
        }
    }

    pub(super) fn end_grace_write(&mut self, event: &Event, status: Errno, changes: &mut Changes) {
        let Some(restart) = self.latest_or_noticed(event, changes) else { return };
        let id = restart.id();
        let writes = &mut restart.seen.end_grace_writes;
        if writes.len() < WRITES_KEPT {
            writes.push(EndGraceWrite { at: event.at, task: event.task.clone(), status });
        }
        changes.push(Change::EndGraceWritten(id));
    }
}

impl Restart {
    /// Whether a refusal that comes now can be of its grace period.
    fn may_refuse(&self, at: Stamp) -> bool {
        let in_flight = |over: Stamp| at.since(over) <= IN_FLIGHT;
        self.grace_end().is_none_or(|end| in_flight(end.at)) && self.stopped().is_none_or(in_flight)
    }

    /// Whether its grace period has been over for so long that no refusal of it can be on its way.
    pub(super) fn is_long_over(&self, at: Stamp) -> bool {
        self.grace_end().is_some_and(|end| at.since(end.at) > IN_FLIGHT)
    }
}
