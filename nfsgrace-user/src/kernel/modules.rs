//! Kernel modules: loaded, built in, or not here yet.

use std::{collections::BTreeSet, path::PathBuf};

use super::Kernel;

/// Where a module's code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Loaded as a module.
    Loaded,
    /// Part of the kernel image.
    BuiltIn,
    /// Not loaded; it may come.
    NotLoaded,
    /// This kernel cannot load modules, and has it not built in.
    Never,
}

/// The modules of a kernel, at one moment.
#[derive(Debug, Clone)]
pub struct Modules {
    /// `None` for a kernel that cannot load modules.
    loaded: Option<BTreeSet<String>>,
    /// From `modules.builtin`.
    built_in: BTreeSet<String>,
    sys_module: PathBuf,
}

impl Kernel {
    /// Reads `/proc/modules` and the list of what is built in.
    #[must_use]
    pub fn modules(&self) -> Modules {
        let first_words = |text: String| {
            text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let built_in = self.read(&format!("lib/modules/{}/modules.builtin", self.release)).unwrap_or_default();
        Modules {
            loaded: self.read("proc/modules").ok().map(first_words),
            built_in: built_in
                .lines()
                .filter_map(|line| line.rsplit('/').next()?.strip_suffix(".ko"))
                .map(|name| name.replace('-', "_"))
                .collect(),
            sys_module: self.root.join("sys/module"),
        }
    }
}

impl Modules {
    /// Where the code of module `name` is.
    #[must_use]
    pub fn presence(&self, name: &str) -> Presence {
        match &self.loaded {
            Some(loaded) if loaded.contains(name) => Presence::Loaded,
            // A module with parameters shows in /sys/module even when built in.
            _ if self.built_in.contains(name) || self.sys_module.join(name).exists() => Presence::BuiltIn,
            Some(_) => Presence::NotLoaded,
            None => Presence::Never,
        }
    }

    /// Whether there is code of module `name` to probe now.
    #[must_use]
    pub fn is_here(&self, name: &str) -> bool {
        matches!(self.presence(name), Presence::Loaded | Presence::BuiltIn)
    }
}
