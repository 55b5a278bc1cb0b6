//! Runs every scenario on every kernel, several at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::mpsc::{Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    Tally,
    judge::{Expected, Judgement, judge},
    queue::Queue,
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
        sharing::{Followers, Nobody, Parting, Sharing},
        steps::Steps,
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
    /// After how many of its steps another one parts from it.
    stops: BTreeSet<usize>,
    expected: Expected,
}

/// Cases that begin with the same steps. The first of them does these; where others part from it, they become jobs of their own.
struct Job {
    cases: Vec<Case>,
    /// Where they all have come to.
    from: Option<Parting>,
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
    let (alone, several): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| case.run.guests.len() == 1);
    let jobs = jobs.unwrap_or_else(default_jobs).max(1);
    println!("{} runs in one guest, {jobs} at a time; {} in several guests", alone.len(), several.len());
    let matrix = Matrix { lab, kept };
    let (mut reports, disturbed) = matrix.run_all(alone, several, jobs);
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
fn cases(lab: &Lab, series: &[Series], scenarios: &[Scenario], grace_s: u32) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for scenario in scenarios {
        for &series in series {
            match &scenario.expectations[&series] {
                Expectation::Skip(reason) => report::print_skipped(series, &scenario.name, reason),
                Expectation::Run { verdicts, stall } => {
                    let expected = Expected {
                        verdicts: verdicts.clone(),
                        stall: *stall,
                        crowd: scenario.crowd,
                        grace: Duration::from_secs(grace_s.into()),
                    };
                    cases.push(case(lab, series, scenario, grace_s, expected)?);
                }
            }
        }
    }
    Ok(cases)
}

fn case(lab: &Lab, series: Series, scenario: &Scenario, grace_s: u32, expected: Expected) -> Result<Case> {
    let server = scenario.server_kernels.get(&series).copied().unwrap_or(series);
    let run = Run {
        steps: scenario.steps.clone(),
        guests: scenario.guests(lab, server, series)?,
        ssh: scenario.ssh,
        grace_s,
        clock: if scenario.guests > 1 { Clock::Host } else { Clock::Instructions },
        arguments: Vec::new(),
        terminal: None,
    };
    Ok(Case { series, scenario: scenario.name.clone(), run, stops: BTreeSet::new(), expected })
}

/// Cases that can share a guest, in a job for each kernel.
fn jobs(cases: Vec<Case>) -> Vec<Job> {
    let mut kinds: BTreeMap<(Series, bool), Vec<Case>> = BTreeMap::new();
    for case in cases {
        kinds.entry((case.series, case.run.ssh)).or_default().push(case);
    }
    let job = |mut cases: Vec<Case>| {
        let all: Vec<Steps> = cases.iter().map(|case| case.run.steps.clone()).collect();
        for (nth, case) in cases.iter_mut().enumerate() {
            let others = all.iter().enumerate().filter(|(other, _)| *other != nth).map(|(_, steps)| steps);
            case.stops = case.run.steps.partings(others);
        }
        Job { cases, from: None }
    };
    kinds.into_values().map(job).collect()
}

/// Cases that go on from where the guest of another one stops.
struct Waiting<'a> {
    /// After how many steps which ones do.
    cases: BTreeMap<usize, Vec<Case>>,
    queue: &'a Queue<Job>,
}

impl<'a> Waiting<'a> {
    /// These, for the guest of `leader`.
    fn new(cases: impl Iterator<Item = Case>, leader: &Case, queue: &'a Queue<Job>) -> Self {
        let mut waiting = BTreeMap::<usize, Vec<Case>>::new();
        for case in cases {
            waiting.entry(case.run.steps.shared_with(&leader.run.steps)).or_default().push(case);
        }
        Self { cases: waiting, queue }
    }
}

impl Followers for Waiting<'_> {
    fn are_waiting(&self, after: usize) -> bool {
        self.cases.contains_key(&after)
    }

    fn go_on(&mut self, from: Parting) {
        if let Some(cases) = self.cases.remove(&from.after) {
            self.queue.push(Job { cases, from: Some(from) });
        }
    }
}

