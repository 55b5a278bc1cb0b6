//! Finds out whether KVM works, by trying: that /dev/kvm exists proves nothing.

use std::{fs, process::Stdio, thread, time::Duration};

use anyhow::Result;

use super::{
    cache::Cache,
    kernel::Kernel,
    machine::{Accelerator, Clock},
};
use crate::tool;

/// How long a kernel without an initramfs may take under KVM to panic, which it does in one or two seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The best accelerator for guests on this host. The answer is remembered until the host boots again.
pub fn choose(cache: &Cache, kernel: &Kernel) -> Result<Accelerator> {
    if !fs::exists("/dev/kvm").unwrap_or(false) {
        return Ok(Accelerator::Tcg);
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let memory = cache.path("accelerator");
    let accelerator = match fs::read_to_string(&memory).unwrap_or_default().strip_prefix(&boot) {
        Some("kvm") => Accelerator::Kvm,
        Some("tcg") => Accelerator::Tcg,
        _ => {
            let works = boots(kernel)?;
            fs::write(&memory, format!("{boot}{}", if works { "kvm" } else { "tcg" }))?;
            if works { Accelerator::Kvm } else { Accelerator::Tcg }
        }
    };
    Ok(accelerator)
}

fn boots(kernel: &Kernel) -> Result<bool> {
    let mut command = tool::command("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "qemu-system-x86_64"]);
    command.args(Accelerator::Kvm.arguments(Clock::Host)).args([
        "-m",
        "512",
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
    ]);
    command.args(["-display", "none", "-append", "panic=-1"]).arg("-kernel").arg(&kernel.image);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| tool::cannot_start(&command, &error))?;
    let step = Duration::from_millis(50);
    for _ in 0..PATIENCE.as_millis() / step.as_millis() {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        thread::sleep(step);
    }
    let _ = child.kill();
    let _ = child.wait();
    Ok(false)
}
