//! Keeps a session in files, whatever happens to the program, the disk or the power.
//!
//! # On disk
//!
//! A file is NDJSON: whole lines, one after the other. Where its name ends in `.zst` it is a sequence of zstd frames
//! (RFC 8878) of these lines, and each line is a block of its own. So what can be read of a file that was cut anywhere, is
//! every line but the one that it was cut in: a streaming decoder gives out each block that is whole. That takes twice the
//! bytes that blocks of many lines would, still a sixth of the text, and it is what makes a recording worth having after a
//! crash.
//!
//! Frames have no checksum, so that one that was cut between two blocks can be ended with an empty block. They are closed
//! when nothing more came for some seconds, so that a file at rest is whole for every tool, and after 1 MiB of text.
//!
//! # What a crash costs
//!
//! - *The program is killed.* What was flushed is with the kernel. A `kill -9` in the middle of a write may leave a part of
//!   a line: it is the last one, and readers pass it over.
//! - *The power fails.* What was written is brought to the disk (`fdatasync`) at most [`SYNC_EVERY`] after it was written,
//!   by a thread of its own, and so is the name of each new file. What came later may be missing or cut.
//! - *The disk is full.* What was written of a line is cut off again at once, so that nothing that follows is glued to it.
//!   Lines are counted until there is space again; then a `loss` says how many are missing, and since when. Nothing is
//!   kept back in memory.
//!
//! # Several files
//!
//! With a [`Rotation`] a recording goes on in a new file when one is large or old enough. Each stands alone: it begins with
//! the header, followed by what is needed of an incident that is going on (`outline.rs`). The header's `continues` says
//! how many lines those are, so that whoever reads all files passes them over ([`Continuation`](crate::record::Continuation)).
//! No file that is there is ever written to; a recorder that starts anew takes the next number.
//!
//! # Several hosts
//!
//! A recording that begins with a header which names `sources` has the lines of several hosts, each with the source that it
//! is from. All of the above holds for it: each file repeats the header of each host and what is going on there.

mod current;
mod disk;
mod encoding;
mod medium;
mod notice;
mod open;
mod outline;
mod rotate;
mod series;

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

pub use notice::Notice;
pub use open::CannotCreate;
pub use series::{Retain, Rotation};

use self::{
    current::Current,
    disk::Disk,
    medium::{Failed, Repair},
    notice::{Gap, cause},
    open::Opened,
    outline::Outline,
    series::Series,
};
use crate::record::{Header, Line, Loss, Stamp, moment_text};

/// What came in this time is lost at most when the power fails.
pub const SYNC_EVERY: Duration = Duration::from_secs(5);
/// Bytes that are gathered at most before they are written.
const CHUNK: usize = 64 << 10;

/// What was written so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Files begun.
    pub files: u64,
    /// Lines, without those that a new file repeats.
    pub lines: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Lines that could not be written.
    pub lost: u64,
}

/// What is known of a host whose lines are written.
#[derive(Default)]
struct Host {
    header: Option<Header>,
    outline: Outline,
    latest: Stamp,
}

/// A recording that is being written.
pub struct Store {
    current: Current,
    series: Option<(Series, Rotation)>,
    /// Who recorded it, in a recording of several hosts.
    recorder: Option<Header>,
    /// The hosts, by the source that they are from; that of the only one is empty.
    hosts: BTreeMap<String, Host>,
    gap: Option<Gap>,
    /// When the next file is tried again, where it could not be begun.
    stuck: Option<Instant>,
    /// The latest time in any line.
    latest: Stamp,
    /// Time of the first line that waits to be written.
    waiting: Stamp,
    written: Written,
    notices: Vec<Notice>,
    disk: Option<Disk>,
}

impl Store {
    /// Begins a recording at `path`, where `-` is standard output; with a rotation, `path` is the pattern of the names.
    ///
    /// # Errors
    ///
    /// Where the file cannot be made, or is there already: what to do about it.
    pub fn create(path: &Path, rotation: Option<Rotation>, now: Instant) -> Result<Self, CannotCreate> {
        let (opened, series) = match rotation {
            None => (open::one(path)?, None),
            Some(rotation) => {
                let (opened, series) = open::series(path, SystemTime::now())?;
                (opened, Some((series, rotation)))
            }
        };
        Self::begin(opened, series, now).map_err(|error| CannotCreate::new(path, error))
    }

