//! Sessions of several hosts, read one after the other and tied together: what `report` and `export` share.

use std::{path::PathBuf, rc::Rc};

use anyhow::Result;

use super::progress;
use crate::{
    clock::HostId,
    outcome,
    paired::{self, Clocks, HostSession, Towards},
    record::{self, ClockOutcome, Line, PairedSummary, Selection, Stamp},
    replay::{Follower, Replayed},
    session::{Session, Update},
    view::{Axis, Placed},
};

/// All that was read.
pub(super) struct Paired {
    pub(super) sessions: Vec<Replayed>,
    pub(super) paired: paired::Paired,
    /// The hosts of the sessions.
    ids: Vec<HostId>,
}

impl Paired {
    /// Reads session files under somebody's eyes, and ties them together if they are of several hosts.
    pub(super) fn read(
        files: &[PathBuf],
        selection: &Selection,
        clocks: Clocks,
        follower: &mut dyn Follower,
    ) -> Result<Self> {
        let mut tying =
            Tying { paired: paired::Paired::new(clocks), ids: Vec::new(), now: None, several: false, follower };
        let sessions = progress::follow(files, selection, &mut tying)?;
        let Tying { mut paired, ids, .. } = tying;
        paired.finish();
        let mut read = Self { sessions, paired, ids };
        read.tell();
        Ok(read)
    }

    /// What clients alone could not know, their servers tell.
    fn tell(&mut self) {
        let Some(hosts) = self.hosts() else { return };
        let told: Vec<_> = hosts
            .iter()
            .map(|host| {
                let stalls = host.session.timeline().stalls();
                let unseen = stalls.ended().into_iter().chain(stalls.live()).filter(|stall| stall.restart.is_none());
                let foreign = self.paired.foreign(&hosts, host, unseen.map(|stall| stall.id));
                (foreign, self.paired.knows_servers(host.id, host.session))
            })
            .collect();
        for (replayed, (foreign, known)) in self.sessions.iter_mut().zip(told) {
            replayed.session.know_servers(known);
            replayed.session.know_foreign(foreign);
            if known {
                replayed.session.finish(replayed.now);
            }
        }
    }

    /// The hosts, where there are several.
    pub(super) fn hosts(&self) -> Option<Vec<HostSession<'_>>> {
        let several = self.sessions.len() > 1 && self.ids.len() == self.sessions.len();
        several.then(|| {
            let pairs = self.sessions.iter().zip(&self.ids);
            let host = pairs.map(|(replayed, id)| HostSession {
                id: *id,
                session: &replayed.session,
                now: replayed.now,
                lost_contact: None,
            });
            host.collect()
        })
    }

    /// The axis that all hosts share: the clock of the reference, which comes first. `None` where there is one host.
    pub(super) fn axes(&self) -> Option<Axes<'_>> {
        let hosts = self.hosts()?;
        let reference = self.paired.reference();
        let towards = Rc::new(self.paired.towards(reference));
        let axis = |(nth, host): (usize, &HostSession<'_>)| HostAxis {
            nth,
            id: host.id,
            paired: &self.paired,
            towards: Rc::clone(&towards),
        };
        let mut list: Vec<_> = hosts.iter().enumerate().map(axis).collect();
        list.sort_by_key(|axis| axis.id != reference);
        Some(Axes { list })
    }

    /// Where the first record of each host lies on the common axis, nanoseconds.
    pub(super) fn first_on<'a>(&'a self, axes: Option<&'a Axes<'_>>) -> impl Iterator<Item = i64> + 'a {
        axes.into_iter().flat_map(Axes::iter).filter_map(|axis| {
            let first = self.sessions.get(axis.nth)?.session.timeline().first()?;
            Some(axis.place(first).at_ns)
        })
    }

    /// What they come to, as lines of the session format: of each host who recorded, where the wall clock stood, the
    /// verdicts and the summary; then what several hosts come to together.
    pub(super) fn json(&self) -> Vec<String> {
        let mut lines: Vec<Line> = Vec::new();
        for Replayed { session, now, notes, .. } in &self.sessions {
            lines.extend(session.header().cloned().map(|header| Line::Header(Box::new(header))));
            lines.extend(session.clock().map(Line::Clock));
            let mut closing = outcome::closing(session, *now);
            if let Some(Line::Summary(summary)) = closing.last_mut() {
                summary.notes.clone_from(notes);
            }
            lines.extend(closing);
        }
        lines.extend(self.summary().map(|paired| Line::Paired(Box::new(paired))));
        lines.iter().map(record::text).collect()
    }

    /// What they come to together, where there are several.
    pub(super) fn summary(&self) -> Option<PairedSummary> {
        Some(outcome::paired(&self.paired, &self.hosts()?))
    }
}

/// Where the times of each host lie on the axis that all share.
pub(super) struct Axes<'a> {
    list: Vec<HostAxis<'a>>,
}

/// Where the times of one host lie on it.
#[derive(Clone)]
pub(super) struct HostAxis<'a> {
    /// Which of the sessions.
    pub(super) nth: usize,
    id: HostId,
    paired: &'a paired::Paired,
    towards: Rc<Towards>,
}

impl<'a> Axes<'a> {
    /// Of all hosts, the reference first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &HostAxis<'a>> {
        self.list.iter()
    }

    /// Of one of the sessions, with its place among the hosts.
    pub(super) fn of(&self, nth: usize) -> Option<(usize, &HostAxis<'a>)> {
        self.list.iter().enumerate().find(|(_, axis)| axis.nth == nth)
    }
}

impl<'a> HostAxis<'a> {
    /// Where a moment lies; where the clocks are not tied, on the host's own clock, with no bound to the error.
    pub(super) fn place(&self, at: Stamp) -> Placed {
        let mapped = self.paired.at(&self.towards, self.id, at);
        let outcome = self.paired.outcome(&self.towards, self.id);
        Placed {
            at_ns: mapped.nanoseconds().unwrap_or_else(|| i64::try_from(at.0).unwrap_or(i64::MAX)),
            error: mapped.error().filter(|_| outcome != ClockOutcome::WallClock),
        }
    }

    /// The same for a view.
    pub(super) fn axis(&self) -> Axis<'a> {
        let own = self.clone();
        Axis::new(move |at| own.place(at))
    }
}

/// Looks on while sessions are read, and lets somebody else look on as well.
struct Tying<'a> {
    paired: paired::Paired,
    ids: Vec<HostId>,
    now: Option<HostId>,
    several: bool,
    follower: &'a mut dyn Follower,
}

impl Follower for Tying<'_> {
    fn hosts(&mut self, count: usize) {
        self.several = count > 1;
        self.follower.hosts(count);
    }

    fn wait(&mut self, at: Stamp, session: &mut Session) -> Result<()> {
        self.follower.wait(at, session)
    }

    fn took(&mut self, line: &Line, update: &Update, session: &Session) -> Result<()> {
        if self.several {
            if let (None, Line::Header(header)) = (self.now, line) {
                self.now = self.paired.host(header);
                self.ids.extend(self.now);
            }
            if let Some(host) = self.now {
                self.paired.observe(host, line, session);
            }
        }
        if self.follower.is_somebody() { self.follower.took(line, update, session) } else { Ok(()) }
    }

    fn ended(&mut self, replayed: &Replayed) -> Result<()> {
        self.now = None;
        self.follower.ended(replayed)
    }

    fn has_enough(&self) -> bool {
        self.follower.has_enough()
    }

    fn is_somebody(&self) -> bool {
        self.several || self.follower.is_somebody()
    }
}
