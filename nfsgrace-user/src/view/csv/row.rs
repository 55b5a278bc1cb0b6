//! The rows; their fields are the columns.

use std::borrow::Cow;

use serde::Serialize;

use super::{
    super::{Axis, Placed},
    cell::{name, seconds, wall},
};
use crate::{
    record::{AttemptRow, Errno, Event, Excess, Kind, StallRow, StallState, Stamp, Word},
    session::Session,
    timeline::Stall,
    view::{joined, names},
};

/// Columns of the attempts.
pub(super) const ATTEMPT_COLUMNS: [&str; 33] = [
    "host",
    "pid",
    "tid",
    "comm",
    "op",
    "path",
    "server",
    "restart",
    "stall_began_s",
    "stall_began_seen",
    "attempt",
    "refused_at_s",
    "refused_at",
    "refusal",
    "xid",
    "asked_ns",
    "asked_computed",
    "slept_ns",
    "gap_ns",
    "excess",
    "stall_state",
    "stall_ended_s",
    "stall_status",
    "stall_total_ns",
    "stall_tail_ns",
    "axis_s",
    "axis_error_ns",
    "stall_grace_ns",
    "stall_error_ns",
    "server_host",
    "server_restart",
    "causes",
    "free_by_s",
];

/// Columns of the refusals.
pub(super) const REFUSAL_COLUMNS: [&str; 16] = [
    "host",
    "netns",
    "restart",
    "t_s",
    "t",
    "client_addr",
    "client_name",
    "minor",
    "op",
    "claim",
    "name",
    "xid",
    "in_grace",
    "took_ns",
    "axis_s",
    "axis_error_ns",
];

/// One refusal of a task and the sleep after it.
#[derive(Debug, Serialize)]
pub(super) struct AttemptCells<'a> {
    host: Cow<'a, str>,
    pid: u32,
    tid: u32,
    comm: Cow<'a, str>,
    op: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
    server: Option<Cow<'a, str>>,
    restart: Option<u32>,
    stall_began_s: String,
    stall_began_seen: bool,
    attempt: u64,
    refused_at_s: String,
    refused_at: Option<String>,
    refusal: String,
    xid: Option<u32>,
    asked_ns: Option<u64>,
    asked_computed: bool,
    slept_ns: Option<u64>,
    gap_ns: Option<u64>,
    excess: Option<Word<Excess>>,
}

/// What a whole stall came to; empty but in the row of its last attempt.
#[derive(Debug, Default, Serialize)]
pub(super) struct StallCells {
    stall_state: Option<Word<StallState>>,
    stall_ended_s: Option<String>,
    stall_status: Option<Errno>,
    stall_total_ns: Option<u64>,
    stall_tail_ns: Option<u64>,
}

/// What a whole stall waited for; empty but in the row of its last attempt.
#[derive(Debug, Default, Serialize)]
pub(super) struct ServerCells<'a> {
    stall_grace_ns: Option<u64>,
    stall_error_ns: Option<u64>,
    server_host: Option<Cow<'a, str>>,
    server_restart: Option<u32>,
    causes: Option<String>,
    free_by_s: Option<String>,
}

/// Where a row lies on the axis that all hosts share; with one host that is its own clock.
#[derive(Debug, Serialize)]
pub(super) struct PlaceCells {
    axis_s: String,
    axis_error_ns: Option<u64>,
}

impl PlaceCells {
    pub(super) fn new(axis: &Axis<'_>, at: Stamp) -> Self {
        let Placed { at_ns, error } = axis.place(at);
        let size = at_ns.unsigned_abs();
        let sign = if at_ns < 0 { "-" } else { "" };
        Self {
            axis_s: format!("{sign}{}.{:09}", size / 1_000_000_000, size % 1_000_000_000),
            axis_error_ns: error.map(ns),
        }
    }
}

/// One operation that the server refused.
#[derive(Debug, Serialize)]
pub(super) struct RefusalCells<'a> {
    host: Cow<'a, str>,
    netns: Option<u32>,
    restart: Option<u32>,
    t_s: String,
    t: Option<String>,
    client_addr: Option<String>,
    client_name: Option<Cow<'a, str>>,
    minor: Option<u32>,
    op: &'static str,
    claim: Option<&'static str>,
    name: Option<Cow<'a, str>>,
    xid: Option<u32>,
    in_grace: Option<bool>,
    took_ns: u64,
}

fn host(session: &Session) -> Cow<'_, str> {
    session.header().map_or(Cow::Borrowed(""), |header| name(&header.host))
}

