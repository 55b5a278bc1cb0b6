//! From logical events to kernel functions.
//!
//! ```text
//! hook ──resolve──▶ plan ──attacher──▶ programs (eBPF) at tracefs (where they run)
//!                    └──rows──▶ the session's header
//! ```

mod attacher;
pub mod hook;
pub mod layout;
mod plan;
mod programs;
mod reason;
mod resolve;
mod rows;
mod tracefs;

use std::{collections::BTreeSet, io};

use crate::{
    kernel::{Kernel, Symbols},
    record::Role,
};

pub use attacher::{Attacher, NotAttached};
pub use hook::{At, Hook, Side};
pub use layout::LayoutReport;
pub use plan::{Attachment, Plan, PlannedHook, Resolution};
pub use programs::Losses;
pub use reason::Reason;

use resolve::Offer;

/// What was found out about a kernel: where things are in its structures, and which functions will be probed.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Offsets, with the flags of the plan set.
    pub layout: LayoutReport,
    /// What will be probed.
    pub plan: Plan,
}

/// From this version on the kernel finds a symbol by bisection (60443c88f3a8, kernel/kallsyms.c).
const SYMBOLS_SORTED: (u32, u32) = (6, 2);

/// How much time to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// To start at once: take a module's functions from its BTF where it has some, and read the kernel's symbol table
    /// only where that leaves a hook without anything to probe.
    Quick,
    /// To explain: read the symbol table and the list of traceable functions, whatever it takes.
    Thorough,
}

/// Modules whose BTF is read: for structures, and for the names of functions to probe.
const MODULES: [&str; 3] = ["nfsd", "nfsv4", "grace"];

/// Looks at the kernel as it is now; to be called again when a module was loaded.
///
/// It takes some 7 MB while it runs (the kernel's BTF), and keeps next to nothing of it.
#[must_use]
pub fn inspect(kernel: &Kernel, role: Role, effort: Effort) -> Inspection {
    let modules = kernel.modules();
    let types = kernel.types(&MODULES);
    let events = kernel.trace_events(hook::events());
    let mut layout = layout::find(&types, &modules, &events);
    let wanted = resolve::wanted(role, &layout.layout, &modules);
    let options_off = options_off(kernel);
    let resolve = |symbols: io::Result<Symbols>, explain| {
        let names = symbols.as_ref().map(Symbols::names).unwrap_or_default();
        let traceable = if explain { kernel.traceable(&names) } else { kernel.blacklist(&names) };
        let symbols = symbols.map_err(|error| error.to_string());
        let offer = Offer {
            symbols,
            modules: modules.clone(),
            traceable,
            events: events.clone(),
            options_off: options_off.clone(),
        };
        offer.plan(&layout.layout, role)
    };
    let quick = match effort {
        // Older kernels search their symbol table from the start for each name: there it is read once, for addresses.
        Effort::Quick if kernel.version() >= SYMBOLS_SORTED => {
            Some(resolve(kernel.symbols_by_types(&types, &wanted), false))
        }
        Effort::Quick | Effort::Thorough => None,
    };
    drop(types);
    let plan = quick
        .filter(|plan| !plan.leaves_doubt())
        .unwrap_or_else(|| resolve(kernel.symbols(&wanted), effort == Effort::Thorough));
    layout.layout.cld_running_probed = u32::from(plan.probes("cld_running_ret"));
    layout.layout.nfs4_delay_probed = u32::from(plan.probes("nfs4_delay"));
    Inspection { layout, plan }
}

/// Options of hooks that are off; one that cannot be read counts as off, as its functions then tell.
fn options_off(kernel: &Kernel) -> BTreeSet<&'static str> {
    let options: BTreeSet<_> = hook::all().filter_map(|hook| hook.option).collect();
    let off =
        options.into_iter().filter(|option| kernel.version() >= option.since && kernel.config(option.name).is_none());
    off.map(|option| option.name).collect()
}
