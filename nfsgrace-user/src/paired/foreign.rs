//! What only the server knows, told to the client: when its grace period ends.

use std::collections::BTreeMap;

use super::{HostSession, Paired, Root};
use crate::{
    clock::Mapped,
    record::Stamp,
    timeline::{Between, Foreign, StallId, Unknown},
};

impl Paired {
    /// What the servers of `host` know of those of its `stalls` that no restart of its own caused.
    pub fn foreign(
        &self,
        hosts: &[HostSession<'_>],
        host: &HostSession<'_>,
        stalls: impl IntoIterator<Item = StallId>,
    ) -> Vec<(StallId, Foreign)> {
        let mut known = BTreeMap::new();
        let mut told = Vec::new();
        for stall in stalls {
            let Some(root) = self.root(host.id, stall, None) else { continue };
            let foreign = known.entry(root).or_insert_with(|| self.foreign_root(root, hosts, host));
            told.extend(foreign.clone().map(|foreign| (stall, foreign)));
        }
        told
    }

    fn foreign_root(&self, root: Root, hosts: &[HostSession<'_>], host: &HostSession<'_>) -> Option<Foreign> {
        let server = hosts.iter().find(|it| it.id == root.server)?;
        let restart = server.session.timeline().restart(root.restart);
        Some(Foreign {
            server: server.session.timeline().host().name.clone(),
            restart: root.restart,
            end: self.grace_end(root, hosts, host).ok_or(Unknown::GraceEnd),
            over: restart.is_some_and(|restart| !restart.in_grace()),
        })
    }

    /// When the grace period that a client of `host` waits for ends or ended, on the client's own clock, the error of the
    /// clocks included. `None` where that is not known, or the clocks are not tied.
    #[must_use]
    pub fn grace_end(&self, root: Root, hosts: &[HostSession<'_>], host: &HostSession<'_>) -> Option<Between> {
        let server = hosts.iter().find(|it| it.id == root.server)?;
        let timeline = server.session.timeline();
        let restart = timeline.restart(root.restart)?;
        let end = match restart.grace_end() {
            Some(end) => Between { earliest: end.at, latest: end.at },
            None => timeline.grace_forecast(root.restart, server.now)?.end.ok()?,
        };
        let towards = self.towards(host.id);
        let there = |at| self.at(&towards, server.id, at);
        let stamp = |at: Option<i64>| Some(Stamp(u64::try_from(at?).unwrap_or(0)));
        let (Mapped { earliest, .. }, Mapped { latest, .. }) = (there(end.earliest), there(end.latest));
        Some(Between { earliest: stamp(earliest)?, latest: stamp(latest)? })
    }
}
