//! One host with its verdicts and its lanes.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::{
    About, Class, Episode, Lane, Mark, Place, Span, Start, Table, Tip, VerdictCard, moment, server, stall, tables,
    verdict,
};
use crate::{
    outcome::SessionOutcome,
    record::{LossRow, Stamp, Summary},
    view::{Wall, clean, plural, span, summary},
};

/// One host.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Which one.
    pub nth: usize,
    /// Its name.
    pub name: String,
    /// What is known of it and of its session, in a line.
    pub facts: String,
    /// How far its times may be off those of other hosts, seconds.
    pub error_s: f64,
    /// What is concluded, the worst first.
    pub verdicts: Vec<VerdictCard>,
    /// What there is to say where nothing is concluded.
    pub nothing: Option<String>,
    /// What its tasks waited for on other hosts, a sentence each.
    pub elsewhere: Vec<String>,
    /// All stalls, in a sentence.
    pub stalls: String,
}

/// All that is drawn of a host.
pub(super) struct Gathered {
    pub host: Host,
    pub lanes: Vec<Lane>,
    pub starts: Vec<Start>,
    pub tables: Vec<Table>,
    /// What makes an episode.
    pub parts: Vec<Episode>,
    session: Span,
}

/// Gathers what is drawn of one of `several` hosts.
pub(super) fn gather(place: &Place<'_>, nth: usize, several: bool) -> Gathered {
    let timeline = place.session.timeline();
    let outcome = SessionOutcome::of(place.session, place.now);
    let rows = &outcome.summary;
    let from = place.session.header().map_or(rows.from, |header| header.started.min(rows.from));
    let host = Host {
        nth,
        name: clean(&timeline.host().name).into_owned(),
        facts: facts(place, rows, from, several),
        error_s: place.error_s(),
        verdicts: verdict::cards(place, &outcome.verdicts),
        nothing: verdict::nothing(&outcome),
        elsewhere: summary::elsewhere(rows),
        stalls: stalls_text(rows),
    };
    let (server_lanes, starts) = server::lanes(place, rows, nth);
    let mut lanes: Vec<_> = several.then(|| head(&host)).into_iter().chain(server_lanes).collect();
    lanes.extend(rows.losses.iter().map(|row| lost(place, row, nth)));
    lanes.extend(stall_lanes(place, rows, nth));
    Gathered {
        tables: tables::tables(place, rows, &host, &lanes, several),
        parts: parts(&lanes, &starts),
        session: place.span(from, place.now),
        host,
        lanes,
        starts,
    }
}

