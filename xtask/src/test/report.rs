//! Prints how runs went.

use std::time::Duration;

use comfy_table::{Table, presets};

use super::judge::Judgement;
use crate::{
    lab::series::Series,
    witness::{Seen, rpcs::REFUSED_RPC},
};

/// One run.
#[derive(Debug)]
pub struct Report {
    /// The kernel under nfsgrace.
    pub series: Series,
    /// What happened.
    pub scenario: String,
    /// How long it took, from the start of the guest.
    pub took: Duration,
    /// How it went.
    pub judgement: Judgement,
    /// What nfsgrace printed.
    pub printed: String,
    /// Whether it will not be repeated.
    pub is_last: bool,
}

impl Report {
    /// One line when it passed; all that is known when it did not.
    pub fn print(&self) {
        let Self { series, scenario, took, judgement, printed, is_last } = self;
        let again = judgement.was_disturbed() && !is_last;
        let word = match (judgement.passed(), again) {
            (true, _) => "ok",
            (false, true) => "again",
            (false, false) => "FAIL",
        };
        let (took, concluded) = (took.as_secs_f64(), judgement.concluded.join(", "));
        let mut text = format!("{word:<5} {series:<5} {scenario:<30} {took:>5.1} s  {concluded}\n");
        for complaint in judgement.complaints.iter().chain(&judgement.comparison.delays) {
            text += &format!("        {}\n", complaint.replace('\n', "\n        "));
        }
        if word == "FAIL" && !printed.trim().is_empty() {
            text += "      what nfsgrace printed:\n";
            for line in printed.lines() {
                text += &format!("      | {line}\n");
            }
        }
        // In one piece, as other threads print, too.
        print!("{text}");
    }
}

/// Says that a scenario is not run on a kernel.
pub fn print_skipped(series: Series, scenario: &str, reason: &str) {
    println!("skip  {series:<5} {scenario:<30} {reason}");
}

/// nfsgrace's numbers; next to them the witness's where these differ.
pub fn table(reports: &[Report]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "kernel",
        "scenario",
        "open s",
        "verdict after s",
        "refused",
        "polls",
        "sleeps",
        "XIDs",
        "stamps ms",
        "stall ms",
        "attach s",
        "MiB",
    ]);
    for Report { series, scenario, judgement, .. } in reports {
        let Judgement { comparison, longest_open, verdict_after, attach, memory_kib, .. } = judgement;
        let differing = |(ours, theirs): (usize, usize)| {
            if ours == theirs { ours.to_string() } else { format!("{ours}≠{theirs}") }
        };
        let seconds = |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{:.2}", time.as_secs_f64()));
        table.add_row([
            series.to_string(),
            scenario.clone(),
            seconds(Some(*longest_open)),
            seconds(*verdict_after),
            differing(comparison.count(Seen::Refusal)),
            differing(comparison.count(Seen::Poll)),
            differing(comparison.count(Seen::Sleep)),
            differing(comparison.counts.get(REFUSED_RPC).copied().unwrap_or_default()),
            format!("{:.2}", comparison.stamp_gap(100).0.as_secs_f64() * 1e3),
            format!("{:.1}", comparison.largest_stall_gap.as_secs_f64() * 1e3),
            seconds(*attach),
            memory_kib.map_or("-".to_owned(), |kib| format!("{:.1}", kib as f64 / 1024.0)),
        ]);
    }
    table
}
