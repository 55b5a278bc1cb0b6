//! A part of what happened: for whoever asks about one incident, and not about all of a month.

use std::collections::BTreeSet;

use super::{Restart, RestartId, Timeline};
use crate::record::{Span, Stamp};

impl Timeline {
    /// A span of time that is asked for begins: what was over before does not count. Restarts stay, for what is still to
    /// come belongs to one of them, and stalls that last.
    pub fn begin_span(&mut self) {
        self.first = None;
        self.events = 0;
        self.losses.clear();
        self.counts.clear();
        self.stalls.forget_ended();
    }

    /// Only one restart, which may be still to come, and its stalls are asked for: they are kept, whatever comes later.
    pub fn keep_only(&mut self, id: RestartId) {
        self.only = Some(id);
    }

    /// Keeps the restarts that were on within `span`, or that somebody on another host `waited_for` then, or of these `only`
    /// one, and the stalls that belong there.
    pub fn narrow(&mut self, span: Span, only: Option<RestartId>, waited_for: &BTreeSet<RestartId>) {
        let now = self.now;
        let in_span = |restart: &Restart| {
            span.overlaps(restart.began, self.last_sign(restart, now)) || waited_for.contains(&restart.id())
        };
        let kept: Vec<_> = self
            .restarts
            .iter()
            .filter(|restart| only.is_none_or(|only| only == restart.id()) && in_span(restart))
            .map(|restart| restart.id())
            .collect();
        self.restarts.retain(|restart| kept.contains(&restart.id()));
        self.restarts_forgotten = 0;
        if let Some(only) = only {
            let cost = self.restart(only).map(|restart| restart.cost).unwrap_or_default();
            let foreign =
                self.foreign.iter().filter(|(_, foreign)| foreign.restart == only).map(|(id, _)| *id).collect();
            self.stalls.keep_of(only, &foreign, cost);
            self.counts.clear();
        }
    }

    /// When a restart was last at work: its grace period was on, somebody was refused, a task waited for it.
    fn last_sign(&self, restart: &Restart, now: Stamp) -> Stamp {
        let grace = |grace: &super::restart::Grace| grace.ended.map_or(now, |end| end.at);
        let nfsd = restart.grace().as_ref().map(grace).filter(|_| restart.grace_end().is_some() || restart.in_grace());
        let lockd = restart.lockd.as_ref().filter(|grace| grace.ended.is_some()).map(grace);
        let refused = restart.clients.latest_refusal().map(|refusal| refusal.at);
        let written = restart.end_grace_writes().last().map(|write| write.at);
        let waits = self.stalls.live().any(|stall| stall.restart == Some(restart.id())).then_some(now);
        let signs = [nfsd, lockd, refused, written, waits, restart.clients.last_reclaim, restart.cost.last_end];
        signs.into_iter().flatten().chain(restart.started().map(|(at, _)| at)).fold(restart.began, Stamp::max)
    }
}
