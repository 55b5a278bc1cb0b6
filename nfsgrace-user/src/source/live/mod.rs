//! The running kernel.
//!
//! [`Live::start`] inspects the kernel, loads the programs and attaches them; [`Live::next`] then yields what they see,
//! along with the kernel log, the clocks and the losses. Modules that arrive later are attended to as they come.

pub mod clock;
pub mod decode;
pub mod kmsg;
pub mod load;
pub mod mounts;
mod plan;
pub mod stacks;
pub mod surroundings;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    os::fd::{AsFd as _, AsRawFd, RawFd},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use aya::maps::{MapData, RingBuf};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{Interval, MissedTickBehavior, interval},
};

use self::{
    decode::{FirstDelay, Message, decode},
    kmsg::KernelLog,
    load::{Losses, Object},
    mounts::Mounts,
    stacks::{Request, Stacks},
};
use crate::{
    kernel::Kernel,
    probe::{
        self, At, Attachment, Effort, Inspection, Plan, Sides,
        attach::{Events, Site},
    },
    record::{ClockSample, Counts, Event, Header, Kind, Line, Loss, Netns, Role, SCHEMA, Stamp, Task, Tracker},
};

/// Modules whose arrival changes the plan.
const MODULES: [&str; 6] = ["nfsd", "nfs", "nfsv4", "sunrpc", "lockd", "grace"];
/// How often the clocks are compared for the record.
const CLOCK_EVERY: Duration = Duration::from_secs(60);
/// How often losses are looked for.
const LOSSES_EVERY: Duration = Duration::from_secs(1);

/// A kernel that is being watched.
pub struct Live {
    kernel: Arc<Kernel>,
    sides: Sides,
    object: Object,
    events: Events,
    attached: BTreeSet<&'static str>,
    refused: BTreeMap<&'static str, String>,
    later: VecDeque<Attachment>,
    plan: Plan,
    ring: AsyncFd<Ring>,
    log: Option<AsyncFd<KernelLog>>,
    stacks: Stacks<Event>,
    mounts: Mounts,
    losses: Losses,
    missed: u64,
    /// The counts that were told last.
    counted: Vec<(Option<Netns>, Counts)>,
    clock: Interval,
    check: Interval,
    header: Header,
}