    fn begin(opened: Opened, series: Option<(Series, Rotation)>, now: Instant) -> io::Result<Self> {
        let mut store = Self {
            disk: opened.file.is_some().then(Disk::new),
            current: Current::new(opened, now)?,
            series,
            recorder: None,
            hosts: BTreeMap::new(),
            gap: None,
            stuck: None,
            latest: Stamp::default(),
            waiting: Stamp::default(),
            written: Written { files: 1, ..Written::default() },
            notices: Vec::new(),
        };
        store.keep_name();
        if let Some((series, rotation)) = &mut store.series {
            series.make_room(rotation.retain, 0);
        }
        Ok(store)
    }

    /// The file that is being written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.current.path
    }

    /// What its keeper must be told, since the last call.
    pub fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Takes a line. It is with the kernel when [`Store::flush`] has returned.
    ///
    /// # Errors
    ///
    /// Where a stream is closed; a file's trouble is no error but a [`Notice`] and, later, a loss.
    pub fn write(&mut self, line: &Line, now: Instant) -> io::Result<()> {
        self.write_from(None, line, now)
    }

    /// The same of a line that is from one of several sources.
    ///
    /// # Errors
    ///
    /// As [`Store::write`].
    pub fn write_from(&mut self, source: Option<&str>, line: &Line, now: Instant) -> io::Result<()> {
        self.latest = self.latest.max(line.at());
        if self.current.chunk.ends.is_empty() {
            self.waiting = line.at();
            self.begin_chunk()?;
        }
        let is_first = self.current.medium.len() == 0 && self.heads().is_empty();
        match line {
            Line::Header(header) if !header.sources.is_empty() => self.recorder = Some(header.as_ref().clone()),
            _ if source.is_none() && self.recorder.is_some() => {}
            _ => self.follow(source, line),
        }
        self.current.push(source.unwrap_or_default(), line, is_first && matches!(line, Line::Header(_)))?;
        if self.current.chunk.bytes.len() >= CHUNK { self.flush(now) } else { Ok(()) }
    }

    /// Takes note of a line of a host.
    fn follow(&mut self, source: Option<&str>, line: &Line) {
        let source = source.unwrap_or_default();
        if !self.hosts.contains_key(source) {
            self.hosts.insert(source.to_owned(), Host::default());
        }
        let Some(host) = self.hosts.get_mut(source) else { return };
        host.latest = host.latest.max(line.at());
        if let Line::Header(header) = line {
            host.header = Some(header.as_ref().clone());
        }
        host.outline.follow(line);
    }

    /// All headers, each with the source that it is from.
    fn heads(&self) -> Vec<(String, Line)> {
        let recorder = self.recorder.iter().map(|header| (String::new(), header));
        let hosts = self.hosts.iter().filter_map(|(source, host)| Some((source.clone(), host.header.as_ref()?)));
        recorder.chain(hosts).map(|(source, header)| (source, Line::Header(Box::new(header.clone())))).collect()
    }

    /// Writes what has gathered, and begins a new file when that is due.
    ///
    /// # Errors
    ///
    /// As [`Store::write`].
    pub fn flush(&mut self, now: Instant) -> io::Result<()> {
        if self.current.chunk.bytes.is_empty() {
            return Ok(());
        }
        if let Some((series, rotation)) = &mut self.series {
            let open = self.current.medium.len() + self.current.chunk.bytes.len() as u64;
            series.make_room(rotation.retain, open);
        }
        let (before, lines) = (self.current.medium.len(), self.current.chunk.ends.len());
        let head = self.current.head;
        let result = self.current.append(now);
        self.written.bytes += self.current.medium.len().saturating_sub(before);
        match result {
            Ok(()) => {
                self.written.lines += lines as u64;
                self.resumed();
            }
            Err(Failed { lines: whole, error }) => {
                self.written.lines += whole as u64;
                self.failed(lines.saturating_sub(whole.max(head)) as u64, whole, head, error)?;
            }
        }
        if self.new_file_is_due(now) {
            self.next_file(now);
        }
        Ok(())
    }

    /// When [`Store::settle`] is to be called.
    #[must_use]
    pub fn settle_due(&self) -> Option<Instant> {
        self.current.unsynced.map(|since| since + SYNC_EVERY)
    }

    /// Brings to the disk what was written, when it is time.
    ///
    /// # Errors
    ///
    /// As [`Store::write`].
    pub fn settle(&mut self, now: Instant) -> io::Result<()> {
        self.flush(now)?;
        if self.settle_due().is_none_or(|due| now < due) {
            return Ok(());
        }
        self.end_frame(now)?;
        let Self { current, disk, notices, .. } = self;
        current.unsynced = None;
        let (Some(disk), Some(file)) = (disk, &current.file) else { return Ok(()) };
        if !disk.keep(file) {
            current.unsynced = Some(now);
        }
        if let Some(error) = disk.failure() {
            notices.push(Notice::NotOnDisk { file: current.path.clone(), error });
        }
        if open::was_removed(file) {
            self.next_file(now);
        }
        Ok(())
    }

    /// Ends the recording, and waits for the disk.
    ///
    /// # Errors
    ///
    /// As [`Store::write`].
    pub fn finish(mut self, now: Instant) -> io::Result<(Written, Vec<Notice>)> {
        self.flush(now)?;
        self.end_frame(now)?;
        if let Some(disk) = self.disk
            && let Some(file) = &self.current.file
            && let Err(error) = disk.finish(file)
        {
            self.notices.push(Notice::NotOnDisk { file: self.current.path.clone(), error });
        }
        Ok((self.written, self.notices))
    }

    /// What must stand before the next line: the headers, where they were lost, and the loss after a gap.
    fn begin_chunk(&mut self) -> io::Result<()> {
        if self.current.medium.len() == 0 {
            for (source, header) in self.heads() {
                self.current.push(&source, &header, true)?;
            }
        }
        let Some(Gap { lines, cause, since }) = self.gap.filter(|gap| gap.lines > 0) else { return Ok(()) };
        let hides = if self.recorder.is_some() {
            "events of any kind, of any of the hosts".to_owned()
        } else {
            format!("all that happened from {} s to {} s after boot", moment_text(since), moment_text(self.latest))
        };
        let loss = Line::Loss(Loss { at: self.latest, cause: cause.to_owned(), count: lines, hides });
        self.current.push("", &loss, true)
    }

    fn resumed(&mut self) {
        if let Some(Gap { lines, .. }) = self.gap.take() {
            self.notices.push(Notice::Resumed { file: self.current.path.clone(), lost: lines });
        }
    }

    fn failed(&mut self, lost: u64, whole: usize, head: usize, error: io::Error) -> io::Result<()> {
        let file = self.current.path.clone();
        if self.current.medium.repair() == Repair::Newline
            && (cause(&error) != "disk_full" || self.current.encoding.in_frame())
        {
            return Err(error);
        }
        self.written.lost += lost;
        let told = self.gap.is_some();
        // The loss was the last of the head.
        let counted = if whole >= head && whole > 0 { 0 } else { self.gap.map_or(0, |gap| gap.lines) };
        let since = self.gap.filter(|_| counted > 0).map_or(self.waiting, |gap| gap.since);
        self.gap = Some(Gap { lines: counted + lost, cause: cause(&error), since });
        if !told {
            self.notices.push(Notice::Stopped { file, error });
        }
        Ok(())
    }

    fn end_frame(&mut self, now: Instant) -> io::Result<()> {
        let Current { encoding, chunk, began_in_frame, .. } = &mut self.current;
        *began_in_frame = encoding.in_frame();
        encoding.end_frame(chunk)?;
        self.flush_frame_end(now)
    }

    fn flush_frame_end(&mut self, now: Instant) -> io::Result<()> {
        if self.current.chunk.bytes.is_empty() {
            return Ok(());
        }
        let before = self.current.medium.len();
        let result = self.current.append(now);
        self.written.bytes += self.current.medium.len().saturating_sub(before);
        match result {
            Ok(()) => Ok(()),
            Err(Failed { error, .. }) => self.failed(0, 0, 1, error),
        }
    }
}

#[cfg(test)]
mod tests;
