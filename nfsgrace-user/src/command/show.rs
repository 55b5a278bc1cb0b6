//! Who is shown what happens.

use std::time::Duration;

use anyhow::Result;

use crate::{
    conductor::Conductor,
    outcome::{Conclusion, SessionOutcome},
    record::{Header, Line},
    session::Update,
    source::{file::Written, live::Live},
};

/// What is known when it begins.
pub(super) struct Began<'a> {
    /// What the user called the sources.
    pub(super) sources: &'a [String],
    /// This machine's kernel, if it is one of them.
    pub(super) live: Option<&'a Live>,
    /// How long it took until all was attached.
    pub(super) took: Duration,
    /// The file that is written, if one is.
    pub(super) recorded_to: Option<String>,
}

/// Somebody who looks on: live or later, at one host or at several.
pub(super) trait Show {
    /// It begins.
    fn began(&mut self, began: &Began<'_>) -> Result<()>;
    /// A source of this name tells of a host that was not there before: which that is.
    fn joined(&mut self, source: &str, nth: usize, header: &Header);
    /// A line of a source, as it came.
    fn line(&mut self, source: &str, line: &Line);
    /// What follows for a host; `conclusions` are those in `update`.
    fn update(&mut self, conductor: &mut Conductor, nth: usize, update: &Update, conclusions: &[Conclusion]);
    /// Something to say about a source, or else about what is recorded.
    fn notice(&mut self, source: Option<&str>, text: &str);
    /// All of a batch was given; whether somebody waits for it.
    fn flush(&mut self, at_once: bool) -> Result<()>;
    /// Time has passed, and somebody looks on.
    fn tick(&mut self, conductor: &Conductor) -> Result<()>;
    /// The end: what each host comes to, and all of them together; what was kept.
    fn finish(&mut self, conductor: &Conductor, closing: &Closing, written: Option<Written>) -> Result<()>;
}

/// What it comes to.
pub(super) struct Closing {
    /// Of each host, its verdicts and its summary.
    pub(super) hosts: Vec<SessionOutcome>,
    /// What several hosts come to together.
    pub(super) together: Option<Line>,
}
