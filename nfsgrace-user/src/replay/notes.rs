//! What must be said about the files of a session.

use std::{collections::BTreeMap, io};

use crate::record::{SCHEMA, Skipped, Why};

/// What was noticed while files were read.
#[derive(Debug, Default)]
pub(super) struct Notes {
    all: Vec<String>,
    /// Of the file that is being read, by cause: how many lines, and the first of them.
    skipped: BTreeMap<&'static str, (u64, Skipped)>,
    torn: bool,
}

impl Notes {
    /// A file is begun.
    pub(super) fn begin(&mut self, name: &str, newer_schema: Option<u32>) {
        self.skipped.clear();
        self.torn = false;
        if let Some(schema) = newer_schema {
            self.say(format!(
                "{name} has schema {schema}, and this program knows {SCHEMA}: what it does not understand is left out. A newer \
                 nfsgrace reads all of it."
            ));
        }
    }

    /// Something of it was skipped: the id of the loss that it is, and what it may hide; none where nothing is lost but
    /// what a recorder had not finished writing.
    pub(super) fn skipped(&mut self, skipped: Skipped) -> Option<(&'static str, &'static str)> {
        let (cause, hides) = match &skipped.why {
            Why::Torn => {
                self.torn = true;
                return None;
            }
            Why::UnknownType(_) | Why::UnknownEvent(_) => ("not_understood", "what only a newer nfsgrace understands"),
            Why::TooLong => ("line_too_long", "anything"),
            Why::Damaged(_) => ("file_damaged", "anything"),
            Why::NotJson(_) | Why::Missing(_) | Why::BadValue(..) => ("line_not_readable", "anything"),
        };
        self.skipped.entry(cause).or_insert((0, skipped)).0 += 1;
        Some((cause, hides))
    }

    /// It cannot be read any further.
    pub(super) fn unreadable(&mut self, name: &str, error: &io::Error) -> (&'static str, &'static str) {
        self.say(format!("{name} cannot be read to its end: {error}"));
        ("file_not_readable", "all that comes after")
    }

    /// A file has been read.
    pub(super) fn end(&mut self, name: &str) {
        if self.torn {
            self.say(format!(
                "{name} is cut off at its end: the recorder was stopped there, or still writes. Its last record may be missing."
            ));
        }
        for (count, Skipped { line_no, why }) in std::mem::take(&mut self.skipped).into_values() {
            let first = if count == 1 { "1 line was".to_owned() } else { format!("{count} lines were") };
            self.say(format!("{name}: {first} left out, such as line {line_no}: {why}"));
        }
    }

    /// It has records that stand in another file as well.
    pub(super) fn covered(&mut self, name: &str, passed_over: u64) {
        self.say(format!(
            "{name} covers a time that another file of this host covers too: {passed_over} of its records were passed over for that."
        ));
    }

    fn say(&mut self, note: String) {
        self.all.push(note);
    }

    pub(super) fn all(self) -> Vec<String> {
        self.all
    }
}
