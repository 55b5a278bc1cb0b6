//! Carries a plan out on the running kernel, and makes a new one when a module arrives.
//!
//! ```text
//! Planned ──attach_heart──▶ Heart ──attach_detail, one at a time──▶ Complete
//!    ▲                        │                                        │
//!    └────────────────────────┴───────── modules_arrived ──────────────┘
//! ```
//!
//! The heart is what an explanation cannot do without: it is attached at once. Details only add to it, and follow while
//! what the heart sees is looked at already. Whatever the kernel refused is tried again with the next plan.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    os::fd::AsFd as _,
    sync::Arc,
};

use anyhow::{Context as _, Error, Result, anyhow, bail};
use aya::maps::{MapData, RingBuf};
use rustix::io::Errno;

use super::{
    At, Attachment, Effort, Inspection, Losses, Plan, inspect,
    programs::Programs,
    tracefs::{KprobeEvents, Site},
};
use crate::{
    kernel::Kernel,
    record::{Counts, Netns, ProbeRow, Role},
};

/// Modules whose arrival changes a plan.
const MODULES: [&str; 6] = ["nfsd", "nfs", "nfsv4", "sunrpc", "lockd", "grace"];

/// A plan, the programs that it needs, and where they run so far. They stop when it is dropped.
pub struct Attacher {
    kernel: Arc<Kernel>,
    role: Role,
    plan: Plan,
    phase: Phase,
    programs: Programs,
    events: KprobeEvents,
    /// Programs that run.
    attached: BTreeSet<String>,
    /// Programs that do not, and why.
    refused: BTreeMap<String, Error>,
    /// As far as the kernel told last.
    missed_probes: u64,
}

/// How far the plan is carried out.
enum Phase {
    /// Not at all, or not what is new in it.
    Planned,
    /// All that an explanation needs; these details are still to come, in this order.
    Heart(VecDeque<Attachment>),
    /// As far as the kernel lets it.
    Complete,
}

/// A detail that the kernel does not let anybody see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAttached {
    /// `module:symbol`
    pub target: String,
    /// What is lost by it.
    pub lost: &'static str,
}

