//! A session that was recorded: a file or standard input, compressed or not.

mod end;
mod open;
mod zst;

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, IsTerminal as _, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub use end::end;
pub use open::OpenError;
use zst::{Damage, Frames};

use crate::record::{Header, Item, Line, Reader, SCHEMA, Skipped, Why};

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;
/// Lines looked at before a file is said to be no session.
const HEAD: usize = 20;

/// A session file that is being read: an iterator over what is in it.
pub struct SessionFile {
    name: String,
    reader: Reader<Bytes>,
    /// What was read to find out what it is.
    head: VecDeque<Item>,
    read: Arc<AtomicU64>,
    size: Option<u64>,
    torn: bool,
}

/// How far a file has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes read.
    pub read: u64,
    /// Bytes that it has; `None` on a pipe.
    pub of: Option<u64>,
}

type Start = io::Chain<Cursor<Vec<u8>>, Counting>;

/// What lines are read from.
enum Bytes {
    Plain(BufReader<Start>),
    Zst(Box<Frames<Start>>),
}

impl Read for Bytes {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(from) => from.read(into),
            Self::Zst(from) => from.read(into),
        }
    }
}

impl BufRead for Bytes {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(from) => from.fill_buf(),
            Self::Zst(from) => from.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Self::Plain(from) => from.consume(amount),
            Self::Zst(from) => from.consume(amount),
        }
    }
}

/// Counts what is read from a file.
struct Counting {
    from: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl SessionFile {
    /// Opens a session file, or standard input where the path is `-`.
    ///
    /// # Errors
    ///
    /// [`OpenError`] where it cannot be read, or is no session.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        if path == Path::new("-") {
            if io::stdin().is_terminal() {
                return Err(OpenError::Terminal);
            }
            return Self::read("standard input".to_owned(), Box::new(io::stdin()), None);
        }
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(OpenError::Directory);
        }
        let size = metadata.is_file().then_some(metadata.len());
        Self::read(path.display().to_string(), Box::new(File::open(path)?), size)
    }

    /// Reads a session from anything, `size` bytes long if that is known.
    ///
    /// # Errors
    ///
    /// [`OpenError`] where it cannot be read, or is no session.
    pub fn read(name: String, from: Box<dyn Read + Send>, size: Option<u64>) -> Result<Self, OpenError> {
        let read = Arc::new(AtomicU64::new(0));
        let mut from = Counting { from, read: Arc::clone(&read) };
        let mut start = Vec::new();
        (&mut from).take(zst::MAGIC.len() as u64).read_to_end(&mut start)?;
        if start.is_empty() {
            return Err(OpenError::Empty);
        }
        let compressed = zst::begins(&start);
        let other = open::other_format(&start);
        let bytes = Cursor::new(start).chain(from);
        let bytes = match compressed {
            true => Bytes::Zst(Box::new(Frames::new(bytes)?)),
            false => Bytes::Plain(BufReader::with_capacity(BUFFER, bytes)),
        };
        let mut file = Self { name, reader: Reader::new(bytes), head: VecDeque::new(), read, size, torn: false };
        file.look(other)?;
        Ok(file)
    }

    /// Reads until the first line that is understood.
    fn look(&mut self, other: Option<&'static str>) -> Result<(), OpenError> {
        while self.head.len() < HEAD {
            match self.next_item().transpose()? {
                Some(item @ (Item::Line(_) | Item::From { .. })) => {
                    self.head.push_back(item);
                    return Ok(());
                }
                Some(item) => self.head.push_back(item),
                None => break,
            }
        }
        let torn = |item: &Item| matches!(item, Item::Skipped(Skipped { why: Why::Torn, .. }));
        Err(match other {
            Some(format) => OpenError::Compressed(format),
            None if self.head.is_empty() => OpenError::Empty,
            None if self.head.len() == 1 && self.head.iter().all(torn) && self.begins_like_one() => OpenError::Torn,
            None => OpenError::NotASession,
        })
    }

    /// Whether its only line, cut off as it is, begins like the first one of a session.
    fn begins_like_one(&self) -> bool {
        let first = b"{\"type\":\"header\"";
        let line = self.reader.latest_line();
        line.starts_with(first) || first.starts_with(line)
    }

    fn next_item(&mut self) -> Option<io::Result<Item>> {
        let item = self.reader.next();
        if let Some(Ok(Item::Skipped(Skipped { why: Why::Torn, .. }))) = item {
            self.torn = true;
        }
        if item.is_some() {
            return item;
        }
        let line_no = self.reader.line_no();
        let skipped = |why| Some(Ok(Item::Skipped(Skipped { line_no, why })));
        let Bytes::Zst(frames) = self.reader.get_mut() else { return None };
        match frames.damage()? {
            Damage::Corrupt(bytes) => skipped(Why::Damaged(bytes)),
            Damage::Torn if self.torn => None,
            Damage::Torn => skipped(Why::Torn),
        }
    }

    /// Its name, as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its header, where the first line is one; before anything else is read.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        match self.head.iter().find(|item| matches!(item, Item::Line(_)))? {
            Item::Line(Line::Header(header)) => Some(header),
            _ => None,
        }
    }

    /// What one of its sources is called, where it has several hosts.
    #[must_use]
    pub fn source(&self, number: usize) -> Option<&str> {
        self.reader.source(number)
    }

    /// Whether it has lines of several hosts, each with a header of its own.
    #[must_use]
    pub fn has_several(&self) -> bool {
        let known = self.head.iter().find(|item| !matches!(item, Item::Skipped(_)));
        match known {
            Some(Item::Line(Line::Header(header))) => !header.sources.is_empty(),
            Some(Item::From { .. }) => true,
            _ => false,
        }
    }

    /// Whether a newer program wrote it, whose records may mean something else.
    #[must_use]
    pub fn newer_schema(&self) -> Option<u32> {
        self.header().map(|header| header.schema).filter(|schema| *schema > SCHEMA)
    }

    /// How far it has been read.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress { read: self.read.load(Ordering::Relaxed), of: self.size }
    }
}

impl Iterator for SessionFile {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.head.pop_front() {
            Some(item) => Some(Ok(item)),
            None => self.next_item(),
        }
    }
}

impl std::fmt::Debug for SessionFile {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SessionFile").field("name", &self.name).field("progress", &self.progress()).finish()
    }
}
