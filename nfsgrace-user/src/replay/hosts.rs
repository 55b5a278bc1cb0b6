//! The hosts that files tell of: what was read of each.

use super::{Source, coverage::Coverage};
use crate::record::{Header, Line, Loss};

/// What was read of a host.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Its place among all: as files were named, and as a file of several hosts names its sources.
    pub place: (usize, usize),
    /// The files that it was read from, in order.
    pub files: Vec<String>,
    /// What must be said about them, a sentence each: parts that could not be read, a newer schema.
    pub notes: Vec<String>,
}

/// All of them, by number.
#[derive(Default)]
pub(super) struct Hosts(Vec<Host>);

struct Host {
    name: String,
    header: Option<Box<Header>>,
    coverage: Coverage,
    wall_clock_ahead_ns: i64,
    /// The track that tells of it, until that has ended; what others have of it is passed over.
    owner: Option<usize>,
    passed_over: u64,
    told: Told,
}

impl Host {
    /// Whether `track` tells of it; one whose files have ended leaves it to the next.
    fn is_owned_by(&mut self, track: usize) -> bool {
        *self.owner.get_or_insert(track) == track
    }
}

impl Hosts {
    /// The host of a header that has this place, the track first: one that is known, by its boot, or another one, which is
    /// called `name`.
    pub(super) fn find(&mut self, place: (usize, usize), name: &str, header: Option<&Header>) -> usize {
        let boot = header.map(|header| header.boot_id.as_str()).filter(|boot| !boot.is_empty());
        let is_it = |host: &Host| boot.is_some() && host.header.as_ref().map(|it| it.boot_id.as_str()) == boot;
        if let Some(known) = self.0.iter().position(is_it) {
            return known;
        }
        self.0.push(Host {
            name: name.to_owned(),
            header: header.cloned().map(Box::new),
            coverage: Coverage::new(),
            wall_clock_ahead_ns: 0,
            owner: Some(place.0),
            passed_over: 0,
            told: Told { place, ..Told::default() },
        });
        self.0.len() - 1
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Source<'_>> {
        (0..self.0.len()).filter_map(|number| self.get(number))
    }

    pub(super) fn get(&self, number: usize) -> Option<Source<'_>> {
        let host = self.0.get(number)?;
        Some(Source { number, name: &host.name, header: host.header.as_deref() })
    }

    pub(super) fn wall_clock_ahead(&self, host: usize) -> i64 {
        self.0.get(host).map_or(0, |host| host.wall_clock_ahead_ns)
    }

    /// A file of this name with lines of a host begins in `track`: what is missing before it.
    pub(super) fn begin(&mut self, host: usize, track: usize, name: &str, header: Option<&Header>) -> Option<Loss> {
        let host = self.0.get_mut(host)?;
        host.is_owned_by(track).then(|| host.coverage.begin(name, header))?
    }

    /// A recorder of a host begins anew in the middle of a file of `track`.
    pub(super) fn begin_again(&mut self, host: usize, track: usize, header: &Header) {
        if let Some(host) = self.0.get_mut(host)
            && host.is_owned_by(track)
        {
            host.coverage.begin_again(header);
        }
    }

    /// Whether a line that `track` has of a host is to be taken.
    pub(super) fn takes(&mut self, host: usize, track: usize, line: &Line) -> bool {
        let Some(host) = self.0.get_mut(host) else { return false };
        match line {
            Line::Header(header) => host.wall_clock_ahead_ns = header.realtime_minus_boottime_ns,
            Line::Clock(sample) => host.wall_clock_ahead_ns = sample.realtime_minus_boottime_ns,
            _ => {}
        }
        if host.owner.is_none() {
            host.owner = Some(track);
            host.coverage.beside();
        }
        let takes = host.is_owned_by(track);
        host.passed_over += u64::from(!takes);
        takes && !host.coverage.covers(line)
    }

    /// What is missing of a host, as a line of its session.
    pub(super) fn loses(&self, host: usize, cause: &str, count: u64, hides: &str) -> Option<Line> {
        let at = self.0.get(host)?.coverage.latest();
        Some(Line::Loss(Loss { at, cause: cause.to_owned(), count, hides: hides.to_owned() }))
    }

    /// A file with lines of a host was read.
    pub(super) fn read_file(&mut self, host: usize, name: &str) -> Option<u64> {
        let host = self.0.get_mut(host)?;
        host.told.files.push(name.to_owned());
        let beside = std::mem::take(&mut host.passed_over);
        host.coverage.passed_over().or((beside > 0).then_some(beside))
    }

    pub(super) fn say(&mut self, host: usize, notes: impl IntoIterator<Item = String>) {
        if let Some(host) = self.0.get_mut(host) {
            host.told.notes.extend(notes);
        }
    }

    /// A track has no more lines.
    pub(super) fn ended(&mut self, track: usize) {
        self.0.iter_mut().filter(|host| host.owner == Some(track)).for_each(|host| host.owner = None);
    }

    pub(super) fn told(self) -> Vec<Told> {
        self.0.into_iter().map(|host| host.told).collect()
    }
}
