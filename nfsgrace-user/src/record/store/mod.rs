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
//! the header, followed by what is needed of an incident that is going on (see [`outline`]). The header's `continues` says
//! how many lines those are, so that whoever reads all files passes them over ([`Continuation`](super::Continuation)).
//! No file that is there is ever written to; a recorder that starts anew takes the next number.

mod disk;
mod encoding;
mod medium;
mod notice;
mod open;
mod outline;
mod series;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

pub use notice::Notice;
pub use open::CannotCreate;
pub use series::{Retain, Rotation};

use self::{
    disk::Disk,
    encoding::{Chunk, Encoding},
    medium::{Failed, Medium, Repair},
    notice::{Gap, cause},
    open::Opened,
    outline::Outline,
    series::Series,
};
use super::{Continues, Header, Line, Loss, Stamp, encode};

/// What came in this time is lost at most when the power fails.
pub const SYNC_EVERY: Duration = Duration::from_secs(5);
/// Bytes that are gathered at most before they are written.
const CHUNK: usize = 64 << 10;
/// How soon the next file is tried again when it could not be begun.
const TRY_AGAIN: Duration = Duration::from_secs(10);

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

/// A recording that is being written.
pub struct Store {
    current: Current,
    series: Option<(Series, Rotation)>,
    header: Option<Header>,
    outline: Outline,
    gap: Option<Gap>,
    /// When the next file is tried again, where it could not be begun.
    stuck: Option<Instant>,
    /// Time of the latest line.
    latest: Stamp,
    /// Time of the first line that waits to be written.
    waiting: Stamp,
    written: Written,
    notices: Vec<Notice>,
    disk: Option<Disk>,
}

