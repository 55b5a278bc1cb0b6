//! Reads a session line by line and outlives the bad ones.

use std::io::{self, BufRead};

use super::{
    Line,
    decode::{Decoded, Why},
    several::Sources,
};

/// Longest line that is read, bytes; what is longer is skipped, in bounded memory.
pub const MAX_LINE: usize = 1 << 20;
/// Longest event: names and paths have their limits in the kernel, and so have stacks.
pub const MAX_EVENT: usize = 64 << 10;

/// What a [`Reader`] found on one line.
#[derive(Debug)]
pub enum Item {
    /// A record.
    Line(Line),
    /// A record of one of several hosts.
    From {
        /// Which of the sources, in the order in which they appear.
        source: usize,
        /// The record.
        line: Line,
    },
    /// Something else, left out.
    Skipped(Skipped),
}

/// A line that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its number, counted from 1.
    pub line_no: u64,
    /// Why.
    pub why: Why,
}

/// Reads a session from anything buffered. Empty lines are passed over in silence.
///
/// A last line without its line end is accepted when it is whole (an object that ends with its brace cannot be cut), and
/// skipped as [`Why::Torn`] when it is not. An I/O error is yielded once and ends the stream.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    line: Vec<u8>,
    line_no: u64,
    unknown_fields: u64,
    sources: Sources,
    done: bool,
}

/// How a line ended.
enum End {
    Newline,
    TooLong,
    Eof,
}

impl<R: BufRead> Reader<R> {
    /// Reads from `from`.
    pub fn new(from: R) -> Self {
        Self { from, line: Vec::new(), line_no: 0, unknown_fields: 0, sources: Sources::default(), done: false }
    }

    /// What it reads from.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.from
    }

    /// The line that was read last, without its end, as far as it is kept.
    pub fn latest_line(&self) -> &[u8] {
        &self.line
    }

    /// Fields seen so far that this program does not know.
    pub fn unknown_fields(&self) -> u64 {
        self.unknown_fields
    }

    /// What one of the sources is called.
    pub fn source(&self, number: usize) -> Option<&str> {
        self.sources.name(number)
    }

    /// Lines read so far.
    pub fn line_no(&self) -> u64 {
        self.line_no
    }

    /// Reads the next line where it lies, if all of it does, and is read without a word.
    fn at_hand(&mut self) -> Option<Item> {
        let available = self.from.fill_buf().ok()?;
        let end = memchr::memchr(b'\n', available).filter(|end| *end <= MAX_LINE)?;
        let read = self.sources.read(available.get(..end)?).ok()?;
        self.from.consume(end + 1);
        self.line_no += 1;
        Some(self.item(read))
    }

    fn item(&mut self, (source, decoded): (Option<usize>, Decoded)) -> Item {
        let Decoded { line, unknown_fields } = decoded;
        self.unknown_fields += u64::from(unknown_fields);
        match source {
            None => Item::Line(line),
            Some(source) => Item::From { source, line },
        }
    }

    /// Fills `self.line` with the next line, without its end.
    fn fill(&mut self) -> io::Result<End> {
        self.line.clear();
        let mut too_long = false;
        loop {
            let available = match self.from.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok(if too_long { End::TooLong } else { End::Eof });
            }
            let newline = memchr::memchr(b'\n', available);
            let piece = &available[..newline.unwrap_or(available.len())];
            if too_long || self.line.len() + piece.len() > MAX_LINE {
                too_long = true;
                self.line.clear();
            } else {
                self.line.extend_from_slice(piece);
            }
            let used = newline.map_or(available.len(), |at| at + 1);
            self.from.consume(used);
            if newline.is_some() {
                return Ok(if too_long { End::TooLong } else { End::Newline });
            }
        }
    }

    fn understand(&mut self, end: &End) -> Option<Item> {
        self.line_no += 1;
        let skipped = |why| Some(Item::Skipped(Skipped { line_no: self.line_no, why }));
        match end {
            End::TooLong => skipped(Why::TooLong),
            End::Newline | End::Eof if self.line.trim_ascii().is_empty() => None,
            End::Newline | End::Eof => match self.sources.read(&self.line) {
                Ok(read) => Some(self.item(read)),
                Err(Why::NotJson(_)) if matches!(end, End::Eof) => skipped(Why::Torn),
                Err(why) => skipped(why),
            },
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            if let Some(item) = self.at_hand() {
                return Some(Ok(item));
            }
            match self.fill() {
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
                Ok(end) => {
                    if matches!(end, End::Eof) {
                        self.done = true;
                        if self.line.is_empty() {
                            return None;
                        }
                    }
                    if let Some(item) = self.understand(&end) {
                        return Some(Ok(item));
                    }
                }
            }
        }
        None
    }
}
