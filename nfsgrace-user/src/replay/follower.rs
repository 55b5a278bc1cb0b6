//! Who watches while sessions are read.

use anyhow::Result;

use super::{Amount, Replayed};
use crate::{
    record::{Line, Stamp},
    session::{Session, Update},
};

/// Sees a session while it is read.
pub trait Follower {
    /// So many hosts' sessions are going to be read.
    fn hosts(&mut self, _count: usize) {}

    /// So much of the files has been read; this one is being read now.
    fn reading(&mut self, _name: &str, _amount: Amount) {}

    /// Something comes that happened at this time: whoever shows a session as it happened waits here, and may tick it.
    ///
    /// # Errors
    ///
    /// Ends the reading.
    fn wait(&mut self, _at: Stamp, _session: &mut Session) -> Result<()> {
        Ok(())
    }

    /// A line was taken; what it changed, and what is known by now.
    ///
    /// # Errors
    ///
    /// Ends the reading.
    fn took(&mut self, line: &Line, update: &Update, session: &Session) -> Result<()>;

    /// The session of a host is over.
    ///
    /// # Errors
    ///
    /// Ends the reading.
    fn ended(&mut self, _replayed: &Replayed) -> Result<()> {
        Ok(())
    }

    /// Whether to stop reading, and to take what was read for all there is.
    fn has_enough(&self) -> bool {
        false
    }

    /// False where nobody looks at what lines change, so that it need not be gathered.
    fn is_somebody(&self) -> bool {
        true
    }
}

/// Only what comes of it matters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Follower for Nobody {
    fn took(&mut self, _line: &Line, _update: &Update, _session: &Session) -> Result<()> {
        Ok(())
    }

    fn is_somebody(&self) -> bool {
        false
    }
}
