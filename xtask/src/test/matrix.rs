//! Runs every scenario on every kernel, several at a time.

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    Tally,
    judge::{Expected, Judgement, judge},
    report::{self, Report},
};
use crate::{
    interrupt,
    lab::{
        command::keep,
        machine::Clock,
        prepared::Lab,
        run::Run,
        scenario::{Expectation, Scenario},
        series::Series,
    },
};

/// How often a run is repeated, on a host with nothing else to do, when only its times were wrong.
const REPEATS: usize = 2;

/// Memory that one guest takes of the host, with some for qemu itself.
const GUEST_KIB: usize = 1300 << 10;

/// One scenario on one kernel.
struct Case {
    series: Series,
    scenario: String,
    run: Run,
    expected: Expected,
}

/// What all cases need.
struct Matrix<'a> {
    lab: &'a Lab,
    kept: Option<&'a Path>,
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
    let cases = cases(lab, series, scenarios, grace_s)?;
    let count = cases.len();
    let jobs = jobs.unwrap_or_else(default_jobs).clamp(1, count.max(1));
    println!("{count} runs, {jobs} at a time");
    let matrix = Matrix { lab, kept };
    let (mut reports, disturbed) = matrix.run_all(cases, jobs);
    for case in disturbed {
        if !interrupt::interrupted() {
            reports.push(matrix.repeat(&case));
        }
    }
    interrupt::check()?;
    reports.sort_by(|a, b| (a.series, &a.scenario).cmp(&(b.series, &b.scenario)));
    println!("\n{}", report::table(&reports));
    println!("lab: {count} runs in {:.0} s", start.elapsed().as_secs_f64());
    let passed = reports.iter().filter(|report| report.judgement.passed()).count();
    Ok(Tally { passed, failed: reports.len() - passed })
}

/// Prints what is skipped, and why.
fn cases(lab: &Lab, series: &[Series], scenarios: &[Scenario], grace_s: u32) -> Result<VecDeque<Case>> {
    let mut cases = VecDeque::new();
    for scenario in scenarios {
        for &series in series {
            match &scenario.expectations[&series] {
                Expectation::Skip(reason) => report::print_skipped(series, &scenario.name, reason),
                Expectation::Run { verdicts, stall } => cases.push_back(Case {
                    series,
                    scenario: scenario.name.clone(),
                    run: Run {
                        steps: scenario.steps(),
                        guests: scenario.guests(
                            lab,
                            scenario.server_kernels.get(&series).copied().unwrap_or(series),
                            series,
                        )?,
                        ssh: scenario.ssh,
                        grace_s,
                        clock: if scenario.guests > 1 { Clock::Host } else { Clock::Instructions },
                        arguments: Vec::new(),
                        terminal: None,
                    },
                    expected: Expected {
                        verdicts: verdicts.clone(),
                        stall: *stall,
                        crowd: scenario.crowd,
                        grace: Duration::from_secs(grace_s.into()),
                    },
                }),
            }
        }
    }
    Ok(cases)
}

impl Matrix<'_> {
    /// Runs `cases`, `jobs` at a time. Those that were disturbed come back as they are.
    fn run_all(&self, cases: VecDeque<Case>, jobs: usize) -> (Vec<Report>, Vec<Case>) {
        let cases = Mutex::new(cases);
        let (sender, finished) = channel();
        let (mut reports, mut disturbed) = (Vec::new(), Vec::new());
        thread::scope(|scope| {
            for _ in 0..jobs {
                let (sender, cases) = (sender.clone(), &cases);
                scope.spawn(move || self.work(cases, &sender));
            }
            drop(sender);
            for (case, report) in finished {
                if report.judgement.was_disturbed() {
                    disturbed.push(case);
                } else {
                    reports.push(report);
                }
            }
        });
        (reports, disturbed)
    }

    fn work(&self, cases: &Mutex<VecDeque<Case>>, finished: &Sender<(Case, Report)>) {
        while !interrupt::interrupted() {
            let Some(case) = locked(cases).pop_front() else { break };
            let report = self.run_one(&case);
            if interrupt::interrupted() {
                break;
            }
            report.print();
            if finished.send((case, report)).is_err() {
                break;
            }
        }
    }

    fn repeat(&self, case: &Case) -> Report {
        let mut report = self.run_one(case);
        for _ in 1..REPEATS {
            if !report.judgement.was_disturbed() {
                break;
            }
            report.print();
            report = self.run_one(case);
        }
        report.is_last = true;
        report.print();
        report
    }

    fn run_one(&self, case: &Case) -> Report {
        let Case { series, scenario, run, expected } = case;
        let start = Instant::now();
        let mut printed = Vec::new();
        let outcome = run.run(self.lab, &mut |bytes| printed.extend_from_slice(bytes));
        let judgement = outcome.and_then(|outcome| {
            if let Some(kept) = self.kept {
                keep(&outcome, &kept.join(format!("{series}-{scenario}")))?;
            }
            Ok(judge(&outcome, expected, &self.lab.nfsgrace))
        });
        let judgement = judgement.unwrap_or_else(|error| Judgement::failed(format!("{error:#}")));
        let printed = String::from_utf8_lossy(&printed).into_owned();
        let (series, scenario, took) = (*series, scenario.clone(), start.elapsed());
        Report { series, scenario, took, judgement, printed, is_last: false }
    }
}

/// Emulated guests whose clock counts instructions are never idle: one for each processor, if there is memory.
fn default_jobs() -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available =
        meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.split_whitespace().next()?.parse().ok());
    let by_memory = available.map_or(1, |available: usize| available / GUEST_KIB);
    processors.min(by_memory).max(1)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
