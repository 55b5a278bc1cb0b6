//! What must be known about a host to understand its events.

use super::Hz;
use crate::record::{Header, HookId, Netns, Role, Stamp};

/// What must be known about the host to understand its events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostFacts {
    /// Its name.
    pub name: String,
    /// Jiffies per second.
    pub hz: Option<Hz>,
    /// Which side was watched.
    pub role: Role,
    /// The initial network namespace.
    pub initial_netns: Option<Netns>,
    /// When watching began.
    pub started: Stamp,
    /// Hooks that the kernel lacks.
    pub missing: Vec<MissingHook>,
}

/// A hook that the kernel lacks, and what is not seen because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingHook {
    /// The hook.
    pub hook: HookId,
    /// What cannot be seen.
    pub lost: String,
}

impl From<&Header> for HostFacts {
    fn from(header: &Header) -> Self {
        Self {
            name: header.host.clone(),
            hz: header.hz.and_then(Hz::new),
            role: header.role,
            initial_netns: header.initial_netns.map(Netns),
            started: header.started,
            missing: header
                .probes
                .iter()
                .filter(|row| row.leaves_gap())
                .filter_map(|row| Some(MissingHook { hook: row.hook.known()?, lost: row.lost.clone() }))
                .collect(),
        }
    }
}
