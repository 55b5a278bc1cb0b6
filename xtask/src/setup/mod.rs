//! Installs what building and testing need, and only what is missing.

mod needs;

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use clap::Args;
use needs::{Need, Remedy};

use crate::tool;

/// `cargo xtask setup`
#[derive(Debug, Args)]
pub struct Setup {
    /// Only say what is missing
    #[arg(long)]
    check: bool,
}

impl Setup {
    /// Installs, or says what is missing; the exit status.
    ///
    /// # Errors
    ///
    /// Where something cannot be installed here.
    pub fn run(self) -> Result<ExitCode> {
        let missing = needs::missing();
        for need in &missing {
            println!("missing: {need}");
        }
        if missing.is_empty() {
            println!("setup: everything is there");
            return Ok(ExitCode::SUCCESS);
        }
        if self.check {
            println!("`cargo xtask setup` installs it");
            return Ok(ExitCode::FAILURE);
        }
        install(&missing)?;
        still_missing(&needs::missing())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes sure that everything is there, and is quiet where it is.
///
/// # Errors
///
/// Where something is missing and cannot be installed here.
pub fn ensure() -> Result<()> {
    let missing = needs::missing();
    for need in &missing {
        println!("missing: {need}");
    }
    install(&missing)?;
    still_missing(&needs::missing())
}

/// As [`ensure`], for what tests in a browser need.
///
/// # Errors
///
/// Where something is missing and cannot be installed here.
pub fn ensure_browser() -> Result<()> {
    let missing = needs::missing_for_browser();
    for need in &missing {
        println!("missing: {need}");
    }
    install(&missing)?;
    still_missing(&needs::missing_for_browser())
}

fn still_missing(needs: &[Need]) -> Result<()> {
    match needs.first() {
        None => Ok(()),
        Some(need) => bail!("still missing after installation: {need}"),
    }
}

/// Makes sure that there is a fuzzer. It is no part of the set-up: only those who fuzz need it.
///
/// # Errors
///
/// Where it cannot be installed here.
pub fn ensure_fuzzer() -> Result<()> {
    ensure()?;
    if !needs::has_fuzzer() {
        println!("setup: building cargo-fuzz, which takes a minute");
        let mut cargo = Command::new("cargo");
        tool::run(cargo.args(["install", "cargo-fuzz", "--quiet", "--locked"]).current_dir("/"))?;
    }
    Ok(())
}

fn install(missing: &[Need]) -> Result<()> {
    let packages = packages(missing);
    if !packages.is_empty() {
        if !tool::exists("apt-get") {
            bail!(
                "this is no Debian or Ubuntu: install what corresponds to these packages by hand: {}",
                packages.join(" ")
            );
        }
        println!("setup: installing {}", packages.join(" "));
        tool::run(root("apt-get").args(["update", "--quiet=2"]))?;
        // Names of files for progress bars and questions are of no use here.
        tool::run(
            root("apt-get")
                .args(["install", "--yes", "--quiet=2", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"])
                .args(&packages),
        )?;
    }
    if missing.iter().any(|need| need.remedy == Remedy::BpfLinker) {
        println!("setup: building bpf-linker, which takes a minute or two");
        let mut cargo = Command::new("cargo");
        cargo.args(["install", "bpf-linker", "--quiet", "--locked", "--no-default-features", "--features", "llvm-22"]);
        // The compiler's flags in this workspace are for programs that must run anywhere.
        tool::run(cargo.current_dir("/").env("LLVM_PREFIX", needs::LLVM))?;
    }
    Ok(())
}

fn packages(missing: &[Need]) -> Vec<&'static str> {
    let mut packages: Vec<_> = missing.iter().flat_map(|need| need.packages.iter().copied()).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// A command as root; apt must not ask.
fn root(program: &str) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        tool::command("env")
    } else {
        let mut command = tool::command("sudo");
        command.arg("env");
        command
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", program]);
    command
}
