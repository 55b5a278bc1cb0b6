//! All hosts' sessions as one summary: how the clocks are tied, what each server start cost whom, each stall's parts.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{cost::Costs, ns, stall};
use crate::{
    clock::{HostId, Mapped},
    paired::{HostSession, Paired, Root, Tie, Towards},
    record::{
        AttemptRow, ClockOutcome, Header, HostRow, PairedAttemptRow, PairedStallRow, PairedSummary, RpcRow, SplitRow,
        StallRow, Stamp, Unmatched, Word,
    },
    timeline::{Restart, Stall, StallId},
};

/// Stalls listed, of all hosts.
const LISTED: usize = 1_000;

/// What the sessions come to together, which have been told what their servers know.
#[must_use]
pub fn paired(paired: &Paired, hosts: &[HostSession<'_>]) -> PairedSummary {
    let reference = paired.reference();
    let all = Together {
        paired,
        hosts,
        reference: hosts.iter().position(|host| host.id == reference).unwrap_or(0),
        ways: hosts.iter().map(|host| (host.id, paired.towards(host.id))).collect(),
    };
    let mut stalls: Vec<_> = hosts.iter().enumerate().flat_map(|(nth, host)| all.stalls(nth, host)).collect();
    stalls.sort_by_key(|it| (Reverse(it.row.total_ns), it.row.host, it.row.tid, it.row.began_there));
    let mut costs = Costs::default();
    for stall in &stalls {
        if let Some((server, root)) = stall.row.server.zip(stall.root) {
            costs.add(server, root.restart, stall);
        }
    }
    let not_listed = hosts.iter().map(not_kept).sum::<u64>() + stalls.len().saturating_sub(LISTED) as u64;
    stalls.truncate(LISTED);
    PairedSummary {
        t: hosts.get(all.reference).map(|host| host.now).unwrap_or_default(),
        reference: all.reference,
        hosts: hosts.iter().map(|host| all.host(host)).collect(),
        causes: costs.rows(&all),
        stalls: stalls.into_iter().map(|it| it.row).collect(),
        stalls_not_listed: not_listed,
        rpcs: RpcRow {
            matched: paired.matcher().matched(),
            unmatched: paired.matcher().unmatched().map(|(why, count)| (why.into(), count)).collect(),
        },
    }
}

/// Stalls of a host that have ended and are not kept one by one.
fn not_kept(host: &HostSession<'_>) -> u64 {
    let stalls = host.session.timeline().stalls();
    stalls.totals.ended.saturating_sub(stalls.ended().len() as u64)
}

/// The hosts, and what leads from one clock to another.
pub(super) struct Together<'a> {
    pub(super) paired: &'a Paired,
    pub(super) hosts: &'a [HostSession<'a>],
    reference: usize,
    ways: BTreeMap<HostId, Towards>,
}

/// A stall, with what its row does not say.
pub(super) struct Placed {
    pub(super) row: PairedStallRow,
    pub(super) root: Option<Root>,
    pub(super) free_by: Option<i64>,
}

