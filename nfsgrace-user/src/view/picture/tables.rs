//! The tables of a page, as text.

use std::time::Duration;

use serde::Serialize;

use super::{About, Host, Lane, Place, moment};
use crate::{
    record::{ClientRow, Counts, LossRow, RestartRow, StallRow, Summary},
    view::{clean, span, summary},
};

/// A table under its title.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Names it in the page.
    pub id: &'static str,
    /// Its title.
    pub title: String,
    /// What is said below the title.
    pub note: String,
    /// The columns; those with `#` before their names hold numbers.
    pub columns: Vec<&'static str>,
    /// The rows; none where there is only a note.
    pub rows: Vec<Vec<String>>,
    /// Of stalls, the lane of the first row; the next ones follow it. Each row opens to show the tries in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens: Option<usize>,
}

impl Table {
    fn new<T, const N: usize>(
        id: &'static str,
        title: &str,
        columns: [&'static str; N],
        rows: &[T],
        row: impl Fn(&T) -> [String; N],
    ) -> Self {
        let rows = rows.iter().map(|it| row(it).into()).collect();
        Self { id, title: title.to_owned(), note: String::new(), columns: columns.into(), rows, opens: None }
    }

    fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

/// The tables of one host, of which the lanes are there already.
pub(super) fn tables(place: &Place<'_>, rows: &Summary, host: &Host, lanes: &[Lane], several: bool) -> Vec<Table> {
    let older = match rows.restarts_not_listed {
        0 => String::new(),
        older => format!("{older} older ones are forgotten."),
    };
    let mut stalls = stalls(place, &rows.stalls).note(&host.stalls);
    let nth = host.nth;
    stalls.opens = lanes.iter().position(|lane| lane.about == About::Stall && lane.host == nth);
    let mut tables = vec![restarts(place, &rows.restarts).note(older), stalls, clients(place, &rows.clients)];
    let losses = losses(place, &rows.losses);
    tables.push(if losses.rows.is_empty() { losses.note("No record was lost.") } else { losses });
    tables.extend(rows.counts.as_ref().map(counts));
    tables.retain(|table| !table.rows.is_empty() || table.id == "losses");
    for table in tables.iter_mut().filter(|_| several) {
        table.title = format!("{} of {}", table.title, host.name);
    }
    tables
}

fn restarts(place: &Place<'_>, rows: &[RestartRow]) -> Table {
    let columns = ["#", "tracking", "grace period", "#began (s)", "#refused", "#stalls", "#lost", "#after grace"];
    Table::new("restarts", "Server restarts", columns, rows, |row| {
        [
            row.restart.to_string(),
            summary::tracking(row),
            summary::grace(row),
            moment(place.at(row.began)),
            row.refused.to_string(),
            row.stalls.to_string(),
            cost(row.lost_ns),
            cost(row.tail_ns),
        ]
    })
}

fn stalls(place: &Place<'_>, rows: &[StallRow]) -> Table {
    let columns =
        ["task", "file", "state", "because of", "#began (s)", "#refused", "#lost", "#in grace", "#after grace"];
    Table::new("stalls", "Stalls", columns, rows, |row| {
        [
            format!("{} {}", clean(&row.comm), row.pid),
            row.path.as_deref().map_or("–".into(), clean).into_owned(),
            row.state.to_string(),
            dash(summary::waited_for(row)),
            moment(place.at(row.began)),
            row.refused.to_string(),
            format!("{}{}", if row.began_seen { "" } else { "≥ " }, cost(row.total_ns)),
            row.grace_ns.map_or("–".to_owned(), cost),
            row.tail_ns.map_or("–".to_owned(), cost),
        ]
    })
}

fn clients(place: &Place<'_>, rows: &[ClientRow]) -> Table {
    let columns = ["#restart", "client", "NFS", "on record", "#RECLAIM_COMPLETE (s)", "#reclaims", "#refused"];
    Table::new("clients", "Clients", columns, rows, |row| {
        [
            row.restart.to_string(),
            summary::client_name(row, 200),
            dash(row.minor.map(|minor| format!("4.{minor}"))),
            if row.recorded { "yes" } else { "–" }.to_owned(),
            dash(row.completed.map(|at| moment(place.at(at)))),
            row.reclaims.to_string(),
            row.refused.to_string(),
        ]
    })
}

fn losses(place: &Place<'_>, rows: &[LossRow]) -> Table {
    let title = if rows.is_empty() { "Lost records" } else { "LOST records" };
    Table::new("losses", title, ["cause", "may hide", "between (s)", "#count"], rows, |row| {
        let between = format!("{} … {}", moment(place.at(row.first)), moment(place.at(row.last)));
        [clean(&row.cause).into_owned(), clean(&row.hides).into_owned(), between, row.count.to_string()]
    })
}

fn counts(counts: &Counts) -> Table {
    let Counts { opens, opens_refused, others_refused, grace_asked, grace_true, delays, stalls_ended } = *counts;
    let rows = [
        ("opens", opens),
        ("opens refused", opens_refused),
        ("others refused", others_refused),
        ("grace asked", grace_asked),
        ("grace true", grace_true),
        ("delays", delays),
        ("stalls ended", stalls_ended),
    ];
    let table = Table::new("counts", "Counted in the kernel", ["what", "#count"], &rows, |(what, count)| {
        [(*what).to_owned(), count.to_string()]
    });
    table.note("Exact, where single events were lost too.")
}

fn cost(ns: u64) -> String {
    if ns == 0 { "–".to_owned() } else { span(Duration::from_nanos(ns)) }
}

fn dash(value: Option<impl ToString>) -> String {
    value.map_or("–".to_owned(), |value| value.to_string())
}
