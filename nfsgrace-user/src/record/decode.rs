//! From a line on disk to a [`Line`].

use serde::Deserialize;

use super::{
    ClockSample, Event, Kind, Line, Loss, Stamp, Task,
    define::key,
    field::{Field as _, Fields, Key},
    quick::Cursor,
    reader::MAX_EVENT,
    thorough::Object,
};

/// A line that was understood.
#[derive(Debug)]
pub struct Decoded {
    /// What it says.
    pub line: Line,
    /// Fields in it that this program does not know, left out.
    pub unknown_fields: u32,
}

/// Why a line was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Longer than [`MAX_LINE`](super::MAX_LINE), or an event than [`MAX_EVENT`](super::MAX_EVENT).
    #[error("too long")]
    TooLong,
    /// The last line, and it is cut off: the writer was stopped in the middle of it.
    #[error("cut off: the recorder was stopped while writing it, or still writes")]
    Torn,
    /// Not an object in JSON, or a field has another type than it should.
    #[error("not a record: {0}")]
    NotJson(String),
    /// A field that this kind of record needs is not there.
    #[error("has no {0:?}")]
    Missing(&'static str),
    /// A field has a value that this program does not know.
    #[error("{0:?} cannot be {1:?}")]
    BadValue(&'static str, String),
    /// A type of record that this program does not know, from a newer version perhaps.
    #[error("unknown type {0:?}")]
    UnknownType(String),
    /// A kind of event that this program does not know, from a newer version perhaps.
    #[error("unknown event {0:?}")]
    UnknownEvent(String),
    /// Not one line, but so many bytes of a compressed file that are damaged.
    #[error("{0} bytes of compressed data are damaged")]
    Damaged(u64),
}

/// Longest piece of a bad line that a [`Why`] carries, characters.
const QUOTE: usize = 60;

pub(super) fn quote(text: &str) -> String {
    text.chars().take(QUOTE).collect()
}

impl Why {
    pub(super) fn not_json(error: &serde_json::Error) -> Self {
        Self::NotJson(quote(&error.to_string()))
    }
}

/// Reads one line, with or without its line end.
///
/// # Errors
///
/// [`Why`] it is not one that this program understands.
pub fn decode(line: &[u8]) -> Result<Decoded, Why> {
    // Checked once for the whole line: serde_json would do it string by string.
    let line = std::str::from_utf8(line).map_err(|_| Why::NotJson("not UTF-8".to_owned()))?;
    match quickly(line) {
        Some(Line::Event(_) | Line::Loss(_)) if line.len() > MAX_EVENT => Err(Why::TooLong),
        Some(line) => Ok(Decoded { line, unknown_fields: 0 }),
        None => decode_thoroughly(line),
    }
}

/// Reads one line in the form in which this program writes it; `None` where it has another, or is wrong.
fn quickly(line: &str) -> Option<Line> {
    let mut from = Cursor::new(line)?;
    from.take("{\"type\":\"")?;
    let line = if from.take("event\"").is_some() {
        Line::Event(event(&mut from).ok()?)
    } else if from.take("clock\"").is_some() {
        Line::Clock(ClockSample::read(key!(clock), &mut from).ok()?)
    } else {
        from.take("loss\"")?;
        Line::Loss(Loss::read(key!(loss), &mut from).ok()?)
    };
    from.take("}")?;
    from.is_at_end().then_some(line)
}

/// Reads one line the slow way, which understands all of JSON. What [`decode`] makes of a line is the same.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_thoroughly(line: &str) -> Result<Decoded, Why> {
    let mut from = Object::parse(line)?;
    let name = from.text(key!(type))?.ok_or(Why::Missing("type"))?;
    let line = match name.as_ref() {
        "event" | "loss" if line.len() > MAX_EVENT => return Err(Why::TooLong),
        "event" => Line::Event(event(&mut from)?),
        "clock" => Line::Clock(ClockSample::read(key!(clock), &mut from)?),
        "loss" => Line::Loss(Loss::read(key!(loss), &mut from)?),
        // The rare records that are not flat.
        "header" => return tree(line, Line::Header),
        "verdict" => return tree(line, Line::Verdict),
        "summary" => return tree(line, Line::Summary),
        "paired" => return tree(line, Line::Paired),
        other => return Err(Why::UnknownType(quote(other))),
    };
    Ok(Decoded { line, unknown_fields: from.unknown() })
}

fn tree<'a, T: Deserialize<'a>>(line: &'a str, wrap: fn(Box<T>) -> Line) -> Result<Decoded, Why> {
    let value = serde_json::from_str(line).map_err(|error| Why::not_json(&error))?;
    Ok(Decoded { line: wrap(Box::new(value)), unknown_fields: 0 })
}

fn event<'a, F: Fields<'a>>(from: &mut F) -> Result<Event, F::Refusal> {
    let at = Stamp::read(key!(t), from)?;
    let kind = from.text(key!(event))?.ok_or(Why::Missing("event"))?;
    let netns = Option::read(key!(netns), from)?;
    let task = Task::read(key!(task), from)?;
    Ok(Event { at, task, netns, kind: Kind::read(&kind, from)? })
}
