//! nfsd starts, tries its trackers, is up, and stops.

use super::log::LOG_SLACK;
use crate::{
    record::{Errno, Event, Kind, ServerState},
    timeline::{
        Change, Changes, KnownFrom, Restart, Timeline,
        restart::{Phase, Tracking},
    },
};

impl Timeline {
    pub(super) fn server_start(&mut self, event: &Event, changes: &mut Changes) {
        let at = event.at;
        // The kernel log may have been read first: the same start is not counted twice.
        if let Some(restart) = self.latest(event.netns)
            && restart.known_from == KnownFrom::KernelLog
            && restart.began.plus(LOG_SLACK) >= at
            && restart.stopped().is_none()
        {
            restart.becomes_watched(at, &event.task);
            return;
        }
        self.notice(KnownFrom::Observed, at, event.netns, &event.task, changes);
    }

    pub(super) fn server_started(&mut self, event: &Event, status: Errno, state: &ServerState, changes: &mut Changes) {
        let restart = self.starting(event, changes);
        restart.up(event.at, status, state);
        let id = restart.id();
        changes.push(Change::Started(id));
    }

    pub(super) fn server_stop(&mut self, event: &Event, changes: &mut Changes) {
        if let Some(restart) = self.latest(event.netns) {
            restart.stop(event.at);
            changes.push(Change::Stopped(restart.id()));
        }
    }

    /// The restart that is starting in a namespace; noticed now where its beginning was missed.
    pub(super) fn starting(&mut self, event: &Event, changes: &mut Changes) -> &mut Restart {
        let is_starting = |restart: &&mut Restart| matches!(restart.phase(), Phase::Starting { .. });
        let known = self.latest(event.netns).filter(is_starting).map(|restart| restart.id());
        if known.is_none() {
            self.notice(KnownFrom::Observed, event.at, event.netns, &event.task, changes);
        }
        let last = self.restarts.len() - 1;
        let index = known.and_then(|id| self.restarts.iter().position(|restart| restart.id() == id)).unwrap_or(last);
        &mut self.restarts[index]
    }

    pub(super) fn tracking(&mut self, event: &Event, changes: &mut Changes) {
        let at = event.at;
        let restart = self.starting(event, changes);
        let id = restart.id();
        let tracking: &mut Tracking = &mut restart.seen.tracking;
        changes.push(match &event.kind {
            Kind::TrackingStart { stack } => {
                tracking.began = Some(at);
                tracking.stack.clone_from(stack);
                Change::TrackingBegan(id)
            }
            Kind::TrackingEnd { status } => {
                tracking.ended = Some((at, Errno(*status)));
                Change::TrackingEnded(id)
            }
            Kind::TrackerStart { tracker } => Change::TrackerBegan(id, tracking.begin(*tracker, at, true)),
            Kind::TrackerEnd { tracker, status } => {
                Change::TrackerEnded(id, tracking.end(*tracker, at, Errno(*status)))
            }
            Kind::Poll { running, inferred } => Change::Polled(id, tracking.poll(at, *running, *inferred)),
            _ => return,
        });
    }
}
