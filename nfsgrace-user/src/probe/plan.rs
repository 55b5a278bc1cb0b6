//! The plan: what each hook was resolved to on this kernel, or why to nothing.

use std::collections::BTreeSet;

use super::{
    Reason,
    hook::{At, Hook},
};

/// What each hook was resolved to.
#[derive(Debug, Clone)]
pub struct Plan {
    /// One per hook of the side that is watched.
    pub hooks: Vec<PlannedHook>,
}

/// A hook, and what it was resolved to.
#[derive(Debug, Clone)]
pub struct PlannedHook {
    /// The hook.
    pub hook: &'static Hook,
    /// What to attach for it.
    pub resolution: Resolution,
    /// Functions that would have been better, and why they are not probed.
    pub passed_over: Vec<(&'static str, Reason)>,
}

/// What to attach for a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Can be attached now.
    Ready {
        /// What to attach.
        attachments: Vec<Attachment>,
        /// How the event follows from what is seen; `None` where it is seen itself.
        inferred: Option<&'static str>,
    },
    /// Its module is not loaded yet.
    Waiting {
        /// What to attach: tracefs takes events on `module:symbol` before the module is there. What lives elsewhere
        /// can be attached now.
        attachments: Vec<Attachment>,
    },
    /// What it would make up for is known.
    NotNeeded,
    /// Nothing to attach.
    Missing(Reason),
}

/// An eBPF program, and the place where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The module; `None` for the kernel image.
    pub module: Option<String>,
    /// The function, with its suffix where it has one; or the trace event.
    pub symbol: String,
    /// Where in it.
    pub at: At,
    /// Name of the program.
    pub program: String,
    /// Whether the module is there.
    pub ready: bool,
    /// Whether it may be attached when watching has begun.
    pub later: bool,
    /// Where the function is, as far as the symbol table told.
    pub address: Option<u64>,
}

impl Attachment {
    /// As tracefs wants it: `symbol` or `module:symbol`; for a trace event `system:name`.
    #[must_use]
    pub fn target(&self) -> String {
        match (self.at, &self.module) {
            (At::Event { system }, _) => format!("{system}:{}", self.symbol),
            (At::Entry | At::Return { .. }, Some(module)) => format!("{module}:{}", self.symbol),
            (At::Entry | At::Return { .. }, None) => self.symbol.clone(),
        }
    }

    /// Whether it can be attached before its module is there: tracefs takes functions that are still to come, but the
    /// kernel's trace events come with their module.
    #[must_use]
    pub fn can_wait_in_tracefs(&self) -> bool {
        !matches!(self.at, At::Event { .. })
    }
}

impl Plan {
    /// What to attach, each program once: first what can be attached now, essential hooks before others.
    pub fn attachments(&self) -> impl Iterator<Item = &Attachment> {
        let mut hooks: Vec<&PlannedHook> = self.hooks.iter().collect();
        hooks.sort_by_key(|it| (!matches!(it.resolution, Resolution::Ready { .. }), !it.hook.essential));
        let mut seen = BTreeSet::new();
        hooks.into_iter().flat_map(PlannedHook::attachments).filter(move |attachment| seen.insert(&attachment.program))
    }

    /// What is still to be attached where `attached` is, in order: what makes the heart of the plan, and its details.
    ///
    /// Returns come before entries: of several probes on one function the last one runs first, and before 5.16 a kernel
    /// stack taken at an entry ends at the return probe that ran before.
    #[must_use]
    pub fn heart_and_details(&self, attached: &BTreeSet<String>) -> (Vec<Attachment>, Vec<Attachment>) {
        let mut wanted: Vec<&Attachment> = self
            .attachments()
            .filter(|it| !attached.contains(&it.program) && (it.ready || it.can_wait_in_tracefs()))
            .collect();
        wanted.sort_by_key(|attachment| matches!(attachment.at, At::Entry));
        let (mut details, heart): (Vec<_>, Vec<_>) =
            wanted.into_iter().cloned().partition(|attachment| attachment.later);
        // A client's first refusals come within a second: what names their RPCs follows first.
        details.sort_by_key(|attachment| attachment.module.as_deref() != Some("nfsv4"));
        (heart, details)
    }

    /// Whether `program` is attached to a function that is there.
    #[must_use]
    pub fn probes(&self, program: &str) -> bool {
        self.attachments().any(|attachment| attachment.ready && attachment.program == program)
    }

    /// Whether some hook came to nothing for want of a symbol, so that a better symbol table may help.
    #[must_use]
    pub fn leaves_doubt(&self) -> bool {
        self.hooks.iter().any(|it| matches!(it.resolution, Resolution::Missing(Reason::Inlined | Reason::Renamed(_))))
    }
}

impl PlannedHook {
    /// What to attach for this hook.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        match &self.resolution {
            Resolution::Ready { attachments, .. } | Resolution::Waiting { attachments } => attachments,
            Resolution::NotNeeded | Resolution::Missing(_) => &[],
        }
    }
}
