//! A session after the fact: verdicts first, then the server's way through each start, the tables, and what was lost.

mod markdown;
mod text;

pub use markdown::markdown;
pub(super) use markdown::{escape, table as markdown_table};
pub use text::text;

use super::Wall;
use crate::{
    outcome::SessionOutcome,
    record::{Header, Role, Severity, Stamp},
    session::Session,
    timeline::Restart,
};

/// Starts whose way is shown.
const PATHS: usize = 4;

/// What a report is made of.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// What happened.
    pub session: &'a Session,
    /// What it comes to.
    pub outcome: SessionOutcome,
    /// Where the wall clock stood, if that is known.
    pub wall: Option<Wall>,
    /// The files that it was read from.
    pub files: &'a [String],
    /// What must be said about them.
    pub notes: &'a [String],
}

impl Report<'_> {
    /// The starts whose way is shown: those with a problem first, and of these the latest; and how many are not.
    fn paths(&self) -> (Vec<&Restart>, usize) {
        let timeline = self.session.timeline();
        let bad = |restart: &Restart| {
            let number = Some(restart.id().0);
            self.outcome.verdicts.iter().any(|it| it.restart == number && it.severity == Severity::Problem)
        };
        let mut all: Vec<_> = timeline.restarts().filter(|restart| !restart.is_history()).collect();
        let count = all.len();
        all.sort_by_key(|restart| std::cmp::Reverse((bad(restart), restart.id())));
        all.truncate(PATHS);
        all.sort_by_key(|restart| restart.id());
        (all, count - count.min(PATHS))
    }

    /// From when to when, by the wall clock.
    fn when(&self) -> Option<String> {
        self.wall.as_ref()?.range(self.first(), self.outcome.summary.t)
    }

    fn first(&self) -> Stamp {
        let started = self.session.header().map(|header| header.started);
        let summary = &self.outcome.summary;
        started.filter(|_| summary.events == 0).unwrap_or(summary.from)
    }

    fn time(&self, at: Stamp) -> Option<String> {
        self.wall.as_ref()?.time(at)
    }
}

fn side(header: &Header) -> &'static str {
    match header.role {
        Role::Server => "server side",
        Role::Client => "client side",
        Role::Both => "server and client side",
    }
}
