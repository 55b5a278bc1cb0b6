//! From hooks to a plan: looks each one up in what the kernel offers.

use std::collections::BTreeSet;

use nfsgrace_ebpf::Layout;

use super::{
    Attachment, Hook, Plan, PlannedHook, Reason, Resolution,
    hook::{self, Alternative, ProbePoint},
};
use crate::kernel::{Lookup, Modules, Presence, Symbols, TraceEvents, Traceable, Wanted};
use crate::record::Role;

/// What the kernel offers: all that a plan follows from.
#[derive(Debug, Clone)]
pub struct Offer {
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

/// The functions that a plan of `role` asks for: those in the kernel image and in modules that are there.
#[must_use]
pub fn wanted(role: Role, layout: &Layout, modules: &Modules) -> Vec<Wanted> {
    let points = hooks(role)
        .filter(|hook| hook.is_needed(layout))
        .flat_map(|hook| hook.alternatives)
        .flat_map(|alternative| alternative.points)
        .filter(|point| point.event().is_none());
    let all: BTreeSet<Wanted> = points.map(|point| Wanted { module: point.module, name: point.symbol }).collect();
    all.into_iter().filter(|wanted| wanted.module.is_none_or(|module| modules.is_here(module))).collect()
}

fn hooks(role: Role) -> impl Iterator<Item = &'static Hook> {
    hook::all().filter(move |hook| hook.side.is_watched_by(role))
}

impl Offer {
    /// Resolves each hook that `role` watches.
    #[must_use]
    pub fn plan(&self, layout: &Layout, role: Role) -> Plan {
        Plan { hooks: hooks(role).map(|hook| self.hook(hook, layout)).collect() }
    }

    fn hook(&self, hook: &'static Hook, layout: &Layout) -> PlannedHook {
        if !hook.is_needed(layout) {
            return PlannedHook { hook, resolution: Resolution::NotNeeded, passed_over: Vec::new() };
        }
        let mut passed_over = Vec::new();
        let mut waiting = Vec::new();
        for alternative in hook.alternatives {
            match self.alternative(hook, alternative) {
                Ok(attachments) if attachments.iter().all(|attachment| attachment.ready) => {
                    if waiting.is_empty() {
                        let resolution = Resolution::Ready { attachments, inferred: alternative.inferred };
                        return PlannedHook { hook, resolution, passed_over };
                    }
                    // The module may lack the better ones: this makes up for them meanwhile.
                    waiting.extend(attachments);
                    break;
                }
                Ok(attachments) => waiting.extend(attachments),
                Err(failed) => passed_over.push(failed),
            }
        }
        let resolution = match passed_over.first() {
            _ if !waiting.is_empty() => Resolution::Waiting { attachments: waiting },
            Some((_, reason)) => Resolution::Missing(reason.clone()),
            None => Resolution::Missing(Reason::Inlined),
        };
        PlannedHook { hook, resolution, passed_over }
    }

    /// What to attach for an alternative; or the first of its functions that cannot be probed.
    fn alternative(
        &self,
        hook: &Hook,
        alternative: &'static Alternative,
    ) -> Result<Vec<Attachment>, (&'static str, Reason)> {
        let attachment = |point| self.point(hook, point).map_err(|reason| (point.symbol, reason));
        alternative.points.iter().map(attachment).collect()
    }

    fn point(&self, hook: &Hook, point: &'static ProbePoint) -> Result<Attachment, Reason> {
        let (module, symbol, ready) = match point.module.map(|module| (module, self.modules.presence(module))) {
            Some((module, Presence::NotLoaded)) => (Some(module), point.symbol, false),
            Some((module, Presence::Never)) => return Err(Reason::ModuleMissing(module)),
            Some((_, Presence::Loaded | Presence::BuiltIn)) | None => {
                let (module, symbol) = self.site(hook, point)?;
                (module, symbol, true)
            }
        };
        let address = || self.symbols.as_ref().ok()?.address(symbol, module);
        Ok(Attachment {
            module: module.map(str::to_owned),
            symbol: symbol.to_owned(),
            at: point.at,
            program: point.program(),
            ready,
            later: hook.later,
            address: ready.then(address).flatten(),
        })
    }

    /// The module and the symbol of a point whose module is there.
    fn site(&self, hook: &Hook, point: &'static ProbePoint) -> Result<(Option<&str>, &str), Reason> {
        if let Some(event) = point.event() {
            return if self.events.has(event) { Ok((point.module, point.symbol)) } else { Err(Reason::NoEvent) };
        }
        let symbols = self.symbols.as_ref().map_err(|error| Reason::NoPrivilege(error.clone()))?;
        let (module, symbol) = match symbols.lookup(Wanted { module: point.module, name: point.symbol }) {
            Lookup::Here(module) => (module, point.symbol),
            Lookup::Renamed(symbol, module) if point.suffix_ok => (module, symbol),
            Lookup::Renamed(symbol, _) => return Err(Reason::Renamed(symbol.to_owned())),
            Lookup::Several => return Err(Reason::NotUnique),
            Lookup::Absent => {
                let off = hook.option.map(|option| option.name).filter(|name| self.options_off.contains(name));
                return Err(off.map_or(Reason::Inlined, Reason::NotBuilt));
            }
        };
        self.traceable.refusal(symbol).map_or(Ok((module, symbol)), |refusal| Err(Reason::NotTraceable(refusal)))
    }
}
