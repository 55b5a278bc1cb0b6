//! From session files to the lines of hosts: which files are one session, what they tell twice, and what is missing.
//!
//! There is one host for each machine and boot, since what was recorded in one boot shares a clock. Files of one recorder,
//! which begins a new one now and then, are put in order. Several hosts are read side by side, in the order of time.

mod coverage;
mod hosts;
mod notes;
mod segments;
mod track;

use std::path::PathBuf;

use anyhow::Result;
use hosts::Hosts;
pub use hosts::Told;
use segments::{Group, Segment};
use track::Track;

use crate::{
    record::{Header, Line, Stamp},
    source::file::SessionFile,
};

/// Session files that are being read.
pub struct Recordings {
    tracks: Vec<Track>,
    hosts: Hosts,
    order: Order,
    size: Option<u64>,
}

/// What tells where a time of a host, by its number, lies among those of the others.
enum Order {
    OwnClock,
    WallClock,
    By(Box<dyn Fn(usize, Stamp) -> i64 + Send>),
}

impl Order {
    fn place(&self, host: usize, at: Stamp, hosts: &Hosts) -> i64 {
        let own = i64::try_from(at.0).unwrap_or(i64::MAX);
        match self {
            Self::OwnClock => own,
            Self::WallClock => own.saturating_add(hosts.wall_clock_ahead(host)),
            Self::By(place) => place(host, at),
        }
    }
}

/// A line that was read.
#[derive(Debug)]
pub struct Next {
    /// Of which host: they are numbered from 0.
    pub host: usize,
    /// When it comes, in the order of all hosts, nanoseconds.
    pub at: i64,
    /// With a header, what its source is called.
    pub name: Option<String>,
    /// What it says.
    pub line: Line,
}

/// A host that files tell of.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The number of the host.
    pub number: usize,
    /// What its files are called, or its source where one file has several hosts.
    pub name: &'a str,
    /// Its header, if it has one.
    pub header: Option<&'a Header>,
}

/// How far reading has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The file that is being read.
    pub file: &'a str,
    /// Bytes read of all files.
    pub read: u64,
    /// Of so many, where that is known.
    pub of: Option<u64>,
}

impl Next {
    fn new(host: usize, line: Line, hosts: &Hosts, order: &Order) -> Self {
        let name = matches!(line, Line::Header(_)).then(|| hosts.get(host).map(|source| source.name.to_owned()));
        Self { host, at: order.place(host, line.at(), hosts), name: name.flatten(), line }
    }
}

impl Recordings {
    /// Opens session files; `-` is standard input.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, or is no session: what is wrong, and what to do.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let (groups, left_out) = segments::groups(paths)?;
        let mut recordings = Self::of(groups);
        recordings.hosts.say(0, left_out);
        Ok(recordings)
    }

    /// Reads a file that is open already.
    #[must_use]
    pub fn of_file(file: SessionFile) -> Self {
        Self::of(vec![vec![Segment::of(file)]])
    }

    fn of(groups: Vec<Group>) -> Self {
        let sizes: Option<Vec<u64>> = groups.iter().flatten().map(Segment::size).collect();
        let size = sizes.map(|sizes| sizes.into_iter().sum());
        let order = if groups.len() > 1 { Order::WallClock } else { Order::OwnClock };
        let mut hosts = Hosts::default();
        let tracks = groups.into_iter().enumerate();
        let tracks = tracks.map(|(number, group)| Track::new(number, group, &mut hosts)).collect();
        Self { tracks, hosts, order, size }
    }

    /// Puts lines in this order: where a time of a host, by its number, lies.
    #[must_use]
    pub fn ordered_by(self, order: impl Fn(usize, Stamp) -> i64 + Send + 'static) -> Self {
        Self { order: Order::By(Box::new(order)), ..self }
    }

    /// Whether there are several hosts, or may be.
    #[must_use]
    pub fn several(&self) -> bool {
        self.tracks.len() > 1 || self.tracks.iter().any(Track::has_several)
    }

    /// Whether a line may be long in coming: somebody may still write it.
    #[must_use]
    pub fn is_pipe(&self) -> bool {
        self.tracks.iter().any(Track::is_pipe)
    }

    /// The hosts that are known by now, in the order in which they were named.
    pub fn hosts(&self) -> impl Iterator<Item = Source<'_>> {
        self.hosts.iter()
    }

    /// What the sources are called: files of one host, or what a file of several says.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let of_one = self.hosts.iter().map(|host| host.name.to_owned());
        of_one.chain(self.tracks.iter().flat_map(Track::sources).cloned()).collect()
    }

    /// One of them.
    #[must_use]
    pub fn host(&self, number: usize) -> Option<Source<'_>> {
        self.hosts.get(number)
    }

    /// When the only host ends.
    ///
    /// # Errors
    ///
    /// Where that cannot be known before all was read.
    pub fn end(&self) -> Result<Stamp> {
        let ends: Result<Vec<_>> = self.tracks.iter().map(Track::end).collect();
        Ok(ends?.into_iter().max().unwrap_or_default())
    }

    fn read(&mut self) -> Result<Option<Next>> {
        let Self { tracks, hosts, order, .. } = self;
        if let [only] = &mut tracks[..] {
            let Some((host, line)) = only.next(hosts)? else { return Ok(None) };
            return Ok(Some(Next::new(host, line, hosts, order)));
        }
        let mut first: Option<(i64, usize)> = None;
        for (nth, track) in tracks.iter_mut().enumerate() {
            if let Some(at) = track.next_at(hosts, order)?
                && first.is_none_or(|(earliest, _)| at < earliest)
            {
                first = Some((at, nth));
            }
        }
        Ok(first.and_then(|(_, nth)| tracks.get_mut(nth)?.take()))
    }

    /// How far reading has come.
    #[must_use]
    pub fn progress(&self) -> Progress<'_> {
        let read = self.tracks.iter().map(Track::read).sum();
        let file = self.tracks.iter().find_map(Track::file).unwrap_or_default();
        Progress { file, read, of: self.size }
    }

    /// What must be said about the files of each host.
    #[must_use]
    pub fn finish(mut self) -> Vec<Told> {
        for track in &mut self.tracks {
            track.close(&mut self.hosts);
        }
        self.hosts.told()
    }
}

/// The lines that say something new; an error where a file cannot be opened any more.
impl Iterator for Recordings {
    type Item = Result<Next>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
