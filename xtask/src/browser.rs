//! `cargo xtask browser`

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{artifact, setup};

/// The arguments of `cargo xtask browser`.
#[derive(Debug, Default, Args)]
pub struct Browser {
    /// Keeps pictures of the pages in this directory: light, dark, narrow, printed
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
}

impl Browser {
    /// Opens exported pages in Chromium; fails when one does not show what it should.
    pub fn run(self) -> Result<ExitCode> {
        let Self { keep } = self;
        setup::ensure_browser()?;
        let mut cargo = artifact::cargo();
        cargo.args(["test", "--quiet", "--package", "nfsgrace-user", "--test", "browser", "--"]);
        // One at a time: each measures.
        cargo.args(["--ignored", "--nocapture", "--test-threads=1"]);
        if let Some(directory) = keep {
            std::fs::create_dir_all(&directory)?;
            let directory = directory.canonicalize()?;
            cargo.env("NFSGRACE_KEEP_PICTURES", directory);
        }
        let status = cargo.status().context("cannot start cargo")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
