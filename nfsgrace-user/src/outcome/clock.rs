//! Rows of clocks: how each host's is tied to the one that all times are shown on.

use super::{ns, paired::Together};
use crate::{
    clock::Mapped,
    paired::HostSession,
    record::{ClockOutcome, ClockRow, Stamp, StepRow},
};

impl Together<'_> {
    pub(super) fn clock(&self, host: &HostSession<'_>) -> ClockRow {
        let Some(reference) = self.reference() else { return ClockRow::default() };
        let first = host.session.timeline().first().unwrap_or_default();
        let middle = Stamp(first.0.midpoint(host.now.0));
        let there = |at: Stamp| self.map(host.id, reference.id, at);
        let error = |at: Stamp| self.error(host.id, reference.id, &there(at));
        let worst: Option<Vec<_>> = [first, middle, host.now].into_iter().map(error).collect();
        let offset = there(middle).nanoseconds().map(|at| at.saturating_sub(signed(middle)));
        let pairing = self.paired.matcher().between(host.id, reference.id);
        let alignment = pairing.and_then(|it| it.windows()?.alignment(signed(middle)));
        ClockRow {
            outcome: self.outcome(host.id, reference.id).into(),
            offset_ns: offset,
            error_ns: error(middle).map(ns),
            largest_error_ns: worst.and_then(|all| all.into_iter().max()).map(ns),
            drift_ppb: alignment.map(|it| <[i64; 2]>::from(it.drift_ppb())),
            steps: self.steps(host, reference),
            wall_clock_ahead_ns: self.wall_clock_ahead(host, reference, middle, &there(middle)),
        }
    }

    fn steps(&self, host: &HostSession<'_>, reference: &HostSession<'_>) -> Vec<StepRow> {
        // Where the wall clocks are believed, it matters when somebody set one.
        let believed = self.outcome(host.id, reference.id) == ClockOutcome::WallClock;
        let wall = self.paired.wall(host.id).filter(|_| believed).into_iter().flat_map(|wall| wall.steps());
        let wall = wall.map(|step| StepRow { after: step.after.0, before: step.before.0, jump_ns: step.jump });
        let pairing = self.paired.matcher().between(host.id, reference.id);
        let windows = pairing.and_then(|pairing| pairing.windows()).into_iter().flat_map(|it| it.steps());
        wall.chain(windows.map(|step| StepRow {
            after: step.after.0,
            before: step.before.0,
            jump_ns: step.jump.nanoseconds().unwrap_or_default(),
        }))
        .collect()
    }

    fn wall_clock_ahead(
        &self,
        host: &HostSession<'_>,
        reference: &HostSession<'_>,
        at: Stamp,
        there: &Mapped,
    ) -> Option<i64> {
        let walls = self.paired.wall(reference.id).zip(self.paired.wall(host.id));
        let (wall, own) = walls.filter(|_| host.id != reference.id)?;
        // How far the reference is behind is how far this one is ahead.
        Some(own.behind(at, wall, there).nanoseconds()?.saturating_neg())
    }
}

fn signed(at: Stamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}
