//! Bytes as they come, lines as they go, in bounded memory.

use memchr::memchr;

use crate::record::MAX_LINE;

/// What is kept of lines that nobody has taken yet, bytes; the line that does not fit is lost.
pub const QUEUE: usize = 4 << 20;
/// Memory that an empty queue keeps, bytes.
const IDLE: usize = 128 << 10;

/// A line that was longer than [`MAX_LINE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// A queue of lines: whole ones, and the beginning of one.
#[derive(Debug, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    /// What is before was taken.
    head: usize,
    /// Here the unfinished line begins.
    line: usize,
    whole: usize,
    unfinished: Unfinished,
    lost: u64,
}

/// What becomes of the rest of the unfinished line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Unfinished {
    #[default]
    Kept,
    /// Kept up to one byte more than a line may have, which tells that it is too long.
    TooLong,
    Lost,
}

impl Lines {
    /// Whole lines to take.
    #[must_use]
    pub fn whole(&self) -> usize {
        self.whole
    }

    /// Bytes that can be pushed without losing a line.
    #[must_use]
    pub fn room(&self) -> usize {
        QUEUE.saturating_sub(self.bytes.len() - self.head)
    }

    /// Lines lost since this was last asked, for want of room.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Takes in what was read.
    pub fn push(&mut self, mut read: &[u8]) {
        self.compact();
        while !read.is_empty() {
            let end = memchr(b'\n', read);
            self.extend(&read[..end.unwrap_or(read.len())]);
            if end.is_some() {
                self.end_line();
            }
            read = &read[end.map_or(read.len(), |at| at + 1)..];
        }
    }

    /// The next whole line, without its end.
    pub fn next_line(&mut self) -> Option<Result<&[u8], TooLong>> {
        if self.whole == 0 {
            return None;
        }
        let start = self.head;
        let length = memchr(b'\n', &self.bytes[start..self.line])?;
        self.head = start + length + 1;
        self.whole -= 1;
        Some(if length > MAX_LINE { Err(TooLong) } else { Ok(&self.bytes[start..start + length]) })
    }

    /// What is left when nothing more comes: the last line, without an end. For when [`Lines::next_line`] has no more.
    pub fn last_line(&mut self) -> Option<Result<&[u8], TooLong>> {
        let start = std::mem::replace(&mut self.head, self.bytes.len());
        self.line = self.head;
        match std::mem::take(&mut self.unfinished) {
            Unfinished::TooLong => Some(Err(TooLong)),
            Unfinished::Kept => Some(Ok(&self.bytes[start..])).filter(|_| start < self.bytes.len()),
            Unfinished::Lost => {
                self.lost += 1;
                None
            }
        }
    }

