//! From a [`Line`] to a line on disk.

use std::io::{self, Write};

use memchr::memchr2;
use serde_json::{Serializer, ser::Formatter};

use super::{
    Event, Line,
    define::key,
    field::{Field as _, Key},
};

/// Appends one record and its line end to `out`.
pub fn encode(line: &Line, out: &mut Vec<u8>) {
    match line {
        Line::Event(it) => flat("event", out, |out| event(it, out)),
        Line::Clock(it) => flat("clock", out, |out| it.write(key!(clock), out)),
        Line::Loss(it) => flat("loss", out, |out| it.write(key!(loss), out)),
        Line::Header(it) => put(it, out),
        Line::Verdict(it) => put(it, out),
        Line::Summary(it) => put(it, out),
        Line::Paired(it) => put(it, out),
    }
    out.push(b'\n');
}

/// An object of which `type` comes first.
fn flat(name: &str, out: &mut Vec<u8>, fields: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
    fields(out);
    out.push(b'}');
}

/// One record as text, without its line end.
#[must_use]
pub fn text(line: &Line) -> String {
    let mut bytes = Vec::new();
    encode(line, &mut bytes);
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

/// Appends a value as JSON.
pub(super) fn put(value: &(impl serde::Serialize + ?Sized), out: &mut Vec<u8>) {
    let before = out.len();
    if value.serialize(&mut Serializer::with_formatter(&mut *out, Harmless)).is_err() {
        // These types have neither maps with odd keys nor fallible parts, and memory does not refuse a write.
        out.truncate(before);
    }
}

/// JSON without blanks in which names of files and tasks cannot command a terminal: JSON itself demands an escape for none
/// of the control characters from U+007F to U+009F, and U+009B does in many terminals what ESC [ does.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, control)) = next_control(rest) {
            out.write_all(&rest.as_bytes()[..at])?;
            write!(out, "\\u{:04x}", u32::from(control))?;
            rest = &rest[at + control.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

fn next_control(text: &str) -> Option<(usize, char)> {
    // In UTF-8 they are this byte, or begin with that one, which few texts have.
    let mut from = 0;
    while let Some(at) = memchr2(0x7f, 0xc2, &text.as_bytes()[from..]) {
        from += at;
        let found = text[from..].chars().next()?;
        if found.is_control() {
            return Some((from, found));
        }
        from += found.len_utf8();
    }
    None
}

fn event(event: &Event, out: &mut Vec<u8>) {
    let Event { at, task, netns, kind } = event;
    at.write(key!(t), out);
    out.extend_from_slice(b",\"event\":\"");
    out.extend_from_slice(kind.name().as_bytes());
    out.push(b'"');
    netns.write(key!(netns), out);
    task.write(key!(task), out);
    kind.write(out);
}