fn ns(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl<'a> AttemptCells<'a> {
    pub(super) fn new(session: &'a Session, stall: &'a Stall, attempt: AttemptRow) -> Self {
        let AttemptRow { attempt, refused, refusal, xid, asked_ns, asked_computed, slept_ns, gap_ns, excess } = attempt;
        Self {
            host: host(session),
            pid: stall.task.pid,
            tid: stall.task.tid,
            comm: name(&stall.task.comm),
            op: stall.op.as_deref().map(name),
            path: stall.path.as_deref().map(name),
            server: stall.server.as_deref().map(name),
            restart: stall.restart.map(|id| id.0),
            stall_began_s: seconds(stall.id.began),
            stall_began_seen: stall.began_seen,
            attempt,
            refused_at_s: seconds(refused),
            refused_at: wall(refused, session.clock()),
            refusal: refusal.to_string(),
            xid,
            asked_ns,
            asked_computed,
            slept_ns,
            gap_ns,
            excess,
        }
    }
}

impl StallCells {
    pub(super) fn new(row: &StallRow) -> Self {
        Self {
            stall_state: Some(row.state.clone()),
            stall_ended_s: row.ended.map(seconds),
            stall_status: row.status,
            stall_total_ns: Some(row.total_ns),
            stall_tail_ns: row.tail_ns,
        }
    }
}

impl<'a> ServerCells<'a> {
    pub(super) fn new(row: &'a StallRow) -> Self {
        Self {
            stall_grace_ns: row.grace_ns,
            stall_error_ns: row.error_ns,
            server_host: row.server_host.as_deref().map(name),
            server_restart: row.server_restart,
            causes: (!row.causes.is_empty()).then(|| joined(&row.causes, "|")),
            free_by_s: row.free_by.map(seconds),
        }
    }
}

impl<'a> RefusalCells<'a> {
    /// `None` when the event is none.
    pub(super) fn new(session: &'a Session, event: &'a Event, restart: Option<u32>) -> Option<Self> {
        let Kind::Refused { op, client, xid, claim, name: file, in_grace, took_ns } = &event.kind else { return None };
        Some(Self {
            host: host(session),
            netns: event.netns.map(|netns| netns.0),
            restart,
            t_s: seconds(event.at),
            t: wall(event.at, session.clock()),
            client_addr: client.addr.map(|addr| addr.to_string()),
            client_name: client.name.as_deref().map(name),
            minor: client.minor,
            op: names::op(*op),
            claim: claim.map(|claim| claim.word()),
            name: file.as_deref().map(name),
            xid: *xid,
            in_grace: *in_grace,
            took_ns: *took_ns,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Client, Event, ServerOp, Task};

    #[test]
    fn the_columns_are_the_fields() {
        let first_line = |write: &dyn Fn(&mut ::csv::Writer<Vec<u8>>)| {
            let mut writer = ::csv::Writer::from_writer(Vec::new());
            write(&mut writer);
            let bytes = writer.into_inner().expect("memory");
            String::from_utf8(bytes).expect("UTF-8").lines().next().expect("a line").to_owned()
        };
        let event = Event {
            at: Stamp(1),
            task: Task::default(),
            netns: None,
            kind: Kind::Refused {
                op: ServerOp::Open,
                client: Client::default(),
                xid: None,
                claim: None,
                name: None,
                in_grace: None,
                took_ns: 0,
            },
        };
        let session = Session::new();
        let refusal = RefusalCells::new(&session, &event, None).expect("a refusal");
        let columns = first_line(&|writer| writer.serialize(&refusal).expect("memory"));
        let place = first_line(&|writer| writer.serialize(PlaceCells::new(&Axis::own(), Stamp(1))).expect("memory"));
        assert_eq!(format!("{columns},{place}"), REFUSAL_COLUMNS.join(","));

        let attempt = AttemptCells {
            host: "".into(),
            pid: 0,
            tid: 0,
            comm: "".into(),
            op: None,
            path: None,
            server: None,
            restart: None,
            stall_began_s: String::new(),
            stall_began_seen: true,
            attempt: 1,
            refused_at_s: String::new(),
            refused_at: None,
            refusal: String::new(),
            xid: None,
            asked_ns: None,
            asked_computed: true,
            slept_ns: None,
            gap_ns: None,
            excess: None,
        };
        let attempt = first_line(&|writer| writer.serialize(&attempt).expect("memory"));
        let stall = first_line(&|writer| writer.serialize(StallCells::default()).expect("memory"));
        let server = first_line(&|writer| writer.serialize(ServerCells::default()).expect("memory"));
        assert_eq!(format!("{attempt},{stall},{place},{server}"), ATTEMPT_COLUMNS.join(","));
    }
}