    fn extend(&mut self, piece: &[u8]) {
        if self.unfinished != Unfinished::Kept {
            return;
        }
        let length = self.bytes.len() - self.line;
        // One more than a line may have tells that it is too long.
        let piece = &piece[..piece.len().min(MAX_LINE + 1 - length)];
        if piece.len() >= self.room() {
            self.bytes.truncate(self.line);
            self.unfinished = Unfinished::Lost;
            return;
        }
        self.bytes.extend_from_slice(piece);
        if length + piece.len() > MAX_LINE {
            self.unfinished = Unfinished::TooLong;
        }
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.unfinished) == Unfinished::Lost || self.room() == 0 {
            self.bytes.truncate(self.line);
            self.lost += 1;
            return;
        }
        self.bytes.push(b'\n');
        self.line = self.bytes.len();
        self.whole += 1;
    }

    fn compact(&mut self) {
        if self.head > self.bytes.len() / 2 {
            self.bytes.drain(..self.head);
            self.line -= self.head;
            self.head = 0;
        }
        if self.bytes.len() < IDLE / 2 {
            self.bytes.shrink_to(IDLE);
        }
    }

    #[cfg(test)]
    fn memory(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::record::{Item, Line, Reader, Skipped, Why, decode, encode};

    /// What [`Reader`] makes of the same bytes, as text.
    fn by_reader(bytes: &[u8]) -> Vec<String> {
        Reader::new(bytes)
            .map(|item| match item.expect("memory gives no I/O error") {
                Item::Line(line) | Item::From { line, .. } => format!("{line:?}"),
                Item::Skipped(Skipped { line_no: _, why }) => format!("{why:?}"),
            })
            .collect()
    }

    fn say(line: Result<&[u8], TooLong>, is_last: bool) -> Option<String> {
        let Ok(line) = line else { return Some(format!("{:?}", Why::TooLong)) };
        match super::super::understand(line, is_last)? {
            Ok(decoded) => Some(format!("{:?}", decoded.line)),
            Err(why) => Some(format!("{why:?}")),
        }
    }

    fn by_lines(bytes: &[u8], chunks: &[usize]) -> (Vec<String>, usize) {
        let (mut lines, mut said, mut memory) = (Lines::default(), Vec::new(), 0);
        let (mut rest, mut sizes) = (bytes, chunks.iter().cycle());
        while !rest.is_empty() {
            // A byte at a time would take a long line too long.
            let least = if bytes.len() > 10_000 { 1000 } else { 1 };
            let size = sizes.next().copied().unwrap_or(1).max(least).min(rest.len());
            lines.push(&rest[..size]);
            rest = &rest[size..];
            memory = memory.max(lines.memory());
            while let Some(line) = lines.next_line() {
                said.extend(say(line, false));
            }
        }
        while let Some(line) = lines.next_line() {
            said.extend(say(line, false));
        }
        said.extend(lines.last_line().and_then(|line| say(line, true)));
        assert_eq!(lines.take_lost(), 0);
        (said, memory)
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let clock = |at| {
            let mut line = Vec::new();
            let sample = crate::record::ClockSample { at: crate::record::Stamp(at), realtime_minus_boottime_ns: 5 };
            encode(&Line::Clock(sample), &mut line);
            line
        };
        prop_oneof![
            4 => any::<u64>().prop_map(clock),
            2 => vec(any::<u8>(), 0..40),
            1 => Just(b"\n".to_vec()),
            1 => Just(b"{\"type\":\"clock\"".to_vec()),
            1 => (MAX_LINE - 2..MAX_LINE + 3).prop_map(|length| vec![b'x'; length]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn any_bytes_in_any_pieces_give_the_lines_that_a_file_would(
            pieces in vec(piece(), 0..12),
            chunks in vec(prop_oneof![1_usize..20, 1000_usize..100_000], 1..5),
        ) {
            let bytes = pieces.concat();
            let (said, memory) = by_lines(&bytes, &chunks);
            prop_assert_eq!(said, by_reader(&bytes));
            prop_assert!(memory <= 2 * QUEUE, "{}", memory);
        }

        #[test]
        fn whatever_floods_in_memory_is_bounded_and_every_line_is_given_or_counted(
            length in prop_oneof![0_usize..200, MAX_LINE - 5..MAX_LINE + 5],
            chunk in 1000_usize..300_000,
        ) {
            let line = [vec![b'x'; length], b"\n".to_vec()].concat();
            let sent = (3 * QUEUE / line.len()).min(50_000);
            let bytes = line.repeat(sent);
            let mut lines = Lines::default();
            for piece in bytes.chunks(chunk) {
                lines.push(piece);
                prop_assert!(lines.memory() <= 2 * QUEUE);
            }
            let lost = lines.take_lost();
            let mut given = 0;
            while let Some(line) = lines.next_line() {
                prop_assert_eq!(line.map_or(MAX_LINE + 1, <[u8]>::len), length.min(MAX_LINE + 1));
                given += 1;
            }
            prop_assert_eq!(given + lost, sent as u64);
        }
    }

    #[test]
    fn an_endless_line_takes_no_memory_and_the_next_one_is_read() {
        let mut lines = Lines::default();
        for _ in 0..1000 {
            lines.push(&[b'x'; 64 << 10]);
            assert!(lines.memory() <= 2 * QUEUE);
        }
        lines.push(b"\nnext\n");
        assert_eq!(lines.next_line(), Some(Err(TooLong)));
        assert_eq!(lines.next_line(), Some(Ok(&b"next"[..])));
        assert_eq!(lines.next_line(), None);
        lines.push(b"");
        assert!(lines.memory() <= IDLE);
        assert!(decode(b"next").is_err());
    }
}
