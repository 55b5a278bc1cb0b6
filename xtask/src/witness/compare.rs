//! The comparison itself.

use std::{collections::BTreeMap, time::Duration};

use super::{Observation, Seen, Stall, ftrace::Trace, opens::Open, rpcs, session::Session};

/// Two time stamps of one event may differ by so much.
pub const STAMP_TOLERANCE: Duration = Duration::from_millis(2);
/// Two lengths of one stall may differ by so much.
pub const STALL_TOLERANCE: Duration = Duration::from_millis(50);
/// How many single differences of a kind are listed.
const LISTED: usize = 5;

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Per kind of event: how many nfsgrace saw, and how many the witness.
    pub counts: BTreeMap<&'static str, (usize, usize)>,
    /// How far apart the two time stamps of an event are, and of which kind it is: all of them, smallest first.
    pub stamp_gaps: Vec<(Duration, &'static str)>,
    /// Largest difference between two lengths of one stall.
    pub largest_stall_gap: Duration,
    /// Everything that is not as it should be.
    pub differences: Vec<String>,
    /// Of these, what a host that was busy with something else explains: times, not counts.
    pub delays: Vec<String>,
}

impl Comparison {
    /// How many `what` nfsgrace saw, and how many the witness.
    pub fn count(&self, what: Seen) -> (usize, usize) {
        self.counts.get(what.name()).copied().unwrap_or_default()
    }

    /// The gap that `percent` of the time stamps do not exceed.
    pub fn stamp_gap(&self, percent: usize) -> (Duration, &'static str) {
        let last = self.stamp_gaps.len().saturating_sub(1);
        self.stamp_gaps.get((last * percent).div_ceil(100)).copied().unwrap_or_default()
    }
}

/// Compares a session with what the witness saw, and with the opens as the opener timed them. Everything before
/// `from_ns`, when nfsgrace said that it watches, is left out.
///
/// In a `crowd` so many tasks run that each waits for the processor. Then opens take longer than their stalls, and a few
/// time stamps may be far apart: between the two probes of one function the host may have run something else.
pub fn compare(session: &Session, witness: &Trace, opens: &[Open], from_ns: u64, crowd: bool) -> Comparison {
    let mut comparison = Comparison::default();
    let since = |observations: &[Observation]| -> Vec<Observation> {
        observations.iter().copied().filter(|observation| observation.at_ns >= from_ns).collect()
    };
    compare_events(&since(&session.observations), &since(&witness.observations), &mut comparison);
    let all_attached_ns = from_ns.saturating_add(rpcs::DETAILS_FOLLOW.as_nanos() as u64);
    rpcs::compare(session, witness, all_attached_ns, &mut comparison);
    comparison.stamp_gaps.sort();
    let allowed = if crowd { 99 } else { 100 };
    let (gap, kind) = comparison.stamp_gap(allowed);
    if gap > STAMP_TOLERANCE {
        let more = if crowd { ", and one in a hundred more" } else { "" };
        comparison.delays.push(format!("two time stamps of a {kind} are {gap:.1?} apart{more}"));
    }

    let theirs: Vec<&Stall> = witness.stalls.iter().filter(|stall| stall.began_ns >= from_ns).collect();
    compare_stalls(&session.stalls, &theirs, &mut comparison);
    if !crowd {
        compare_opens(&theirs, opens, &mut comparison);
    }
    let (_, refusals) = comparison.count(Seen::Refusal);
    if let Some(counted) = session.refusals_in_summary
        && counted != refusals as u64
    {
        comparison.differences.push(format!("the summary counts {counted} refused OPENs, the witness saw {refusals}"));
    }
    comparison
}

fn compare_events(session: &[Observation], witness: &[Observation], comparison: &mut Comparison) {
    let mut by_kind: BTreeMap<(Seen, u32), (Vec<u64>, Vec<u64>)> = BTreeMap::new();
    for observation in session {
        by_kind.entry((observation.seen, observation.tid)).or_default().0.push(observation.at_ns);
    }
    for observation in witness {
        by_kind.entry((observation.seen, observation.tid)).or_default().1.push(observation.at_ns);
    }
    let mut listed: BTreeMap<&str, usize> = BTreeMap::new();
    for ((seen, tid), (ours, theirs)) in by_kind {
        let name = seen.name();
        let count = comparison.counts.entry(name).or_default();
        count.0 += ours.len();
        count.1 += theirs.len();
        if ours.len() == theirs.len() {
            let gaps =
                ours.iter().zip(&theirs).map(|(ours, theirs)| (Duration::from_nanos(ours.abs_diff(*theirs)), name));
            comparison.stamp_gaps.extend(gaps);
            continue;
        }
        let listed = listed.entry(name).or_default();
        *listed += 1;
        if *listed <= LISTED {
            comparison.differences.push(format!(
                "{seen:?} in thread {tid}: nfsgrace saw {} [{}], the witness {} [{}]",
                ours.len(),
                times(&ours),
                theirs.len(),
                times(&theirs)
            ));
        }
    }
}

