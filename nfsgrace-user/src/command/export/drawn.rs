//! The picture of what was read, of one host or of several on one time axis.

use crate::{
    command::paired::Paired,
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
    let places = axes.iter().filter_map(|axis| {
        let replayed = read.sessions.get(axis.nth)?;
        Some(Place { session: &replayed.session, now: replayed.now, axis: axis.axis() })
    });
    Picture::of(&places.collect::<Vec<_>>(), notes.chain(paired::notes(&summary)).collect())
}
