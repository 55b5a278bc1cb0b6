//! The eBPF object, loaded: its programs and maps.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, MapData, MapError, PerCpuArray, PerCpuHashMap, RingBuf},
    programs::{Program, ProgramFd, RawTracePoint},
};
use aya_log::EbpfLogger;
use log::Level;
use nfsgrace_ebpf::{self as wire, LOST_KINDS, Layout, Lost};
use rustix::{
    mount::{MountPropagationFlags, mount_bind, mount_change},
    thread::{UnshareFlags, unshare_unsafe},
};

use crate::record::{Counts, Netns};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/nfsgrace-ebpf"));

/// Programs that serve several sites: each one more would cost the verifier some milliseconds.
const SHARED: [(&str, &[&str]); 2] = [
    (
        "request_ret",
        &[
            "nfsd4_open_ret",
            "nfsd4_lock_ret",
            "nfsd4_remove_ret",
            "nfsd4_rename_ret",
            "nfsd4_reclaim_complete_ret",
            "nfsd4_setclientid_confirm_ret",
            "nfsd4_create_session_ret",
        ],
    ),
    (
        "tracker_ret",
        &[
            "nfsd4_cld_tracking_init_ret",
            "nfsd4_init_cld_pipe_ret",
            "nfsd4_umh_cltrack_init_ret",
            "nfsd4_legacy_tracking_init_ret",
        ],
    ),
];

/// The loaded object.
pub struct Programs {
    ebpf: Ebpf,
    layout: Array<MapData, LayoutBytes>,
    counts: PerCpuHashMap<MapData, u32, CountsBytes>,
    losses: PerCpuArray<MapData, u64>,
    messages: Option<EbpfLogger<&'static dyn log::Log>>,
}

/// [`Layout`] as a map's value.
type LayoutBytes = [u8; size_of::<Layout>()];
/// [`wire::Counts`] as a map's value.
type CountsBytes = [u8; size_of::<wire::Counts>()];

impl Programs {
    /// Loads the maps; programs are loaded one by one. With `verbose` the programs' own debug messages go to the logger.
    ///
    /// # Errors
    ///
    /// Where the kernel has no eBPF, or refuses it.
    pub fn load(verbose: bool, layout: &Layout) -> Result<(Self, RingBuf<MapData>)> {
        let level = if verbose { Level::Debug as u8 } else { 0 };
        let mut ebpf = std::thread::scope(|scope| scope.spawn(|| parse(level)).join())
            .map_err(|_panic| anyhow!("loading the eBPF object panicked"))??;
        let messages = if verbose { Some(EbpfLogger::init(&mut ebpf)?) } else { None };
        let mut take = |name: &str| ebpf.take_map(name).ok_or_else(|| anyhow!("the eBPF object has no map {name}"));
        let events = RingBuf::try_from(take("EVENTS")?)?;
        let mut object = Self {
            layout: take("LAYOUT")?.try_into()?,
            counts: take("COUNTS")?.try_into()?,
            losses: take("LOSSES")?.try_into()?,
            messages,
            ebpf,
        };
        object.set_layout(layout)?;
        Ok((object, events))
    }

    /// Tells the programs where things are.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses.
    pub fn set_layout(&mut self, layout: &Layout) -> Result<()> {
        let bytes: LayoutBytes = zerocopy::transmute!(*layout);
        self.layout.set(0, bytes, 0).context("cannot hand the layout to the eBPF programs")
    }

    /// Loads the program for a site of the plan, once, for attaching.
    ///
    /// # Errors
    ///
    /// Where there is no such program, or the kernel's verifier refuses it.
    pub fn program(&mut self, name: &str) -> Result<&ProgramFd> {
        let name = SHARED.iter().find(|(_, sites)| sites.contains(&name)).map_or(name, |(program, _)| program);
        let program = self.ebpf.program_mut(name).ok_or_else(|| anyhow!("the eBPF object has no program {name}"))?;
        if program.fd().is_err() {
            match &mut *program {
                Program::KProbe(program) => program.load(),
                Program::TracePoint(program) => program.load(),
                _ => bail!("the eBPF program {name} is for no site of a plan"),
            }
            .with_context(|| format!("the kernel refuses the eBPF program {name}"))?;
        }
        Ok(program.fd()?)
    }

