//! The commands: each wires sources, timeline, diagnosis and view, and decides nothing.

mod export;
mod live;
mod output;
mod paired;
mod probes;
mod progress;
mod reader;
mod record;
mod replay;
mod report;
mod screen;
mod together;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory as _;

use crate::{
    cli::{Cli, Command},
    replay::Replayed,
};

/// 0 when nothing is wrong, 1 when a problem was diagnosed in any of them.
fn exit_code(sessions: &[Replayed]) -> ExitCode {
    let status = sessions.iter().map(|replayed| replayed.session.exit_status()).max().unwrap_or(0);
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}

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
