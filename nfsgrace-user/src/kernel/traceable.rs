//! Functions that the kernel refuses to probe.

use std::{collections::BTreeSet, io::BufReader};

use super::{Kernel, symbols::each_line};

/// Why the kernel refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untraceable {
    /// On the list of functions that a probe would harm.
    Blacklisted,
    /// Compiled without a place for tracing to hook in; tracefs takes no probe there (`within_notrace_func`).
    Notrace,
}

/// What is known of functions that cannot be probed, of those asked for.
#[derive(Debug, Clone, Default)]
pub struct Traceable {
    blacklisted: BTreeSet<String>,
    /// `None`: not asked, or not readable.
    with_hook: Option<BTreeSet<String>>,
}

impl Traceable {
    /// Whether the kernel is known to refuse a probe on `symbol`.
    #[must_use]
    pub fn refusal(&self, symbol: &str) -> Option<Untraceable> {
        if self.blacklisted.contains(symbol) {
            Some(Untraceable::Blacklisted)
        } else if self.with_hook.as_ref().is_some_and(|known| !known.contains(symbol)) {
            Some(Untraceable::Notrace)
        } else {
            None
        }
    }
}

impl Kernel {
    /// Reads the blacklist of kprobes, for those of `names` that are on it; nothing where debugfs is not readable.
    #[must_use]
    pub fn blacklist(&self, names: &BTreeSet<&str>) -> Traceable {
        let text = self.read("sys/kernel/debug/kprobes/blacklist").unwrap_or_default();
        let blacklisted =
            text.lines().filter_map(|line| line.split_whitespace().nth(1)).filter(|name| names.contains(name));
        Traceable { blacklisted: blacklisted.map(str::to_owned).collect(), with_hook: None }
    }

    /// As [`Kernel::blacklist`], and reads `available_filter_functions` too, which the kernel takes as long to write
    /// out as its symbol table: for explaining a plan, not for carrying it out.
    #[must_use]
    pub fn traceable(&self, names: &BTreeSet<&str>) -> Traceable {
        Traceable { with_hook: self.with_hook(names), ..self.blacklist(names) }
    }

    fn with_hook(&self, names: &BTreeSet<&str>) -> Option<BTreeSet<String>> {
        let path = "available_filter_functions";
        let file = ["sys/kernel/tracing", "sys/kernel/debug/tracing"]
            .into_iter()
            .find_map(|tracefs| std::fs::File::open(self.root.join(tracefs).join(path)).ok())?;
        let mut found = BTreeSet::new();
        let read = each_line(BufReader::with_capacity(1 << 16, file), |line| {
            let name = line.split(|&byte| byte == b' ').next().and_then(|name| str::from_utf8(name).ok());
            if let Some(name) = name.filter(|name| names.contains(name)) {
                found.insert(name.to_owned());
            }
        });
        read.is_ok().then_some(found)
    }
}
