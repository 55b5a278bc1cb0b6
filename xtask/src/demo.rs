//! The main job, shown: a restart that hangs its clients and one that does not, watched live on a real kernel.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;
use comfy_table::{Table, presets};
use serde_json::Value;

use crate::{
    lab::{
        command::{ended_well, print, terminal_size},
        machine::Clock,
        prepared::Lab,
        run::{Outcome, Run},
        scenario::Scenario,
        series::Series,
    },
    setup,
    witness::{opens, session::Session},
};

/// `cargo xtask demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Kernel series of the guest
    #[arg(long, default_value = "6.18")]
    kernel: Series,
    /// Length of the grace period, seconds; nfsd's own is 90, and 10 is the least that it accepts
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(10..=3600))]
    grace: u32,
}

/// What is compared in the end.
struct Shown {
    hang: Duration,
    refused: u64,
    verdict: String,
    ahead: Option<Duration>,
}

impl Demo {
    /// Installs what is missing, then shows both restarts.
    ///
    /// # Errors
    ///
    /// Where something cannot be installed or built, or a guest fails.
    pub fn run(self) -> Result<ExitCode> {
        setup::ensure()?;
        println!("demo: building nfsgrace, and preparing a virtual machine with kernel {}", self.kernel);
        let lab = Lab::prepare(&[self.kernel], None)?;
        let without = self.show(&lab, "no-nfsdcld", "1 of 2: nfs-server is restarted, and nfsdcld does not run")?;
        let with = self.show(&lab, "nfsdcld", "2 of 2: the same restart, and nfsdcld runs")?;

        title("what the client's open() of a file met");
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        table.set_header(["", "without nfsdcld", "with nfsdcld"]);
        let row = |name: &str, of: fn(&Shown) -> String| [name.to_owned(), of(&without), of(&with)];
        table.add_row(row("hung for", |shown| format!("{:.1} s", shown.hang.as_secs_f64())));
        table.add_row(row("OPENs refused", |shown| shown.refused.to_string()));
        table.add_row(row("verdict", |shown| shown.verdict.clone()));
        table.add_row(row("known before the hang was over", |shown| {
            shown.ahead.map_or_else(|| "–".to_owned(), |ahead| format!("{:.1} s before", ahead.as_secs_f64()))
        }));
        println!("{table}");
        println!("The hang is measured by the program that was blocked; all else is what nfsgrace saw.");
        println!("With nfsd's own grace period of 90 s the hang lasts 102 s: cargo xtask demo --grace 90");
        Ok(ExitCode::SUCCESS)
    }

    fn show(&self, lab: &Lab, name: &str, what: &str) -> Result<Shown> {
        title(what);
        println!("# in a guest with kernel {}: nfsgrace watch", lab.kernel(self.kernel)?.release);
        let scenario = Scenario::named(name)?;
        let run = Run {
            steps: scenario.steps.clone(),
            guests: scenario.guests(lab, self.kernel, self.kernel)?,
            ssh: scenario.ssh,
            grace_s: self.grace,
            clock: Clock::Host,
            arguments: Vec::new(),
            terminal: terminal_size(),
        };
        let outcome = run.run(lab, &mut print)?;
        ended_well(&outcome)?;
        shown(&outcome)
    }
}

fn shown(outcome: &Outcome) -> Result<Shown> {
    let text = outcome.results.text("session.ndjson").context("the guest brought back no session")?;
    let session = Session::read(&text);
    let header: Value = text.lines().next().map(serde_json::from_str).transpose()?.unwrap_or_default();
    let watched_from = header["t"].as_u64().unwrap_or_default();
    let opens = opens::read(&outcome.results.text("opens").unwrap_or_default());
    let open = opens.last().context("the guest opened no file")?;
    let verdicts: Vec<String> = session.concluded(watched_from).into_iter().filter(|id| id != "backoff-tail").collect();
    let first = session.verdicts.iter().find(|verdict| verdict.at_ns >= watched_from && verdicts.contains(&verdict.id));
    let hang = Duration::from_nanos(open.took_ns());
    Ok(Shown {
        hang,
        refused: session.refusals_in_summary.unwrap_or_default(),
        verdict: verdicts.join(", "),
        ahead: first
            .filter(|_| hang > Duration::from_secs(1))
            .map(|verdict| Duration::from_nanos(open.end_ns.saturating_sub(verdict.at_ns))),
    })
}

fn title(text: &str) {
    println!("\n━━━ {text}\n");
}