impl Together<'_> {
    /// Whose clock all times are shown on.
    pub(super) fn reference(&self) -> Option<&HostSession<'_>> {
        self.hosts.get(self.reference)
    }

    pub(super) fn map(&self, from: HostId, to: HostId, at: Stamp) -> Mapped {
        self.ways.get(&to).map_or(Mapped::UNKNOWN, |ways| self.paired.at(ways, from, at))
    }

    /// How well the clock of one host is known on that of another.
    pub(super) fn outcome(&self, from: HostId, to: HostId) -> ClockOutcome {
        self.ways.get(&to).map_or(ClockOutcome::Absent, |ways| self.paired.outcome(ways, from))
    }

    /// How wrong a time can be; `None` where nothing bounds it.
    pub(super) fn error(&self, from: HostId, to: HostId, mapped: &Mapped) -> Option<Duration> {
        mapped.error().filter(|_| self.outcome(from, to) != ClockOutcome::WallClock)
    }

    /// A time on the clock that all times are shown on.
    pub(super) fn shown(&self, from: HostId, at: Stamp) -> Option<i64> {
        self.map(from, self.reference()?.id, at).nanoseconds()
    }

    pub(super) fn restart(&self, root: Root) -> Option<(&HostSession<'_>, &Restart)> {
        let host = self.hosts.iter().find(|host| host.id == root.server)?;
        Some((host, host.session.timeline().restart(root.restart)?))
    }

    /// Under which addresses a server saw a client.
    pub(super) fn addrs(&self, client: usize, server: usize) -> BTreeSet<std::net::IpAddr> {
        let between = self.hosts.get(client).zip(self.hosts.get(server));
        let pairing = between.and_then(|(client, server)| self.paired.matcher().between(client.id, server.id));
        pairing.into_iter().flat_map(|it| it.client_addrs()).collect()
    }

    fn host(&self, host: &HostSession<'_>) -> HostRow {
        let header = host.session.header();
        let text = |of: fn(&Header) -> &String| header.map(of).cloned().unwrap_or_default();
        let verdicts = host.session.diagnosis().verdicts();
        let losses = host.session.timeline().losses();
        HostRow {
            host: text(|it| &it.host),
            boot_id: text(|it| &it.boot_id),
            kernel: text(|it| &it.kernel),
            role: header.map(|it| it.role).unwrap_or_default(),
            clock: self.clock(host),
            verdicts: verdicts.flat_map(|it| it.finding.causes().iter().copied().map(Word::from)).collect(),
            lost_records: losses.fold(0, |sum: u64, (_, total)| sum.saturating_add(total.count)),
            lost_contact: host.lost_contact.map(|at| at.0),
        }
    }

    fn stalls(&self, nth: usize, host: &HostSession<'_>) -> Vec<Placed> {
        let stalls = host.session.timeline().stalls();
        let all = stalls.ended().into_iter().chain(stalls.live());
        all.map(|stall| self.stall(nth, host, stall)).collect()
    }

    fn stall(&self, nth: usize, host: &HostSession<'_>, of: &Stall) -> Placed {
        let row = stall(host.session, of, host.now);
        let root = self.paired.root(host.id, of.id, of.restart);
        let attempts: Vec<_> = row.attempts.iter().map(|attempt| self.attempt(host.id, of.id, attempt)).collect();
        Placed {
            root,
            free_by: row.free_by.and_then(|at| self.shown(host.id, at)),
            row: PairedStallRow {
                host: nth,
                began: self.shown(host.id, row.began),
                began_there: row.began.0,
                ended: row.ended.is_some(),
                total_ns: row.total_ns,
                server: root.and_then(|root| self.hosts.iter().position(|host| host.id == root.server)),
                restart: root.map(|root| root.restart.0),
                split: split(&row),
                refused: row.refused,
                matched: attempts.iter().filter(|row| row.xid.is_some() && row.unmatched.is_none()).count() as u64,
                attempts,
                pid: row.pid,
                tid: row.tid,
                comm: row.comm,
                path: row.path,
            },
        }
    }

    fn attempt(&self, host: HostId, stall: StallId, row: &AttemptRow) -> PairedAttemptRow {
        let (rpc, unmatched) = match self.paired.tie_of(host, stall, row.attempt) {
            Some(Tie::Matched { rpc, .. }) => (Some(rpc), None),
            Some(Tie::Unmatched(why)) => (None, Some(*why)),
            None => (None, Some(row.xid.map_or(Unmatched::NoXid, |_| Unmatched::NotSeen))),
        };
        PairedAttemptRow {
            attempt: row.attempt,
            refusal: row.refusal,
            xid: row.xid,
            wire_ns: rpc.and_then(|rpc| rpc.on_the_wire()).map(ns),
            in_server_ns: rpc.and_then(|rpc| rpc.in_server()).map(ns),
            slept_ns: row.slept_ns,
            unmatched: unmatched.map(Word::from),
        }
    }
}

/// How a stall divides; its own host's server has the same clock.
fn split(row: &StallRow) -> Option<SplitRow> {
    let StallRow { total_ns, grace_ns: Some(grace_ns), tail_ns: Some(tail_ns), .. } = *row else { return None };
    let error_ns = if row.server_host.is_some() { row.error_ns } else { Some(0) };
    Some(SplitRow { grace_ns, tail_ns, other_ns: total_ns - grace_ns - tail_ns, error_ns })
}
