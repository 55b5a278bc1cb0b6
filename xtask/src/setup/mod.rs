//! Installs what building and testing need, and only what is missing.

mod needs;

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use clap::Args;
use needs::{Need, Purpose, Remedy};

use crate::tool;

/// `cargo xtask setup`
#[derive(Debug, Args)]
pub struct Setup {
    /// Only say what is missing
    #[arg(long)]
    check: bool,
    /// Also what fuzzing and tests in a browser need
    #[arg(long)]
    all: bool,
}

impl Setup {
    /// Installs, or says what is missing; the exit status.
    ///
    /// # Errors
    ///
    /// Where something cannot be installed here.
    pub fn run(self) -> Result<ExitCode> {
        let Self { check, all } = self;
        let purposes: &[Purpose] =
            if all { &[Purpose::Work, Purpose::Browser, Purpose::Fuzzing] } else { &[Purpose::Work] };
        let missing = needs::missing(purposes);
        if missing.is_empty() {
            println!("setup: everything is there");
        } else if check {
            missing.iter().for_each(|need| println!("missing: {need}"));
            println!("`cargo xtask setup` installs it");
            return Ok(ExitCode::FAILURE);
        }
        provide(purposes)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes sure that everything is there, and is quiet where it is.
///
/// # Errors
///
/// Where something is missing and cannot be installed here.
pub fn ensure() -> Result<()> {
    provide(&[Purpose::Work])
}

/// As [`ensure`], for what tests in a browser need.
///
/// # Errors
///
/// Where something is missing and cannot be installed here.
pub fn ensure_browser() -> Result<()> {
    provide(&[Purpose::Browser])
}

/// As [`ensure`], with the fuzzer, which only those who fuzz need.
///
/// # Errors
///
/// Where something is missing and cannot be installed here.
pub fn ensure_fuzzer() -> Result<()> {
    provide(&[Purpose::Work, Purpose::Fuzzing])
}

/// Installs what is missing.
fn provide(purposes: &[Purpose]) -> Result<()> {
    let missing = needs::missing(purposes);
    for need in &missing {
        println!("missing: {need}");
    }
    install(&missing)?;
    match needs::missing(purposes).first() {
        None => Ok(()),
        Some(need) => bail!("still missing after installation: {need}"),
    }
}

fn install(missing: &[&Need]) -> Result<()> {
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
    for need in missing {
        if let Remedy::Crate(name, arguments) = need.remedy {
            println!("setup: building {name}, which takes a minute or two");
            let mut cargo = Command::new("cargo");
            cargo.args(["install", name, "--quiet", "--locked"]).args(arguments);
            // The compiler's flags in this workspace are for programs that must run anywhere.
            tool::run(cargo.current_dir("/").env("LLVM_PREFIX", needs::LLVM))?;
        }
    }
    Ok(())
}

fn packages(missing: &[&Need]) -> Vec<&'static str> {
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
