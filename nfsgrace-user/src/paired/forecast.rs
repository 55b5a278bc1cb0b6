//! What only the server knows, told to the client: when its grace period ends.

use super::{HostSession, Paired, Root};
use crate::{clock::Mapped, timeline::Between};

impl Paired {
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
        let stamp = |at: Option<i64>| Some(crate::record::Stamp(u64::try_from(at?).unwrap_or(0)));
        let (Mapped { earliest, .. }, Mapped { latest, .. }) = (there(end.earliest), there(end.latest));
        Some(Between { earliest: stamp(earliest)?, latest: stamp(latest)? })
    }
}
