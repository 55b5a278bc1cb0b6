//! One host of those that are conducted.

use super::part::{Part, Wanted};
use crate::{
    clock::HostId,
    paired::HostSession,
    record::{Line, Selection, Stamp},
    session::{Session, Update},
};

/// One host, or more exactly one boot of it.
#[derive(Debug)]
pub struct Member {
    /// Which host.
    pub id: HostId,
    /// The source that told of it.
    pub source: usize,
    /// What happened there, on its own clock.
    pub session: Session,
    /// Since when it is lost, on its own clock, and why.
    pub lost: Option<(Stamp, String)>,
    /// The files that it was read from, in order.
    pub files: Vec<String>,
    /// What must be said about them, a sentence each.
    pub notes: Vec<String>,
    /// What is only known since the end is.
    pub last: Update,
    pub(super) part: Part,
    /// How far its clock is ahead of that of whoever conducts, as far as its records tell: they come late, never early.
    ahead_ns: i64,
    /// Time of the latest line.
    latest: Stamp,
    /// Whether it was said what a client alone can only guess.
    pub(super) has_guessed: bool,
}

impl Member {
    pub(super) fn new(
        id: HostId,
        source: usize,
        selection: &Selection,
        part: Part,
        joined: Stamp,
        here_ns: Option<i64>,
    ) -> Self {
        let mut session = Session::new();
        if let Some(only) = selection.restart {
            session.keep_only(only);
        }
        Self {
            id,
            source,
            session,
            lost: None,
            files: Vec::new(),
            notes: Vec::new(),
            last: Update::default(),
            part,
            ahead_ns: ahead(joined, here_ns),
            latest: Stamp(0),
            has_guessed: false,
        }
    }

    /// Looks at a line that is to be taken: what becomes of it.
    pub(super) fn hear(&mut self, line: &Line, selection: &Selection, here_ns: Option<i64>) -> Wanted {
        let at = line.at();
        self.latest = self.latest.max(at);
        // A summary or an old line of the kernel log may be late; nothing comes early.
        self.ahead_ns = self.ahead_ns.max(ahead(at, here_ns));
        let wanted = self.part.wants(line, selection);
        if wanted == Wanted::Begins {
            self.session.begin_span();
        }
        wanted
    }

    /// What its clock shows when that of whoever conducts shows `here_ns`, as nearly as its records tell.
    pub(super) fn now(&self, here_ns: Option<i64>) -> Stamp {
        let by_clock = match (&self.lost, here_ns) {
            // A host that is lost stands still.
            (Some((at, _)), _) => *at,
            (None, Some(here_ns)) => Stamp(u64::try_from(here_ns.saturating_add(self.ahead_ns)).unwrap_or(0)),
            (None, None) => Stamp(0),
        };
        by_clock.max(self.latest).min(self.part.span.until)
    }

    pub(super) fn view(&self, here_ns: Option<i64>) -> HostSession<'_> {
        HostSession {
            id: self.id,
            session: &self.session,
            now: self.now(here_ns),
            lost_contact: self.lost.as_ref().map(|(at, _)| *at),
        }
    }
}

fn ahead(at: Stamp, here_ns: Option<i64>) -> i64 {
    here_ns.map_or(0, |here_ns| i64::try_from(at.0).unwrap_or(i64::MAX).saturating_sub(here_ns))
}
