//! The [`Summary`] as tables.

use std::time::Duration;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, presets};

use super::super::{Paint, Style, clean, clean_tail, moment, plural, span, text::verdict_lines, wrap};
use crate::{
    diagnosis::{Question, Verdict},
    record::{
        AttemptRow, ClientRow, EndedBy, Refusal, RestartRow, StallRow, Stamp, Summary, Tracker, errno_name, status_text,
    },
    session::Session,
};

/// Rows of a table that are shown; the rest is counted.
const ROWS: usize = 20;
/// Stalls whose attempts are shown.
const DETAILED: usize = 3;

/// The summary that closes a live view: verdicts in short, then the tables, each line at most `width` columns wide.
#[must_use]
pub fn text(session: &Session, summary: &Summary, width: usize, style: Style) -> Vec<String> {
    whole(session, summary, width, false, style)
}

/// The summary where no live view came before it: the verdicts say what not to do as well.
#[must_use]
pub fn alone(session: &Session, summary: &Summary, width: usize, style: Style) -> Vec<String> {
    whole(session, summary, width, true, style)
}

fn whole(session: &Session, summary: &Summary, width: usize, beware: bool, style: Style) -> Vec<String> {
    let width = width.max(60);
    let mut out = Vec::new();
    verdicts(session, summary.t, width, beware, style, &mut out);
    let page = Tables { width, style };
    page.restarts(summary, &mut out);
    page.clients(summary, &mut out);
    page.stalls(summary, &mut out);
    for stall in summary.stalls.iter().take(DETAILED) {
        page.attempts(stall, &mut out);
    }
    page.losses(summary, &mut out);
    page.counts(summary, &mut out);
    out
}

fn verdicts(session: &Session, now: Stamp, width: usize, beware: bool, style: Style, out: &mut Vec<String>) {
    let mut verdicts: Vec<&Verdict> = session.diagnosis().verdicts().collect();
    // The worst first, and of each restart its root first.
    verdicts.sort_by_key(|it| (std::cmp::Reverse(it.severity()), it.restart, it.question != Question::Root));
    for verdict in &verdicts {
        out.extend(verdict_lines(verdict, session.timeline(), now, width, beware, style));
        out.push(String::new());
    }
    if verdicts.is_empty() {
        let (history, seen): (Vec<_>, Vec<_>) = session.timeline().restarts().partition(|restart| restart.history);
        let since = if history.is_empty() { "" } else { " since watching began" };
        out.push(match seen.len() {
            0 => format!("No server restart and no refused client was seen{since}."),
            count => {
                format!("{} seen{since}, nothing that calls for a verdict.", plural(count as u64, "server restart"))
            }
        });
        out.push(String::new());
    }
}

struct Tables {
    width: usize,
    style: Style,
}

fn ns(nanoseconds: u64) -> String {
    match nanoseconds {
        0 => "–".to_owned(),
        _ => span(Duration::from_nanos(nanoseconds)),
    }
}

fn maybe(nanoseconds: Option<u64>) -> String {
    nanoseconds.map_or("–".to_owned(), ns)
}

