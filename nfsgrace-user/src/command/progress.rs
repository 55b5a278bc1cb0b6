//! How far long work has come: on a terminal, and only when it takes more than a moment.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use crate::{replay::Progress, view::clean};

/// Work that takes less long says nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it says something.
const EVERY: Duration = Duration::from_millis(200);

/// A line on standard error that tells how far reading has come.
pub(super) struct Meter {
    shown: bool,
    terminal: bool,
    next: Instant,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { shown: false, terminal: io::stderr().is_terminal(), next: Instant::now() + PATIENCE }
    }

    /// Tells how far it is, if it is time to.
    pub(super) fn tell(&mut self, progress: Progress<'_>) {
        let now = Instant::now();
        if !self.terminal || now < self.next {
            return;
        }
        self.next = now + EVERY;
        let Progress { file, read, of } = progress;
        let so_far = match of {
            Some(of) => format!("{} %", (read.saturating_mul(100) / of.max(1)).min(100)),
            None => format!("{} MB", read / 1_000_000),
        };
        // A message that cannot be shown is not worth an error.
        let _ = write!(io::stderr(), "\r\x1b[Kreading {}: {so_far}", clean(file));
        self.shown = true;
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
