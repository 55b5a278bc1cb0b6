//! The running kernel.
//!
//! [`Live::start`] has the kernel's functions probed; [`Live::next`] then yields what the probes see, along with the kernel
//! log, the clocks and the losses. Modules that arrive later are attended to as they come.

pub mod clock;
mod complete;
pub mod decode;
pub mod header;
pub mod kmsg;
mod mountinfo;
pub mod mounts;
pub mod stacks;
pub mod surroundings;
mod tally;

use std::{
    os::fd::{AsRawFd, RawFd},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use aya::maps::{MapData, RingBuf};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{Interval, MissedTickBehavior, interval},
};

use self::{
    complete::Completer,
    decode::{ProbeMessage, decode},
    kmsg::KernelLog,
    tally::Tally,
};
use crate::{
    kernel::Kernel,
    probe::{Attacher, NotAttached},
    record::{Header, Line, Loss, Role},
};

/// How often the clocks are compared for the record.
const CLOCK_EVERY: Duration = Duration::from_secs(60);
/// How often losses are looked for.
const LOSSES_EVERY: Duration = Duration::from_secs(1);

/// A kernel that is being watched.
pub struct Live {
    attacher: Attacher,
    messages: AsyncFd<Ring>,
    log: Option<AsyncFd<KernelLog>>,
    completer: Completer,
    tally: Tally,
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
    pub fn start(role: Role, verbose: bool, command: Vec<String>) -> Result<Self> {
        let kernel = Arc::new(Kernel::running()?);
        let (attacher, messages) = Attacher::start(Arc::clone(&kernel), role, verbose)?;
        Ok(Self {
            header: header::header(&kernel, role, command, attacher.rows()),
            attacher,
            messages: wait_for(Ring(messages))?,
            log: KernelLog::open(Path::new("/dev/kmsg")).and_then(wait_for).ok(),
            completer: Completer::new(kernel),
            tally: Tally::default(),
            clock: every(CLOCK_EVERY),
            check: every(LOSSES_EVERY),
        })
    }

    /// The first line of the session.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Number of sites attached.
    #[must_use]
    pub fn attached(&self) -> usize {
        self.attacher.attached()
    }

    /// Number of sites that are attached while watching goes on already.
    #[must_use]
    pub fn to_follow(&self) -> usize {
        self.attacher.details_to_come()
    }

    /// Waits for the next lines. Safe to cancel: nothing that was taken is dropped.
    ///
    /// # Errors
    ///
    /// Where the kernel's own interfaces fail.
    pub async fn next(&mut self) -> Result<Vec<Line>> {
        loop {
            self.attacher.flush_messages();
            let mut lines = Vec::new();
            let attaching = self.to_follow() > 0;
            if attaching {
                lines.extend(self.attacher.attach_detail().map(not_attached));
            } else {
                self.wait(&mut lines).await?;
            }
            self.drain(&mut lines)?;
            self.read_log(&mut lines);
            if !lines.is_empty() {
                return Ok(lines);
            }
            if attaching {
                // Signals and timers have their turn.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Waits until something can be read or is due. Safe to cancel, as nothing is waited for after a line was taken.
    async fn wait(&mut self, lines: &mut Vec<Line>) -> Result<()> {
        tokio::select! {
            biased;
            ready = self.messages.readable_mut() => ready?.clear_ready(),
            Some(stack) = self.completer.named() => lines.push(stack),
            ready = readable(self.log.as_mut()) => ready?,
            _ = self.check.tick() => lines.extend(self.tally.losses(self.attacher.losses()?)),
            _ = self.clock.tick() => {
                lines.push(Line::Clock(clock::sample()));
                lines.extend(self.tally.counts(self.attacher.counts()?));
            }
        }
        Ok(())
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
        while let Some(stack) = self.completer.try_named() {
            lines.push(stack);
        }
        lines.extend(self.tally.losses(self.attacher.losses()?));
        lines.push(Line::Clock(clock::sample()));
        lines.extend(self.tally.all_counts(self.attacher.counts()?));
        Ok(lines)
    }

    fn drain(&mut self, lines: &mut Vec<Line>) -> Result<()> {
        let mut arrived = false;
        while let Some(message) = self.next_message() {
            let module = self.completer.take(message, lines);
            arrived |= module.is_some_and(|module| Attacher::is_changed_by(&module));
        }
        if arrived {
            self.attacher.modules_arrived()?;
        }
        Ok(())
    }

    fn next_message(&mut self) -> Option<ProbeMessage> {
        loop {
            let item = self.messages.get_mut().0.next()?;
            if let Some(message) = decode(&item) {
                return Some(message);
            }
        }
    }

    fn read_log(&mut self, lines: &mut Vec<Line>) {
        let Some(log) = &mut self.log else { return };
        loop {
            match log.get_mut().next_line() {
                Ok(Some(line)) => lines.push(Line::Event(line.event())),
                Ok(None) => return,
                Err(_) => {
                    self.log = None;
                    return;
                }
            }
        }
    }
}

/// A detail that the kernel lets nobody see, as a loss.
fn not_attached(NotAttached { target, lost }: NotAttached) -> Line {
    let hides = format!("{lost} ({target} cannot be probed)");
    Line::Loss(Loss { at: clock::now(), cause: "not_attached".to_owned(), count: 1, hides })
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
