//! `cargo xtask bench`: how fast, and with how much memory.

mod measure;
mod report;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

/// `cargo xtask bench`
#[derive(Debug, Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Reading a long session: `nfsgrace report` beside jq and `wc -l` on the same file
    Report(report::Report),
}

impl Bench {
    /// Measures, and prints a table.
    pub fn run(self) -> Result<ExitCode> {
        match self.what {
            What::Report(report) => report.run(),
        }
    }
}
