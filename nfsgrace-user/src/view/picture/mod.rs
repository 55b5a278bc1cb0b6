//! The drawing of one or several sessions on one time axis: what is drawn where, and the words beside it.
//!
//! [`Picture::of`] makes it from sessions, pure and in bounded memory; [`svg`] and [`html`] draw it. Its numbers are those
//! of [`outcome::summary`](crate::outcome::summary); times are seconds on the axis, lengths are nanoseconds. Text from
//! outside has passed [`clean`]. What was computed or inferred says so, and is drawn differently.

mod axis;
mod grace;
pub mod html;
mod server;
mod stall;
pub mod svg;
mod verdict;

use serde::Serialize;

pub use axis::{Episode, Place, Span, own_tail, seconds};
pub use grace::{GraceBar, GraceState, Planned};
pub use server::{Mark, PollTick, Refusals, RestartSpan, ServerLane, TrackerBar};
pub use stall::{AttemptBar, StallEnd, StallLane};
pub use verdict::{Proof, VerdictCard};

use super::{clean, plural, span, summary};
use crate::{
    outcome,
    record::{ClockSample, Counts, LossRow, StallTotals, Summary},
};

/// All that is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Picture {
    /// What it is, in a few words.
    pub title: String,
    /// What the axis counts.
    pub axis: String,
    /// The whole axis: everything lies within.
    pub span: Span,
    /// The stretches in which something happened, in order.
    pub episodes: Vec<Episode>,
    /// Each host with its lanes.
    pub hosts: Vec<HostLanes>,
    /// What must be said about the picture as a whole.
    pub notes: Vec<String>,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostLanes {
    /// Its name.
    pub name: String,
    /// Its kernel's release; empty where it is not known.
    pub kernel: String,
    /// Its jiffies per second.
    pub hz: Option<u32>,
    /// The wall clock at the session's beginning; absent where it is not known.
    pub wall_clock: Option<String>,
    /// How far its times may be off those of other hosts, seconds.
    pub error_s: f64,
    /// The session.
    pub span: Span,
    /// Events that it is made from.
    pub events: u64,
    /// What is concluded, the worst first.
    pub verdicts: Vec<VerdictCard>,
    /// What there is to say where nothing is concluded.
    pub nothing: Option<String>,
    /// A lane for each network namespace that nfsd was started in.
    pub servers: Vec<ServerLane>,
    /// Restarts that were forgotten to bound memory.
    pub restarts_not_listed: u64,
    /// Clients by restart.
    pub clients: Vec<Client>,
    /// The most costly stalls, the longest first.
    pub stalls: Vec<StallLane>,
    /// All stalls, listed or not.
    pub stall_totals: StallTotals,
    /// These in words.
    pub stalls_text: String,
    /// What could not be recorded.
    pub losses: Vec<Lost>,
    /// What the kernel side counted, where it did.
    pub counts: Option<Counts>,
}

/// One client of one restart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Client {
    /// Number of the restart.
    pub restart: u32,
    /// Its name and address, as far as known.
    pub who: String,
    /// NFSv4 minor version.
    pub minor: Option<u32>,
    /// Whether the server expected it to reclaim.
    pub recorded: bool,
    /// When it said RECLAIM_COMPLETE.
    pub completed: Option<f64>,
    /// Operations with which it reclaimed.
    pub reclaims: u64,
    /// Operations refused to it.
    pub refused: u64,
}

/// One reason why records are missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lost {
    /// Stable id.
    pub cause: String,
    /// How many.
    pub count: u64,
    /// From the first to the last time that it was noticed.
    pub span: Span,
    /// What may be missing.
    pub hides: String,
}

