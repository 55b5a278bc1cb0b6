//! A session as it arrives, from somebody who may be anybody.
//!
//! Lines are taken in turns: however much one source sends, the others have theirs. What is kept of a source is bounded in
//! bytes, and what is taken of it in lines per second; a live host that sends more loses lines, and they are counted.

mod guard;
mod lines;

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, ReadBuf},
    time::{Instant, sleep_until},
};

use self::{
    guard::{Admitted, Guard},
    lines::Lines,
};
use super::heard::{FromSource, Skipped, Why};
use crate::record::{self, Decoded, Line, Loss, Stamp, decode};

/// Lines taken in one turn.
const LINES_PER_TURN: usize = 512;
/// Text taken in one turn, bytes; the last line may exceed it.
const TEXT_PER_TURN: usize = 512 << 10;
/// Text of one record, bytes: a path has up to 4096, and JSON may need six for one of them. What a record takes in memory
/// may be several times as much.
const MAX_RECORD: usize = 48 << 10;
/// From one turn of a live source to its next. Records that come one by one are taken together, which saves most of the
/// work that waiting makes; nobody sees the delay.
const TURN: Duration = Duration::from_millis(20);
/// Bytes read in one turn.
const BYTES_PER_TURN: usize = 4 << 20;
const CHUNK: usize = 64 << 10;

/// What is known of whoever writes a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// Another host, watching now: it may not be ahead of time, and what it sends too fast is lost.
    Live,
    /// A pipe: live, or a recording, which passes faster than time. Whoever fills it waits until there is room.
    Pipe,
}

/// Reads a session.
#[derive(Debug)]
pub struct Stream<R> {
    from: R,
    feed: Feed,
    chunk: Box<[u8]>,
    lines: Lines,
    guard: Guard,
    line_no: u64,
    began: Instant,
    turn: Instant,
    end: Option<End>,
}

/// Why no more can be read.
#[derive(Debug)]
enum End {
    /// The last line was not looked at yet.
    Reached(io::Result<()>),
    Told,
}

impl<R: AsyncRead + Unpin> Stream<R> {
    /// Reads from `from`. Needs a tokio runtime with time.
    #[must_use]
    pub fn new(from: R, feed: Feed) -> Self {
        let now = Instant::now();
        Self {
            from,
            feed,
            chunk: vec![0; CHUNK].into(),
            lines: Lines::default(),
            guard: Guard::new(feed),
            line_no: 0,
            began: now,
            turn: now,
            end: None,
        }
    }

    /// Whether its header came.
    #[must_use]
    pub fn has_header(&self) -> bool {
        self.guard.is_open()
    }

    /// The latest time in it that was believed.
    #[must_use]
    pub fn latest(&self) -> Option<Stamp> {
        self.guard.latest()
    }

    /// Waits for what comes next: lines, and what was left out. `None` at the end. Safe to cancel.
    ///
    /// # Errors
    ///
    /// Where reading fails; once, then it has ended.
    pub async fn next(&mut self) -> io::Result<Option<Vec<FromSource>>> {
        loop {
            if self.lines.whole() == 0 && self.end.is_none() {
                let read = self.from.read(&mut self.chunk).await;
                self.took(read);
            }
            if self.feed == Feed::Live {
                sleep_until(self.turn).await;
            }
            self.read_what_is_there().await;
            self.turn = Instant::now() + TURN;
            let heard = self.take();
            if !heard.is_empty() {
                return Ok(Some(heard));
            }
            if self.lines.whole() == 0
                && let Some(end) = &mut self.end
            {
                return match std::mem::replace(end, End::Told) {
                    End::Reached(Err(error)) => Err(error),
                    End::Reached(Ok(())) | End::Told => Ok(None),
                };
            }
            // Lines that say nothing, and more of them: the others have their turn.
            tokio::task::yield_now().await;
        }
    }

