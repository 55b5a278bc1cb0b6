//! Developer commands of nfsgrace. `cargo xtask --help` lists them.

mod artifact;
mod bench;
mod browser;
mod demo;
mod fuzz;
mod generate;
mod interrupt;
mod lab;
mod perfetto;
mod setup;
mod test;
mod tool;
mod witness;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Developer commands of nfsgrace
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Reads exported traces by Perfetto's own schema, and compares them with the reports of the same sessions
    CheckPerfetto(perfetto::CheckPerfetto),
    /// Opens exported pages in Chromium, and compares what they show with what the report counts
    Browser(browser::Browser),
    /// Measures how fast nfsgrace is, and how much memory it takes
    Bench(bench::Bench),
    /// Shows the main job: a restart that hangs its clients and one that does not, watched live
    Demo(demo::Demo),
    /// Feeds nonsense to whatever reads sessions
    Fuzz(fuzz::Fuzz),
    /// Writes a long session, to measure and to try readers with
    GenerateSession(generate::GenerateSession),
    /// Runs nfsgrace in a virtual machine with a real kernel, while an NFS server restarts
    Lab(lab::command::LabArguments),
    /// Installs what is missing for building and testing
    Setup(setup::Setup),
    /// Runs all tests: the workspace's own, and every scenario of the lab on every kernel
    Test(test::Test),
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    interrupt::listen()?;
    match command {
        Command::CheckPerfetto(check) => check.run(),
        Command::Browser(browser) => browser.run(),
        Command::Bench(bench) => bench.run(),
        Command::Demo(demo) => demo.run(),
        Command::Fuzz(fuzz) => fuzz.run(),
        Command::GenerateSession(generate) => generate.run(),
        Command::Lab(lab) => lab.run(),
        Command::Setup(setup) => setup.run(),
        Command::Test(test) => test.run(),
    }
}
