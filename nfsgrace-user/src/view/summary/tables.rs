//! The [`Summary`] as tables.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, presets};

use super::super::{Paint, Style, clean, clean_tail, joined, moment, names, plural, span, text::verdict_lines, wrap};
use crate::{
    outcome::SessionOutcome,
    record::{AttemptRow, ClientRow, EndedBy, Errno, Question, Refusal, RestartRow, StallRow, Summary, VerdictRecord},
};

/// Rows of a table that are shown; the rest is counted.
const ROWS: usize = 20;
/// So many restarts of which the same is said have it said once, after a live view.
const MANY: usize = 3;
/// Runs of restarts that are named.
const RUNS: usize = 8;
/// Stalls whose attempts are shown.
const DETAILED: usize = 3;

/// The summary that closes a live view: verdicts in short, then the tables, each line at most `width` columns wide.
#[must_use]
pub fn text(outcome: &SessionOutcome, width: usize, style: Style) -> Vec<String> {
    let width = width.max(60);
    let mut out = verdicts(outcome, width, false, style);
    out.extend(tables(&outcome.summary, width, style));
    out
}

/// A verdict, and the other restarts of which the same is said.
pub(in crate::view) struct Said<'a> {
    pub(in crate::view) verdict: &'a VerdictRecord,
    pub(in crate::view) others: Vec<u32>,
}

impl Said<'_> {
    /// `the same is said of 8 other restarts: 1–7, 9`
    pub(in crate::view) fn also(&self) -> Option<String> {
        let count = plural(self.others.len() as u64, "other restart");
        (!self.others.is_empty()).then(|| format!("the same is said of {count}: {}", runs(&self.others)))
    }
}

/// Numbers in short: `1–7, 9`; of many, the last.
fn runs(ids: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for id in ids {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*id) => *last = *id,
            _ => runs.push((*id, *id)),
        }
    }
    let run = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}–{last}") };
    let hidden = runs.len().saturating_sub(RUNS);
    let shown = runs.iter().skip(hidden).map(run);
    (hidden > 0).then(|| "…".to_owned()).into_iter().chain(shown).collect::<Vec<_>>().join(", ")
}

/// All verdicts: the worst first, and of each restart its root first. What is said of `many` restarts is said once, of
/// the latest.
pub(in crate::view) fn in_order(verdicts: &[VerdictRecord], many: usize) -> Vec<Said<'_>> {
    let mut alike: Vec<Vec<&VerdictRecord>> = Vec::new();
    for verdict in verdicts {
        let same = |it: &VerdictRecord| it.question == verdict.question && it.causes().eq(verdict.causes());
        match alike.iter_mut().find(|group| group.first().is_some_and(|it| same(it))) {
            Some(group) => group.push(verdict),
            None => alike.push(vec![verdict]),
        }
    }
    let mut said: Vec<Said<'_>> = Vec::new();
    for mut group in alike {
        if group.len() < many {
            said.extend(group.into_iter().map(|verdict| Said { verdict, others: Vec::new() }));
        } else if let Some(verdict) = group.pop() {
            said.push(Said { verdict, others: group.iter().filter_map(|it| it.restart).collect() });
        }
    }
    said.sort_by_key(|said| rank(said.verdict));
    said
}

/// The worst first, and of each restart its root first.
pub(in crate::view) fn rank(verdict: &VerdictRecord) -> impl Ord + use<> {
    (Reverse(verdict.severity.known()), verdict.restart, verdict.question != Question::Root)
}

/// Said where there is no verdict.
pub(in crate::view) fn nothing(summary: &Summary) -> String {
    let elsewhere = elsewhere(summary);
    if !elsewhere.is_empty() {
        return elsewhere.join(" ");
    }
    let (history, seen): (Vec<_>, Vec<_>) = summary.restarts.iter().partition(|restart| restart.before_watching);
    let since = if history.is_empty() { "" } else { " since watching began" };
    if seen.is_empty() {
        return format!("No server restart and no refused client was seen{since}.");
    }
    let so = if seen.iter().any(|restart| restart.held_up) {
        "It held clients up, and none of the causes that can be told apart explains that."
    } else {
        "Nothing that calls for a verdict."
    };
    format!("{} seen{since}. {so}", plural(seen.len() as u64, "server restart"))
}

/// What tasks of this host waited for on other hosts, a sentence each.
pub(in crate::view) fn elsewhere(summary: &Summary) -> Vec<String> {
    let mut tasks: BTreeMap<String, u64> = BTreeMap::new();
    for row in &summary.stalls {
        if let Some(server) = waited_for(row).filter(|_| row.server_host.is_some()) {
            *tasks.entry(server).or_default() += 1;
        }
    }
    let sentence =
        |(server, count): (String, u64)| format!("{} of this host waited for {server}.", plural(count, "task"));
    tasks.into_iter().map(sentence).collect()
}