impl Tables {
    fn table(&self, title: &str, header: &[&str], rows: Vec<Vec<String>>, left: usize, out: &mut Vec<String>) {
        if rows.is_empty() {
            return;
        }
        let preset = if self.style.unicode { presets::UTF8_HORIZONTAL_ONLY } else { presets::ASCII_HORIZONTAL_ONLY };
        let hidden = rows.len().saturating_sub(ROWS);
        let mut table = Table::new();
        table
            .load_style(preset.row_separator(LineStyle::none()))
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(self.width).unwrap_or(u16::MAX))
            .set_header(header.iter().map(Cell::new).collect::<Vec<_>>());
        for row in rows.into_iter().take(ROWS) {
            table.add_row(row);
        }
        // The first columns hold words, the others numbers.
        for column in table.column_iter_mut().skip(left) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        out.extend(wrap(title, self.width).iter().map(|line| self.style.paint(Paint::Bold, line)));
        out.extend(table.to_string().lines().map(|line| line.trim_end().to_owned()));
        if hidden > 0 {
            out.push(format!("… and {hidden} more"));
        }
        out.push(String::new());
    }

    fn restarts(&self, summary: &Summary, out: &mut Vec<String>) {
        let rows = summary
            .restarts
            .iter()
            .map(|row| {
                vec![
                    row.restart.to_string(),
                    tracking(row),
                    grace(row),
                    moment(row.began),
                    row.refused.to_string(),
                    ns(row.lost_ns),
                    ns(row.tail_ns),
                ]
            })
            .collect();
        let title = match summary.restarts_not_listed {
            0 => "Server restarts".to_owned(),
            forgotten => format!("Server restarts ({forgotten} older ones are forgotten)"),
        };
        let header = ["#", "tracking", "grace period", "began (s)", "refused", "stalled", "tail"];
        self.table(&title, &header, rows, 3, out);
    }

    fn clients(&self, summary: &Summary, out: &mut Vec<String>) {
        let rows = summary.clients.iter().map(client).collect();
        let header = ["#", "client", "NFS", "on record", "RECLAIM_COMPLETE (s)", "reclaims", "refused"];
        self.table("Clients (# is the restart)", &header, rows, 4, out);
    }

    fn stalls(&self, summary: &Summary, out: &mut Vec<String>) {
        let file = (self.width / 3).max(16);
        let rows = summary
            .stalls
            .iter()
            .map(|row| {
                vec![
                    format!("{} {}", clean(&row.comm), row.pid),
                    row.path.as_deref().map_or("–".to_owned(), |path| clean_tail(path, file)),
                    row.state.clone(),
                    moment(row.began),
                    row.refused.to_string(),
                    format!("{}{}", if row.began_seen { "" } else { "≥ " }, ns(row.total_ns)),
                    maybe(row.tail_ns),
                ]
            })
            .collect();
        let totals = &summary.stall_totals;
        let all = totals.ended + totals.live;
        let mut title =
            format!("Stalls: {all}, {}, {} altogether", plural(totals.refused, "refusal"), ns(totals.lost_ns),);
        if totals.tail_ns > 0 {
            title.push_str(&format!(", {} of it after the grace period", ns(totals.tail_ns)));
        }
        if totals.not_followed > 0 {
            title.push_str(&format!("; {} more were not followed", totals.not_followed));
        }
        self.table(&title, &["task", "file", "state", "began (s)", "refused", "length", "tail"], rows, 3, out);
    }

    fn attempts(&self, stall: &StallRow, out: &mut Vec<String>) {
        let mut title = format!("Tries of {} {}", clean(&stall.comm), stall.pid);
        if let Some(path) = &stall.path {
            title.push_str(&format!(" on {}", clean_tail(path, 40)));
        }
        if stall.attempts_not_listed > 0 {
            title.push_str(&format!(" ({} in the middle are only counted)", stall.attempts_not_listed));
        }
        if stall.attempts.iter().any(|row| row.asked_computed) {
            title.push_str(", * computed");
        }
        let rows = stall.attempts.iter().map(attempt).collect::<Vec<_>>();
        let header = ["#", "refused with", "longer because of", "at (s)", "asked", "slept", "gap"];
        self.table(&title, &header, rows, 3, out);
    }

    fn losses(&self, summary: &Summary, out: &mut Vec<String>) {
        let rows = summary
            .losses
            .iter()
            .map(|row| {
                let when = format!("{}…{}", moment(row.first), moment(row.last));
                vec![clean(&row.cause).into_owned(), clean(&row.hides).into_owned(), when, row.count.to_string()]
            })
            .collect();
        self.table("LOST records", &["cause", "may hide", "between (s)", "count"], rows, 3, out);
        if summary.losses.is_empty() {
            out.push("No record was lost.".to_owned());
        }
    }

    fn counts(&self, summary: &Summary, out: &mut Vec<String>) {
        let Some(counts) = &summary.counts else { return };
        let text = format!(
            "Counted in the kernel: {} OPENs answered, {} refused; {} other operations refused; __state_in_grace asked {} times, \
             {} times true; {} client delays, {} stalls ended.",
            counts.opens,
            counts.opens_refused,
            counts.others_refused,
            counts.grace_asked,
            counts.grace_true,
            counts.delays,
            counts.stalls_ended
        );
        out.extend(wrap(&text, self.width));
    }
}

