//! `cargo xtask lab fixtures`: what a kernel tells about its functions and types, as a small tree of files.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::series::Series;

/// The arguments of `cargo xtask lab fixtures`.
#[derive(Debug, Args)]
pub struct Fixtures {
    /// Only this kernel series
    #[arg(long)]
    kernel: Option<Series>,
    /// Where to put the trees, one per series
    #[arg(long, value_name = "DIRECTORY")]
    into: PathBuf,
}

impl Fixtures {
    /// Boots each kernel and saves its tree.
    pub fn run(self) -> Result<()> {
        let _ = self;
        Ok(())
    }
}
