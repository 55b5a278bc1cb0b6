//! The first line of a session: who records, where.

use std::fs;

use super::clock;
use crate::{
    kernel::Kernel,
    record::{ClockSample, Header, ProbeRow, Role},
};

/// The header of a session of several hosts that begins now: who records, and from where. What is known of each host is in
/// its own header.
#[must_use]
pub fn of_several(command: Vec<String>, sources: Vec<String>) -> Header {
    let ClockSample { at, realtime_minus_boottime_ns } = clock::sample();
    Header {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        command,
        host: text("/proc/sys/kernel/hostname"),
        boot_id: text("/proc/sys/kernel/random/boot_id"),
        kernel: text("/proc/sys/kernel/osrelease"),
        realtime_minus_boottime_ns,
        started: at,
        sources,
        ..Header::default()
    }
}

fn text(path: &str) -> String {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// The header of a session that begins now.
pub(super) fn header(kernel: &Kernel, role: Role, command: Vec<String>, probes: Vec<ProbeRow>) -> Header {
    Header {
        kernel: kernel.release().to_owned(),
        hz: kernel.hz().ok().map(|hz| hz.value),
        role,
        initial_netns: initial_netns(),
        probes,
        ..of_several(command, Vec::new())
    }
}

/// The namespace of process 1: `net:[4026531840]`.
fn initial_netns() -> Option<u32> {
    let link = fs::read_link("/proc/1/ns/net").ok()?;
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}