    fn took(&mut self, read: io::Result<usize>) {
        match read {
            Ok(0) => self.end = Some(End::Reached(Ok(()))),
            Ok(length) => self.lines.push(&self.chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.end = Some(End::Reached(Err(error))),
        }
    }

    async fn read_what_is_there(&mut self) {
        let mut left = BYTES_PER_TURN;
        while self.end.is_none() && left > 0 && (self.feed == Feed::Live || self.lines.room() > CHUNK) {
            let read = poll_fn(|context| Poll::Ready(self.read_now(context))).await;
            let Poll::Ready(read) = read else { return };
            left = left.saturating_sub(*read.as_ref().unwrap_or(&0));
            self.took(read);
        }
    }

    fn read_now(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(&mut self.chunk);
        let read = Pin::new(&mut self.from).poll_read(context, &mut buffer);
        read.map_ok(|()| buffer.filled().len())
    }

    fn take(&mut self) -> Vec<FromSource> {
        let now = self.began.elapsed();
        let mut taken = Taken { heard: Vec::new(), skipped: None };
        let mut text = 0;
        for _ in 0..LINES_PER_TURN {
            if text >= TEXT_PER_TURN {
                break;
            }
            let Some(line) = self.lines.next_line() else { break };
            text += line.map_or(0, <[u8]>::len);
            self.line_no += 1;
            taken.line(line, false, self.line_no, &mut self.guard, now);
        }
        if self.lines.whole() == 0
            && matches!(self.end, Some(End::Reached(_)))
            && let Some(line) = self.lines.last_line()
        {
            self.line_no += 1;
            taken.line(line, true, self.line_no, &mut self.guard, now);
        }
        taken.heard.extend(taken.skipped.map(FromSource::Skipped));
        let lost = self.lines.take_lost();
        if lost > 0 {
            let at = self.guard.latest().unwrap_or_default();
            taken.heard.push(FromSource::Line(Line::Loss(Loss {
                at,
                cause: "source_flooded".to_owned(),
                count: lost,
                hides: "single events of any kind: the host sent more than can be taken from one".to_owned(),
            })));
        }
        taken.heard
    }
}

/// What was made of the lines of one turn.
struct Taken {
    heard: Vec<FromSource>,
    skipped: Option<Skipped>,
}

impl Taken {
    fn line(
        &mut self,
        line: Result<&[u8], lines::TooLong>,
        is_last: bool,
        line_no: u64,
        guard: &mut Guard,
        now: Duration,
    ) {
        let line = match line {
            Err(lines::TooLong) => return self.skip(line_no, Why::Unreadable(record::Why::TooLong)),
            Ok(text) if is_conclusion(text) => return,
            Ok(text) if text.len() > MAX_RECORD => return self.skip(line_no, Why::TooMuchText),
            Ok(text) => match understand(text, is_last) {
                None => return,
                Some(Err(why)) => return self.skip(line_no, Why::Unreadable(why)),
                Some(Ok(decoded)) => decoded.line,
            },
        };
        match guard.admit(&line, now) {
            Err(why) => return self.skip(line_no, why),
            Ok(Admitted::No) => return,
            Ok(Admitted::Newer(schema, program)) => self.heard.push(FromSource::Newer { schema, program }),
            Ok(Admitted::Yes) => {}
        }
        self.heard.push(FromSource::Line(line));
    }

    fn skip(&mut self, line_no: u64, why: Why) {
        self.skipped.get_or_insert(Skipped { count: 0, line_no, why }).count += 1;
    }
}

/// Whether it is what another program concluded, which may be long and is nothing to this one.
fn is_conclusion(text: &[u8]) -> bool {
    let types = ["verdict", "summary", "paired"];
    text.strip_prefix(b"{\"type\":\"").is_some_and(|rest| types.iter().any(|name| rest.starts_with(name.as_bytes())))
}

/// What [`record::Reader`] would make of a line; nothing of an empty one.
fn understand(line: &[u8], is_last: bool) -> Option<Result<Decoded, record::Why>> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    Some(decode(line).map_err(|why| match why {
        record::Why::NotJson(_) if is_last => record::Why::Torn,
        why => why,
    }))
}

#[cfg(test)]
mod tests;
