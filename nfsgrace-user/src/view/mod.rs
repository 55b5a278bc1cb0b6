//! Renders a session. Knows nothing of where the records came from, writes nothing itself.
//!
//! * [`text`]: permanent lines as things happen, and a status block that is redrawn in place;
//! * [`summary`]: the tables at the end;
//! * [`report`]: the same after the fact, with the server's way through each start; as text or for a ticket;
//! * [`csv`]: two tables of all attempts and all refusals;
//! * [`perfetto`]: a trace of the timeline;
//! * [`picture`]: the timeline drawn to scale, as SVG or as a page of HTML;
//! * [`paired`]: what the sessions of several hosts come to together.
//!
//! Whatever came from a kernel, a file or another host passes [`clean`] before it is shown.

pub mod csv;
mod names;
pub mod paired;
pub mod perfetto;
pub mod picture;
pub mod probes;
pub mod report;
pub mod summary;
pub mod text;
mod wall;

use std::{borrow::Cow, time::Duration};

use unicode_width::UnicodeWidthChar;
pub use wall::Wall;

pub use crate::clock::{Axis, Placed};
use crate::record::Stamp;
pub(crate) use crate::record::{moment_text as moment, span_text as span};

/// How text may look. Whether colour is wanted (`NO_COLOR`, a pipe) is the caller's to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Colour and bold by escape sequences.
    pub color: bool,
    /// Box drawing characters and arrows rather than ASCII.
    pub unicode: bool,
}

/// What a piece of text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Bold,
    Dim,
    Good,
    Warning,
    Bad,
}

impl Style {
    /// No colour, Unicode.
    pub const PLAIN: Self = Self { color: false, unicode: true };

    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            _ if !self.color => return text.to_owned(),
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Good => "32",
            Paint::Warning => "33",
            Paint::Bad => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// The first in Unicode, else the second.
    pub(crate) fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }
}

/// Makes a name safe to print: control characters, which could move the cursor or ring a bell, and characters that turn
/// the direction of writing are shown as escapes.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !harmful(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    Cow::Owned(out)
}

/// [`clean`], and cut to so many columns; what is cut is cut at the beginning, since paths differ at their end.
pub(crate) fn clean_tail(text: &str, columns: usize) -> String {
    let text = clean(text);
    if width(&text) <= columns {
        return text.into_owned();
    }
    let mut used = 1;
    let tail: Vec<char> = text
        .chars()
        .rev()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect();
    std::iter::once('…').chain(tail.into_iter().rev()).collect()
}

/// Columns that a text takes; escape sequences of [`Style::paint`] take none.
pub(crate) fn width(text: &str) -> usize {
    let mut columns = 0;
    let mut escape = false;
    for c in text.chars() {
        match c {
            '\x1b' => escape = true,
            'm' if escape => escape = false,
            _ if escape => {}
            c => columns += c.width().unwrap_or(0),
        }
    }
    columns
}

/// As much of a text as so many columns hold.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= columns
    };
    text.chars().take_while(fits).collect()
}

/// The words of a text; a command in back quotes is one word, so that it can be copied from one line.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let split = move |c: char| {
        quoted ^= c == '`';
        c == ' ' && !quoted
    };
    text.split(split).filter(|word| !word.is_empty())
}

/// Breaks text into lines of at most `columns`, at spaces where there are any. Never loses a character but spaces.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        let gap = usize::from(!line.is_empty());
        if !line.is_empty() && width(&line) + gap + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if width(&line) + c.width().unwrap_or(0) > columns {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A duration for a forecast: no more digits than it is worth.
pub(crate) fn rough(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}

/// A range of durations for a forecast.
pub(crate) fn rough_range((from, to): (Duration, Duration)) -> String {
    let (from, to) = (rough(from), rough(to));
    if from == to { from } else { format!("{}–{to}", from.trim_end_matches(" s")) }
}

/// Some of a kind in one line.
pub(crate) fn joined<T: ToString>(all: impl IntoIterator<Item = T>, separator: &str) -> String {
    all.into_iter().map(|it| it.to_string()).collect::<Vec<_>>().join(separator)
}

/// A count with its noun.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The wall clock at a moment, nanoseconds since 1970. `None` where it is not known: no machine was booted in 1970.
fn wall_ns(at: Stamp, realtime_minus_boottime_ns: i64) -> Option<u64> {
    at.0.checked_add_signed(realtime_minus_boottime_ns).filter(|_| realtime_minus_boottime_ns != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_move_the_cursor() {
        assert_eq!(clean("plain/ñame"), "plain/ñame");
        assert_eq!(clean("a\x1b[2Jb\r\n\x07\u{9b}31m\u{202e}c"), "a\\x1b[2Jb\\x0d\\n\\x07\\x9b31m\\u{202e}c");
    }

    #[test]
    fn long_paths_keep_their_end() {
        assert_eq!(clean_tail("/srv/export/home/someone/file", 12), "…omeone/file");
        assert_eq!(clean_tail("/short", 12), "/short");
    }

    #[test]
    fn wrapping_loses_nothing_and_keeps_to_the_width() {
        let text = "one two three /a/path/that/is/far/too/long/for/a/line four";
        let lines = wrap(text, 20);
        assert!(lines.iter().all(|line| width(line) <= 20), "{lines:?}");
        let spaceless = |text: &str| text.replace(' ', "");
        assert_eq!(spaceless(&lines.concat()), spaceless(text));
    }

    #[test]
    fn durations_carry_their_unit() {
        let shown = [85, 1_234, 104_222, 1_039_230, 101_915_000].map(|micros| span(Duration::from_micros(micros)));
        assert_eq!(shown, ["85 µs", "1.2 ms", "104 ms", "1.039 s", "101.915 s"]);
        assert_eq!(rough_range((Duration::from_millis(9_810), Duration::from_millis(21_500))), "9.8–22 s");
    }
}
