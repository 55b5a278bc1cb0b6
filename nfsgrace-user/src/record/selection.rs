//! What of a session is asked for.

use super::{Filter, Window};

/// Which restart: counted from 1 in the order in which they were noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RestartId(pub u32);

/// What of a session is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Events to follow.
    pub filter: Filter,
    /// From when to when. Restarts that were on then are followed from their beginning.
    pub window: Window,
    /// Only this restart, and what belongs to it.
    pub restart: Option<RestartId>,
}

impl Selection {
    /// Whether it is all of the time, and every restart.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.window.is_all() && self.restart.is_none()
    }
}
