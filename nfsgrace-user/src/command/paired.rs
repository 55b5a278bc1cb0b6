//! Sessions of several hosts, read one after the other and tied together: what `report` and `export` share.

use std::path::PathBuf;

use anyhow::Result;

use super::replayed::{self, Follower, Replayed, Selection};
use crate::{
    clock::HostId,
    joint::{Clocks, Host, Joint, gather},
    record::{Line, PairedSummary, Stamp},
    session::{Session, Update},
};

/// All that was read.
pub(super) struct Paired {
    pub(super) sessions: Vec<Replayed>,
    pub(super) joint: Joint,
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
        let mut tying = Tying { joint: Joint::new(clocks), ids: Vec::new(), now: None, several: false, follower };
        let sessions = replayed::follow(files, selection, &mut tying)?;
        let Tying { mut joint, ids, .. } = tying;
        joint.finish();
        Ok(Self { sessions, joint, ids })
    }

    /// The hosts, where there are several.
    pub(super) fn hosts(&self) -> Option<Vec<Host<'_>>> {
        let several = self.sessions.len() > 1 && self.ids.len() == self.sessions.len();
        several.then(|| {
            let pairs = self.sessions.iter().zip(&self.ids);
            let host = pairs.map(|(replayed, id)| Host {
                id: *id,
                session: &replayed.session,
                now: replayed.now,
                lost_contact: None,
            });
            host.collect()
        })
    }

    /// What they come to together, where there are several.
    pub(super) fn summary(&self) -> Option<PairedSummary> {
        Some(gather(&self.joint, &self.hosts()?))
    }
}

/// Looks on while sessions are read, and lets somebody else look on as well.
struct Tying<'a> {
    joint: Joint,
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
                self.now = self.joint.host(header);
                self.ids.extend(self.now);
            }
            if let Some(host) = self.now {
                self.joint.observe(host, line, session);
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
