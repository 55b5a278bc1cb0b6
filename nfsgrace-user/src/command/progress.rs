//! How far long work has come: on a terminal, and only when it takes more than a moment.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    record::{Line, Selection, Stamp},
    replay::{self, Amount, Follower, Replayed},
    session::{Session, Update},
    view::clean,
};

/// Work that takes less long says nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it says something.
const EVERY: Duration = Duration::from_millis(200);

/// Reads session files under somebody's eyes, and tells how far it has come.
pub(super) fn follow(files: &[PathBuf], selection: &Selection, follower: &mut dyn Follower) -> Result<Vec<Replayed>> {
    let terminal = io::stderr().is_terminal();
    replay::follow(files, selection, &mut Meter { follower, shown: false, terminal, next: Instant::now() + PATIENCE })
}

/// A line on standard error that tells how far reading has come.
struct Meter<'a> {
    follower: &'a mut dyn Follower,
    shown: bool,
    terminal: bool,
    next: Instant,
}

impl Follower for Meter<'_> {
    fn hosts(&mut self, count: usize) {
        self.follower.hosts(count);
    }

    fn reading(&mut self, name: &str, amount: Amount) {
        let now = Instant::now();
        if !self.terminal || now < self.next {
            return;
        }
        self.next = now + EVERY;
        let so_far = match amount.of {
            Some(of) => format!("{} %", (amount.read.saturating_mul(100) / of.max(1)).min(100)),
            None => format!("{} MB", amount.read / 1_000_000),
        };
        // A message that cannot be shown is not worth an error.
        let _ = write!(io::stderr(), "\r\x1b[Kreading {}: {so_far}", clean(name));
        self.shown = true;
    }

    fn wait(&mut self, at: Stamp, session: &mut Session) -> Result<()> {
        self.follower.wait(at, session)
    }

    fn took(&mut self, line: &Line, update: &Update, session: &Session) -> Result<()> {
        self.follower.took(line, update, session)
    }

    fn ended(&mut self, replayed: &Replayed) -> Result<()> {
        self.follower.ended(replayed)
    }

    fn has_enough(&self) -> bool {
        self.follower.has_enough()
    }

    fn is_somebody(&self) -> bool {
        self.follower.is_somebody()
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