    /// Attaches the program that tells of kernel modules.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses.
    pub fn watch_modules(&mut self) -> Result<()> {
        let program: &mut RawTracePoint =
            self.ebpf.program_mut("module_load").ok_or_else(|| anyhow!("no program module_load"))?.try_into()?;
        program.load()?;
        program.attach("module_load")?;
        Ok(())
    }

    /// Hands the programs' own debug messages to the logger.
    pub fn flush_messages(&mut self) {
        if let Some(messages) = &mut self.messages {
            messages.flush();
        }
    }

    /// Exact numbers so far, by namespace.
    ///
    /// # Errors
    ///
    /// Where the map cannot be read.
    pub fn counts(&self) -> Result<Vec<(Option<Netns>, Counts)>> {
        self.counts
            .iter()
            .map(|entry| {
                let (netns, values) = entry?;
                let mut sum = Counts::default();
                for bytes in values.iter() {
                    let value: wire::Counts = zerocopy::transmute!(*bytes);
                    sum.opens += value.opens;
                    sum.opens_refused += value.opens_refused;
                    sum.others_refused += value.others_refused;
                    sum.grace_asked += value.grace_asked;
                    sum.grace_true += value.grace_true;
                    sum.delays += value.delays;
                    sum.stalls_ended += value.stalls_ended;
                }
                Ok(((netns != 0).then_some(Netns(netns)), sum))
            })
            .collect()
    }

    /// What was not sent so far: messages for which the ring buffer was full, and [`Lost`] causes. What was not seen,
    /// the programs cannot tell.
    ///
    /// # Errors
    ///
    /// Where the map cannot be read.
    pub fn losses(&self) -> Result<Losses> {
        let sum = |index| Ok::<u64, MapError>(self.losses.get(&index, 0)?.iter().sum());
        let mut ring_full = 0;
        for kind in 0..LOST_KINDS {
            ring_full += sum(kind)?;
        }
        Ok(Losses {
            ring_full,
            calls_full: sum(Lost::CallsFull as u32)?,
            operations_full: sum(Lost::OperationsFull as u32)?,
            namespaces_full: sum(Lost::NamespacesFull as u32)?,
            managers_full: sum(Lost::ManagersFull as u32)?,
            missed_probes: 0,
        })
    }
}

/// What was not seen or not sent, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// Messages for which the ring buffer was full.
    pub ring_full: u64,
    /// Server calls not followed.
    pub calls_full: u64,
    /// Client operations not followed.
    pub operations_full: u64,
    /// Namespaces not counted.
    pub namespaces_full: u64,
    /// Grace periods not followed.
    pub managers_full: u64,
    /// Times that a probed function was passed and its program was not run.
    pub missed_probes: u64,
}

fn parse(level: u8) -> Result<Ebpf> {
    hide_kernel_btf();
    EbpfLoader::new()
        .btf(None)
        .override_global(aya_log::LEVEL, &level, false)
        .load(OBJECT)
        .context("the kernel refuses the eBPF maps")
}

/// Keeps `EbpfLoader::new` from parsing the kernel's BTF, which it does (aya 0.14) even for an object that has nothing to
/// relocate: 25 MB, and most of the time until the probes are there. This thread gets mounts of its own, where that file
/// is empty. Where this fails, loading takes longer.
fn hide_kernel_btf() {
    const BTF: &str = "/sys/kernel/btf/vmlinux";
    // SAFETY: the flags leave the file descriptor table shared.
    let unshared = unsafe { unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) };
    if unshared.is_ok()
        && mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).is_ok()
        && Path::new(BTF).exists()
    {
        let _ = mount_bind("/dev/null", BTF);
    }
}
