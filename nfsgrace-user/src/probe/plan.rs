//! The plan: what each hook was resolved to on this kernel, or why to nothing.

use std::collections::BTreeSet;

use nfsgrace_ebpf::Layout;

use super::hook::{self, Alternative, At, Hook, Point, Side};
use crate::kernel::{Lookup, Modules, Presence, Symbols, TraceEvents, Traceable, Untraceable, Wanted};
use crate::record::Absence;

/// Which sides to trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// The NFS server.
    pub server: bool,
    /// The NFS client.
    pub client: bool,
}

impl Sides {
    /// Both.
    pub const BOTH: Self = Self { server: true, client: true };

    fn has(self, side: Side) -> bool {
        match side {
            Side::Server => self.server,
            Side::Client => self.client,
        }
    }
}

/// What the kernel offers: all that a plan follows from.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The functions found; or why they cannot be looked for.
    pub symbols: Result<Symbols, String>,
    /// The modules, when they were looked for.
    pub modules: Modules,
    /// Functions that cannot be probed.
    pub traceable: Traceable,
    /// The trace events that there are.
    pub events: TraceEvents,
    /// Build options of hooks that this kernel was built without.
    pub options_off: BTreeSet<&'static str>,
}

/// What each hook was resolved to.
#[derive(Debug, Clone)]
pub struct Plan {
    /// One per hook of the sides asked for.
    pub rows: Vec<Row>,
}

/// What a hook was resolved to.
#[derive(Debug, Clone)]
pub struct Row {
    /// The hook.
    pub hook: &'static Hook,
    /// The result.
    pub state: State,
    /// Functions that would have been better, and why they are not probed.
    pub passed_over: Vec<(&'static str, Reason)>,
}

/// The result for a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Can be attached now.
    Ready {
        /// What to attach.
        attachments: Vec<Attachment>,
        /// How the event follows from what is seen; `None` where it is seen itself.
        inferred: Option<&'static str>,
    },
    /// Its module is not loaded yet.
    Deferred {
        /// What to attach: tracefs takes events on `module:symbol` before the module is there. What lives elsewhere
        /// can be attached now.
        attachments: Vec<Attachment>,
    },
    /// What it would make up for is known.
    NotNeeded,
    /// Nothing to attach.
    Unavailable(Reason),
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
    pub program: &'static str,
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

/// Why a function cannot be probed.
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

/// The functions that a plan for `sides` asks for: those in the kernel image and in modules that are there.
#[must_use]
pub fn wanted(sides: Sides, layout: &Layout, modules: &Modules) -> Vec<Wanted> {
    let points = hooks(sides)
        .filter(|hook| hook.is_needed(layout))
        .flat_map(|hook| hook.alternatives)
        .flat_map(|alternative| alternative.points)
        .filter(|point| point.event().is_none());
    let all: BTreeSet<Wanted> = points.map(|point| Wanted { module: point.module, name: point.symbol }).collect();
    all.into_iter().filter(|wanted| wanted.module.is_none_or(|module| modules.is_here(module))).collect()
}

fn hooks(sides: Sides) -> impl Iterator<Item = &'static Hook> {
    hook::all().filter(move |hook| sides.has(hook.side))
}

impl Plan {
    /// Resolves each hook of `sides`.
    #[must_use]
    pub fn resolve(facts: &Facts, layout: &Layout, sides: Sides) -> Self {
        Self { rows: hooks(sides).map(|hook| facts.row(hook, layout)).collect() }
    }

    /// What to attach, each program once: first what can be attached now, essential hooks before others.
    pub fn attachments(&self) -> impl Iterator<Item = &Attachment> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| (!matches!(row.state, State::Ready { .. }), !row.hook.essential));
        let mut seen = BTreeSet::new();
        rows.into_iter().flat_map(Row::attachments).filter(move |attachment| seen.insert(attachment.program))
    }

    /// Whether `program` is attached to a function that is there.
    #[must_use]
    pub fn probes(&self, program: &str) -> bool {
        self.attachments().any(|attachment| attachment.ready && attachment.program == program)
    }

    /// Whether some hook came to nothing for want of a symbol, so that a better symbol table may help.
    #[must_use]
    pub fn leaves_doubt(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.state, State::Unavailable(Reason::Inlined | Reason::Renamed(_))))
    }
}

