//! `cargo xtask lab`

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use super::{
    cache::Cache,
    fixtures,
    kernel::Kernel,
    machine::{Clock, Ending},
    prepared::{self, Lab},
    run::{Outcome, Run},
    scenario::{Expectation, Scenario},
    series::Series,
    ssh,
};
use crate::tool;

/// How much of a guest's console an error shows.
const CONSOLE_LINES: usize = 60;

/// The arguments of `cargo xtask lab`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LabArguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Names the kernels and the scenarios
    List,
    /// Fetches the kernels and programs that are not cached yet
    Fetch,
    /// Fetches kernels and programs that are newer than the cached ones
    Update,
    /// Saves what each kernel tells about its functions and types, for tests without a kernel
    Fixtures(fixtures::Fixtures),
}

#[derive(Debug, Args)]
struct RunArguments {
    /// Kernel series of the guest (with several guests: of the server's)
    #[arg(long, default_value = "6.18")]
    kernel: Series,
    /// With several guests: kernel series of the client's, which runs the steps [default: as --kernel]
    #[arg(long)]
    client_kernel: Option<Series>,
    /// What happens in it; `lab list` names them
    #[arg(long, required_unless_present = "shell")]
    scenario: Option<String>,
    /// Length of the grace period, seconds; 10 is the least that nfsd accepts
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(10..=3600))]
    grace: u32,
    /// Gives a shell in the guest instead
    #[arg(long)]
    shell: bool,
    /// Keeps the session file, the witness's trace and the logs in this directory
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
    /// Runs this nfsgrace instead of this checkout's
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// More arguments for `nfsgrace watch`
    #[arg(last = true)]
    arguments: Vec<String>,
}

impl LabArguments {
    /// Does what was asked.
    pub fn run(self) -> Result<ExitCode> {
        match self.command {
            None => self.run.run(),
            Some(Command::List) => list().map(|()| ExitCode::SUCCESS),
            Some(Command::Fetch) => fetch(false).map(|()| ExitCode::SUCCESS),
            Some(Command::Update) => fetch(true).map(|()| ExitCode::SUCCESS),
            Some(Command::Fixtures(fixtures)) => fixtures.run().map(|()| ExitCode::SUCCESS),
        }
    }
}

impl RunArguments {
    fn run(self) -> Result<ExitCode> {
        let Self { kernel, client_kernel, scenario, grace, shell, keep, binary, arguments } = self;
        let scenario = Scenario::named(scenario.as_deref().unwrap_or("no-nfsdcld"))?;
        if client_kernel.is_some() && scenario.guests == 1 {
            bail!("{} has one guest only: its kernel is --kernel", scenario.name);
        }
        let client_kernel = client_kernel.unwrap_or(kernel);
        let needed: Vec<Series> = [kernel, client_kernel].into_iter().chain(scenario.second_kernel).collect();
        let lab = Lab::prepare(&needed, binary)?;
        let run = Run {
            steps: scenario.steps.clone(),
            guests: scenario.guests(&lab, kernel, client_kernel)?,
            ssh: scenario.ssh,
            grace_s: grace,
            clock: Clock::Host,
            arguments,
            terminal: terminal_size(),
        };
        if shell {
            run.shell(&lab)?;
            return Ok(ExitCode::SUCCESS);
        }
        let releases: Vec<&str> = run.guests.iter().map(|guest| guest.kernel.release.as_str()).collect();
        eprintln!("lab: booting {} …", releases.join(", "));
        let outcome = run.run(&lab, &mut print)?;
        if let Some(directory) = keep {
            self::keep(&outcome, &directory)?;
        }
        ended_well(&outcome)?;
        report_paired(&outcome, &lab.nfsgrace)?;
        conclude(&outcome)
    }
}

/// Size of this program's terminal, columns and rows.
pub fn terminal_size() -> Option<(u16, u16)> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stdout).ok()?;
    Some(if size.ws_col == 0 { (80, 24) } else { (size.ws_col, size.ws_row) })
}