/// The ring buffer, as something to wait for.
struct Ring(RingBuf<MapData>);

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Live {
    /// Attaches to the running kernel. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// Without privilege, on a kernel without kprobes or eBPF, on one that is too old: what is missing, and what to do.
    pub fn start(sides: Sides, verbose: bool, command: Vec<String>) -> Result<Self> {
        let kernel = Arc::new(Kernel::running()?);
        let unmet = kernel.prerequisites();
        if !unmet.is_empty() {
            bail!("{}", unmet.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        }
        let tracefs = kernel.tracefs().ok_or_else(|| anyhow!("tracefs is not mounted"))?;
        let Inspection { layout, plan } = probe::inspect(&kernel, sides, Effort::Quick);
        let (object, ring) = Object::load(verbose, &layout.layout)?;
        let log = KernelLog::open(Path::new("/dev/kmsg")).and_then(wait_for).ok();
        let mut live = Self {
            stacks: Stacks::new(Arc::clone(&kernel)),
            header: header(&kernel, sides, command),
            events: Events::open(&tracefs)?,
            kernel,
            sides,
            object,
            attached: BTreeSet::new(),
            refused: BTreeMap::new(),
            later: VecDeque::new(),
            plan,
            ring: wait_for(Ring(ring))?,
            log,
            mounts: Mounts::default(),
            losses: Losses::default(),
            missed: 0,
            counted: Vec::new(),
            clock: every(CLOCK_EVERY),
            check: every(LOSSES_EVERY),
        };
        live.object.watch_modules().context("cannot watch for kernel modules")?;
        live.attach();
        if live.attached.is_empty() {
            let why = live.refused.values().next().cloned().unwrap_or_else(|| "no hook has a function here".to_owned());
            // Debian's and Ubuntu's kernels know levels above 2, and ask for more than CAP_PERFMON there.
            let hint = if why.contains("os error 13") {
                "; some kernels ask for CAP_SYS_ADMIN where kernel.perf_event_paranoid is above 2"
            } else {
                ""
            };
            bail!("nothing could be attached: {why}{hint}; `nfsgrace probes` tells more");
        }
        let later = live.later.iter().map(|attachment| attachment.program);
        let attached = live.attached.iter().copied().chain(later).collect();
        live.header.probes = plan::rows(&live.plan, &attached, &live.refused);
        Ok(live)
    }

    /// The first line of the session.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Number of sites attached.
    #[must_use]
    pub fn attached(&self) -> usize {
        self.attached.len()
    }

    /// Number of sites that are attached while watching goes on already.
    #[must_use]
    pub fn to_follow(&self) -> usize {
        self.later.len()
    }

    /// Waits for the next lines. Safe to cancel: nothing that was taken is dropped.
    ///
    /// # Errors
    ///
    /// Where the kernel's own interfaces fail.
    pub async fn next(&mut self) -> Result<Vec<Line>> {
        loop {
            self.object.flush_messages();
            let mut lines = Vec::new();
            if !self.later.is_empty() {
                lines.extend(self.attach_later());
                self.drain(&mut lines)?;
                self.read_log(&mut lines);
                if !lines.is_empty() {
                    return Ok(lines);
                }
                // Signals and timers have their turn.
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                biased;
                ready = self.ring.readable_mut() => ready?.clear_ready(),
                Some((event, stack)) = self.stacks.named() => lines.push(Line::Event(named(event, stack))),
                ready = readable(self.log.as_mut()) => ready?,
                _ = self.check.tick() => lines.extend(self.losses()?),
                _ = self.clock.tick() => {
                    lines.push(Line::Clock(clock::sample()));
                    lines.extend(self.counts()?);
                }
            }
            self.drain(&mut lines)?;
            self.read_log(&mut lines);
            if !lines.is_empty() {
                return Ok(lines);
            }
        }
    }

    /// What is left, with the exact numbers; then detaches.
    ///
    /// # Errors
    ///
    /// Where the kernel's own interfaces fail.
    pub fn finish(mut self) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        self.drain(&mut lines)?;
        self.read_log(&mut lines);
        while let Some((event, stack)) = self.stacks.try_named() {
            lines.push(Line::Event(named(event, stack)));
        }
        lines.extend(self.losses()?);
        lines.push(Line::Clock(clock::sample()));
        self.counted.clear();
        lines.extend(self.counts()?);
        Ok(lines)
    }

    /// What was counted since tracing began, of each namespace where that has changed.
    fn counts(&mut self) -> Result<Vec<Line>> {
        let counts = self.object.counts()?;
        let changed = counts.iter().filter(|entry| !self.counted.contains(entry));
        let lines = changed.map(|(netns, counts)| Line::Event(counted(*netns, counts.clone()))).collect();
        self.counted = counts;
        Ok(lines)
    }

    fn drain(&mut self, lines: &mut Vec<Line>) -> Result<()> {
        let mut arrived = false;
        while let Some(message) = self.next_message() {
            match message {
                Message::Event(event) => {
                    let look = tracker_failed(&event).then(|| {
                        let kind = Kind::Surroundings(surroundings::look(Path::new("/"), event.task.pid));
                        Event { kind, ..event.clone() }
                    });
                    lines.push(Line::Event(event));
                    lines.extend(look.map(Line::Event));
                }
                Message::ServerStart { event, frames } => {
                    self.stacks.name(Request { of: stack_of(&event, None), addresses: frames });
                    lines.push(Line::Event(event));
                }
                Message::FirstDelay(first) => lines.push(Line::Event(self.first_delay(*first))),
                Message::ModuleLoaded(name) => arrived |= MODULES.contains(&name.as_str()),
            }
        }
        if arrived {
            self.module_arrived()?;
        }
        Ok(())
    }

    fn next_message(&mut self) -> Option<Message> {
        loop {
            let item = self.ring.get_mut().0.next()?;
            if let Some(message) = decode(&item) {
                return Some(message);
            }
        }
    }

    fn first_delay(&mut self, first: FirstDelay) -> Event {
        let FirstDelay { mut event, open: _, dev, path: below, frames } = first;
        let pid = event.task.pid;
        let full = below.map(|below| self.mounts.full(dev, pid, &below));
        if let Kind::Delay { began, path, .. } = &mut event.kind {
            *path = full;
            let began = *began;
            self.stacks.name(Request { of: stack_of(&event, Some(began)), addresses: frames });
        }
        event
    }

    fn read_log(&mut self, lines: &mut Vec<Line>) {
        let Some(log) = &mut self.log else { return };
        loop {
            match log.get_mut().next_line() {
                Ok(Some(line)) => lines.push(Line::Event(Event {
                    at: clock::of_kernel_log(line.since_boot),
                    task: Task::default(),
                    netns: None,
                    kind: Kind::KernelLog { text: line.text },
                })),
                Ok(None) => return,
                Err(_) => {
                    self.log = None;
                    return;
                }
            }
        }
    }

    /// Its functions were armed as it came, where they were waited for; now its BTF is there as well.
    fn module_arrived(&mut self) -> Result<()> {
        let Inspection { layout, plan } = probe::inspect(&self.kernel, self.sides, Effort::Quick);
        self.object.set_layout(&layout.layout)?;
        self.plan = plan;
        self.attach();
        Ok(())
    }

    /// Attaches what the plan says and is not attached yet; what may come later is left for [`Live::next`].
    ///
    /// Returns before entries: of several probes on one function the last one runs first, and before 5.16 a kernel stack
    /// taken at an entry ends at the return probe that ran before.
    fn attach(&mut self) {
        let mut todo: Vec<Attachment> =
            self.plan.attachments().filter(|wanted| !self.attached.contains(wanted.program)).cloned().collect();
        todo.retain(|attachment| attachment.ready || attachment.can_wait_in_tracefs());
        todo.sort_by_key(|attachment| matches!(attachment.at, At::Entry));
        let (mut later, now): (Vec<_>, Vec<_>) = todo.into_iter().partition(|attachment| attachment.later);
        // A client's first refusals come within a second: what names their RPCs follows first.
        later.sort_by_key(|attachment| attachment.module.as_deref() != Some("nfsv4"));
        self.later = later.into();
        for attachment in now {
            self.attach_one(&attachment);
        }
    }

    fn attach_one(&mut self, attachment: &Attachment) -> bool {
        match self.try_attach(attachment) {
            Ok(()) => {
                self.refused.remove(attachment.program);
                self.attached.insert(attachment.program);
                true
            }
            Err(error) => {
                log::debug!("{}: {error:?}", attachment.target());
                self.refused.insert(attachment.program, format!("{}: {error:#}", attachment.target()));
                false
            }
        }
    }

    fn try_attach(&mut self, attachment: &Attachment) -> Result<()> {
        let Attachment { symbol, at, program: name, address, .. } = attachment;
        let program = self.object.program(name)?.as_fd();
        let site = match *at {
            At::Event { system } => return Ok(self.events.attach_event(system, symbol, program)?),
            At::Entry => Site::Entry,
            At::Return { max_active } => Site::Return { max_active },
        };
        // An address spares older kernels a search; a module that is still to come has none, and is named.
        let target = address.map_or_else(|| attachment.target(), |address| format!("{address:#x}"));
        Ok(self.events.attach(name, &target, site, program)?)
    }

    /// Attaches one of those that could wait; what is lost where that fails.
    fn attach_later(&mut self) -> Option<Line> {
        let attachment = self.later.pop_front()?;
        if self.attach_one(&attachment) {
            return None;
        }
        let hook = self.plan.rows.iter().find(|row| row.attachments().contains(&attachment))?.hook;
        let hides = format!("{} ({} cannot be probed)", hook.lost, attachment.target());
        Some(Line::Loss(Loss { at: clock::now(), cause: "not_attached".to_owned(), count: 1, hides }))
    }

    /// What was lost since the last look.
    fn losses(&mut self) -> Result<Vec<Line>> {
        let at = clock::now();
        let before = std::mem::replace(&mut self.losses, self.object.losses()?);
        let now = self.losses;
        let missed_before = self.missed;
        self.missed = self.events.missed().unwrap_or(missed_before);
        let causes = [
            ("ring_full", now.ring_full - before.ring_full, "single events of any kind; the counts stay exact"),
            ("calls_full", now.calls_full - before.calls_full, "refusals and reclaims on the server, and their counts"),
            ("operations_full", now.operations_full - before.operations_full, "stalls of single tasks"),
            ("namespaces_full", now.namespaces_full - before.namespaces_full, "the counts of some network namespaces"),
            ("managers_full", now.managers_full - before.managers_full, "the end of some grace periods"),
            (
                "missed_probes",
                self.missed.saturating_sub(missed_before),
                "single events of any kind, and their counts: more threads were inside a function than expected",
            ),
        ];
        Ok(causes
            .into_iter()
            .filter(|(_, count, _)| *count > 0)
            .map(|(cause, count, hides)| {
                Line::Loss(Loss { at, cause: cause.to_owned(), count, hides: hides.to_owned() })
            })
            .collect())
    }
}

