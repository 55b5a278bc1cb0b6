//! What each server start cost: all hosts, each client, the one that waited longest.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    paired::{Placed, Together},
    restart,
    verdict::standing,
};
use crate::{
    paired::Root,
    record::{CauseRow, ClientCostRow, CostRow, PairedStallRow, RestartId, WorstRow},
};

/// Costs by server start and client.
#[derive(Debug, Default)]
pub(super) struct Costs {
    by_root: BTreeMap<(usize, RestartId), BTreeMap<usize, ClientCostRow>>,
}

impl Costs {
    pub(super) fn add(&mut self, server: usize, restart: RestartId, stall: &Placed) {
        let Placed { row: stall, free_by, .. } = stall;
        let clients = self.by_root.entry((server, restart)).or_default();
        let row = clients.entry(stall.host).or_insert_with(|| ClientCostRow { host: stall.host, ..Default::default() });
        add(&mut row.cost, &of(stall));
        row.free_by = row.free_by.max(*free_by);
        if row.worst.as_ref().is_none_or(|worst| worst.lost_ns < stall.total_ns) {
            row.worst = Some(WorstRow {
                comm: stall.comm.clone(),
                pid: stall.pid,
                path: stall.path.clone(),
                lost_ns: stall.total_ns,
            });
        }
    }

    pub(super) fn rows(self, all: &Together<'_>) -> Vec<CauseRow> {
        let causes = self.by_root.into_iter();
        let mut rows: Vec<_> = causes.filter_map(|(root, clients)| cause(root, clients, all)).collect();
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
    (server, id): (usize, RestartId),
    clients: BTreeMap<usize, ClientCostRow>,
    all: &Together<'_>,
) -> Option<CauseRow> {
    let host = all.hosts.get(server)?;
    let mut clients: Vec<_> = clients.into_values().collect();
    let mut cost = CostRow::default();
    for row in &mut clients {
        add(&mut cost, &row.cost);
        row.addrs = all.addrs(row.host, server).into_iter().collect();
    }
    clients.sort_by_key(|row| (Reverse(row.cost.lost_ns), row.host));
    let timeline = host.session.timeline();
    let start = all.restart(Root { server: host.id, restart: id }).map(|(_, it)| restart(timeline, it, host.now));
    let verdict = host.session.diagnosis().root(id).map(|verdict| standing(host.now, verdict, timeline));
    Some(CauseRow {
        server,
        restart: id.0,
        netns: start.as_ref().and_then(|row| row.netns),
        ids: verdict.iter().flat_map(|row| row.causes().cloned()).collect(),
        headline: verdict.as_ref().map(|row| row.headline.clone()).unwrap_or_default(),
        remedy: verdict.map(|row| row.remedy).unwrap_or_default(),
        tracking_status: start.as_ref().and_then(|row| row.tracking_status),
        grace_ended: start.and_then(|row| all.shown(host.id, row.grace_ended?)),
        cost,
        clients,
    })
}
