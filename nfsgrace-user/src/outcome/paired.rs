//! All hosts' sessions as one summary: how the clocks are tied, what each server start cost whom, each stall's parts.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use super::{
    Span, Split,
    cost::{self, Costs},
    ns,
};
use crate::{
    clock::{HostId, Mapped},
    paired::{HostSession, Paired, Root, Tie, Towards},
    record::{
        ClockOutcome, ClockRow, HostRow, PairedAttemptRow, PairedStallRow, PairedSummary, Refusal, RpcRow, SplitRow,
        Stamp, StepRow, Unmatched, Word,
    },
    timeline::{Restart, Stall},
};

/// Stalls listed, of all hosts.
const LISTED: usize = 1_000;

/// What the sessions come to together.
#[must_use]
pub fn paired(paired: &Paired, hosts: &[HostSession<'_>]) -> PairedSummary {
    let reference = paired.reference();
    let all = Gathering {
        paired,
        hosts,
        reference: hosts.iter().position(|host| host.id == reference).unwrap_or(0),
        ways: hosts.iter().map(|host| (host.id, paired.towards(host.id))).collect(),
    };
    let mut stalls: Vec<_> = hosts.iter().enumerate().flat_map(|(nth, host)| all.stalls(nth, host)).collect();
    stalls.sort_by_key(|(row, _)| (Reverse(row.total_ns), row.host, row.tid, row.began_there));
    let mut costs = Costs::default();
    for (row, stall) in &stalls {
        if let Some((server, restart)) = row.server.zip(stall.root).map(|(server, root)| (server, root.restart)) {
            costs.add(server, restart, row, stall.free_by);
        }
    }
    let unlisted = hosts.iter().map(|host| cost::not_kept(host.session)).sum::<u64>();
    let too_many = stalls.len().saturating_sub(LISTED);
    stalls.truncate(LISTED);
    PairedSummary {
        t: hosts.get(all.reference).map(|host| host.now).unwrap_or_default(),
        reference: all.reference,
        hosts: hosts.iter().map(|host| all.host(host)).collect(),
        causes: costs.rows(&all),
        stalls: stalls.into_iter().map(|(row, _)| row).collect(),
        stalls_not_listed: unlisted + too_many as u64,
        rpcs: RpcRow {
            matched: paired.matcher().matched(),
            unmatched: paired.matcher().unmatched().map(|(why, count)| (why.into(), count)).collect(),
        },
    }
}

pub(super) struct Gathering<'a> {
    pub(super) paired: &'a Paired,
    pub(super) hosts: &'a [HostSession<'a>],
    pub(super) reference: usize,
    ways: BTreeMap<HostId, Towards>,
}

/// What a row of a stall does not say.
struct Beside {
    root: Option<Root>,
    free_by: Option<i64>,
}

