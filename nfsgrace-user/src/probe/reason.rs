//! Why a function cannot be probed.

use crate::{kernel::Untraceable, record::Absence};

/// Why a function cannot be probed, as far as can be told before trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// In no symbol table, though its module is there.
    Inlined,
    /// The module is not there, and this kernel cannot load any.
    ModuleMissing(&'static str),
    /// Only there under this name, and the compiler may have changed its arguments.
    Renamed(String),
    /// The kernel refuses to probe it.
    NotTraceable(Untraceable),
    /// There are several of this name.
    NotUnique,
    /// The kernel was built without this option.
    NotBuilt(&'static str),
    /// The kernel has no such trace event, or does not show it to this user.
    NoEvent,
    /// The symbol table cannot be read.
    NoPrivilege(String),
}

impl Reason {
    /// As a session has it.
    #[must_use]
    pub fn absence(&self) -> Absence {
        match self {
            Self::Inlined => Absence::Inlined,
            Self::ModuleMissing(_) => Absence::ModuleMissing,
            Self::Renamed(_) => Absence::Renamed,
            Self::NotTraceable(_) => Absence::NotTraceable,
            Self::NotUnique => Absence::NotUnique,
            Self::NotBuilt(_) => Absence::NotBuilt,
            Self::NoEvent => Absence::NoEvent,
            Self::NoPrivilege(_) => Absence::NoPrivilege,
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inlined => f.write_str("inlined"),
            Self::ModuleMissing(module) => write!(f, "no module {module} on this kernel"),
            Self::Renamed(name) => write!(f, "renamed by the compiler ({name})"),
            Self::NotTraceable(Untraceable::Blacklisted) => f.write_str("not traceable: on the blacklist of kprobes"),
            Self::NotTraceable(Untraceable::Notrace) => f.write_str("not traceable: compiled as notrace"),
            Self::NotUnique => f.write_str("not unique: several functions have this name"),
            Self::NoEvent => f.write_str("no such trace event"),
            Self::NotBuilt(option) => write!(f, "not built into this kernel ({option})"),
            Self::NoPrivilege(error) => write!(f, "no privilege: cannot read /proc/kallsyms ({error})"),
        }
    }
}