impl Matrix<'_> {
    /// Runs all cases; of those in one guest, `at_a_time` together. Those that were disturbed come back as they are.
    ///
    /// Several guests together wait for most of their time, and have the processors first when they do not: they run beside
    /// the others, whose clocks do not mind.
    fn run_all(&self, alone: Vec<Case>, several: Vec<Case>, at_a_time: usize) -> (Vec<Report>, Vec<Case>) {
        let mut alone = jobs(alone);
        alone.reverse();
        let several = several.into_iter().rev().map(|case| Job { cases: vec![case], from: None }).collect();
        let (alone, several) = (Queue::new(alone), Queue::new(several));
        let (sender, finished) = channel();
        let (mut reports, mut disturbed) = (Vec::new(), Vec::new());
        thread::scope(|scope| {
            for queue in std::iter::repeat_n(&alone, at_a_time).chain(std::iter::repeat_n(&several, at_a_time)) {
                let sender = sender.clone();
                scope.spawn(move || queue.work(|job| self.run_job(job, queue, &sender)));
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

    fn run_job(&self, job: Job, queue: &Queue<Job>, finished: &Sender<(Case, Report)>) {
        let mut cases = job.cases.into_iter();
        let Some(leader) = cases.next() else { return };
        let mut waiting = Waiting::new(cases, &leader, queue);
        if let Some(from) = &job.from {
            waiting.go_on(from.clone());
        }
        let sharing = Sharing { from: job.from.clone(), stops: leader.stops.clone(), followers: &mut waiting };
        let report = self.run_one(&leader, sharing);
        if interrupt::interrupted() {
            return;
        }
        // It failed before it came to where these part from it.
        let cases: Vec<Case> = waiting.cases.into_values().flatten().collect();
        if !cases.is_empty() {
            queue.push(Job { cases, from: job.from });
        }
        report.print();
        // The receiver is there for as long as any sender.
        let _ = finished.send((leader, report));
    }

    fn repeat(&self, case: &Case) -> Report {
        let run = || self.run_one(case, Sharing { from: None, stops: BTreeSet::new(), followers: &mut Nobody });
        let mut report = run();
        for _ in 1..REPEATS {
            if !report.judgement.was_disturbed() {
                break;
            }
            report.print();
            report = run();
        }
        report.is_last = true;
        report.print();
        report
    }

    fn run_one(&self, case: &Case, sharing: Sharing<'_>) -> Report {
        let Case { series, scenario, run, stops: _, expected } = case;
        let start = Instant::now();
        let mut printed = Vec::new();
        let outcome = run.run_shared(self.lab, sharing, &mut |bytes| printed.extend_from_slice(bytes));
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

/// Guests whose clock counts instructions are never idle: one for each processor, if there is memory.
fn default_jobs() -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available =
        meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.split_whitespace().next()?.parse().ok());
    let by_memory = available.map_or(1, |available: usize| available / GUEST_KIB);
    processors.min(by_memory).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{guests::Guest, kernel::Kernel};

    fn case(series: Series, steps: &str) -> Case {
        let kernel = Kernel { release: String::new(), image: "image".into(), modules: "modules".into() };
        let run = Run {
            steps: Steps::parse(steps),
            guests: vec![Guest::alone(kernel)],
            ssh: false,
            grace_s: 10,
            clock: Clock::Instructions,
            arguments: Vec::new(),
            terminal: None,
        };
        let expected = Expected { verdicts: Vec::new(), stall: None, crowd: false, grace: Duration::from_secs(10) };
        Case { series, scenario: steps.replace('\n', " "), run, stops: BTreeSet::new(), expected }
    }

    #[test]
    fn each_kernel_has_a_job_whose_cases_stop_where_they_part() {
        let steps = ["load\nstart\nwatch", "load\nstart\nkill", "watch"];
        let of = |series| steps.map(|steps| case(series, steps));
        let jobs = jobs(of(Series::V6_18).into_iter().chain(of(Series::V5_10)).collect());
        let stops = |job: &Job| job.cases.iter().map(|case| case.stops.clone()).collect::<Vec<_>>();
        assert_eq!(jobs.len(), 2);
        for job in &jobs {
            assert_eq!(stops(job), [BTreeSet::from([0, 2]), BTreeSet::from([0, 2]), BTreeSet::from([0])]);
        }
    }

    #[test]
    fn those_wait_where_they_part_from_the_leader() {
        let queue = Queue::new(Vec::new());
        let leader = case(Series::V7, "load\nstart\nwatch");
        let others = ["load\nstart\nkill", "load\nstop", "watch"].map(|steps| case(Series::V7, steps));
        let waiting = Waiting::new(others.into_iter(), &leader, &queue);
        let waiting_at: Vec<usize> = (0..4).filter(|after| waiting.are_waiting(*after)).collect();
        assert_eq!(waiting_at, [0, 1, 2]);
        assert_eq!(waiting.cases[&2][0].scenario, "load start kill");
    }
}