impl Gathering<'_> {
    pub(super) fn place(&self, id: HostId) -> Option<usize> {
        self.hosts.iter().position(|host| host.id == id)
    }

    fn map(&self, from: HostId, to: HostId, at: Stamp) -> Mapped {
        self.ways.get(&to).map_or(Mapped::UNKNOWN, |ways| self.paired.at(ways, from, at))
    }

    /// How wrong that can be; `None` where nothing bounds it.
    fn error(&self, from: HostId, to: HostId, mapped: &Mapped) -> Option<Duration> {
        let outcome = self.ways.get(&to).map(|ways| self.paired.outcome(ways, from))?;
        mapped.error().filter(|_| outcome != ClockOutcome::WallClock)
    }

    /// A time on the clock that all times are shown on.
    pub(super) fn shown(&self, from: HostId, at: Stamp) -> Option<i64> {
        self.map(from, self.hosts.get(self.reference)?.id, at).nanoseconds()
    }

    pub(super) fn restart(&self, root: Root) -> Option<(&HostSession<'_>, &Restart)> {
        let host = self.hosts.iter().find(|host| host.id == root.server)?;
        Some((host, host.session.timeline().restart(root.restart)?))
    }

    fn host(&self, host: &HostSession<'_>) -> HostRow {
        let header = host.session.header();
        let text = |of: fn(&crate::record::Header) -> &String| header.map(of).cloned().unwrap_or_default();
        HostRow {
            host: text(|it| &it.host),
            boot_id: text(|it| &it.boot_id),
            kernel: text(|it| &it.kernel),
            role: header.map(|it| it.role).unwrap_or_default(),
            clock: self.clock(host),
            verdicts: host
                .session
                .diagnosis()
                .verdicts()
                .flat_map(|verdict| verdict.finding.causes().iter().copied().map(Word::from))
                .collect(),
            lost_records: host
                .session
                .timeline()
                .losses()
                .fold(0, |sum: u64, (_, total)| sum.saturating_add(total.count)),
            lost_contact: host.lost_contact.map(|at| at.0),
        }
    }

    fn clock(&self, host: &HostSession<'_>) -> ClockRow {
        let Some(reference) = self.hosts.get(self.reference) else { return ClockRow::default() };
        let outcome =
            self.ways.get(&reference.id).map_or(ClockOutcome::Absent, |ways| self.paired.outcome(ways, host.id));
        let first = host.session.timeline().first().unwrap_or_default();
        let middle = Stamp(first.0.midpoint(host.now.0));
        let there = self.map(host.id, reference.id, middle);
        let error = |mapped: &Mapped| self.error(host.id, reference.id, mapped);
        let worst = [first, middle, host.now].map(|at| error(&self.map(host.id, reference.id, at)));
        let pairing = self.paired.matcher().between(host.id, reference.id);
        let windows = pairing.and_then(|pairing| pairing.windows());
        let alignment = windows.and_then(|it| it.alignment(i64::try_from(middle.0).unwrap_or(i64::MAX)));
        // Where the wall clocks are believed, it matters when somebody set one.
        let own_wall = self.paired.wall(host.id).filter(|_| outcome == ClockOutcome::WallClock);
        let wall_steps = own_wall.into_iter().flat_map(|wall| wall.steps()).map(|step| StepRow {
            after: step.after.0,
            before: step.before.0,
            jump_ns: step.jump,
        });
        let walls = self.paired.wall(reference.id).zip(self.paired.wall(host.id));
        ClockRow {
            outcome: outcome.into(),
            offset_ns: there.nanoseconds().map(|at| at.saturating_sub(i64::try_from(middle.0).unwrap_or(i64::MAX))),
            error_ns: error(&there).map(ns),
            largest_error_ns: worst
                .into_iter()
                .collect::<Option<Vec<_>>>()
                .and_then(|all| all.into_iter().max())
                .map(ns),
            drift_ppb: alignment.map(|it| <[i64; 2]>::from(it.drift_ppb())),
            steps: wall_steps
                .chain(windows.into_iter().flat_map(|it| it.steps()).map(|step| StepRow {
                    after: step.after.0,
                    before: step.before.0,
                    jump_ns: step.jump.nanoseconds().unwrap_or_default(),
                }))
                .collect(),
            // How far the reference is behind is how far this one is ahead.
            wall_clock_ahead_ns: walls
                .filter(|_| host.id != reference.id)
                .and_then(|(reference, own)| own.behind(middle, reference, &there).nanoseconds())
                .map(i64::saturating_neg),
        }
    }

    fn stalls(&self, nth: usize, host: &HostSession<'_>) -> Vec<(PairedStallRow, Beside)> {
        let stalls = host.session.timeline().stalls();
        let all = stalls.ended().into_iter().chain(stalls.live());
        all.map(|stall| self.stall(nth, host, stall)).collect()
    }

    fn stall(&self, nth: usize, host: &HostSession<'_>, stall: &Stall) -> (PairedStallRow, Beside) {
        let root = self.paired.root(host.id, stall.id, stall.restart);
        let length = stall.length(host.now);
        let attempts: Vec<_> = stall.attempts().map(|attempt| self.attempt(host, stall, attempt)).collect();
        let ended = stall.is_over();
        let row = PairedStallRow {
            host: nth,
            pid: stall.task.pid,
            tid: stall.task.tid,
            comm: stall.task.comm.clone(),
            path: stall.path.clone(),
            began: self.shown(host.id, stall.id.began),
            began_there: stall.id.began.0,
            ended,
            total_ns: ns(length),
            server: root.and_then(|root| self.place(root.server)),
            restart: root.map(|root| root.restart.0),
            split: root.and_then(|root| self.split(host, stall, length, root)),
            refused: stall.refused,
            matched: attempts.iter().filter(|row| row.xid.is_some() && row.unmatched.is_none()).count() as u64,
            attempts,
        };
        let free_by = (!ended).then(|| self.free_by(host, stall, root)).flatten();
        (row, Beside { root, free_by })
    }

    fn attempt(&self, host: &HostSession<'_>, stall: &Stall, attempt: &crate::timeline::Attempt) -> PairedAttemptRow {
        let tie = self.paired.tie_of(host.id, stall.id, attempt.number);
        let (rpc, unmatched) = match tie {
            Some(Tie::Matched { rpc, .. }) => (Some(rpc), None),
            Some(Tie::Unmatched(why)) => (None, Some(*why)),
            None => (None, Some(attempt.rpc.map_or(Unmatched::NoXid, |_| Unmatched::NotSeen))),
        };
        PairedAttemptRow {
            attempt: attempt.number,
            refusal: attempt.refusal,
            xid: attempt.rpc.map(|rpc| rpc.xid),
            wire_ns: rpc.and_then(|rpc| rpc.on_the_wire()).map(ns),
            in_server_ns: rpc.and_then(|rpc| rpc.in_server()).map(ns),
            slept_ns: attempt.slept().map(|slept| ns(slept.span())),
            unmatched: unmatched.map(Word::from),
        }
    }

    /// How a stall divides, with the grace periods of its server's namespace on the client's clock.
    fn split(&self, host: &HostSession<'_>, stall: &Stall, length: Duration, root: Root) -> Option<SplitRow> {
        let (server, restart) = self.restart(root)?;
        let mut error = Some(Duration::ZERO);
        let mut there = |at: Stamp| {
            let mapped = self.map(server.id, host.id, at);
            error = error.zip(self.error(server.id, host.id, &mapped)).map(|(a, b)| a.max(b));
            mapped.time()
        };
        let mut graces = Vec::new();
        for it in server.session.timeline().restarts().filter(|it| it.netns() == restart.netns()) {
            let Some(grace) = it.grace() else { continue };
            let end = grace.ended.map(|end| end.at).or(it.stopped()).unwrap_or(server.now.max(grace.began));
            graces.push(Span { from: there(grace.began)?, to: there(end)? });
        }
        let whole = Span { from: stall.id.began, to: stall.id.began.plus(length) };
        // Only sleeps after NFS4ERR_GRACE are the grace period's fault.
        let sleeps = stall.attempts().filter(|it| it.refusal == Refusal::Grace).map(|attempt| Span {
            from: attempt.refused,
            to: attempt.woke.or(attempt.retried).or(attempt.next).unwrap_or(whole.to),
        });
        let split = Split::of(whole, &graces, sleeps);
        Some(SplitRow {
            grace_ns: ns(split.grace),
            tail_ns: ns(split.tail),
            other_ns: ns(split.other),
            error_ns: error.map(ns),
        })
    }

    /// When a blocked task will be free at the latest, by what its server knows.
    fn free_by(&self, host: &HostSession<'_>, stall: &Stall, root: Option<Root>) -> Option<i64> {
        let end = self.paired.grace_end(root?, self.hosts, host)?;
        let free = host.session.timeline().stall_forecast_given(stall, Ok(end), host.now).free.ok()?;
        self.shown(host.id, free.latest)
    }
}
