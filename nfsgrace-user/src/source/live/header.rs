//! The first line of a session: who records, where.

use std::fs;

use super::clock;
use crate::{
    kernel::Kernel,
    record::{ClockSample, Header, ProbeRow, Role, SCHEMA},
};

/// The header of a session that begins now.
pub(super) fn header(kernel: &Kernel, role: Role, command: Vec<String>, probes: Vec<ProbeRow>) -> Header {
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
        role,
        initial_netns: initial_netns(),
        probes,
        started: at,
        continues: None,
    }
}

/// The namespace of process 1: `net:[4026531840]`.
fn initial_netns() -> Option<u32> {
    let link = fs::read_link("/proc/1/ns/net").ok()?;
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}
