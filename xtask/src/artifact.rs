//! Building this workspace's binaries, and finding out where cargo put them.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Top of the checkout.
pub fn workspace() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// A `cargo` command that works on this workspace.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    cargo
}

/// The release binary of nfsgrace, built when it is not up to date.
pub fn nfsgrace() -> Result<PathBuf> {
    build(&["--release", "--package", "nfsgrace-user", "--bin", "nfsgrace"], "nfsgrace")
}

/// The lab's helpers for guests: one measures clocks, one opens files and times it, one notes when lines are printed.
pub fn lab_helpers() -> Result<Vec<PathBuf>> {
    let helpers = ["lab-clock", "lab-open", "lab-relay"];
    helpers.into_iter().map(|name| build(&["--release", "--package", "xtask", "--bin", name], name)).collect()
}

fn build(arguments: &[&str], name: &str) -> Result<PathBuf> {
    let mut cargo = cargo();
    cargo.args(["build", "--quiet", "--message-format=json-render-diagnostics"]).args(arguments);
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("{name} does not build");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo built {name} without saying where it is"))
}