/// What is known of it and of its session, in a line.
fn facts(place: &Place<'_>, rows: &Summary, from: Stamp, several: bool) -> String {
    let (header, name) = (place.session.header(), clean(&place.session.timeline().host().name));
    let facts = [
        Some(name.into_owned()).filter(|name| several && !name.is_empty()),
        header.filter(|it| !it.kernel.is_empty()).map(|header| format!("kernel {}", clean(&header.kernel))),
        header.and_then(|header| header.hz).map(|hz| format!("HZ {hz}")),
        Wall::new(place.session.clock(), TimeZone::UTC).and_then(|wall| wall.range(from, place.now)),
        Some(plural(rows.events, "event")),
        Some(stalls_text(rows).trim_end_matches('.').to_owned()),
    ];
    facts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// All stalls in one sentence.
fn stalls_text(rows: &Summary) -> String {
    let totals = &rows.stall_totals;
    let all = totals.ended + totals.live;
    if all == 0 {
        return "No task of this host was stalled.".to_owned();
    }
    let ns = Duration::from_nanos;
    let waiting = if totals.live > 0 { format!(" ({} still)", totals.live) } else { String::new() };
    let mut text = format!("{}{waiting} stalled, {} lost altogether", plural(all, "task"), span(ns(totals.lost_ns)));
    if totals.tail_ns > 0 {
        text.push_str(&format!(", {} of it after the grace period", span(ns(totals.tail_ns))));
    }
    if totals.not_followed > 0 {
        text.push_str(&format!("; {} more were not followed", totals.not_followed));
    }
    text
}

fn head(host: &Host) -> Lane {
    let error = if host.error_s > 0.0 { format!("clock ±{:.1} ms", host.error_s * 1e3) } else { String::new() };
    let comma = if error.is_empty() { "" } else { ", " };
    let mut lane = Lane::new(About::Host, host.nth, 28.0, format!("{}{comma}{error}", host.name));
    let clock = if error.is_empty() { "the axis shows this clock".to_owned() } else { error };
    lane.tip = Some(Tip::new(host.name.clone(), [("session", host.facts.clone()), ("clock", clock)]));
    lane
}

fn lost(place: &Place<'_>, row: &LossRow, host: usize) -> Lane {
    let mut lane = Lane::new(About::Lost, host, 26.0, format!("{} records LOST", row.count));
    let at = place.span(row.first, row.last);
    let (cause, hides) = (clean(&row.cause), clean(&row.hides));
    let rows = [
        ("why", cause.clone().into_owned()),
        ("may hide", if hides.is_empty() { "not known".to_owned() } else { hides.clone().into_owned() }),
        ("noticed", format!("{} … {} s", moment(at.from), moment(at.to))),
    ];
    let tip = Tip::new(format!("{} records lost", row.count), rows);
    lane.tip = Some(tip.clone());
    lane.tell(tip, [Mark::over(Class::Lost, at)]);
    let hides = if hides.is_empty() { String::new() } else { format!("; may hide {hides}") };
    lane.marks.push(Mark::at(Class::Note, at.to).says([format!("{cause}{hides}")], None));
    lane
}

/// The stalls below their heading, the longest first.
fn stall_lanes(place: &Place<'_>, rows: &Summary, host: usize) -> Vec<Lane> {
    if rows.stalls.is_empty() {
        return Vec::new();
    }
    let all = rows.stall_totals.ended + rows.stall_totals.live;
    let listed = rows.stalls.len();
    let rest = if all > listed as u64 { format!(", the {listed} longest are shown") } else { String::new() };
    let mut head = Lane::new(About::Head, host, 28.0, format!("Stalled tasks: {all}{rest}"));
    let tail = rows.stalls.iter().any(|row| row.tail_ns.is_some_and(|tail| tail > 0));
    head.numbers = ["lost", if tail { "after grace" } else { "" }, ""].map(str::to_owned);
    let explained = listed <= stall::EXPLAINED;
    std::iter::once(head).chain(rows.stalls.iter().map(|row| stall::lane(place, row, host, explained))).collect()
}

/// What of a host makes an episode.
fn parts(lanes: &[Lane], starts: &[Start]) -> Vec<Episode> {
    let starts = starts.iter().filter(|start| !start.before_watching);
    let starts = starts.map(|it| Episode { span: it.extent, restarts: vec![it.restart], lost_ns: 0 });
    let stalls = lanes.iter().filter(|lane| lane.about == About::Stall);
    let stalls =
        stalls.filter_map(|it| Some(Episode { span: it.extent()?, restarts: Vec::new(), lost_ns: it.lost_ns }));
    starts.chain(stalls).collect()
}

impl Gathered {
    /// Everything that is drawn of it.
    pub(super) fn extents(&self) -> Vec<Span> {
        let lanes = self.lanes.iter().filter(|lane| matches!(lane.about, About::Stall | About::Lost));
        let starts = self.starts.iter().map(|start| start.extent);
        std::iter::once(self.session).chain(starts).chain(lanes.filter_map(Lane::extent)).collect()
    }

    /// Each start by its name, with the stalls of all hosts that it caused.
    pub(super) fn jumps(&self, all: &[Gathered]) -> impl Iterator<Item = (String, Span)> {
        let lanes = all.iter().flat_map(|it| &it.lanes);
        self.starts.iter().map(move |start| {
            let name = match all {
                [_, _, ..] => format!("{}: restart {}", self.host.name, start.restart),
                _ => format!("Restart {}", start.restart),
            };
            let caused = lanes.clone().filter(|lane| match &lane.caused_by {
                Some((Some(host), restart)) => *host == self.host.name && *restart == start.restart,
                Some((None, restart)) => lane.host == self.host.nth && *restart == start.restart,
                None => false,
            });
            (name, caused.filter_map(Lane::extent).fold(start.extent, Span::join))
        })
    }
}