/// Passes on what nfsgrace prints, at once.
pub fn print(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    // A reader that went away is no reason to stop the guest half way.
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// What the sessions of several guests come to together, where there are several.
fn report_paired(outcome: &Outcome, nfsgrace: &Path) -> Result<()> {
    let sessions = outcome.results.sessions();
    if sessions.len() > 1 {
        eprintln!("lab: nfsgrace report --together, over the sessions of {} guests:", sessions.len());
        let mut report = tool::command(nfsgrace);
        // Its exit status tells of the verdict, as that of the watch does.
        report
            .args(["report", "--together"])
            .args(&sessions)
            .status()
            .map_err(|error| tool::cannot_start(&report, &error))?;
    }
    Ok(())
}

/// nfsgrace's own exit status, of a run that ended well.
fn conclude(outcome: &Outcome) -> Result<ExitCode> {
    let status = outcome.results.exit_status().context("the guest did not say how nfsgrace ended")?;
    Ok(ExitCode::from(status))
}

/// An error, with all that the guest printed, unless the scenario went through to its end.
pub fn ended_well(outcome: &Outcome) -> Result<()> {
    let what = match &outcome.ending {
        Ending::Done => match outcome.results.text("failed") {
            Some(reason) => format!("a step of the scenario failed: {}", reason.trim()),
            None => return Ok(()),
        },
        Ending::Crashed(line) => format!("the guest's kernel crashed: {line}"),
        Ending::Silent(time) => format!("the guest hangs: it printed nothing for {} s", time.as_secs()),
        Ending::TooLong(time) => format!("the guest was not done after {} s", time.as_secs()),
        Ending::Gone(reason) => format!("the guest went away: {reason}"),
        Ending::Dismissed => "the guest was not needed any more".to_owned(),
        Ending::Interrupted => bail!("interrupted"),
    };
    let lines: Vec<&str> = outcome.console.lines().collect();
    let last = lines[lines.len().saturating_sub(CONSOLE_LINES)..].join("\n");
    bail!("{what}\n--- the end of the guest's console (--keep keeps all of it)\n{last}\n---")
}

/// Copies everything that a run left into `directory`.
pub fn keep(outcome: &Outcome, directory: &Path) -> Result<()> {
    let write = || -> Result<()> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("console"), &outcome.console)?;
        let results = outcome.results.path();
        if results.is_dir() {
            tool::capture(tool::command("cp").arg("-rT").arg(results).arg(directory))?;
        }
        Ok(())
    };
    write().with_context(|| format!("cannot keep the results in {}", directory.display()))
}

fn list() -> Result<()> {
    let cache = Cache::open()?;
    let mut text = "Kernels:\n".to_owned();
    for series in Series::ALL {
        let cached = Kernel::cached(&cache, series).map_or("not fetched yet".to_owned(), |kernel| kernel.release);
        text += &format!("  {series:<6}{cached}\n");
    }
    text += "\nScenarios:\n";
    let scenarios = Scenario::all()?;
    let width = scenarios.iter().map(|scenario| scenario.name.len()).max().unwrap_or_default();
    for Scenario { name, about, expectations, .. } in scenarios {
        text += &format!("  {name:<width$}  {about}\n");
        for (series, expectation) in expectations {
            if let Expectation::Skip(reason) = expectation {
                text += &format!("  {:<width$}  (not on {series}: {reason})\n", "");
            }
        }
    }
    print(text.as_bytes());
    Ok(())
}

fn fetch(fresh: bool) -> Result<()> {
    let cache = Cache::open()?;
    let lock = cache.lock()?;
    let (_, kernels) = prepared::fetch(&cache, &Series::ALL, fresh)?;
    drop(lock);
    ssh::archive(&cache)?;
    for (series, kernel) in kernels {
        println!("{series:<6}{}", kernel.release);
    }
    Ok(())
}