/// The file that is being written.
struct Current {
    path: PathBuf,
    /// The file itself, for the disk; a stream has none.
    file: Option<File>,
    /// Whether it was not there before.
    is_new: bool,
    medium: Medium,
    encoding: Encoding,
    chunk: Chunk,
    /// Bytes at the beginning that only repeat.
    repeated: u64,
    /// Lines at the chunk's head that are written anew when they are lost.
    head: usize,
    /// Whether the file ended inside of a frame when the chunk was begun.
    began_in_frame: bool,
    began: Instant,
    /// Since when something waits to be brought to the disk.
    unsynced: Option<Instant>,
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
        Ok(Self::begin(opened, series, now)?)
    }

    fn begin(opened: Opened, series: Option<(Series, Rotation)>, now: Instant) -> io::Result<Self> {
        let mut store = Self {
            disk: opened.file.is_some().then(Disk::new),
            current: Current::new(opened, now)?,
            series,
            header: None,
            outline: Outline::default(),
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

    /// What was written so far.
    #[must_use]
    pub fn written(&self) -> Written {
        self.written
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
        self.latest = self.latest.max(line.at());
        if self.current.chunk.ends.is_empty() {
            self.waiting = line.at();
            self.begin_chunk()?;
        }
        let mut head = false;
        if let Line::Header(header) = line {
            head = self.current.medium.len() == 0 && self.header.is_none();
            self.header = Some(header.as_ref().clone());
        }
        self.outline.follow(line);
        self.current.push(line, head)?;
        if self.current.chunk.bytes.len() >= CHUNK { self.flush(now) } else { Ok(()) }
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

    /// What must stand before the next line: the header, where it was lost, and the loss after a gap.
    fn begin_chunk(&mut self) -> io::Result<()> {
        if self.current.medium.len() == 0
            && let Some(header) = self.header.clone()
        {
            self.current.push(&Line::Header(Box::new(header)), true)?;
        }
        let Some(Gap { lines, cause, since }) = self.gap else { return Ok(()) };
        let span = |stamp: Stamp| stamp.0 as f64 / 1e9;
        let hides = format!("all that happened from {:.3} s to {:.3} s after boot", span(since), span(self.latest));
        let loss = Line::Loss(Loss { at: self.latest, cause: cause.to_owned(), count: lines, hides });
        if lines > 0 { self.current.push(&loss, true) } else { Ok(()) }
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

    fn new_file_is_due(&self, now: Instant) -> bool {
        let Some((_, rotation)) = &self.series else { return false };
        let own = self.current.medium.len().saturating_sub(self.current.repeated);
        let long_enough = rotation.file_size().is_some_and(|size| own >= size);
        let age = now.saturating_duration_since(self.current.began);
        let old_enough = rotation.age.is_some_and(|most| age >= most);
        (long_enough || old_enough) && self.stuck.is_none_or(|until| now >= until)
    }

    /// Goes on in a new file; where that fails, in this one.
    fn next_file(&mut self, now: Instant) {
        let path = match &self.series {
            Some((series, _)) => series.next_path(SystemTime::now()),
            None => self.current.path.clone(),
        };
        match self.begin_file(&path, now) {
            Ok(next) => {
                // The file before is whole for every tool; what fails here was written all the same.
                let _ = self.end_frame(now);
                let mut before = std::mem::replace(&mut self.current, next);
                if let (Some(disk), Some(file)) = (&self.disk, before.file.take()) {
                    disk.keep(&file);
                    if open::was_removed(&file) {
                        let next = self.current.path.clone();
                        self.notices.push(Notice::Removed { file: before.path.clone(), next });
                    } else if let Some((series, _)) = &mut self.series {
                        series.closed(before.path.clone(), before.medium.len());
                    }
                }
                if let Some((series, rotation)) = &mut self.series {
                    series.begun();
                    series.make_room(rotation.retain, self.current.medium.len());
                }
                self.stuck = None;
                self.written.files += 1;
                self.written.bytes += self.current.medium.len();
                self.keep_name();
            }
            Err(error) => {
                if self.stuck.replace(now + TRY_AGAIN).is_none() {
                    self.notices.push(Notice::NoNextFile { file: path, error });
                }
            }
        }
    }

    /// A new file with all that it needs to stand alone.
    fn begin_file(&mut self, path: &Path, now: Instant) -> io::Result<Current> {
        let mut next = Current::new(open::new_file(path)?, now)?;
        let before = self.current.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let repeated = self.outline.repeated(self.latest, &before);
        let mut lines = Vec::new();
        if let Some(header) = self.header.clone() {
            let part = header.continues.as_ref().map_or(1, |continues| continues.part).saturating_add(1);
            let continues = Continues { file: before, part, repeats: repeated.len() as u64, t: self.latest };
            let header = Header { continues: Some(continues), ..header };
            self.header = Some(header.clone());
            lines.push(Line::Header(Box::new(header)));
        }
        lines.extend(repeated);
        for line in &lines {
            next.push(line, true)?;
        }
        match next.append(now) {
            Ok(()) => {
                next.repeated = next.medium.len();
                Ok(next)
            }
            Err(Failed { error, .. }) => {
                // What it holds is of no use without the rest.
                let _ = std::fs::remove_file(path);
                Err(error)
            }
        }
    }

    /// Has the disk keep the name of the file that was just made.
    fn keep_name(&self) {
        if let (Some(disk), Some(parent)) = (&self.disk, self.current.path.parent()) {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            disk.keep_names(parent.to_owned());
        }
    }
}

impl Current {
    fn new(opened: Opened, now: Instant) -> io::Result<Self> {
        let Opened { path, file, target, repair, zstd, is_new } = opened;
        Ok(Self {
            path,
            file,
            is_new,
            medium: Medium::new(target, repair, 0),
            encoding: if zstd { Encoding::zstd()? } else { Encoding::plain() },
            chunk: Chunk::default(),
            repeated: 0,
            head: 0,
            began_in_frame: false,
            began: now,
            unsynced: None,
        })
    }

    fn push(&mut self, line: &Line, head: bool) -> io::Result<()> {
        if self.chunk.ends.is_empty() {
            self.began_in_frame = self.encoding.in_frame();
        }
        let mut text = Vec::with_capacity(256);
        encode(line, &mut text);
        self.encoding.push(&text, &mut self.chunk)?;
        self.head += usize::from(head);
        Ok(())
    }

    /// Writes the chunk; it is empty afterwards.
    fn append(&mut self, now: Instant) -> Result<(), Failed> {
        let result = self.medium.append(&self.chunk);
        if let Err(Failed { lines, .. }) = &result {
            self.encoding.was_cut(*lines > 0 || self.began_in_frame);
        }
        self.chunk.clear();
        self.head = 0;
        self.unsynced.get_or_insert(now);
        result
    }
}

/// A recording that never began leaves nothing.
impl Drop for Current {
    fn drop(&mut self) {
        if self.is_new && self.medium.len() == 0 {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests;