impl Row {
    /// What to attach for this hook.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        match &self.state {
            State::Ready { attachments, .. } | State::Deferred { attachments } => attachments,
            State::NotNeeded | State::Unavailable(_) => &[],
        }
    }
}

/// What became of one point.
enum Resolved {
    Ready(Attachment),
    Deferred(Attachment),
    Failed(Reason),
}

impl Facts {
    fn row(&self, hook: &'static Hook, layout: &Layout) -> Row {
        if !hook.is_needed(layout) {
            return Row { hook, state: State::NotNeeded, passed_over: Vec::new() };
        }
        let mut passed_over = Vec::new();
        let mut deferred = Vec::new();
        for alternative in hook.alternatives {
            match self.alternative(hook, alternative) {
                Ok(attachments) if attachments.iter().all(|attachment| attachment.ready) => {
                    if deferred.is_empty() {
                        let state = State::Ready { attachments, inferred: alternative.inferred };
                        return Row { hook, state, passed_over };
                    }
                    // The module may lack the better ones: this makes up for them meanwhile.
                    deferred.extend(attachments);
                    break;
                }
                Ok(attachments) => deferred.extend(attachments),
                Err(failed) => passed_over.push(failed),
            }
        }
        let state = match passed_over.first() {
            _ if !deferred.is_empty() => State::Deferred { attachments: deferred },
            Some((_, reason)) => State::Unavailable(reason.clone()),
            None => State::Unavailable(Reason::Inlined),
        };
        Row { hook, state, passed_over }
    }

    /// What to attach for an alternative; or the first of its functions that cannot be probed.
    fn alternative(
        &self,
        hook: &Hook,
        alternative: &'static Alternative,
    ) -> Result<Vec<Attachment>, (&'static str, Reason)> {
        let mut attachments = Vec::with_capacity(alternative.points.len());
        for point in alternative.points {
            match self.point(hook, point) {
                Resolved::Ready(attachment) | Resolved::Deferred(attachment) => attachments.push(attachment),
                Resolved::Failed(reason) => return Err((point.symbol, reason)),
            }
        }
        Ok(attachments)
    }

    fn point(&self, hook: &Hook, point: &'static Point) -> Resolved {
        let attachment = |module: Option<&str>, symbol: &str, ready| Attachment {
            module: module.map(str::to_owned),
            symbol: symbol.to_owned(),
            at: point.at,
            program: point.program,
            ready,
            later: hook.later,
            address: None,
        };
        match point.module.map(|module| (module, self.modules.presence(module))) {
            Some((_, Presence::NotLoaded)) => {
                return Resolved::Deferred(attachment(point.module, point.symbol, false));
            }
            Some((module, Presence::Never)) => return Resolved::Failed(Reason::ModuleMissing(module)),
            Some((_, Presence::Loaded | Presence::BuiltIn)) | None => {}
        }
        if let Some(event) = point.event() {
            return if self.events.has(event) {
                Resolved::Ready(attachment(point.module, point.symbol, true))
            } else {
                Resolved::Failed(Reason::NoEvent)
            };
        }
        let symbols = match &self.symbols {
            Ok(symbols) => symbols,
            Err(error) => return Resolved::Failed(Reason::NoPrivilege(error.clone())),
        };
        let (symbol, module) = match symbols.lookup(Wanted { module: point.module, name: point.symbol }) {
            Lookup::Here(module) => (point.symbol, module),
            Lookup::Renamed(symbol, module) if point.suffix_ok => (symbol, module),
            Lookup::Renamed(symbol, _) => return Resolved::Failed(Reason::Renamed(symbol.to_owned())),
            Lookup::Several => return Resolved::Failed(Reason::NotUnique),
            Lookup::Absent => {
                let off = hook.option.map(|option| option.name).filter(|name| self.options_off.contains(name));
                return Resolved::Failed(off.map_or(Reason::Inlined, Reason::NotBuilt));
            }
        };
        match self.traceable.refusal(symbol) {
            Some(refusal) => Resolved::Failed(Reason::NotTraceable(refusal)),
            None => {
                let address = symbols.address(symbol, module);
                Resolved::Ready(Attachment { address, ..attachment(module, symbol, true) })
            }
        }
    }
}
