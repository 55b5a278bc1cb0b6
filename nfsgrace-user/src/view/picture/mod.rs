//! The drawing of one or several sessions on one time axis.
//!
//! [`Picture::of`] makes it from sessions, pure and in bounded memory: lanes with marks in them, each mark a stretch of the
//! axis with a [`Class`] and a [`Tip`], and the words around them. Two pens draw that list and decide nothing: [`svg`], and
//! the script of the page that [`html`] makes. Its numbers are those of
//! [`outcome::summary`](crate::outcome::summary); times are seconds on the axis.
//! Text from outside has passed [`clean`]. What was computed or inferred says so, and is drawn differently.

mod axis;
mod class;
mod grace;
mod host;
pub mod html;
mod ink;
mod marks;
mod server;
mod stall;
pub mod svg;
mod tables;
mod verdict;

use std::collections::BTreeMap;

use serde::Serialize;

pub use axis::{Episode, Place, Span};
pub use class::{Class, Fill, Font, Look, Shape};
pub use host::Host;
pub use ink::Ink;
pub use marks::{About, Lane, Mark, TRIES, Tip};
pub use tables::Table;
pub use verdict::{Proof, VerdictCard};

use self::{host::Gathered, server::Start};
use super::clean;

/// All that is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Picture {
    /// What it is, in a few words.
    pub title: String,
    /// What the axis counts.
    pub axis: String,
    /// The whole axis: everything lies within, but sleeps that were cut short and ends that were planned.
    pub span: Span,
    /// The stretches that are worth a look, the most costly first: all that happened, or each of several that lie far apart.
    pub looks_at: Vec<Episode>,
    /// Each host with its verdicts.
    #[serde(skip)]
    pub hosts: Vec<Host>,
    /// What must be said about the picture as a whole.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// Each start of a server by its name, from its first sign to the last stall that it caused.
    pub starts: Vec<(String, Span)>,
    /// The lanes from top to bottom, host by host.
    pub lanes: Vec<Lane>,
    /// What lies behind all lanes of each host.
    pub grounds: Vec<Vec<Mark>>,
    /// The looks of all classes that occur.
    pub looks: BTreeMap<Class, Look>,
    /// The tables below.
    pub tables: Vec<Table>,
    /// The columns of the tables of tries.
    pub tries: [&'static str; 7],
}

impl Picture {
    /// Draws up the picture of these sessions.
    #[must_use]
    pub fn of(places: &[Place<'_>], notes: Vec<String>) -> Self {
        let several = places.len() > 1;
        let mut gathered: Vec<Gathered> =
            places.iter().enumerate().map(|(nth, place)| host::gather(place, nth, several)).collect();
        let grounds: Vec<_> = gathered.iter().map(|it| ground(&it.host, &gathered)).collect();
        let extents = gathered.iter().flat_map(Gathered::extents).reduce(Span::join);
        let looks_at = axis::episodes(gathered.iter_mut().flat_map(|it| std::mem::take(&mut it.parts)).collect());
        let starts = gathered.iter().flat_map(|it| it.jumps(&gathered)).collect();
        let mut lanes: Vec<Lane> = Vec::new();
        let (mut hosts, mut tables) = (Vec::new(), Vec::new());
        for mut it in gathered {
            // A table knows the lanes of its own host.
            it.tables.iter_mut().for_each(|table| table.opens = table.opens.map(|nth| nth + lanes.len()));
            lanes.extend(it.lanes);
            tables.extend(it.tables);
            hosts.push(it.host);
        }
        let names: Vec<_> = hosts.iter().map(|host| host.name.as_str()).filter(|name| !name.is_empty()).collect();
        let on = if names.is_empty() { String::new() } else { format!(" on {}", names.join(", ")) };
        Self {
            title: format!("NFS grace periods and stalls{on}"),
            axis: match names[..] {
                [name, _, ..] => format!("seconds since boot of {name}"),
                _ => "seconds since boot".to_owned(),
            },
            span: extents.unwrap_or(Span::new(0.0, 1.0)),
            looks_at,
            notes: notes.iter().map(|note| clean(note).into_owned()).collect(),
            starts,
            looks: marks::looks(grounds.iter().flatten().chain(lanes.iter().flat_map(|lane| &lane.marks))),
            hosts,
            lanes,
            grounds,
            tables,
            tries: TRIES,
        }
    }

    /// The lanes of one host.
    pub fn lanes_of(&self, host: &Host) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().filter(|lane| lane.host == host.nth)
    }
}

/// A grace period shines through all lanes of a host, and its end is a line through them; between two hosts it is as unsure as
/// their clocks are.
fn ground(host: &Host, all: &[Gathered]) -> Vec<Mark> {
    let graces = all.iter().flat_map(|it| it.starts.iter().filter_map(move |start| Some((it, start.grace?))));
    let graces: Vec<_> = graces.collect();
    let mut marks: Vec<_> = graces.iter().map(|(_, (span, _))| Mark::over(Class::Ground, *span)).collect();
    for (of, (span, over)) in graces {
        let error = if of.host.nth == host.nth { 0.0 } else { host.error_s + of.host.error_s };
        if error > 0.0 {
            marks.push(Mark::over(Class::GraceEndUnsure, Span::new(span.to - error, span.to + error)));
        }
        if over {
            marks.push(Mark::at(Class::GraceEnd, span.to));
        }
    }
    marks
}

/// A moment on the axis, cut to milliseconds as in the text report.
fn moment(at: f64) -> String {
    format!("{:.3}", (at * 1e3 + 1e-4).floor() / 1e3)
}
