//! The picture of what was read, of one host or of several on one time axis.

use crate::{
    command::paired::Paired,
    record::{PairedSummary, StallRow, Stamp},
    view::{
        paired,
        picture::{Picture, Place},
    },
};

pub(super) fn picture(read: &Paired) -> Picture {
    let notes = read.sessions.iter().flat_map(|it| it.notes.iter().cloned());
    let (Some(axes), Some(summary)) = (read.axes(), read.summary()) else {
        let places: Vec<_> = read.sessions.iter().map(|it| Place::alone(&it.session, it.now)).collect();
        return Picture::of(&places, notes.collect());
    };
    let notes = notes.chain(paired::notes(&summary)).collect();
    let maps: Vec<_> = axes.iter().map(|axis| move |at: Stamp| axis.place(at).seconds()).collect();
    let summary = &summary;
    let tails: Vec<_> = axes.iter().map(|axis| move |row: &StallRow| tail(summary, axis.nth, row)).collect();
    let rules = maps.iter().zip(&tails);
    let places: Vec<_> = axes
        .iter()
        .zip(rules)
        .filter_map(|(axis, (to_axis, tail_ns))| {
            let replayed = read.sessions.get(axis.nth)?;
            let error_s = axis.place(replayed.now).error.unwrap_or_default().as_secs_f64();
            Some(Place { session: &replayed.session, now: replayed.now, to_axis, error_s, tail_ns })
        })
        .collect();
    Picture::of(&places, notes)
}

/// A stall whose server is on another host learns its tail from there.
fn tail(summary: &PairedSummary, host: usize, row: &StallRow) -> Option<u64> {
    let same = |it: &&crate::record::PairedStallRow| (it.host, it.tid, it.began_there) == (host, row.tid, row.began.0);
    row.tail_ns.or_else(|| Some(summary.stalls.iter().find(same)?.split?.tail_ns))
}
