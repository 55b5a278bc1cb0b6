//! The comparison itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Observation, Seen,
    opens::Open,
    session::{Session, Stall},
};

/// Two time stamps of one event may differ by so much.
pub const STAMP_TOLERANCE: Duration = Duration::from_millis(2);
/// A stall and the open that it was may differ by so much.
pub const STALL_TOLERANCE: Duration = Duration::from_millis(50);
/// How many single differences of a kind are listed.
const LISTED: usize = 5;

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Per kind of event: how many nfsgrace saw, and how many the witness.
    pub counts: BTreeMap<&'static str, (usize, usize)>,
    /// Largest difference between two time stamps of one event.
    pub largest_stamp_gap: Duration,
    /// Largest difference between a stall and its open.
    pub largest_stall_gap: Duration,
    /// Everything that is not as it should be.
    pub differences: Vec<String>,
}

impl Comparison {
    /// How many `what` nfsgrace saw, and how many the witness.
    pub fn count(&self, what: Seen) -> (usize, usize) {
        self.counts.get(what.name()).copied().unwrap_or_default()
    }
}

/// Compares a session with what the witness saw, and with the opens as the opener timed them. Everything before
/// `from_ns`, when nfsgrace said that it watches, is left out.
pub fn compare(session: &Session, witness: &[Observation], opens: &[Open], from_ns: u64) -> Comparison {
    let mut comparison = Comparison::default();
    let since = |observations: &[Observation]| -> Vec<Observation> {
        observations.iter().copied().filter(|observation| observation.at_ns >= from_ns).collect()
    };
    compare_events(&since(&session.observations), &since(witness), &mut comparison);
    let refused: BTreeSet<u32> =
        since(witness).iter().filter(|it| it.seen == Seen::Sleep).map(|observation| observation.tid).collect();
    let opens: Vec<&Open> =
        opens.iter().filter(|open| open.start_ns >= from_ns && refused.contains(&open.tid)).collect();
    compare_stalls(&session.stalls, &opens, &mut comparison);
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
    let mut reported: BTreeMap<&str, usize> = BTreeMap::new();
    for ((seen, tid), (ours, theirs)) in by_kind {
        let name = seen.name();
        let count = comparison.counts.entry(name).or_default();
        count.0 += ours.len();
        count.1 += theirs.len();
        let gap = ours.iter().zip(&theirs).map(|(ours, theirs)| ours.abs_diff(*theirs)).max().unwrap_or_default();
        let gap = Duration::from_nanos(gap);
        let difference = if ours.len() != theirs.len() {
            format!(
                "{seen:?} in thread {tid}: nfsgrace saw {} [{}], the witness {} [{}]",
                ours.len(),
                times(&ours),
                theirs.len(),
                times(&theirs)
            )
        } else {
            comparison.largest_stamp_gap = comparison.largest_stamp_gap.max(gap);
            if gap <= STAMP_TOLERANCE {
                continue;
            }
            format!("{seen:?} in thread {tid}: time stamps differ by {gap:?}")
        };
        let listed = reported.entry(name).or_default();
        *listed += 1;
        if *listed <= LISTED {
            comparison.differences.push(difference);
        }
    }
}

fn compare_stalls(stalls: &[Stall], opens: &[&Open], comparison: &mut Comparison) {
    let mut listed = 0;
    for open in opens {
        let Open { tid, start_ns, end_ns, .. } = open;
        let stall = stalls.iter().find(|stall| {
            stall.tid == *tid && stall.began_ns.saturating_add(1_000_000) >= *start_ns && stall.began_ns <= *end_ns
        });
        let difference = match stall {
            None => {
                format!("the open of {} took {:.3} s, nfsgrace saw no stall of it", open.path, seconds(open.took_ns()))
            }
            Some(stall) => {
                let stalled_ns = stall.ended_ns.saturating_sub(stall.began_ns);
                let gap = Duration::from_nanos(stalled_ns.abs_diff(open.took_ns()));
                comparison.largest_stall_gap = comparison.largest_stall_gap.max(gap);
                if gap <= STALL_TOLERANCE {
                    continue;
                }
                let (stalled, took) = (seconds(stalled_ns), seconds(open.took_ns()));
                format!("the open of {} took {took:.3} s, nfsgrace says {stalled:.3} s", open.path)
            }
        };
        listed += 1;
        if listed <= LISTED {
            comparison.differences.push(difference);
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

    fn session(observations: Vec<Observation>, stall_ms: u64) -> Session {
        let stalls = vec![Stall { tid: 9, began_ns: 1_000_000_000, ended_ns: (1000 + stall_ms) * 1_000_000 }];
        let mut session = Session::default();
        (session.observations, session.stalls) = (observations, stalls);
        session
    }

    fn open(took_ms: u64) -> Vec<Open> {
        let end_ns = (1000 + took_ms) * 1_000_000;
        vec![Open { tid: 9, start_ns: 1_000_000_000, end_ns, errno: 0, path: "/mnt/x".to_owned() }]
    }

    #[test]
    fn what_agrees_has_no_differences() {
        let both = vec![seen(Seen::Refusal, 8, 1001), seen(Seen::Sleep, 9, 1002)];
        let comparison = compare(&session(both.clone(), 100), &both, &open(120), 0);
        assert_eq!(comparison.differences, Vec::<String>::new());
        assert_eq!(comparison.count(Seen::Refusal), (1, 1));
        assert_eq!(comparison.largest_stall_gap, Duration::from_millis(20));
    }

    #[test]
    fn a_missed_event_a_late_stamp_and_a_wrong_stall_are_three_differences() {
        let ours = vec![seen(Seen::Refusal, 8, 1010), seen(Seen::Sleep, 9, 1002)];
        let theirs = vec![seen(Seen::Refusal, 8, 1001), seen(Seen::Sleep, 9, 1002), seen(Seen::Poll, 7, 1003)];
        let comparison = compare(&session(ours, 100), &theirs, &open(200), 0);
        assert_eq!(comparison.differences.len(), 3, "{:?}", comparison.differences);
    }

    #[test]
    fn what_came_before_the_watch_does_not_count() {
        let comparison = compare(&session(vec![], 0), &[seen(Seen::Refusal, 8, 900)], &[], 1_000_000_000);
        assert_eq!(comparison.differences, Vec::<String>::new());
    }
}
