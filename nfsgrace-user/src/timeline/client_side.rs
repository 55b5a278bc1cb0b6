//! What client events do to the timeline (fs/nfs/nfs4proc.c).

use std::time::Duration;

use super::{
    Change, Changes, RestartId, Timeline, backoff,
    stall::{Asked, How, Outcome, Stall, StallId},
};
use crate::record::{Errno, Event, Kind, Refusal, Stamp};

/// A refusal travels from this host's server to this host's client within this time.
const SAME_HOST: Duration = Duration::from_millis(250);

impl Timeline {
    pub(super) fn client_side(&mut self, event: &Event, changes: &mut Changes) {
        let (at, tid) = (event.at, event.task.tid);
        match &event.kind {
            Kind::Delay { .. } => self.delay(event, changes),
            Kind::SleepEnd { began, status } => {
                if let Some(stall) = self.stalls.get_mut(StallId { tid, began: *began }) {
                    stall.wake(at, *status);
                    changes.push(Change::Woke(stall.id));
                }
            }
            Kind::Attempt { began } => {
                if let Some(stall) = self.stalls.get_mut(StallId { tid, began: *began }) {
                    stall.retry(at);
                    changes.push(Change::Retried(stall.id));
                }
            }
            Kind::StallEnd { began, status } if self.stalls.get(StallId { tid, began: *began }).is_some() => {
                let outcome = status.map_or(Outcome::Unknown, |status| Outcome::Status(Errno(status)));
                self.end_stall(tid, at, outcome, changes);
            }
            _ => {}
        }
    }

    fn delay(&mut self, event: &Event, changes: &mut Changes) {
        let Kind::Delay { began, began_seen, op, path, server, refusal, timeout, observed, stack, rpc } = &event.kind
        else {
            return;
        };
        let id = StallId { tid: event.task.tid, began: *began };
        // A thread is in one operation at a time: a new one means that the end of the old one was missed.
        if self.stalls.of_thread(id.tid).is_some_and(|old| old.id != id) {
            self.end_stall(id.tid, (*began).min(event.at), Outcome::Unknown, changes);
        }
        let known = self.stalls.get(id);
        let is_new = known.is_none();
        let linked = known.and_then(|stall| stall.restart);
        let restart = match refusal {
            Refusal::Grace => linked.or_else(|| self.refused_by(event.at, server.as_deref(), path.as_deref())),
            Refusal::Delay => linked,
        };
        let hz = self.host.hz;
        let room = self.stalls.has_room();
        let stall = if is_new {
            self.stalls.begin(Stall::new(id, event.task.clone(), *began_seen))
        } else {
            self.stalls.get_mut(id)
        };
        let Some(stall) = stall else { return };
        // Without the jiffies or without HZ the place in the sequence tells, when the beginning was seen.
        let by_order = (stall.began_seen).then(|| backoff::asked_in_order(stall.refused + 1));
        let span = timeout.zip(hz).map(|(timeout, hz)| hz.span(backoff::asked(timeout, hz))).or(by_order);
        let how = if *observed && timeout.is_some() && hz.is_some() { How::Observed } else { How::Computed };
        stall.refuse(event.at, *refusal, *rpc, span.map(|span| Asked { span, how }));
        stall.restart = restart;
        let learned = if room { stall.learn([op, path, server], stack) } else { 0 };
        self.stalls.learned(learned);
        self.stalls.totals.refused += 1;
        changes.push(if is_new { Change::StallBegan(id) } else { Change::RefusedAgain(id) });
    }

    fn end_stall(&mut self, tid: u32, at: Stamp, outcome: Outcome, changes: &mut Changes) {
        let Some(live) = self.stalls.of_thread(tid) else { return };
        let tail = self.tail(live, at);
        // Of one whose server is on another host it is known only later whether it is asked for.
        let in_detail = self.only.is_none_or(|only| live.restart.is_none_or(|restart| restart == only));
        let Some(stall) = self.stalls.end(tid, at, outcome, tail, in_detail) else { return };
        self.forget_foreign();
        if let Some(restart) = stall.restart.and_then(|id| self.restart_mut(id)) {
            restart.cost.add(stall.refused, stall.length(at), stall.tail);
            restart.cost.last_end = restart.cost.last_end.max(Some(at));
        }
        changes.push(Change::StallEnded(stall));
    }

    /// The restart on this host whose refusal a client on this host has just received.
    ///
    /// Told by time and file name: the server refused within the last moments, an operation on this name where both name
    /// one. A server over the loopback that is in its grace period will do as well.
    fn refused_by(&self, at: Stamp, server: Option<&str>, path: Option<&str>) -> Option<RestartId> {
        let loopback = server.is_some_and(|server| self.is_this_host(server));
        self.restarts
            .iter()
            .rev()
            .find(|restart| {
                let just_refused = restart.clients.latest_refusal().is_some_and(|refusal| {
                    let names_differ =
                        refusal.name.as_deref().zip(path).is_some_and(|(name, path)| !path.ends_with(name));
                    at.since(refusal.at) <= SAME_HOST && refusal.at <= at && !names_differ
                });
                just_refused || (loopback && restart.in_grace())
            })
            .map(|restart| restart.id())
    }

    fn is_this_host(&self, server: &str) -> bool {
        let name = server.trim_matches(|c| c == '[' || c == ']');
        let loopback = name.parse::<std::net::IpAddr>().is_ok_and(|addr| addr.is_loopback());
        loopback || name == "localhost" || (!name.is_empty() && name == self.host.name)
    }
}
