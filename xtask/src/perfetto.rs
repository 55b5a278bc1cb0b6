//! `cargo xtask check-perfetto`: exported traces are read by Perfetto's own schema, which its Python package carries.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{artifact, tool};

/// The arguments of `cargo xtask check-perfetto`.
#[derive(Debug, Args)]
pub struct CheckPerfetto {
    /// Sessions to export and check [default: the recordings that the tests have]
    sessions: Vec<PathBuf>,
}

impl CheckPerfetto {
    /// Exports and checks; fails when a trace is not what the report of its session says.
    pub fn run(self) -> Result<ExitCode> {
        let Self { sessions } = self;
        let sessions = if sessions.is_empty() { recordings()? } else { sessions };
        let place = artifact::workspace().join("target/perfetto");
        let python = environment(&place)?;
        let nfsgrace = artifact::nfsgrace()?;
        let mut exported = Vec::new();
        for (number, session) in sessions.iter().enumerate() {
            let name = session.file_stem().unwrap_or_default().to_string_lossy();
            let directory = place.join(format!("exported/{number}-{name}"));
            fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
            let exports = [("perfetto", "trace.pftrace"), ("csv", ""), ("json", "report.ndjson")];
            for (format, file) in exports {
                let mut export = Command::new(&nfsgrace);
                export.arg("export").arg(session).args(["--format", format, "-o"]).arg(directory.join(file));
                tool::run(&mut export)?;
            }
            exported.push(directory);
        }
        let mut check = Command::new(python);
        check.arg(artifact::workspace().join("xtask/perfetto/check.py")).args(exported);
        let status = check.status().context("cannot start python")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn recordings() -> Result<Vec<PathBuf>> {
    let fixtures = artifact::workspace().join("nfsgrace-user/tests/fixtures");
    let entries = fs::read_dir(&fixtures).with_context(|| format!("cannot read {}", fixtures.display()))?;
    let mut recordings: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    recordings.retain(|path| path.extension().is_some_and(|extension| extension == "ndjson"));
    recordings.sort();
    Ok(recordings)
}

/// A Python of our own that has the schema; the system's own packages stay as they are.
fn environment(place: &Path) -> Result<PathBuf> {
    let wanted = include_str!("../perfetto/requirements.txt");
    let (venv, stamp) = (place.join("venv"), place.join("venv/requirements.txt"));
    let python = venv.join("bin/python");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && python.exists() {
        return Ok(python);
    }
    tool::run(tool::command("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let requirements = artifact::workspace().join("xtask/perfetto/requirements.txt");
    tool::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements),
    )?;
    // Last: an installation that was cut off is done again.
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}
