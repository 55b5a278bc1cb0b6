//! Builds the eBPF object that `nfsgrace` embeds.
//!
//! The BPF target has no prebuilt `core`, so a compiler with its own library source is needed: a rustup nightly with
//! `rust-src`, or a distribution's `rustc` with its source package. Any stable one will do, with `RUSTC_BOOTSTRAP`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, anyhow, bail};

/// Commands that `rustc` and `cargo` are run by, in order of preference.
const TOOLCHAINS: [&[&str]; 2] = [&["rustup", "run", "nightly"], &["env", "PATH=/usr/bin:/bin"]];

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../nfsgrace-ebpf");
    println!("cargo:rerun-if-env-changed=PATH");
    let toolchain = TOOLCHAINS.into_iter().find(|toolchain| has_library_source(toolchain)).ok_or_else(|| {
        anyhow!("no Rust toolchain can compile for BPF (none has the library source): run `cargo xtask setup`")
    })?;
    let linker = which("bpf-linker").ok_or_else(|| anyhow!("bpf-linker is not installed: run `cargo xtask setup`"))?;

    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("cargo sets CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    let arch = env::var("CARGO_CFG_TARGET_ARCH").context("cargo sets CARGO_CFG_TARGET_ARCH")?;
    // One directory for all profiles: the object is the same for each.
    let target = manifest.join("../target/bpf");
    let flags = [
        format!("--cfg=bpf_target_arch=\"{arch}\""),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        format!("-Clinker={}", linker.display()),
    ];
    let mut cargo = command(toolchain, "cargo");
    cargo
        .args(["build", "--quiet", "--release", "--package", "nfsgrace-ebpf", "--bin", "nfsgrace-ebpf"])
        .args(["-Zbuild-std=core", "--target", "bpfel-unknown-none", "--target-dir"])
        .arg(&target)
        .current_dir(&manifest)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    let output = cargo.output().with_context(|| format!("cannot run {cargo:?}"))?;
    if !output.status.success() {
        bail!("the eBPF programs do not compile:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let object = target.join("bpfel-unknown-none/release/nfsgrace-ebpf");
    fs::copy(&object, out.join("nfsgrace-ebpf")).with_context(|| format!("cannot copy {}", object.display()))?;
    Ok(())
}

/// `program` of a toolchain, free of what the outer cargo and rustup tell their own.
fn command(toolchain: &[&str], program: &str) -> Command {
    let mut command = Command::new(toolchain[0]);
    command.args(&toolchain[1..]).arg(program);
    for name in
        ["CARGO", "RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTDOC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN"]
    {
        command.env_remove(name);
    }
    command
}

fn has_library_source(toolchain: &[&str]) -> bool {
    let output = command(toolchain, "rustc").args(["--print", "sysroot"]).stderr(Stdio::null()).output();
    output.is_ok_and(|output| {
        let sysroot = String::from_utf8_lossy(&output.stdout);
        output.status.success() && Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core").is_dir()
    })
}

fn which(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    env::split_paths(&path)
        .chain(home.map(|home| home.join("bin")))
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}