impl Attacher {
    /// Inspects the kernel, loads the programs' maps and attaches the heart of the plan; the second value is where the
    /// programs' messages arrive. With `verbose` their debug messages go to the logger.
    ///
    /// # Errors
    ///
    /// Without privilege, on a kernel without kprobes or eBPF, on one that is too old: what is missing, and what to do.
    pub fn start(kernel: Arc<Kernel>, role: Role, verbose: bool) -> Result<(Self, RingBuf<MapData>)> {
        let unmet = kernel.prerequisites();
        if !unmet.is_empty() {
            bail!("{}", unmet.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        }
        let tracefs = kernel.tracefs().ok_or_else(|| anyhow!("tracefs is not mounted"))?;
        let Inspection { layout, plan } = inspect(&kernel, role, Effort::Quick);
        let (mut programs, messages) = Programs::load(verbose, &layout.layout)?;
        programs.watch_modules().context("cannot watch for kernel modules")?;
        let mut attacher = Self {
            events: KprobeEvents::open(&tracefs)?,
            kernel,
            role,
            plan,
            phase: Phase::Planned,
            programs,
            attached: BTreeSet::new(),
            refused: BTreeMap::new(),
            missed_probes: 0,
        };
        attacher.attach_heart();
        attacher.check_that_something_is_attached()?;
        Ok((attacher, messages))
    }

    fn check_that_something_is_attached(&self) -> Result<()> {
        if !self.attached.is_empty() {
            return Ok(());
        }
        let Some(error) = self.refused.values().next() else {
            bail!("nothing could be attached: no hook has a function here; `nfsgrace probes` tells more");
        };
        // Debian's and Ubuntu's kernels know levels above 2, and ask for more than CAP_PERFMON there.
        let hint = if is_denied(error) {
            "; some kernels ask for CAP_SYS_ADMIN where kernel.perf_event_paranoid is above 2"
        } else {
            ""
        };
        bail!("nothing could be attached: {error:#}{hint}; `nfsgrace probes` tells more");
    }

    /// Attaches the heart of the plan, as far as it is not attached yet; details are left for [`Self::attach_detail`].
    fn attach_heart(&mut self) {
        let (heart, details) = self.plan.heart_and_details(&self.attached);
        for attachment in heart {
            self.attach(&attachment);
        }
        self.phase = if details.is_empty() { Phase::Complete } else { Phase::Heart(details.into()) };
    }

    /// Attaches one of the details that are still to come; says what is lost where the kernel refuses.
    pub fn attach_detail(&mut self) -> Option<NotAttached> {
        let Phase::Heart(details) = &mut self.phase else { return None };
        let attachment = details.pop_front()?;
        if details.is_empty() {
            self.phase = Phase::Complete;
        }
        if self.attach(&attachment) {
            return None;
        }
        let hook = self.plan.hooks.iter().find(|it| it.attachments().contains(&attachment))?.hook;
        Some(NotAttached { target: attachment.target(), lost: hook.lost })
    }

    /// Number of details that are still to be attached.
    #[must_use]
    pub fn details_to_come(&self) -> usize {
        match &self.phase {
            Phase::Heart(details) => details.len(),
            Phase::Planned | Phase::Complete => 0,
        }
    }

    /// Number of places where programs run.
    #[must_use]
    pub fn attached(&self) -> usize {
        self.attached.len()
    }

    /// Whether [`Self::modules_arrived`] is to be called when `module` was loaded.
    #[must_use]
    pub fn is_changed_by(module: &str) -> bool {
        MODULES.contains(&module)
    }

    /// Makes a new plan, and attaches what is new in its heart.
    ///
    /// The functions of the modules were armed as they came, where they were waited for; now their BTF is there as well.
    ///
    /// # Errors
    ///
    /// Where the programs cannot be told what was found out.
    pub fn modules_arrived(&mut self) -> Result<()> {
        let Inspection { layout, plan } = inspect(&self.kernel, self.role, Effort::Quick);
        self.programs.set_layout(&layout.layout)?;
        self.plan = plan;
        self.phase = Phase::Planned;
        self.attach_heart();
        Ok(())
    }

    fn attach(&mut self, attachment: &Attachment) -> bool {
        match self.try_attach(attachment) {
            Ok(()) => {
                self.refused.remove(&attachment.program);
                self.attached.insert(attachment.program.clone());
                true
            }
            Err(error) => {
                log::debug!("{}: {error:?}", attachment.target());
                self.refused.insert(attachment.program.clone(), error.context(attachment.target()));
                false
            }
        }
    }

    fn try_attach(&mut self, attachment: &Attachment) -> Result<()> {
        let Attachment { symbol, at, program: name, address, .. } = attachment;
        let program = self.programs.program(name)?.as_fd();
        let site = match *at {
            At::Event { system } => return Ok(self.events.attach_event(system, symbol, program)?),
            At::Entry => Site::Entry,
            At::Return { max_active } => Site::Return { max_active },
        };
        // An address spares older kernels a search; a module that is still to come has none, and is named.
        let target = address.map_or_else(|| attachment.target(), |address| format!("{address:#x}"));
        Ok(self.events.attach(name, &target, site, program)?)
    }

    /// What each hook came to, for the session's header. Details that are to come count as attached.
    #[must_use]
    pub fn rows(&self) -> Vec<ProbeRow> {
        let refused = self.refused.iter().map(|(program, error)| (program.clone(), format!("{error:#}"))).collect();
        self.plan.rows_carried_out(&refused)
    }

    /// Exact numbers so far, by namespace.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub fn counts(&self) -> Result<Vec<(Option<Netns>, Counts)>> {
        self.programs.counts()
    }

    /// What was not seen, or not sent, so far.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn losses(&mut self) -> Result<Losses> {
        self.missed_probes = self.events.missed().unwrap_or(self.missed_probes);
        Ok(Losses { missed_probes: self.missed_probes, ..self.programs.losses()? })
    }

    /// Hands the programs' own debug messages to the logger.
    pub fn flush_messages(&mut self) {
        self.programs.flush_messages();
    }
}

fn is_denied(error: &Error) -> bool {
    let of = |cause: &(dyn std::error::Error + 'static)| Errno::from_io_error(cause.downcast_ref::<io::Error>()?);
    error.chain().filter_map(of).any(|errno| errno == Errno::ACCESS)
}
