//! From logical events to kernel functions: hooks, the plan for this kernel, and how it is carried out.

pub mod attach;
pub mod hook;
pub mod plan;
pub mod table;

use std::collections::BTreeSet;

use crate::kernel::{self, Kernel, LayoutReport, Traceable};

pub use hook::{At, Hook, Side};
pub use plan::{Attachment, Plan, Reason, Row, Sides, State};

use plan::Facts;

/// What was found out about a kernel: where things are in its structures, and which functions will be probed.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Offsets, with the flags of the plan set.
    pub layout: LayoutReport,
    /// What will be probed.
    pub plan: Plan,
}

/// How much time to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// To start at once: take a module's functions from its BTF where it has some, and read the kernel's symbol table
    /// only where that leaves a hook without anything to probe.
    Quick,
    /// To explain: read the symbol table and the list of traceable functions, whatever it takes.
    Thorough,
}

/// Looks at the kernel as it is now; to be called again when a module was loaded.
///
/// It takes some 6 MB while it runs (the kernel's BTF), and keeps next to nothing of it.
#[must_use]
pub fn inspect(kernel: &Kernel, sides: Sides, effort: Effort) -> Inspection {
    let modules = kernel.modules();
    let types = kernel.types(&kernel::LAYOUT_MODULES);
    let mut layout = kernel::layout(&types, &modules);
    let wanted = plan::wanted(sides, &modules);

    let quick = (effort == Effort::Quick).then(|| {
        let symbols = kernel.symbols_by_types(&types, &wanted).map_err(|error| error.to_string());
        let traceable =
            symbols.as_ref().map_or_else(|_| Traceable::default(), |found| kernel.blacklist(&found.names()));
        Plan::resolve(&Facts { symbols, modules: modules.clone(), traceable }, &layout.layout, sides)
    });
    drop(types);
    let plan = quick.filter(|plan| !plan.leaves_doubt()).unwrap_or_else(|| {
        let symbols = kernel.symbols(&wanted).map_err(|error| error.to_string());
        let names: BTreeSet<&str> = symbols.as_ref().map(kernel::Symbols::names).unwrap_or_default();
        let traceable = match effort {
            Effort::Quick => kernel.blacklist(&names),
            Effort::Thorough => kernel.traceable(&names),
        };
        Plan::resolve(&Facts { symbols, modules, traceable }, &layout.layout, sides)
    });
    layout.layout.cld_running_probed = u32::from(plan.probes("cld_running_ret"));
    layout.layout.nfs4_delay_probed = u32::from(plan.probes("nfs4_delay"));
    Inspection { layout, plan }
}
