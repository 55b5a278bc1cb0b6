//! From session files to sessions: what `report`, `watch FILE` and `export` share.
//!
//! ```ignore
//! let sessions = replayed::follow(&files, &selection, &mut |line, update, session| { … })?;   // each line on its way
//! let sessions = replayed::read(&files, &selection)?;                                         // only what they come to
//! for Replayed { session, now, .. } in &sessions { view::summary::gather(session.timeline(), *now); }
//! ```
//!
//! There is one [`Replayed`] for each host and boot, since these share a clock; files of one recorder, which begins a new
//! one now and then, are put in order and make one session.

mod segments;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::{
    record::{Filter, Item, Line, Loss, Skipped, Stamp, Why, Window},
    session::{Session, Update},
    timeline::RestartId,
};
use segments::Group;

/// What of a session is asked for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Events to follow.
    pub filter: Filter,
    /// From when to when.
    pub window: Window,
    /// Only this restart, and what belongs to it.
    pub restart: Option<RestartId>,
}

/// The session of one host, read to its end and finished.
#[derive(Debug)]
pub struct Replayed {
    /// What happened, and what follows from it.
    pub session: Session,
    /// The end, on the session's clock: what `summary::gather` counts up to.
    pub now: Stamp,
    /// The files that it was read from, in order.
    pub files: Vec<String>,
    /// What must be said about them, a sentence each: parts that could not be read, a newer schema.
    pub notes: Vec<String>,
}

/// Is called with each line that was selected, what it changed, and what is known by then.
pub type Each<'a> = &'a mut dyn FnMut(&Line, &Update, &Session);

/// Reads session files (`-` is standard input) to their end.
///
/// # Errors
///
/// Where a file cannot be read, or is no session: what is wrong, and what to do.
pub fn read(files: &[PathBuf], selection: &Selection) -> Result<Vec<Replayed>> {
    follow(files, selection, &mut |_, _, _| {})
}

/// Reads session files, and shows each line on its way.
///
/// # Errors
///
/// As [`read`].
pub fn follow(files: &[PathBuf], selection: &Selection, each: Each<'_>) -> Result<Vec<Replayed>> {
    let (groups, left_out) = segments::groups(files)?;
    let mut all = groups.into_iter().map(|group| session(group, selection, each)).collect::<Result<Vec<_>>>()?;
    if let Some(first) = all.first_mut() {
        first.notes.splice(0..0, left_out);
    }
    Ok(all)
}

fn session(group: Group, selection: &Selection, each: Each<'_>) -> Result<Replayed> {
    let mut replayed = Replayed { session: Session::new(), now: Stamp(0), files: Vec::new(), notes: Vec::new() };
    for mut segment in group {
        let file = segment.open()?;
        let name = file.name().to_owned();
        for item in file {
            let line = match item.with_context(|| format!("cannot read {name}"))? {
                Item::Line(line) => line,
                Item::Skipped(Skipped { why: Why::Torn, .. }) => {
                    replayed.notes.push(format!("{name} is cut off at its end"));
                    continue;
                }
                Item::Skipped(skipped) => Line::Loss(unread(replayed.now, &skipped)),
            };
            replayed.now = replayed.now.max(line.at());
            if matches!(&line, Line::Event(event) if !selection.filter.admits(event)) {
                continue;
            }
            let update = replayed.session.record(line.clone());
            each(&line, &update, &replayed.session);
        }
        replayed.files.push(name);
    }
    replayed.session.finish(replayed.now);
    Ok(replayed)
}

/// A line that could not be read is a record that is missing.
fn unread(at: Stamp, skipped: &Skipped) -> Loss {
    let (cause, hides) = match skipped.why {
        Why::UnknownType(_) | Why::UnknownEvent(_) => ("not_understood", "what only a newer nfsgrace understands"),
        Why::TooLong => ("line_too_long", "anything"),
        Why::Damaged(_) => ("file_damaged", "anything"),
        Why::Torn | Why::NotJson(_) | Why::Missing(_) | Why::BadValue(..) => ("line_not_readable", "anything"),
    };
    Loss { at, cause: cause.to_owned(), count: 1, hides: hides.to_owned() }
}
