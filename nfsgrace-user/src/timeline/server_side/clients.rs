//! Clients are refused, reclaim, and come back.

use crate::{
    record::{Event, Kind, ServerOp},
    timeline::{Change, Changes, Timeline, clients::RefusedOp},
};

impl Timeline {
    /// Events that tell nothing about a restart that is not known already: clients come and go in normal service too.
    pub(super) fn about_a_client(&mut self, event: &Event, changes: &mut Changes) {
        let at = event.at;
        let Some(restart) = self.latest(event.netns) else { return };
        let id = restart.id();
        let clients = &mut restart.clients;
        changes.push(match &event.kind {
            Kind::ReclaimRecord { name } => Change::Recorded(id, clients.record(at, name)),
            Kind::Reclaim { client, status, .. } => Change::Reclaimed(id, clients.reclaim(at, client, *status)),
            Kind::ReclaimComplete { client, status: 0 } => Change::Completed(id, clients.complete(at, client)),
            Kind::ClientConfirmed { client, status: 0 } => Change::Confirmed(id, clients.confirm(at, client)),
            Kind::Surroundings(seen) => {
                restart.seen.surroundings = Some((at, seen.clone()));
                Change::Surroundings(id)
            }
            _ => return,
        });
    }

    pub(super) fn refused(&mut self, event: &Event, changes: &mut Changes) {
        let Kind::Refused { op, client, xid, claim, name, in_grace, took_ns: _ } = &event.kind else { return };
        // Locks wait for lockd's grace period too, and a refusal outside any tells of no restart.
        let is_history = self.latest(event.netns).is_some_and(|restart| restart.is_history());
        if (*in_grace == Some(true) || is_history && in_grace.is_none()) && *op != ServerOp::Lock {
            self.grace_shows(event, changes);
        }
        let Some(restart) = self.latest(event.netns) else { return };
        let after = *op == ServerOp::Lock && *in_grace != Some(false) && restart.is_long_over(event.at);
        restart.locks_refused_after += u64::from(after);
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
        changes.push(Change::Refused(restart.id(), client));
    }
}