impl Picture {
    /// Draws up the picture of these sessions.
    #[must_use]
    pub fn of(places: &[Place<'_>], notes: Vec<String>) -> Self {
        let hosts: Vec<_> = places.iter().map(host).collect();
        let names: Vec<_> = hosts.iter().map(|host| host.name.as_str()).filter(|name| !name.is_empty()).collect();
        let on = if names.is_empty() { String::new() } else { format!(" on {}", names.join(", ")) };
        let episodes = axis::episodes(hosts.iter().flat_map(parts).collect());
        let all = hosts.iter().flat_map(HostLanes::extents).reduce(Span::join);
        Self {
            title: format!("NFS grace periods and stalls{on}"),
            axis: match names[..] {
                [name, _, ..] => format!("seconds since boot of {name}"),
                _ => "seconds since boot".to_owned(),
            },
            span: all.unwrap_or(Span::new(0.0, 1.0)),
            episodes,
            hosts,
            notes: notes.iter().map(|note| clean(note).into_owned()).collect(),
        }
    }
}

fn host(place: &Place<'_>) -> HostLanes {
    let timeline = place.session.timeline();
    let mut rows = outcome::summary(timeline, place.now);
    for row in &mut rows.stalls {
        row.tail_ns = (place.tail_ns)(row);
    }
    let header = place.session.header();
    let from = header.map_or(rows.from, |header| header.started.min(rows.from));
    HostLanes {
        name: clean(&timeline.host().name).into_owned(),
        kernel: header.map(|header| clean(&header.kernel).into_owned()).unwrap_or_default(),
        hz: header.and_then(|header| header.hz),
        wall_clock: place.session.clock().and_then(|clock| wall_clock(clock, from)),
        error_s: place.error_s,
        span: place.span(from, place.now),
        events: rows.events,
        verdicts: verdict::cards(place),
        nothing: verdict::nothing(place.session),
        servers: server::lanes(place, &rows),
        restarts_not_listed: rows.restarts_not_listed,
        clients: rows.clients.iter().map(|row| client(place, row)).collect(),
        stalls_text: stalls_text(&rows),
        stalls: std::mem::take(&mut rows.stalls).into_iter().map(|row| stall::lane(place, row)).collect(),
        losses: rows.losses.iter().map(|row| lost(place, row)).collect(),
        stall_totals: rows.stall_totals,
        counts: rows.counts,
    }
}

fn client(place: &Place<'_>, row: &crate::record::ClientRow) -> Client {
    Client {
        restart: row.restart,
        who: summary::client_name(row, 200),
        minor: row.minor,
        recorded: row.recorded,
        completed: row.completed.map(|at| place.at(at)),
        reclaims: row.reclaims,
        refused: row.refused,
    }
}

fn lost(place: &Place<'_>, row: &LossRow) -> Lost {
    Lost {
        cause: clean(&row.cause).into_owned(),
        count: row.count,
        span: place.span(row.first, row.last),
        hides: clean(&row.hides).into_owned(),
    }
}

/// All stalls in one sentence.
fn stalls_text(rows: &Summary) -> String {
    let totals = &rows.stall_totals;
    let all = totals.ended + totals.live;
    if all == 0 {
        return "No task of this host was stalled.".to_owned();
    }
    let ns = std::time::Duration::from_nanos;
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

/// The wall clock at a moment of the session, as UTC in whole seconds.
fn wall_clock(clock: ClockSample, at: crate::record::Stamp) -> Option<String> {
    let ns = i128::from(at.0) + i128::from(clock.realtime_minus_boottime_ns);
    let ns = u64::try_from(ns).ok().filter(|_| clock.realtime_minus_boottime_ns != 0)?;
    let time = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_nanos(ns))?;
    Some(humantime::format_rfc3339_seconds(time).to_string().replace('T', " ").replace('Z', " UTC"))
}

/// What of a host makes an episode.
fn parts(host: &HostLanes) -> Vec<Episode> {
    let restarts = host.servers.iter().flat_map(|lane| &lane.restarts).filter(|restart| !restart.before_watching);
    let restarts = restarts.map(|it| Episode { span: it.extent(), restarts: vec![it.restart], lost_ns: 0 });
    let stalls = host.stalls.iter();
    let stalls = stalls.map(|it| Episode { span: it.extent(), restarts: Vec::new(), lost_ns: it.total_ns });
    restarts.chain(stalls).collect()
}

impl HostLanes {
    /// Everything that is drawn of it.
    fn extents(&self) -> Vec<Span> {
        let mut extents = vec![self.span];
        extents.extend(self.servers.iter().flat_map(|lane| &lane.restarts).map(RestartSpan::extent));
        extents.extend(self.stalls.iter().map(StallLane::extent));
        extents.extend(self.losses.iter().map(|lost| lost.span));
        extents
    }
}