/// What a stall waited for: `restart 2 of server (nfsdcld-not-running)`.
pub(in crate::view) fn waited_for(row: &StallRow) -> Option<String> {
    let causes = if row.causes.is_empty() { String::new() } else { format!(" ({})", joined(&row.causes, " | ")) };
    let server = match (row.restart, &row.server_host, row.server_restart) {
        (Some(own), _, _) => format!("restart {own}"),
        (None, Some(host), Some(there)) => format!("restart {there} of {}", clean(host)),
        _ => return None,
    };
    Some(format!("{server}{causes}"))
}

/// The verdicts in short.
pub(in crate::view) fn verdicts(outcome: &SessionOutcome, width: usize, alone: bool, style: Style) -> Vec<String> {
    let verdicts = in_order(&outcome.verdicts, if alone { 2 } else { MANY });
    let mut out = Vec::new();
    for said in &verdicts {
        out.extend(verdict_lines(said.verdict, width, alone, style));
        let also = said.also().map(|also| format!("{also}; `nfsgrace report --restart N` shows one"));
        out.extend(also.iter().flat_map(|also| wrap(also, width - 3)).map(|line| format!("   {line}")));
        out.push(String::new());
    }
    let more = if verdicts.is_empty() { vec![nothing(&outcome.summary)] } else { elsewhere(&outcome.summary) };
    for sentence in more {
        out.extend(wrap(&sentence, width));
        out.push(String::new());
    }
    out
}

/// One table: a title, the names of its columns, the first of which hold words and the others numbers.
pub(in crate::view) struct Sheet {
    pub(in crate::view) title: String,
    pub(in crate::view) header: &'static [&'static str],
    pub(in crate::view) words: usize,
    pub(in crate::view) rows: Vec<Vec<String>>,
    /// Rows that there would be, were there room.
    pub(in crate::view) hidden: usize,
}

impl Sheet {
    pub(in crate::view) fn new<T>(
        title: impl Into<String>,
        header: &'static [&'static str],
        words: usize,
        of: &[T],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Self {
        let rows = of.iter().take(ROWS).map(row).collect();
        Self { title: title.into(), header, words, rows, hidden: of.len().saturating_sub(ROWS) }
    }
}

/// All tables of a summary that have a row; paths take `file` columns at most.
pub(in crate::view) fn sheets(summary: &Summary, file: usize) -> Vec<Sheet> {
    let mut sheets = vec![restarts(summary), clients(summary), stalls(summary, file)];
    sheets.extend(summary.stalls.iter().take(DETAILED).map(attempts));
    sheets.push(losses(summary));
    sheets.retain(|sheet| !sheet.rows.is_empty());
    sheets
}

