//! Attaches eBPF programs to kernel functions, through kprobe events of tracefs, and to the kernel's own trace events.
//!
//! aya's own `KProbe::attach` makes nameless probes, which lack three things that this tool needs:
//!
//! - room for many tasks inside a function at once. A kretprobe has as many instances as there are processors on
//!   kernels up to 6.4 without preemption, ten otherwise; a return that finds none is lost, and here hundreds of tasks
//!   sleep inside `nfs4_handle_exception`. `r4096:` asks for more;
//! - probes on a module that is not loaded yet. The kernel keeps `module:symbol` until the module arrives, and arms the
//!   probe before the module's first instruction runs (`trace_kprobe_module_callback`, kernel/trace/trace_kprobe.c);
//! - counts of what was missed, in `kprobe_profile`.

mod perf;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::fd::{BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, Result};

/// Where in a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// At its first instruction.
    Entry,
    /// When it returns.
    Return {
        /// Most threads inside of it at once whose return is seen; the kernel takes 4096 at most.
        max_active: u32,
    },
}

/// The kprobe events that this process made, and the trace events that it is attached to; all go when it is dropped.
#[derive(Debug)]
pub struct KprobeEvents {
    tracefs: PathBuf,
    group: String,
    attached: Vec<(String, OwnedFd)>,
    attached_to_others: Vec<OwnedFd>,
}

const GROUP: &str = "nfsgrace_";

impl KprobeEvents {
    /// Takes the tracefs at `tracefs`, and removes what processes that were killed have left there.
    ///
    /// # Errors
    ///
    /// Where the list of events cannot be read.
    pub fn open(tracefs: &Path) -> Result<Self> {
        let list = tracefs.join("kprobe_events");
        let text = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
        let events = Self {
            tracefs: tracefs.into(),
            group: format!("{GROUP}{}", process::id()),
            attached: Vec::new(),
            attached_to_others: Vec::new(),
        };
        // A zombie has no program any more.
        for event in abandoned(&text, |pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok()) {
            // Another process may be removing it as well.
            let _ = events.define(&format!("-:{event}"));
        }
        Ok(events)
    }

    /// Runs `program` at a site of `target`, which is `symbol` or `module:symbol`; `name` must be new.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses: no such function, not traceable, no privilege.
    pub fn attach(&mut self, name: &str, target: &str, site: Site, program: BorrowedFd<'_>) -> io::Result<()> {
        let kind = match site {
            Site::Entry => "p".to_owned(),
            Site::Return { max_active } => format!("r{max_active}"),
        };
        // `kprobe_profile` shows no groups: the name has to tell one process's events from another's.
        let name = format!("{name}_{}", process::id());
        let event = format!("{}/{name}", self.group);
        self.define(&format!("{kind}:{event} {target}"))?;
        match self.run_at(&event, program) {
            Ok(fd) => {
                self.attached.push((name, fd));
                Ok(())
            }
            Err(error) => {
                let _ = self.define(&format!("-:{event}"));
                Err(error)
            }
        }
    }

    /// Runs `program`, one for trace events, whenever the kernel's own event `name` of `system` happens.
    ///
    /// # Errors
    ///
    /// Where there is no such event, or the kernel refuses.
    pub fn attach_event(&mut self, system: &str, name: &str, program: BorrowedFd<'_>) -> io::Result<()> {
        let attached = self.run_at(&format!("{system}/{name}"), program)?;
        self.attached_to_others.push(attached);
        Ok(())
    }

    fn run_at(&self, event: &str, program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        let id = fs::read_to_string(self.tracefs.join("events").join(event).join("id"))?;
        perf::attach(id.trim().parse().map_err(io::Error::other)?, program)
    }

    /// How often all attached sites together were passed without their program being run.
    ///
    /// Kernels before 6.2 leave out returns that found no instance free.
    ///
    /// # Errors
    ///
    /// Where `kprobe_profile` cannot be read.
    pub fn missed(&self) -> io::Result<u64> {
        let profile = fs::read_to_string(self.tracefs.join("kprobe_profile"))?;
        Ok(self.attached.iter().filter_map(|(name, _)| missed(&profile, name)).sum())
    }

    fn define(&self, line: &str) -> io::Result<()> {
        OpenOptions::new().append(true).open(self.tracefs.join("kprobe_events"))?.write_all(line.as_bytes())
    }
}

impl Drop for KprobeEvents {
    fn drop(&mut self) {
        let names: Vec<String> = self.attached.drain(..).map(|(name, _fd)| name).collect();
        for name in names {
            // Nobody is left to tell; the next start removes what stays.
            let _ = self.define(&format!("-:{}/{name}", self.group));
        }
    }
}

/// Events (`group/name`) of processes that are gone, in the text of `kprobe_events`.
fn abandoned(text: &str, alive: impl Fn(u32) -> bool) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.split_whitespace().next()?.split_once(':').map(|(_, event)| event))
        .filter(|event| {
            let pid =
                event.strip_prefix(GROUP).and_then(|rest| rest.split('/').next()).and_then(|pid| pid.parse().ok());
            pid.is_some_and(|pid| !alive(pid))
        })
        .map(str::to_owned)
        .collect()
}

/// The last column of an event's line in `kprobe_profile`: name, hits, misses.
fn missed(profile: &str, name: &str) -> Option<u64> {
    let line = profile.lines().find(|line| line.split_whitespace().next() == Some(name))?;
    line.split_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_the_living_and_of_others_are_left_alone() {
        let text = "p:kprobes/p_do_sys_open do_sys_open\n\
                    r4096:nfsgrace_17/nfsd4_open_ret nfsd:nfsd4_open\n\
                    p:nfsgrace_18/nfsd4_open nfsd:nfsd4_open\n\
                    p:nfsgrace_x/nfsd4_open nfsd:nfsd4_open\n";
        assert_eq!(abandoned(text, |pid| pid == 18), ["nfsgrace_17/nfsd4_open_ret"]);
    }

    #[test]
    fn misses_are_the_third_column() {
        let profile =
            "  nfsd4_open                     8               0\n  nfsd4_open_ret                 5               3\n";
        assert_eq!(missed(profile, "nfsd4_open_ret"), Some(3));
        assert_eq!(missed(profile, "nfsd4_lock"), None);
    }
}
