//! The tables.

use std::time::Duration;

use super::{
    super::{
        clean, clean_tail,
        summary::{Sheet, one_error},
    },
    sentences::{addresses, at_seconds, name, ns, offset, seconds, tenths},
};
use crate::record::{PairedAttemptRow, PairedStallRow, PairedSummary, SplitRow};

/// Stalls whose attempts are shown.
const DETAILED: usize = 3;

/// All tables that have a row, for so many columns of text.
pub(super) fn all(paired: &PairedSummary, width: usize) -> Vec<Sheet> {
    let room = if width < WIDE { Room::Narrow } else { Room::Wide };
    let file = (width / 4).clamp(14, 60);
    let mut sheets = vec![clocks(paired, room), clients(paired, room), stalls(paired, room, file)];
    sheets.extend(paired.stalls.iter().take(DETAILED).map(|stall| attempts(paired, stall, file)));
    sheets.retain(|sheet| !sheet.rows.is_empty());
    sheets
}

/// From so many columns on, all columns of a table find room.
const WIDE: usize = 110;

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// Only for what matters most, with fewer digits.
    Narrow,
    /// For all.
    Wide,
}

impl Room {
    fn seconds(self, nanoseconds: u64) -> String {
        match self {
            Self::Narrow => tenths(nanoseconds),
            Self::Wide => seconds(nanoseconds),
        }
    }

    /// The columns of a table that stay: those that are marked go where there is no room.
    fn keep(self, columns: Vec<(bool, String)>) -> Vec<String> {
        columns.into_iter().filter(|(stays, _)| *stays || self == Self::Wide).map(|(_, text)| text).collect()
    }

    fn pick(self, narrow: &'static [&'static str], wide: &'static [&'static str]) -> &'static [&'static str] {
        match self {
            Self::Narrow => narrow,
            Self::Wide => wide,
        }
    }
}

fn none() -> String {
    "–".to_owned()
}

fn clocks(paired: &PairedSummary, room: Room) -> Sheet {
    let numbered: Vec<_> = paired.hosts.iter().enumerate().collect();
    let header = room.pick(
        &["host", "clock", "±", "add", "drift (ppm)"],
        &["host", "clock", "kernel", "±", "add", "drift (ppm)", "wall clock"],
    );
    let words = if room == Room::Wide { 3 } else { 2 };
    let title = "Clocks (a time of the host and what is to add make a time of the reference, give or take ±)";
    Sheet::new(title, header, words, &numbered, |(nth, host)| {
        let clock = &host.clock;
        let reference = *nth == paired.reference;
        let drift = clock.drift_ppb.map(|[least, most]| format!("{:+.0}…{:+.0}", ppm(least), ppm(most)));
        room.keep(vec![
            (true, name(paired, *nth)),
            (true, if reference { "reference".to_owned() } else { clock.outcome.to_string() }),
            (false, clean(&host.kernel).into_owned()),
            (true, clock.error_ns.filter(|_| !reference).map_or_else(none, ns)),
            (true, clock.offset_ns.filter(|_| !reference).map_or_else(none, offset)),
            (true, drift.filter(|_| !reference).unwrap_or_else(none)),
            (false, clock.wall_clock_ahead_ns.map_or_else(none, offset)),
        ])
    })
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn ppm(ppb: i64) -> f64 {
    ppb as f64 / 1_000.0
}

fn clients(paired: &PairedSummary, room: Room) -> Sheet {
    let rows: Vec<_> =
        paired.causes.iter().flat_map(|cause| cause.clients.iter().map(move |client| (cause, client))).collect();
    let header = room.pick(
        &["client", "server (restart)", "tasks", "lost (s)", "grace", "tail", "else"],
        &["client", "server (restart)", "seen at", "tasks", "blocked", "lost (s)", "grace", "tail", "else", "longest"],
    );
    let words = if room == Room::Wide { 3 } else { 2 };
    Sheet::new("What it cost each client, in task-seconds", header, words, &rows, |(cause, client)| {
        let cost = &client.cost;
        room.keep(vec![
            (true, name(paired, client.host)),
            (true, format!("{} ({})", name(paired, cause.server), cause.restart)),
            (false, addresses(&client.addrs)),
            (true, cost.tasks.to_string()),
            (false, cost.blocked.to_string()),
            (true, room.seconds(cost.lost_ns)),
            (true, room.seconds(cost.grace_ns)),
            (true, room.seconds(cost.tail_ns)),
            (true, room.seconds(cost.other_ns)),
            (false, client.worst.as_ref().map_or_else(none, |worst| room.seconds(worst.lost_ns))),
        ])
    })
}

fn who(stall: &PairedStallRow) -> String {
    format!("{} {}", clean(&stall.comm), stall.pid)
}

fn stalls(paired: &PairedSummary, room: Room, file: usize) -> Sheet {
    let header = room.pick(
        &["host", "task", "file", "lost (s)", "grace", "tail", "else", "found"],
        &["host", "task", "file", "began (s)", "lost (s)", "grace", "tail", "else", "± (ms)", "found"],
    );
    let title = "Stalls, the longest first (found: refusals that the server has as well)";
    Sheet::new(title, header, 3, &paired.stalls, |stall| {
        let part = |of: fn(&SplitRow) -> u64| stall.split.as_ref().map_or_else(none, |split| room.seconds(of(split)));
        let error = stall.split.and_then(|it| it.error_ns).map(|ns| Duration::from_nanos(ns).as_secs_f64() * 1e3);
        let still = if stall.ended { "" } else { "…" };
        room.keep(vec![
            (true, name(paired, stall.host)),
            (true, who(stall)),
            (true, stall.path.as_deref().map_or_else(none, |path| clean_tail(path, file))),
            (false, stall.began.map_or_else(none, at_seconds)),
            (true, format!("{}{still}", room.seconds(stall.total_ns))),
            (true, part(|it| it.grace_ns)),
            (true, part(|it| it.tail_ns)),
            (true, part(|it| it.other_ns)),
            (false, error.map_or_else(none, |ms| format!("{ms:.1}"))),
            (true, format!("{}/{}", stall.matched, stall.refused)),
        ])
    })
}

fn attempts(paired: &PairedSummary, stall: &PairedStallRow, file: usize) -> Sheet {
    let path = stall.path.as_deref().map(|path| format!(" for {}", clean_tail(path, file))).unwrap_or_default();
    let error = one_error(stall.attempts.iter().map(|row| row.refusal));
    let refused = error.map(|error| format!(": {error}")).unwrap_or_default();
    let title = format!("Tries of {} on {}{path}{refused}", who(stall), name(paired, stall.host));
    let (header, words): (&[_], _) = match error {
        Some(_) => (&["#", "on the server", "XID", "wire", "server", "asleep"], 2),
        None => (&["#", "refused with", "on the server", "XID", "wire", "server", "asleep"], 3),
    };
    Sheet::new(title, header, words, &stall.attempts, |row| attempt(row, error.is_none()))
}

fn attempt(row: &PairedAttemptRow, with_error: bool) -> Vec<String> {
    let error = with_error.then(|| row.refusal.to_string());
    let rest = [
        row.unmatched.as_ref().map_or("found".to_owned(), |why| format!("not found: {why}")),
        row.xid.map_or_else(none, |xid| format!("{xid:08x}")),
        row.wire_ns.map_or_else(none, ns),
        row.in_server_ns.map_or_else(none, ns),
        row.slept_ns.map_or_else(none, ns),
    ];
    [row.attempt.to_string()].into_iter().chain(error).chain(rest).collect()
}