fn restarts(summary: &Summary) -> Sheet {
    let title = match summary.restarts_not_listed {
        0 => "Server restarts".to_owned(),
        forgotten => format!("Server restarts ({forgotten} older ones are forgotten)"),
    };
    let header = &["#", "tracking", "grace period", "began (s)", "refused", "stalled", "tail"];
    Sheet::new(title, header, 3, &summary.restarts, |row| {
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
}

fn clients(summary: &Summary) -> Sheet {
    let header = &["#", "client", "NFS", "on record", "RECLAIM_COMPLETE (s)", "reclaims", "refused"];
    Sheet::new("Clients (# is the restart)", header, 4, &summary.clients, client)
}

fn stalls(summary: &Summary, file: usize) -> Sheet {
    let totals = &summary.stall_totals;
    let all = totals.ended + totals.live;
    let mut title = format!("Stalls: {all}, {}, {} altogether", plural(totals.refused, "refusal"), ns(totals.lost_ns));
    if totals.tail_ns > 0 {
        title.push_str(&format!(", {} of it after the grace period", ns(totals.tail_ns)));
    }
    if totals.not_followed > 0 {
        title.push_str(&format!("; {} more were not followed", totals.not_followed));
    }
    let header = &["task", "file", "state", "began (s)", "refused", "length", "tail"];
    Sheet::new(title, header, 3, &summary.stalls, |row| {
        vec![
            format!("{} {}", clean(&row.comm), row.pid),
            row.path.as_deref().map_or("–".to_owned(), |path| clean_tail(path, file)),
            row.state.to_string(),
            moment(row.began),
            row.refused.to_string(),
            format!("{}{}", if row.began_seen { "" } else { "≥ " }, ns(row.total_ns)),
            maybe(row.tail_ns),
        ]
    })
}

fn attempts(stall: &StallRow) -> Sheet {
    let mut title = format!("Tries of {} {}", clean(&stall.comm), stall.pid);
    if let Some(path) = &stall.path {
        title.push_str(&format!(" on {}", clean_tail(path, 40)));
    }
    let error = one_error(stall.attempts.iter().map(|row| row.refusal));
    title.extend(error.map(|error| format!(": {error}")));
    if stall.attempts_not_listed > 0 {
        title.push_str(&format!(" ({} in the middle are only counted)", stall.attempts_not_listed));
    }
    if stall.attempts.iter().any(|row| row.asked_computed) {
        title.push_str(", * computed");
    }
    let (header, words): (&[_], _) = match error {
        Some(_) => (&["#", "longer because of", "at (s)", "asked", "slept", "gap"], 2),
        None => (&["#", "refused with", "longer because of", "at (s)", "asked", "slept", "gap"], 3),
    };
    Sheet::new(title, header, words, &stall.attempts, |row| attempt(row, error.is_none()))
}

/// The only error of some tries: then it is said once.
pub(in crate::view) fn one_error(mut tries: impl Iterator<Item = Refusal>) -> Option<Refusal> {
    let first = tries.next()?;
    tries.all(|error| error == first).then_some(first)
}

fn losses(summary: &Summary) -> Sheet {
    Sheet::new("LOST records", &["cause", "may hide", "between (s)", "count"], 3, &summary.losses, |row| {
        let when = format!("{}…{}", moment(row.first), moment(row.last));
        vec![clean(&row.cause).into_owned(), clean(&row.hides).into_owned(), when, row.count.to_string()]
    })
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

/// The tables as text.
pub(in crate::view) fn tables(summary: &Summary, width: usize, style: Style) -> Vec<String> {
    let mut out = Vec::new();
    for sheet in sheets(summary, (width / 3).max(16)) {
        table(&sheet, width, style, &mut out);
    }
    if summary.losses.is_empty() {
        out.push("No record was lost.".to_owned());
    }
    out.extend(counts(summary).iter().flat_map(|text| wrap(text, width)));
    out
}

pub(in crate::view) fn table(sheet: &Sheet, width: usize, style: Style, out: &mut Vec<String>) {
    let preset = if style.unicode { presets::UTF8_HORIZONTAL_ONLY } else { presets::ASCII_HORIZONTAL_ONLY };
    let mut table = Table::new();
    table
        .load_style(preset.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(sheet.header.iter().map(Cell::new).collect::<Vec<_>>());
    for row in &sheet.rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(sheet.words) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    out.extend(wrap(&sheet.title, width).iter().map(|line| style.paint(Paint::Bold, line)));
    out.extend(table.to_string().lines().map(|line| line.trim_end().to_owned()));
    if sheet.hidden > 0 {
        out.push(format!("… and {} more", sheet.hidden));
    }
    out.push(String::new());
}

/// What the kernel side counted, in a sentence.
pub(in crate::view) fn counts(summary: &Summary) -> Option<String> {
    let counts = summary.counts.as_ref()?;
    Some(format!(
        "Counted in the kernel: {} OPENs answered, {} refused; {} other operations refused; __state_in_grace asked {} times, \
         {} times true; {} client delays, {} stalls ended.",
        counts.opens,
        counts.opens_refused,
        counts.others_refused,
        counts.grace_asked,
        counts.grace_true,
        counts.delays,
        counts.stalls_ended
    ))
}

/// The grace period in short: `10 s, over after 11.1 s (1.1 s on trackers): timer`.
pub(in crate::view) fn grace(row: &RestartRow) -> String {
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
pub(in crate::view) fn tracking(row: &RestartRow) -> String {
    let chain: Vec<_> = row
        .trackers
        .iter()
        .map(|it| {
            let name = it.tracker.word();
            match it.status {
                None => format!("{name} …"),
                Some(Errno(0)) => format!("{name} ok"),
                Some(status) => format!("{name} {status}"),
            }
        })
        .collect();
    match (chain.is_empty(), row.tracking_status) {
        (false, _) => chain.join(", "),
        (true, Some(status)) => format!("log: {status}"),
        (true, None) => "not seen".to_owned(),
    }
}

/// Who a client is: the name it gave itself, and its address.
pub(in crate::view) fn client_name(row: &ClientRow, columns: usize) -> String {
    let name = row.name.as_deref().map(|name| clean_tail(name, columns));
    match (name, row.addr) {
        (Some(name), Some(addr)) => format!("{name} ({addr})"),
        (Some(name), None) => name,
        (None, Some(addr)) => addr.to_string(),
        (None, None) => "unknown".to_owned(),
    }
}

fn client(row: &ClientRow) -> Vec<String> {
    vec![
        row.restart.to_string(),
        client_name(row, 40),
        row.minor.map_or("–".to_owned(), |minor| format!("4.{minor}")),
        if row.recorded { "yes" } else { "–" }.to_owned(),
        row.completed.map_or("–".to_owned(), moment),
        row.reclaims.to_string(),
        row.refused.to_string(),
    ]
}

fn attempt(row: &AttemptRow, with_error: bool) -> Vec<String> {
    let computed = if row.asked_computed { " *" } else { "" };
    let excess = names::excess(row.excess.as_ref());
    let error = with_error.then(|| row.refusal.to_string());
    let times =
        [moment(row.refused), format!("{}{computed}", maybe(row.asked_ns)), maybe(row.slept_ns), maybe(row.gap_ns)];
    [row.attempt.to_string()].into_iter().chain(error).chain([excess.into_owned()]).chain(times).collect()
}
