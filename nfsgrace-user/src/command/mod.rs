//! The commands: each wires sources, timeline, diagnosis and view, and decides nothing.

mod export;
mod follow;
mod input;
mod output;
mod probes;
mod progress;
mod reader;
pub mod reading;
mod record;
mod recorded;
mod report;
mod screen;
mod show;
mod stop;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory as _;

use crate::cli::{Cli, Command};

/// Runs a command; its exit status.
///
/// # Errors
///
/// Where it could not do its work: what is wrong, and what to do.
pub fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Watch(watch) => watch::run(&watch),
        Command::Record(record) => record::run(&record),
        Command::Report(report) => report::run(&report),
        Command::Export(export) => export::run(&export),
        Command::Probes(probes) => probes::run(&probes),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "nfsgrace", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Man => {
            clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
