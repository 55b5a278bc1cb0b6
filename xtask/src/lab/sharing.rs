//! How scenarios that begin with the same steps share a guest.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use anyhow::Result;

use super::{
    cache::{Cache, RunDirectory},
    monitor::Monitor,
};

/// A saved guest; its file goes away with this value.
#[derive(Debug)]
struct Snapshot(RunDirectory);

/// Where scenarios part: a saved guest, and how many steps it had done.
#[derive(Debug, Clone)]
pub struct Parting {
    /// So many steps were done.
    pub after: usize,
    snapshot: Arc<Snapshot>,
}

impl Parting {
    /// Saves a guest that has stopped after so many steps.
    pub fn save(cache: &Cache, monitor: &mut Monitor, after: usize) -> Result<Self> {
        let snapshot = Snapshot(RunDirectory::create(cache)?);
        monitor.save(&snapshot.path())?;
        Ok(Self { after, snapshot: Arc::new(snapshot) })
    }

    /// The file with the guest.
    pub fn saved(&self) -> PathBuf {
        self.snapshot.path()
    }
}

impl Snapshot {
    fn path(&self) -> PathBuf {
        self.0.path("guest")
    }
}

/// What a guest shares with others that go on from where it stops.
pub struct Sharing<'a> {
    /// Where it began, if not by booting.
    pub from: Option<Parting>,
    /// After how many steps it stops, or has stopped before it was saved.
    pub stops: BTreeSet<usize>,
    /// Those others.
    pub followers: &'a mut dyn Followers,
}

/// Those that go on from where a guest stops.
pub trait Followers {
    /// Whether any of them do after so many steps.
    fn are_waiting(&self, after: usize) -> bool;
    /// Lets those go on who wait for this.
    fn go_on(&mut self, from: Parting);
}

/// Nobody.
pub struct Nobody;

impl Followers for Nobody {
    fn are_waiting(&self, _after: usize) -> bool {
        false
    }

    fn go_on(&mut self, _from: Parting) {}
}

impl Sharing<'_> {
    /// The stops that are still to come, in this order.
    pub fn stops_to_come(&self) -> Vec<usize> {
        self.stops.iter().copied().filter(|after| self.from.as_ref().is_none_or(|from| *after > from.after)).collect()
    }
}
