//! The server's way through one start, as it was watched live, told once more from its end.

use super::{Page, server};
use crate::{
    record::{Manager, Stamp},
    timeline::{Change, KnownFrom, Restart, Timeline},
};

/// What happened to a server in one start, in the order in which the live view tells it.
fn changes(restart: &Restart) -> Vec<(Stamp, Change)> {
    let id = restart.id();
    if restart.is_history() {
        return vec![(restart.began(), Change::History(id))];
    }
    let mut changes = vec![(restart.began(), Change::RestartBegan(id))];
    let tracking = &restart.tracking();
    changes.extend(tracking.began.map(|at| (at, Change::TrackingBegan(id))));
    for (place, attempt) in tracking.attempts.iter().enumerate() {
        changes.extend(attempt.began_seen.then_some((attempt.began, Change::TrackerBegan(id, place))));
        changes.extend(attempt.polls.last().map(|poll| (poll.at, Change::Polled(id, place))));
        changes.extend(attempt.ended.map(|(at, _)| (at, Change::TrackerEnded(id, place))));
    }
    changes.extend(tracking.ended.map(|(at, _)| (at, Change::TrackingEnded(id))));
    changes.extend(restart.surroundings().iter().map(|(at, _)| (*at, Change::Surroundings(id))));
    match (restart.started(), restart.timer_set()) {
        (Some((at, _)), _) => changes.push((at, Change::Started(id))),
        (None, Some(at)) => changes.push((at, Change::LengthKnown(id))),
        (None, None) => {}
    }
    if restart.known_from() == KnownFrom::GraceOnly {
        changes.extend(restart.grace().map(|grace| (grace.began, Change::GraceBegan(id, Manager::Nfsd))));
    }
    let mut later: Vec<_> =
        restart.end_grace_writes().iter().map(|write| (write.at, Change::EndGraceWritten(id))).collect();
    for (grace, manager) in [(restart.grace(), Manager::Nfsd), (restart.lockd(), Manager::Lockd)] {
        later.extend(grace.and_then(|grace| grace.ended).map(|end| (end.at, Change::GraceEnded(id, manager))));
    }
    later.extend(restart.stopped().map(|at| (at, Change::Stopped(id))));
    later.sort_by_key(|(at, _)| *at);
    changes.extend(later);
    changes
}

/// The lines of one start.
pub(super) fn lines(page: Page, restart: &Restart, timeline: &Timeline) -> Vec<String> {
    changes(restart).iter().flat_map(|(at, change)| server::lines(page, *at, change, timeline)).collect()
}
