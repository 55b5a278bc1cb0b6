//! Builds the eBPF object that `nfsgrace` embeds.
//!
//! The BPF target has no prebuilt `core`, so a compiler with its own library source is needed: a rustup nightly with
//! `rust-src`, or a distribution's `rustc` with its source package, which `cargo xtask setup` links into rustup as
//! `nfsgrace-bpf`.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Result, anyhow, bail};
use aya_build::{Package, Toolchain};

const TOOLCHAINS: [&str; 2] = ["nightly", "nfsgrace-bpf"];

fn main() -> Result<()> {
    println!("cargo:rerun-if-env-changed=PATH");
    let toolchain = TOOLCHAINS
        .into_iter()
        .find(|name| has_library_source(name))
        .ok_or_else(|| anyhow!("no Rust toolchain can compile for BPF (none has the library source): run `cargo xtask setup`"))?;
    if !runs(Command::new("bpf-linker").arg("--version")) {
        bail!("bpf-linker is not installed: run `cargo xtask setup`");
    }
    // SAFETY: a build script has one thread here.
    unsafe { env::set_var("RUSTC_BOOTSTRAP", "1") };
    aya_build::build_ebpf(
        [Package { name: "nfsgrace-ebpf", root_dir: "../nfsgrace-ebpf", ..Default::default() }],
        Toolchain::Custom(toolchain),
    )
}

fn has_library_source(toolchain: &str) -> bool {
    let output = Command::new("rustup").args(["run", toolchain, "rustc", "--print", "sysroot"]).stderr(Stdio::null()).output();
    output.is_ok_and(|output| {
        let sysroot = String::from_utf8_lossy(&output.stdout);
        output.status.success() && Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core").is_dir()
    })
}

fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
