//! What each server start cost: all hosts, each client, the one that waited longest.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::paired::Gathering;
use crate::{
    paired::Root,
    record::{CauseRow, ClientCostRow, CostRow, Errno, PairedStallRow, Question, Word, WorstRow},
    session::Session,
    timeline::RestartId,
};

/// Stalls of a host that have ended and are not kept one by one.
pub(super) fn not_kept(session: &Session) -> u64 {
    let stalls = session.timeline().stalls();
    stalls.totals.ended.saturating_sub(stalls.ended().len() as u64)
}

/// Costs by server start and client.
#[derive(Debug, Default)]
pub(super) struct Costs {
    by_root: BTreeMap<(usize, RestartId), BTreeMap<usize, ClientCostRow>>,
}

impl Costs {
    pub(super) fn add(&mut self, server: usize, restart: RestartId, stall: &PairedStallRow, free_by: Option<i64>) {
        let clients = self.by_root.entry((server, restart)).or_default();
        let row = clients.entry(stall.host).or_insert_with(|| ClientCostRow { host: stall.host, ..Default::default() });
        add(&mut row.cost, &of(stall));
        row.free_by = row.free_by.max(free_by);
        if row.worst.as_ref().is_none_or(|worst| worst.lost_ns < stall.total_ns) {
            row.worst = Some(WorstRow {
                comm: stall.comm.clone(),
                pid: stall.pid,
                path: stall.path.clone(),
                lost_ns: stall.total_ns,
            });
        }
    }

    pub(super) fn rows(self, all: &Gathering<'_>) -> Vec<CauseRow> {
        let mut rows: Vec<_> = self.by_root.into_iter().map(|(key, clients)| cause(key, clients, all)).collect();
        rows.sort_by_key(|row| (Reverse(row.cost.lost_ns), row.server, row.restart));
        rows
    }
}

fn of(stall: &PairedStallRow) -> CostRow {
    let split = stall.split.unwrap_or_default();
    CostRow {
        tasks: 1,
        blocked: u64::from(!stall.ended),
        lost_ns: stall.total_ns,
        grace_ns: split.grace_ns,
        tail_ns: split.tail_ns,
        other_ns: stall.total_ns - split.grace_ns - split.tail_ns,
    }
}

fn add(to: &mut CostRow, cost: &CostRow) {
    let CostRow { tasks, blocked, lost_ns, grace_ns, tail_ns, other_ns } = cost;
    to.tasks += tasks;
    to.blocked += blocked;
    to.lost_ns = to.lost_ns.saturating_add(*lost_ns);
    to.grace_ns = to.grace_ns.saturating_add(*grace_ns);
    to.tail_ns = to.tail_ns.saturating_add(*tail_ns);
    to.other_ns = to.other_ns.saturating_add(*other_ns);
}

fn cause(
    (server, restart): (usize, RestartId),
    clients: BTreeMap<usize, ClientCostRow>,
    all: &Gathering<'_>,
) -> CauseRow {
    let mut clients: Vec<_> = clients.into_values().collect();
    let mut cost = CostRow::default();
    for row in &mut clients {
        add(&mut cost, &row.cost);
        let between = all.hosts.get(row.host).zip(all.hosts.get(server));
        let pairing = between.and_then(|(client, server)| all.paired.matcher().between(client.id, server.id));
        let addrs: BTreeSet<_> = pairing.into_iter().flat_map(|it| it.client_addrs()).collect();
        row.addrs = addrs.into_iter().collect();
    }
    clients.sort_by_key(|row| (Reverse(row.cost.lost_ns), row.host));
    let found = all.hosts.get(server).and_then(|host| all.restart(Root { server: host.id, restart }));
    let verdict = all.hosts.get(server).and_then(|host| {
        let mut verdicts = host.session.diagnosis().verdicts();
        verdicts.find(|it| it.restart == Some(restart) && it.question == Question::Root)
    });
    CauseRow {
        server,
        restart: restart.0,
        netns: found.and_then(|(_, restart)| restart.netns()),
        headline: verdict.map(|it| it.headline.clone()).unwrap_or_default(),
        remedy: verdict.map(|it| it.remedy().into_iter().map(str::to_owned).collect()).unwrap_or_default(),
        ids: verdict.map(|it| it.finding.causes().iter().copied().map(Word::from).collect()).unwrap_or_default(),
        tracking_status: found.and_then(|(_, restart)| restart.tracking_result()).map(|(_, status)| Errno(status)),
        grace_ended: found.and_then(|(host, restart)| all.shown(host.id, restart.grace_end()?.at)),
        cost,
        clients,
    }
}