fn wait_for<T: AsRawFd>(source: T) -> std::io::Result<AsyncFd<T>> {
    // SAFETY: both types that this is used with own one descriptor, and name no other for as long as they live.
    unsafe { AsyncFd::register_with_interest(source, Interest::READABLE) }.map_err(Into::into)
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    interval
}

async fn readable(log: Option<&mut AsyncFd<KernelLog>>) -> Result<()> {
    match log {
        Some(log) => {
            log.readable_mut().await?.clear_ready();
            Ok(())
        }
        None => std::future::pending().await,
    }
}

fn tracker_failed(event: &Event) -> bool {
    matches!(event.kind, Kind::TrackerEnd { tracker: Tracker::Cld | Tracker::Umh | Tracker::Legacy, status } if status != 0)
}

/// What a stack that is named later belongs to.
fn stack_of(event: &Event, began: Option<Stamp>) -> Event {
    Event { kind: Kind::Stack { began, stack: Vec::new() }, ..event.clone() }
}

fn named(mut event: Event, names: Vec<String>) -> Event {
    if let Kind::Stack { stack, .. } = &mut event.kind {
        *stack = names;
    }
    event
}

fn counted(netns: Option<Netns>, counts: Counts) -> Event {
    Event { at: clock::now(), task: Task::default(), netns, kind: Kind::Counts(counts) }
}

fn header(kernel: &Kernel, sides: Sides, command: Vec<String>) -> Header {
    let ClockSample { at, realtime_minus_boottime_ns } = clock::sample();
    let text = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    Header {
        schema: SCHEMA,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        command,
        host: text("/proc/sys/kernel/hostname"),
        boot_id: text("/proc/sys/kernel/random/boot_id"),
        kernel: kernel.release().to_owned(),
        hz: kernel.hz().ok().map(|hz| hz.value),
        clock: "boottime".to_owned(),
        realtime_minus_boottime_ns,
        role: match (sides.server, sides.client) {
            (true, false) => Role::Server,
            (false, true) => Role::Client,
            _ => Role::Both,
        },
        initial_netns: initial_netns(),
        probes: Vec::new(),
        started: at,
        continues: None,
    }
}

/// The namespace of process 1: `net:[4026531840]`.
fn initial_netns() -> Option<u32> {
    let link = fs::read_link("/proc/1/ns/net").ok()?;
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}
