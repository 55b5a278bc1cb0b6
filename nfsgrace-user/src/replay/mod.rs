//! From session files to sessions: what `report`, `watch FILE` and `export` share.
//!
//! There is one [`Replayed`] for each host and boot, since these share a clock; files of one recorder, which begins a new
//! one now and then, are put in order and make one session.

mod coverage;
mod follower;
mod notes;
mod reading;
mod segments;

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
pub use follower::{Follower, Nobody};
pub use reading::Amount;

use crate::{
    record::{Selection, Stamp},
    session::{Session, Update},
    source::file::{self, SessionFile},
};
use reading::Reading;
use segments::{Group, Segment};

/// The session of one host, read to its end and finished.
#[derive(Debug)]
pub struct Replayed {
    /// What happened, and what follows from it.
    pub session: Session,
    /// The end, on the session's clock: what `outcome::summary` counts up to.
    pub now: Stamp,
    /// The files that it was read from, in order.
    pub files: Vec<String>,
    /// What must be said about them, a sentence each: parts that could not be read, a newer schema.
    pub notes: Vec<String>,
    /// What is only known since the end is.
    pub last: Update,
}

/// Reads session files (`-` is standard input) to their end.
///
/// # Errors
///
/// Where a file cannot be read, or is no session: what is wrong, and what to do.
pub fn read(files: &[PathBuf], selection: &Selection) -> Result<Vec<Replayed>> {
    follow(files, selection, &mut Nobody)
}

/// Reads one session that is open already, under somebody's eyes.
///
/// # Errors
///
/// As [`read`], and whatever the follower answers.
pub fn file(file: SessionFile, selection: &Selection, follower: &mut dyn Follower) -> Result<Replayed> {
    let mut reading = Reading::new(selection, Stamp(0));
    reading.segment(Segment::of(file), follower, &mut Amount::default())?;
    reading.finish()
}

/// Reads session files under somebody's eyes.
///
/// # Errors
///
/// As [`read`], and whatever the follower answers.
pub fn follow(files: &[PathBuf], selection: &Selection, follower: &mut dyn Follower) -> Result<Vec<Replayed>> {
    let (groups, left_out) = segments::groups(files)?;
    let sizes: Option<Vec<u64>> = groups.iter().flatten().map(Segment::size).collect();
    follower.hosts(groups.len());
    let mut amount = Amount { read: 0, of: sizes.map(|sizes| sizes.into_iter().sum()) };
    let mut sessions = Vec::new();
    for group in groups {
        let end = if selection.window.needs_end() { end(&group)? } else { Stamp(0) };
        let mut reading = Reading::new(selection, end);
        for segment in group {
            reading.segment(segment, follower, &mut amount)?;
        }
        let replayed = reading.finish()?;
        follower.ended(&replayed)?;
        sessions.push(replayed);
        if follower.has_enough() {
            break;
        }
    }
    if let Some(first) = sessions.first_mut() {
        first.notes.splice(0..0, left_out);
    }
    if let Some(restart) = selection.restart
        && sessions.iter().all(|it| it.session.timeline().restart(restart).is_none())
    {
        bail!("there is no restart {} in it, or not in that time: a report without --restart lists them", restart.0);
    }
    Ok(sessions)
}

/// When the last of some files ends.
fn end(group: &Group) -> Result<Stamp> {
    let mut latest = Stamp(0);
    for segment in group {
        if segment.is_pipe() {
            bail!(
                "a time before the end needs a session whose end is known: save {} in a file first",
                segments::shown(segment.path())
            );
        }
        let path: &Path = segment.path();
        latest = latest.max(file::end(path).map_err(|error| anyhow!("{}: {error}", segments::shown(path)))?);
    }
    Ok(latest)
}
