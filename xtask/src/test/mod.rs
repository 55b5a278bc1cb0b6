//! `cargo xtask test`

mod judge;
mod matrix;
mod paired;
mod queue;
mod recorded;
mod report;
mod together;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{
    artifact,
    browser::Browser,
    interrupt,
    lab::{prepared::Lab, scenario::Scenario, series::Series},
};

/// The arguments of `cargo xtask test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Only the tests that need no virtual machine
    #[arg(long, conflicts_with = "lab")]
    unit: bool,
    /// Only the scenarios in virtual machines
    #[arg(long)]
    lab: bool,
    /// Only this kernel series (may be given several times); implies --lab
    #[arg(long)]
    kernel: Vec<Series>,
    /// Only this scenario (may be given several times); implies --lab
    #[arg(long)]
    scenario: Vec<String>,
    /// Scenarios at a time [default: as many as processors and memory allow]
    #[arg(long)]
    jobs: Option<usize>,
    /// Length of the grace periods, seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(10..=3600))]
    grace: u32,
    /// Keeps session files, traces and logs in this directory, one directory per run
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
    /// Tests this nfsgrace instead of this checkout's
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl Test {
    /// Runs the tests; fails when one does.
    pub fn run(self) -> Result<ExitCode> {
        let Self { unit, lab, kernel, scenario, jobs, grace, keep, binary } = self;
        let narrowed = !kernel.is_empty() || !scenario.is_empty();
        if unit && narrowed {
            bail!("--unit has neither kernels nor scenarios");
        }
        let mut total = Tally::default();
        if !lab && !narrowed {
            let Tally { passed, failed } = unit_tests()?;
            println!("unit tests: {passed} passed, {failed} failed");
            total.passed += passed;
            total.failed += failed;
            let shown = Browser::default().run()? == ExitCode::SUCCESS;
            println!("exported pages in a browser: {}", if shown { "passed" } else { "failed" });
            total.passed += usize::from(shown);
            total.failed += usize::from(!shown);
        }
        if !unit {
            let series = if kernel.is_empty() { Series::ALL.to_vec() } else { kernel };
            let scenarios = if scenario.is_empty() {
                Scenario::all()?
            } else {
                scenario.iter().map(|name| Scenario::named(name)).collect::<Result<_>>()?
            };
            let needed: Vec<Series> =
                series.iter().copied().chain(scenarios.iter().flat_map(Scenario::own_kernels)).collect();
            let lab = Lab::prepare(&needed, binary).context("the lab cannot run here")?;
            let Tally { passed, failed } = matrix::run(&lab, &series, &scenarios, grace, jobs, keep.as_deref())?;
            total.passed += passed;
            total.failed += failed;
        }
        interrupt::check()?;
        println!("{} passed, {} failed", total.passed, total.failed);
        Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The workspace's own tests. What they print is shown when one fails.
fn unit_tests() -> Result<Tally> {
    let mut cargo = artifact::cargo();
    cargo.args(["test", "--quiet", "--workspace", "--no-fail-fast"]);
    let output = cargo.stderr(std::process::Stdio::inherit()).output().context("cannot start cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut tally = Tally::default();
    for line in text.lines().filter(|line| line.starts_with("test result: ")) {
        // `test result: ok. 12 passed; 0 failed; …`
        let count = |what: &str| -> usize {
            let mut words =
                line.split([' ', ';']).filter(|word| !word.is_empty()).collect::<Vec<_>>().into_iter().rev();
            words.by_ref().find(|word| *word == what);
            words.next().and_then(|number| number.parse().ok()).unwrap_or_default()
        };
        tally.passed += count("passed");
        tally.failed += count("failed");
    }
    if !output.status.success() {
        print!("{text}");
        // A test that does not compile has no result line.
        tally.failed = tally.failed.max(1);
    }
    Ok(tally)
}