/// nfsgrace's stalls with those of the witness.
fn compare_stalls(ours: &[Stall], theirs: &[&Stall], comparison: &mut Comparison) {
    let mut missed = 0;
    for theirs in theirs {
        let Some(stall) = ours.iter().find(|stall| stall.is_same_as(theirs)) else {
            missed += 1;
            if missed <= LISTED {
                let Stall { tid, began_ns, .. } = theirs;
                let (length, began) = (theirs.length().as_secs_f64(), seconds(*began_ns));
                comparison.differences.push(format!(
                    "thread {tid} was blocked for {length:.3} s since {began:.3}, nfsgrace saw no such stall"
                ));
            }
            continue;
        };
        let gap = stall.length().abs_diff(theirs.length());
        comparison.largest_stall_gap = comparison.largest_stall_gap.max(gap);
    }
    if comparison.largest_stall_gap > STALL_TOLERANCE {
        comparison.delays.push(format!("a stall's two lengths are {:.1?} apart", comparison.largest_stall_gap));
    }
}

/// The witness's stalls with the opens that they were: what the application noticed.
fn compare_opens(stalls: &[&Stall], opens: &[Open], comparison: &mut Comparison) {
    for stall in stalls {
        let during = |open: &&Open| {
            open.tid == stall.tid
                && open.start_ns <= stall.began_ns
                && stall.ended_ns <= open.end_ns.saturating_add(1_000_000)
        };
        let Some(open) = opens.iter().find(during) else { continue };
        let (took, length) = (Duration::from_nanos(open.took_ns()), stall.length());
        let gap = took.abs_diff(length);
        comparison.largest_stall_gap = comparison.largest_stall_gap.max(gap);
        if gap > STALL_TOLERANCE {
            comparison
                .delays
                .push(format!("the open of {} took {took:.3?}, of which it stalled {length:.3?}", open.path));
        }
    }
}

/// The first few, in seconds.
fn times(ns: &[u64]) -> String {
    let times: Vec<String> = ns.iter().take(LISTED).map(|&at| format!("{:.6}", seconds(at))).collect();
    format!("{}{}", times.join(" "), if ns.len() > LISTED { " …" } else { "" })
}

fn seconds(ns: u64) -> f64 {
    Duration::from_nanos(ns).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(seen: Seen, tid: u32, at_ms: u64) -> Observation {
        Observation { seen, tid, at_ns: at_ms * 1_000_000 }
    }

    fn stall(length_ms: u64) -> Stall {
        Stall { tid: 9, began_ns: 1_000_000_000, ended_ns: (1000 + length_ms) * 1_000_000 }
    }

    fn session(observations: Vec<Observation>, stalls: Vec<Stall>) -> Session {
        let mut session = Session::default();
        (session.observations, session.stalls) = (observations, stalls);
        session
    }

    fn trace(observations: Vec<Observation>, stalls: Vec<Stall>) -> Trace {
        Trace { observations, stalls, refused: vec![] }
    }

    fn open(took_ms: u64) -> Vec<Open> {
        let end_ns = (999 + took_ms) * 1_000_000;
        vec![Open { tid: 9, start_ns: 999_000_000, end_ns, errno: 0, path: "/mnt/x".to_owned() }]
    }

    #[test]
    fn what_agrees_has_no_differences() {
        let both = vec![seen(Seen::Refusal, 8, 1001), seen(Seen::Sleep, 9, 1002)];
        let comparison =
            compare(&session(both.clone(), vec![stall(100)]), &trace(both, vec![stall(100)]), &open(120), 0, false);
        assert_eq!((comparison.differences, comparison.delays), (vec![], vec![]));
        assert_eq!(comparison.counts["refusal"], (1, 1));
        assert_eq!(comparison.largest_stall_gap, Duration::from_millis(20));
    }

    #[test]
    fn events_and_stalls_that_nfsgrace_missed_are_differences() {
        let theirs = vec![seen(Seen::Poll, 7, 1003)];
        let comparison = compare(&session(vec![], vec![]), &trace(theirs, vec![stall(100)]), &open(100), 0, false);
        assert_eq!(comparison.differences.len(), 2, "{:?}", comparison.differences);
    }

    #[test]
    fn times_that_are_far_apart_are_delays() {
        let (ours, theirs) = (vec![seen(Seen::Refusal, 8, 1010)], vec![seen(Seen::Refusal, 8, 1001)]);
        let comparison =
            compare(&session(ours, vec![stall(100)]), &trace(theirs, vec![stall(200)]), &open(300), 0, false);
        assert_eq!(comparison.differences, Vec::<String>::new());
        assert_eq!(comparison.delays.len(), 3, "{:?}", comparison.delays);
    }

    #[test]
    fn in_a_crowd_one_stamp_in_a_hundred_may_be_late() {
        let ours: Vec<_> = (0..200).map(|ms| seen(Seen::Refusal, 8, ms)).collect();
        let mut theirs = ours.clone();
        theirs[199].at_ns += 30_000_000;
        let (ours, theirs) = (session(ours, vec![]), trace(theirs, vec![]));
        assert_eq!(compare(&ours, &theirs, &[], 0, true).delays, Vec::<String>::new());
        assert_eq!(compare(&ours, &theirs, &[], 0, false).delays.len(), 1);
    }

    #[test]
    fn what_came_before_the_watch_does_not_count() {
        let before = trace(vec![seen(Seen::Refusal, 8, 900)], vec![]);
        let comparison = compare(&session(vec![], vec![]), &before, &[], 1_000_000_000, false);
        assert_eq!(comparison.differences, Vec::<String>::new());
    }
}
