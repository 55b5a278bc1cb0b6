//! The picture of what was read, of one host or of several on one time axis.

use crate::{
    command::report,
    conductor::Conductor,
    view::{
        Axis, paired,
        picture::{Picture, Place},
    },
};

pub(super) fn picture(read: &Conductor) -> Picture {
    let notes = read.members().iter().flat_map(|member| member.notes.iter().cloned());
    let Some(summary) = report::summary(read) else {
        let places: Vec<_> = read.members().iter().map(|it| Place::alone(&it.session, read.now(it))).collect();
        return Picture::of(&places, notes.collect());
    };
    let (shared, towards) = (read.paired(), &read.paired().towards(read.paired().reference()));
    let members = read.reference_first().into_iter().filter_map(|nth| read.members().get(nth));
    let places: Vec<_> = members
        .map(|member| Place {
            session: &member.session,
            now: read.now(member),
            axis: Axis::new(|at| shared.place(towards, member.id, at)),
        })
        .collect();
    Picture::of(&places, notes.chain(paired::costs(&summary)).chain(paired::notes(&summary)).collect())
}