/// The grace period in short: `10 s, over after 11.1 s (1.1 s on trackers): timer`.
fn grace(row: &RestartRow) -> String {
    let seconds = |ns: u64| Duration::from_nanos(ns).as_secs_f64();
    let planned = row.grace_planned_ns.map(|ns| format!("{:.0} s", seconds(ns)));
    if row.before_watching && row.ended_by.is_none() {
        return format!("{}over before watching", planned.map(|planned| format!("{planned}, ")).unwrap_or_default());
    }
    let by = match row.ended_by {
        None if row.grace_ended.is_none() => "not ended",
        Some(EndedBy::Skipped) => return "skipped".to_owned(),
        Some(EndedBy::Timer) => "timer",
        Some(EndedBy::AllReclaimed) => "all reclaimed",
        Some(EndedBy::V4EndGrace) => "v4_end_grace",
        Some(EndedBy::Shutdown) => "shutdown",
        Some(EndedBy::Unknown) | None => "not seen why",
    };
    // It refuses from its beginning on; its timer runs only when the trackers have been tried.
    let before = row.grace_began.zip(row.timer_set).map_or(0.0, |(began, set)| set.since(began).as_secs_f64());
    let trackers = if before >= 0.1 { format!(" ({before:.1} s on trackers)") } else { String::new() };
    let over = row.grace_ns.map(|ns| format!("over after {:.1} s{trackers}", seconds(ns)));
    let length: Vec<_> = planned.into_iter().chain(over).collect();
    if length.is_empty() { by.to_owned() } else { format!("{}: {by}", length.join(", ")) }
}

/// The chain of trackers in short: `cld -110, umh 0`.
fn tracking(row: &RestartRow) -> String {
    let chain: Vec<_> = row
        .trackers
        .iter()
        .map(|it| {
            let name = match it.tracker {
                Tracker::Cld => "cld",
                Tracker::CldV0 => "cld_v0",
                Tracker::Umh => "umh",
                Tracker::Legacy => "legacy",
            };
            match it.status {
                None => format!("{name} …"),
                Some(0) => format!("{name} ok"),
                Some(status) => {
                    let error = errno_name(status).map_or_else(|| status.to_string(), |it| format!("{it} ({status})"));
                    format!("{name} {error}")
                }
            }
        })
        .collect();
    match (chain.is_empty(), row.tracking_status) {
        (false, _) => chain.join(", "),
        (true, Some(status)) => format!("{} (log)", status_text(status)),
        (true, None) => "not seen".to_owned(),
    }
}

fn client(row: &ClientRow) -> Vec<String> {
    let name = row.name.as_deref().map(|name| clean_tail(name, 40));
    let who = match (name, row.addr) {
        (Some(name), Some(addr)) => format!("{name} ({addr})"),
        (Some(name), None) => name,
        (None, Some(addr)) => addr.to_string(),
        (None, None) => "unknown".to_owned(),
    };
    vec![
        row.restart.to_string(),
        who,
        row.minor.map_or("–".to_owned(), |minor| format!("4.{minor}")),
        if row.recorded { "yes" } else { "–" }.to_owned(),
        row.completed.map_or("–".to_owned(), moment),
        row.reclaims.to_string(),
        row.refused.to_string(),
    ]
}

fn attempt(row: &AttemptRow) -> Vec<String> {
    let computed = if row.asked_computed { " *" } else { "" };
    let excess = match row.excess.as_deref() {
        Some("timer_wheel") => "timer wheel",
        Some("late") => "LATE",
        Some("interrupted") => "interrupted",
        Some("short") => "SHORTER",
        _ => "–",
    };
    vec![
        row.attempt.to_string(),
        match row.refusal {
            Refusal::Grace => "NFS4ERR_GRACE",
            Refusal::Delay => "NFS4ERR_DELAY",
        }
        .to_owned(),
        excess.to_owned(),
        moment(row.refused),
        format!("{}{computed}", maybe(row.asked_ns)),
        maybe(row.slept_ns),
        maybe(row.gap_ns),
    ]
}
