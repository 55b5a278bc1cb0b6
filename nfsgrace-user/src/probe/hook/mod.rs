//! Hooks: the events that the timelines are made of, and the kernel functions where each can be seen.
//!
//! A function that this tool wants to see may be inlined, renamed by the compiler, or not built into a kernel. So a
//! hook is not a function but an event, with alternatives in order of preference.

mod client;
mod server;

use nfsgrace_ebpf::{ABSENT, Layout};

use crate::{
    kernel::EventName,
    record::{HookId, Role},
};

/// An event, and where it can be seen.
#[derive(Debug)]
pub struct Hook {
    /// Which event.
    pub id: HookId,
    /// Whose event it is.
    pub side: Side,
    /// Ways to see it, the best first.
    pub alternatives: &'static [Alternative],
    /// What is lost where none of them works.
    pub lost: &'static str,
    /// Whether nothing can be explained without it.
    pub essential: bool,
    /// Whether it only adds detail, and may be attached after watching has begun.
    pub later: bool,
    /// The field of the [`Layout`] that it makes up for, where that is not known.
    pub instead_of: Option<fn(&Layout) -> u32>,
    /// The build option without which the kernel has no such event, and nothing is lost.
    pub option: Option<BuildOption>,
}

/// An option that a kernel is built with or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuildOption {
    /// `CONFIG_…`
    pub name: &'static str,
    /// Before this version the option did not exist, and the kernel was as if with it.
    pub since: (u32, u32),
}

/// Whose event a hook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The NFS server's.
    Server,
    /// The NFS client's.
    Client,
}

impl Side {
    /// Whether who records as `role` watches it.
    #[must_use]
    pub fn is_watched_by(self, role: Role) -> bool {
        match self {
            Self::Server => role != Role::Client,
            Self::Client => role != Role::Server,
        }
    }
}

/// A way to see an event: places that are all needed.
#[derive(Debug)]
pub struct Alternative {
    /// Where.
    pub points: &'static [ProbePoint],
    /// How the event follows from what is seen there; `None` where it is seen itself.
    pub inferred: Option<&'static str>,
}

/// A place in a kernel function, or one of the kernel's own trace events, where an eBPF program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbePoint {
    /// The function, or the trace event.
    pub symbol: &'static str,
    /// Its module; `None` for the kernel image.
    pub module: Option<&'static str>,
    /// Where in the function.
    pub at: At,
    /// Whether no argument is read, so that a part of the function with a suffix (`.part.0`) will do.
    pub suffix_ok: bool,
}

/// Where in a function, if it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// At its first instruction.
    Entry,
    /// When it returns.
    Return {
        /// Most threads inside of it at once whose return is seen.
        max_active: u32,
    },
    /// In no function: when a trace event of the kernel's own happens.
    Event {
        /// The group that the event belongs to.
        system: &'static str,
    },
}

const NFSD: Option<&str> = Some("nfsd");
const GRACE: Option<&str> = Some("grace");
const NFS: Option<&str> = Some("nfs");
const NFSV4: Option<&str> = Some("nfsv4");
const VMLINUX: Option<&str> = None;

/// Threads sleep inside: the kernel keeps room for one thread per processor unless asked for more.
const SLEEPERS: u32 = 4096;
/// Every request comes by.
const REQUESTS: u32 = 256;
/// Seldom called.
const FEW: u32 = 16;

/// Entry and return of a function.
const fn both(module: Option<&'static str>, symbol: &'static str, max_active: u32) -> [ProbePoint; 2] {
    [entry(module, symbol), returned(module, symbol, max_active)]
}

const fn entry(module: Option<&'static str>, symbol: &'static str) -> ProbePoint {
    ProbePoint { symbol, module, at: At::Entry, suffix_ok: false }
}

const fn returned(module: Option<&'static str>, symbol: &'static str, max_active: u32) -> ProbePoint {
    ProbePoint { symbol, module, at: At::Return { max_active }, suffix_ok: false }
}

const fn event(module: Option<&'static str>, EventName { system, name }: EventName) -> ProbePoint {
    ProbePoint { symbol: name, module, at: At::Event { system }, suffix_ok: false }
}

impl ProbePoint {
    /// The trace event that it is, if it is one.
    #[must_use]
    pub fn event(&self) -> Option<EventName> {
        match self.at {
            At::Event { system } => Some(EventName { system, name: self.symbol }),
            At::Entry | At::Return { .. } => None,
        }
    }

    /// The eBPF program that runs there: it is named after the function.
    #[must_use]
    pub fn program(&self) -> String {
        let function = self.symbol.trim_start_matches('_');
        match self.at {
            At::Entry | At::Event { .. } => function.to_owned(),
            At::Return { .. } => format!("{function}_ret"),
        }
    }

    const fn any_suffix(self) -> Self {
        Self { suffix_ok: true, ..self }
    }
}

impl Hook {
    const fn new(id: HookId, side: Side, alternatives: &'static [Alternative], lost: &'static str) -> Self {
        Self { id, side, alternatives, lost, essential: false, later: false, instead_of: None, option: None }
    }

    /// Whether `layout` leaves something for this hook to do.
    #[must_use]
    pub fn is_needed(&self, layout: &Layout) -> bool {
        self.instead_of.is_none_or(|field| field(layout) == ABSENT)
    }

    const fn essential(self) -> Self {
        Self { essential: true, ..self }
    }

    const fn later(self) -> Self {
        Self { later: true, ..self }
    }

    const fn instead_of(self, field: fn(&Layout) -> u32) -> Self {
        Self { instead_of: Some(field), ..self }
    }

    const fn with_option(self, option: BuildOption) -> Self {
        Self { option: Some(option), ..self }
    }
}

impl Alternative {
    const fn direct(points: &'static [ProbePoint]) -> Self {
        Self { points, inferred: None }
    }

    const fn inferred(points: &'static [ProbePoint], how: &'static str) -> Self {
        Self { points, inferred: Some(how) }
    }
}

/// The trace events of all hooks.
pub fn events() -> impl Iterator<Item = EventName> {
    all().flat_map(|hook| hook.alternatives).flat_map(|alternative| alternative.points).filter_map(ProbePoint::event)
}

/// All hooks, the server's first, in the order in which they happen.
pub fn all() -> impl Iterator<Item = &'static Hook> {
    server::HOOKS.iter().copied().chain(client::HOOKS.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn points() -> impl Iterator<Item = &'static ProbePoint> {
        all().flat_map(|hook| hook.alternatives).flat_map(|alternative| alternative.points)
    }

    #[test]
    fn a_program_has_one_place_only() {
        let mut places = BTreeMap::new();
        for point in points() {
            assert_eq!(places.entry(point.program()).or_insert(point), &point);
        }
    }

    #[test]
    fn every_hook_there_is_has_something_to_lose() {
        let ids: Vec<_> = all().map(|hook| hook.id).collect();
        assert_eq!(ids, HookId::ALL);
        assert!(all().all(|hook| !hook.lost.is_empty() && !hook.alternatives.is_empty()));
    }
}
