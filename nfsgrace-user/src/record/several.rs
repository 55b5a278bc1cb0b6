//! Lines of several hosts in one session: each says which source it is from.
//!
//! `{"type":"from","source":"ssh://client1","line":{"type":"event",…}}`: a program that knows nothing of this skips such
//! lines and says so, where it would take lines that only had a further field for those of one host.

use memchr::memchr2;
use serde_json::Value;

use super::{
    Line,
    decode::{Decoded, Why, decode},
    encode::{encode, put},
};

/// How such a line begins, and what stands between its source and the host's own line.
const BEGIN: &[u8] = b"{\"type\":\"from\",\"source\":\"";
const MIDDLE: &[u8] = b"\",\"line\":";
/// Sources told apart; lines of others are skipped.
const MAX_SOURCES: usize = 1_024;

/// Appends one record that is from a source, and its line end.
pub fn encode_from(source: &str, line: &Line, out: &mut Vec<u8>) {
    out.extend_from_slice(BEGIN);
    // With its own quotes.
    out.pop();
    put(source, out);
    out.extend_from_slice(&MIDDLE[1..]);
    encode(line, out);
    // The line's end comes last.
    out.pop();
    out.extend_from_slice(b"}\n");
}

/// The sources of a session, by number.
#[derive(Debug, Default)]
pub(super) struct Sources(Vec<String>);

impl Sources {
    /// Reads a line, and which source it says it is from, if it does.
    pub(super) fn read(&mut self, line: &[u8]) -> Result<(Option<usize>, Decoded), Why> {
        if let Some((source, own)) = split(line) {
            return Ok((Some(self.number(source)?), decode(own)?));
        }
        match decode(line) {
            Err(Why::UnknownType(name)) if name == "from" => self.read_thoroughly(line),
            read => Ok((None, read?)),
        }
    }

    /// However it is written.
    fn read_thoroughly(&mut self, line: &[u8]) -> Result<(Option<usize>, Decoded), Why> {
        let value: Value = serde_json::from_slice(line).map_err(|error| Why::NotJson(error.to_string()))?;
        let source = value.get("source").and_then(Value::as_str).ok_or(Why::Missing("source"))?;
        let own = value.get("line").ok_or(Why::Missing("line"))?;
        Ok((Some(self.number(source)?), decode(own.to_string().as_bytes())?))
    }

    /// What a source is called.
    pub(super) fn name(&self, number: usize) -> Option<&str> {
        self.0.get(number).map(String::as_str)
    }

    fn number(&mut self, source: &str) -> Result<usize, Why> {
        if let Some(number) = self.0.iter().position(|it| it == source) {
            return Ok(number);
        }
        if self.0.len() >= MAX_SOURCES {
            return Err(Why::BadValue("source", source.chars().take(60).collect()));
        }
        self.0.push(source.to_owned());
        Ok(self.0.len() - 1)
    }
}

/// The source and the host's own line, as this program writes them.
fn split(line: &[u8]) -> Option<(&str, &[u8])> {
    let rest = line.strip_prefix(BEGIN)?;
    let (source, rest) = rest.split_at_checked(memchr2(b'"', b'\\', rest)?)?;
    let own = rest.strip_prefix(MIDDLE)?.trim_ascii_end().strip_suffix(b"}")?;
    Some((std::str::from_utf8(source).ok()?, own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ClockSample, Stamp};

    #[test]
    fn a_line_says_which_source_it_is_from_however_that_is_called() {
        let line = Line::Clock(ClockSample { at: Stamp(7), realtime_minus_boottime_ns: -9 });
        let mut sources = Sources::default();
        let names = ["local", "ssh://client1", "a \"b\"\\c.ndjson", "é\u{9b}", "local"];
        for (number, source) in names.iter().enumerate() {
            let mut out = Vec::new();
            encode_from(source, &line, &mut out);
            let text = String::from_utf8(out.clone()).expect("UTF-8");
            assert!(!text.trim_end().contains(char::is_control), "{text:?}");
            let (from, decoded) = sources.read(&out).expect("it is read");
            assert_eq!((from, decoded.line), (Some(number % 4), line.clone()), "{source}");
        }
        let loose =
            br#"{ "line": {"type":"clock","t":7,"realtime_minus_boottime_ns":-9}, "type": "from", "source": "local" }"#;
        assert_eq!(sources.read(loose).map(|(from, it)| (from, it.line)), Ok((Some(0), line)));
    }

    #[test]
    fn what_is_cut_or_wrong_is_skipped() {
        let mut sources = Sources::default();
        let why = |line: &str| Sources::default().read(line.as_bytes()).expect_err(line);
        assert!(matches!(why(r#"{"type":"from","source":"a","line":{"type":"cl"#), Why::NotJson(_)));
        assert!(matches!(why(r#"{"type":"from","source":"a","line":{"type":"clock","t":7}"#), Why::NotJson(_)));
        assert_eq!(why(r#"{"type":"from","source":"a"}"#), Why::Missing("line"));
        assert_eq!(why(r#"{"type":"from","line":{}}"#), Why::Missing("source"));
        for number in 0..=MAX_SOURCES {
            let line = format!(
                r#"{{"type":"from","source":"{number}","line":{{"type":"clock","t":7,"realtime_minus_boottime_ns":1}}}}"#
            );
            assert_eq!(sources.read(line.as_bytes()).is_ok(), number < MAX_SOURCES);
        }
    }
}
