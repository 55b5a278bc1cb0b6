//! What must hold before anything can be traced.

use super::Kernel;

const OLDEST: (u32, u32) = (5, 10);
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Something missing, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// What is missing, a sentence without its full stop.
    pub missing: String,
    /// What to do, a sentence without its full stop.
    pub remedy: String,
}

impl std::fmt::Display for Unmet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.missing, self.remedy)
    }
}

/// The state of tracefs, as far as this process may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tracefs {
    Writable,
    NotWritable,
    NotMounted,
    /// Mounted, but has no `kprobe_events`.
    WithoutKprobes,
    /// The kernel has none.
    Unknown,
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
struct Facts {
    version: (u32, u32),
    /// Effective capabilities; `None` where `/proc/self/status` cannot be read.
    capabilities: Option<u64>,
    tracefs: Tracefs,
    /// Lockdown in mode `confidentiality`.
    locked_down: bool,
}

impl Kernel {
    /// What is missing before this process can trace; empty where it can.
    #[must_use]
    pub fn prerequisites(&self) -> Vec<Unmet> {
        unmet(Facts {
            version: self.version,
            capabilities: self.capabilities(),
            tracefs: self.tracefs_state(),
            locked_down: self
                .read("sys/kernel/security/lockdown")
                .is_ok_and(|modes| modes.contains("[confidentiality]")),
        })
    }

    fn capabilities(&self) -> Option<u64> {
        let status = self.read("proc/self/status").ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    }

    fn tracefs_state(&self) -> Tracefs {
        if let Some(tracefs) = self.tracefs() {
            let events = std::fs::OpenOptions::new().append(true).open(tracefs.join("kprobe_events"));
            return if events.is_ok() { Tracefs::Writable } else { Tracefs::NotWritable };
        }
        let mounts = self.read("proc/self/mounts").or_else(|_| self.read("proc/mounts")).unwrap_or_default();
        let mounted = mounts.lines().any(|line| line.split_whitespace().nth(2) == Some("tracefs"));
        let known = self
            .read("proc/filesystems")
            .is_ok_and(|list| list.lines().any(|line| line.split_whitespace().last() == Some("tracefs")));
        match (mounted, known) {
            (true, _) => Tracefs::WithoutKprobes,
            (false, true) => Tracefs::NotMounted,
            (false, false) => Tracefs::Unknown,
        }
    }
}

fn unmet(facts: Facts) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    let mut say = |missing: String, remedy: &str| unmet.push(Unmet { missing, remedy: remedy.into() });
    let (major, minor) = facts.version;
    if facts.version < OLDEST {
        say(format!("kernel {major}.{minor} is too old"), "nfsgrace needs 5.10 or newer");
    }
    let has = |capability: u32| facts.capabilities.is_none_or(|mask| mask >> capability & 1 == 1);
    let privileged = has(CAP_SYS_ADMIN) || (has(CAP_BPF) && has(CAP_PERFMON));
    if !privileged {
        say("no privilege to load eBPF programs".into(), "run nfsgrace as root (with sudo)");
    }
    if facts.locked_down {
        say(
            "the kernel is locked down in mode confidentiality, which forbids kprobes".into(),
            "boot with lockdown=integrity, or without it",
        );
    }
    match facts.tracefs {
        Tracefs::Writable => {}
        // Without privilege tracefs shows nothing, whatever it has.
        _ if !privileged => {}
        Tracefs::NotWritable => {
            say("cannot write to kprobe_events of tracefs".into(), "run nfsgrace as root, outside of a container")
        }
        Tracefs::NotMounted => say("tracefs is not mounted".into(), "mount -t tracefs tracefs /sys/kernel/tracing"),
        Tracefs::WithoutKprobes => say(
            "this kernel has no kprobe events".into(),
            "use a kernel built with CONFIG_KPROBE_EVENTS, as all large distributions' are",
        ),
        Tracefs::Unknown => say(
            "this kernel has no tracefs".into(),
            "use a kernel built with CONFIG_KPROBE_EVENTS, as all large distributions' are",
        ),
    }
    unmet
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: Facts =
        Facts { version: (5, 10), capabilities: Some(u64::MAX), tracefs: Tracefs::Writable, locked_down: false };

    fn sentences(facts: Facts) -> Vec<String> {
        unmet(facts).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn root_on_an_ordinary_kernel_lacks_nothing() {
        assert_eq!(unmet(FINE), []);
        let perfmon = Facts { capabilities: Some(1 << CAP_BPF | 1 << CAP_PERFMON), ..FINE };
        assert_eq!(unmet(perfmon), []);
    }

    #[test]
    fn a_user_is_told_of_the_privilege_only() {
        let user = Facts { capabilities: Some(0), tracefs: Tracefs::WithoutKprobes, ..FINE };
        assert_eq!(sentences(user), ["no privilege to load eBPF programs: run nfsgrace as root (with sudo)"]);
    }

    #[test]
    fn each_lack_has_a_remedy() {
        assert_eq!(
            sentences(Facts { version: (4, 19), tracefs: Tracefs::NotMounted, locked_down: true, ..FINE }),
            [
                "kernel 4.19 is too old: nfsgrace needs 5.10 or newer",
                "the kernel is locked down in mode confidentiality, which forbids kprobes: boot with \
                 lockdown=integrity, or without it",
                "tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing",
            ]
        );
        for tracefs in [Tracefs::NotWritable, Tracefs::WithoutKprobes, Tracefs::Unknown] {
            assert_eq!(unmet(Facts { tracefs, ..FINE }).len(), 1);
        }
    }
}
