//! Runs every scenario on every kernel, several at a time.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Mutex, PoisonError,
        mpsc::{Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use comfy_table::{Table, presets};

use super::{
    Tally,
    judge::{Judgement, judge},
    turns::{self, Turns},
};
use crate::{
    interrupt,
    lab::{
        command::keep,
        prepared::Lab,
        run::Run,
        scenario::{Expectation, Scenario, Verdict},
        series::Series,
    },
    witness::Seen,
};

/// One scenario on one kernel.
struct Case {
    series: Series,
    scenario: String,
    run: Run,
    verdicts: Vec<Verdict>,
    stall: bool,
}

struct Report {
    series: Series,
    scenario: String,
    took: Duration,
    judgement: Judgement,
    printed: String,
}

/// Runs all that makes sense, prints a line per run and a table of what was measured.
pub fn run(
    lab: &Lab,
    series: &[Series],
    scenarios: &[Scenario],
    grace_s: u32,
    jobs: Option<usize>,
    kept: Option<&Path>,
) -> Result<Tally> {
    let start = Instant::now();
    let cases = Mutex::new(cases(lab, series, scenarios, grace_s)?);
    let count = locked(&cases).len();
    let jobs = jobs.unwrap_or_else(turns::jobs).clamp(1, count.max(1));
    let boots = Turns::new(turns::processors());
    println!("{count} runs, {jobs} at a time");
    let (sender, reports) = channel();
    let mut all: Vec<Report> = Vec::new();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, cases, boots) = (sender.clone(), &cases, &boots);
            scope.spawn(move || work(lab, cases, boots, kept, &sender));
        }
        drop(sender);
        for report in reports {
            print_line(&report);
            all.push(report);
        }
    });
    interrupt::check()?;
    all.sort_by(|a, b| (a.series, &a.scenario).cmp(&(b.series, &b.scenario)));
    println!("\n{}", table(&all));
    println!("lab: {count} runs in {:.0} s", start.elapsed().as_secs_f64());
    let failed = all.iter().filter(|report| !report.judgement.complaints.is_empty()).count();
    Ok(Tally { passed: all.len() - failed, failed })
}

/// Prints what is skipped, and why.
fn cases(lab: &Lab, series: &[Series], scenarios: &[Scenario], grace_s: u32) -> Result<VecDeque<Case>> {
    let mut cases = VecDeque::new();
    for scenario in scenarios {
        for &series in series {
            match &scenario.expectations[&series] {
                Expectation::Skip(reason) => println!("skip  {series:<5} {:<28} {reason}", scenario.name),
                Expectation::Run { verdicts, stall } => cases.push_back(Case {
                    series,
                    scenario: scenario.name.clone(),
                    run: Run {
                        steps: scenario.steps(),
                        two_guests: scenario.two_guests,
                        kernel: lab.kernel(scenario.server_kernel.unwrap_or(series))?,
                        client_kernel: lab.kernel(series)?,
                        grace_s,
                        arguments: Vec::new(),
                        terminal: None,
                    },
                    verdicts: verdicts.clone(),
                    stall: *stall,
                }),
            }
        }
    }
    Ok(cases)
}

fn work(lab: &Lab, cases: &Mutex<VecDeque<Case>>, boots: &Turns, kept: Option<&Path>, reports: &Sender<Report>) {
    while !interrupt::interrupted() {
        let Some(case) = locked(cases).pop_front() else { break };
        let Case { series, scenario, run, verdicts, stall } = case;
        // Booting keeps a processor busy; afterwards a guest mostly waits.
        let mut turn = Some(boots.take());
        let start = Instant::now();
        let mut printed = Vec::new();
        let outcome = run.run(lab, &mut |bytes| printed.extend_from_slice(bytes), &mut || drop(turn.take()));
        let grace = Duration::from_secs(run.grace_s.into());
        let judgement = match outcome {
            Ok(outcome) => {
                let judgement = judge(&outcome, &verdicts, stall, grace);
                match kept.map(|kept| keep(&outcome, &kept.join(format!("{series}-{scenario}")))) {
                    Some(Err(error)) => with_complaint(judgement, format!("{error:#}")),
                    _ => judgement,
                }
            }
            Err(error) => with_complaint(Judgement::default(), format!("{error:#}")),
        };
        let printed = String::from_utf8_lossy(&printed).into_owned();
        let report = Report { series, scenario, took: start.elapsed(), judgement, printed };
        if reports.send(report).is_err() {
            break;
        }
    }
}

fn with_complaint(mut judgement: Judgement, complaint: String) -> Judgement {
    judgement.complaints.push(complaint);
    judgement
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn print_line(report: &Report) {
    let Report { series, scenario, took, judgement, printed } = report;
    let passed = judgement.complaints.is_empty();
    let (word, took) = (if passed { "ok" } else { "FAIL" }, took.as_secs_f64());
    println!("{word:<5} {series:<5} {scenario:<28} {took:>5.1} s  {}", judgement.concluded.join(", "));
    if passed {
        return;
    }
    for complaint in &judgement.complaints {
        println!("        {}", complaint.replace('\n', "\n        "));
    }
    if !printed.trim().is_empty() {
        println!("      what nfsgrace printed:");
        for line in printed.lines() {
            println!("      | {line}");
        }
    }
}

/// nfsgrace's numbers, each next to the witness's.
fn table(reports: &[Report]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "kernel",
        "scenario",
        "open s",
        "verdict s",
        "refused",
        "polls",
        "sleeps",
        "stamps ms",
        "stall ms",
        "attach s",
        "MiB",
    ]);
    for Report { series, scenario, judgement, .. } in reports {
        let Judgement { comparison, longest_open, verdict_after, attach, memory_kib, .. } = judgement;
        let both = |what| {
            let (ours, theirs) = comparison.count(what);
            if ours == theirs { ours.to_string() } else { format!("{ours}≠{theirs}") }
        };
        let seconds = |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{:.2}", time.as_secs_f64()));
        table.add_row([
            series.to_string(),
            scenario.clone(),
            seconds(Some(*longest_open)),
            seconds(*verdict_after),
            both(Seen::Refusal),
            both(Seen::Poll),
            both(Seen::Sleep),
            format!("{:.2}", comparison.largest_stamp_gap.as_secs_f64() * 1e3),
            format!("{:.1}", comparison.largest_stall_gap.as_secs_f64() * 1e3),
            seconds(*attach),
            memory_kib.map_or("-".to_owned(), |kib| format!("{:.1}", kib as f64 / 1024.0)),
        ]);
    }
    table
}
