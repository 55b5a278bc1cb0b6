//! What only the server knows, told to the client: when its grace period ends, and why it takes so long.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{HostSession, Paired, Root};
use crate::{
    clock::Mapped,
    record::{ClockOutcome, Stamp},
    timeline::{Between, Foreign, GraceSpan, Restart, StallId, Timeline, Unknown},
};

impl Paired {
    /// What the servers of `host` know of those of its `stalls` that no restart of its own caused.
    pub fn foreign(
        &self,
        hosts: &[HostSession<'_>],
        host: &HostSession<'_>,
        stalls: impl IntoIterator<Item = StallId>,
    ) -> Vec<(StallId, Arc<Foreign>)> {
        let mut known = BTreeMap::new();
        let mut told = Vec::new();
        for stall in stalls {
            let Some(root) = self.root(host.id, stall, None) else { continue };
            let foreign = known.entry(root).or_insert_with(|| self.foreign_root(root, hosts, host).map(Arc::new));
            told.extend(foreign.clone().map(|foreign| (stall, foreign)));
        }
        told
    }

    fn foreign_root(&self, root: Root, hosts: &[HostSession<'_>], host: &HostSession<'_>) -> Option<Foreign> {
        let server = hosts.iter().find(|it| it.id == root.server)?;
        let timeline = server.session.timeline();
        let restart = timeline.restart(root.restart)?;
        let towards = self.towards(host.id);
        let there = |at| self.at(&towards, server.id, at);
        let mapped: Option<Vec<_>> = timeline
            .restarts()
            .filter(|it| it.netns() == restart.netns())
            .filter_map(Restart::grace_span)
            .map(|grace| on_another_clock(grace, there))
            .collect();
        let (graces, errors): (Vec<_>, Vec<_>) = mapped.unwrap_or_default().into_iter().unzip();
        let is_bounded = self.outcome(&towards, server.id) != ClockOutcome::WallClock;
        let verdict = server.session.diagnosis().root(root.restart);
        Some(Foreign {
            server: timeline.host().name.clone(),
            restart: root.restart,
            causes: verdict.map(|it| it.finding.causes().to_vec()).unwrap_or_default(),
            end: grace_end(timeline, restart, server.now)
                .and_then(|end| between(there(end.earliest).earliest, there(end.latest).latest))
                .ok_or(Unknown::GraceEnd),
            graces,
            error: errors
                .into_iter()
                .try_fold(Duration::ZERO, |worst, error| Some(worst.max(error?)))
                .filter(|_| is_bounded),
        })
    }
}

/// When a grace period ends or ended, on the server's clock.
fn grace_end(timeline: &Timeline, restart: &Restart, now: Stamp) -> Option<Between> {
    match restart.grace_end() {
        Some(end) => Some(Between { earliest: end.at, latest: end.at }),
        None => timeline.grace_forecast(restart.id(), now)?.end.ok(),
    }
}

fn between(earliest: Option<i64>, latest: Option<i64>) -> Option<Between> {
    let stamp = |at: i64| Stamp(u64::try_from(at).unwrap_or(0));
    Some(Between { earliest: stamp(earliest?), latest: stamp(latest?) })
}

/// The same grace period, and how wrong its times can be; `None` where the clocks are not tied.
fn on_another_clock(grace: GraceSpan, there: impl Fn(Stamp) -> Mapped) -> Option<(GraceSpan, Option<Duration>)> {
    let began = there(grace.began);
    let ended = grace.ended.map(there);
    let error = match ended {
        Some(ended) => began.error().zip(ended.error()).map(|(a, b)| a.max(b)),
        None => began.error(),
    };
    let ended = match ended {
        Some(ended) => Some(ended.time()?),
        None => None,
    };
    Some((GraceSpan { began: began.time()?, ended }, error))
}
