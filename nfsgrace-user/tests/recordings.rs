//! Real restarts on real kernels, recorded by ftrace and the kernel log: what is concluded must be what happened.

mod common;

use std::time::Duration;

use common::{RECORDINGS, ids, live, recording, replay};
use nfsgrace::{
    diagnosis::Certainty,
    record::{EndedBy, Kind, Line, Stamp, Surroundings},
    session::{Item, Session},
    timeline::{Restart, backoff::Excess},
};

/// How long the blocked commands took by the guest's own clock, and how long the open of the session took.
fn longest_stall(session: &Session) -> f64 {
    session.timeline().stalls().ended().first().map_or(0.0, |stall| stall.length(Stamp::default()).as_secs_f64())
}

fn restarts(session: &Session) -> Vec<&Restart> {
    session.timeline().restarts().collect()
}

fn roots(session: &Session) -> Vec<String> {
    let roots = session.diagnosis().verdicts().filter(|it| it.question == nfsgrace::diagnosis::Question::Root);
    roots.map(|it| it.finding.causes().iter().map(|cause| cause.id()).collect::<Vec<_>>().join("|")).collect()
}

#[test]
fn each_restart_gets_its_verdict() {
    let one_of = "nfsdcld-not-running|rpc-pipefs-missing";
    let expected: [(&str, [&str; 2], i32); 8] = [
        ("5.10-no-nfsdcld", ["healthy", "healthy"], 0),
        ("6.1-no-nfsdcld", ["healthy", "healthy"], 0),
        ("6.12-no-nfsdcld", ["healthy", "healthy"], 0),
        ("6.12-nfsdcltrack-removed", ["umh-helper-failed", "umh-helper-failed"], 1),
        ("6.12-nothing-to-track-with", ["legacy-dir-missing", "legacy-dir-missing"], 1),
        ("6.18-nfsdcld", ["healthy", "healthy"], 0),
        ("6.18-no-nfsdcld", [one_of, one_of], 1),
        ("7.3-nfsdcld-killed-before-restart", ["healthy", one_of], 1),
    ];
    for (name, verdicts, status) in expected {
        for (session, _) in [live(recording(name)), replay(recording(name))] {
            assert_eq!(restarts(&session).len(), 2, "{name}: the kernel log must not count a start twice");
            assert_eq!(roots(&session), verdicts, "{name}: {:#?}", session.diagnosis());
            assert_eq!(session.exit_status(), status, "{name}");
        }
    }
}

#[test]
fn what_is_concluded_does_not_depend_on_when_it_is_asked() {
    for name in RECORDINGS {
        assert_eq!(ids(&live(recording(name)).0), ids(&replay(recording(name)).0), "{name}");
    }
}

#[test]
fn stalls_are_as_long_as_the_blocked_commands_were() {
    // `TIME … sh -c echo x > /mnt/newfile` of each run; the command takes some milliseconds around its open.
    for (name, witness) in [
        ("6.12-nfsdcltrack-removed", 26.44),
        ("6.12-nothing-to-track-with", 26.45),
        ("6.18-no-nfsdcld", 26.33),
        ("7.3-nfsdcld-killed-before-restart", 26.25),
    ] {
        let stall = longest_stall(&replay(recording(name)).0);
        assert!(stall <= witness && witness - stall < 0.25, "{name}: {stall} s, the command took {witness} s");
    }
    assert!(longest_stall(&replay(recording("6.12-no-nfsdcld")).0) < 0.2);
    assert_eq!(replay(recording("6.18-nfsdcld")).0.timeline().stalls().totals.ended, 0);
}

#[test]
fn refusals_and_polls_are_as_many_as_ftrace_saw() {
    for name in RECORDINGS {
        let lines = recording(name);
        let count = |wanted: fn(&Kind) -> bool| {
            lines.iter().filter(|line| matches!(line, Line::Event(event) if wanted(&event.kind))).count() as u64
        };
        let refused = count(|kind| matches!(kind, Kind::Refused { .. }));
        let delays = count(|kind| matches!(kind, Kind::Delay { .. }));
        let polls = count(|kind| matches!(kind, Kind::Poll { .. }));
        let session = replay(lines).0;
        let all = restarts(&session);
        assert_eq!(all.iter().map(|it| it.clients().refused).sum::<u64>(), refused, "{name}");
        assert_eq!(
            all.iter().flat_map(|it| &it.tracking().attempts).map(|it| it.polls_false).sum::<u64>(),
            polls,
            "{name}"
        );
        assert_eq!(session.timeline().stalls().totals.refused, delays, "{name}");
    }
}

#[test]
fn every_stall_is_tied_to_the_restart_that_caused_it() {
    for name in RECORDINGS {
        let session = replay(recording(name)).0;
        for stall in session.timeline().stalls().ended() {
            let restart = session.timeline().restart(stall.restart.expect(name)).expect(name);
            assert!(
                restart.began() < stall.id.began && restart.stopped().is_none_or(|it| it > stall.id.began),
                "{name}"
            );
        }
    }
}

#[test]
fn every_sleep_is_explained_by_the_timer_wheel() {
    for name in RECORDINGS {
        let session = replay(recording(name)).0;
        for stall in session.timeline().stalls().ended() {
            for attempt in stall.attempts() {
                let excess = attempt.excess(session.timeline().hz());
                assert_eq!(excess, Some(Excess::TimerWheel), "{name}: {attempt:?}");
            }
        }
    }
}

#[test]
fn the_grace_period_ends_when_it_was_foretold_and_by_what_ended_it() {
    let expected = [
        ("5.10-no-nfsdcld", EndedBy::V4EndGrace),
        ("6.1-no-nfsdcld", EndedBy::V4EndGrace),
        ("6.12-no-nfsdcld", EndedBy::V4EndGrace),
        ("6.12-nfsdcltrack-removed", EndedBy::Timer),
        ("6.12-nothing-to-track-with", EndedBy::Timer),
        ("6.18-nfsdcld", EndedBy::AllReclaimed),
        ("6.18-no-nfsdcld", EndedBy::Timer),
        ("7.3-nfsdcld-killed-before-restart", EndedBy::Timer),
    ];
    for (name, by) in expected {
        let session = replay(recording(name)).0;
        let restart = *restarts(&session).last().expect("two restarts");
        let end = restart.grace_end().expect(name);
        assert_eq!(end.by, by, "{name}");
        let planned = restart.planned_end(session.timeline().hz()).expect(name);
        if by == EndedBy::Timer {
            assert!(planned.earliest <= end.at && end.at <= planned.latest, "{name}: {planned:?} {end:?}");
        } else {
            assert!(end.at < planned.earliest, "{name}");
        }
    }
}

#[test]
fn the_tail_is_what_lies_after_the_grace_period() {
    let session = replay(recording("6.18-no-nfsdcld")).0;
    let restart = restarts(&session)[1];
    assert_eq!(restart.cost().stalls, 1);
    // locks_end_grace at 56.461 s, the open returned at 62.868 s.
    assert!((6.3..6.5).contains(&restart.cost().tail.as_secs_f64()), "{:?}", restart.cost());
    let tails: Vec<_> = ids(&session).into_iter().filter(|(_, id)| id == "backoff-tail").collect();
    assert_eq!(tails.len(), 2, "one for each restart");
}

#[test]
fn the_verdict_is_there_long_before_the_hang_is_over() {
    let (session, items) = live(recording("6.18-no-nfsdcld"));
    let restart = restarts(&session)[1];
    let tracked = restart.tracking().ended.expect("seen").0;
    let said = items.iter().find_map(|item| match item {
        Item::Verdict { at, revision } if revision.verdict().restart == Some(restart.id()) => Some(*at),
        _ => None,
    });
    let said = said.expect("a verdict");
    assert!(said.since(tracked) <= Duration::from_millis(100));
    let stall = session.timeline().stalls().ended()[0];
    assert!(said < stall.id.began, "said before the open even began");
}

#[test]
fn the_seconds_left_come_true() {
    // At each moment of each stall, the task was freed within the range that was foretold.
    for name in ["6.12-nfsdcltrack-removed", "6.18-no-nfsdcld", "7.3-nfsdcld-killed-before-restart"] {
        let lines = recording(name);
        let ends: Vec<_> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Event(event) => match event.kind {
                    Kind::StallEnd { began, .. } => Some((began, event.at)),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let mut session = Session::new();
        let mut checked = 0;
        for line in lines {
            session.record(line);
            let now = session.timeline().now();
            for forecast in session.timeline().expect(now).stalls {
                let end = ends.iter().find(|(began, _)| *began == forecast.stall.began).expect("it ended").1;
                let free = forecast.free.expect("both sides are seen");
                // A try takes some milliseconds on its way, each time.
                let slack = Duration::from_millis(150);
                assert!(
                    free.earliest <= end && end <= free.latest.plus(slack),
                    "{name} at {now:?}: {free:?}, was {end:?}"
                );
                checked += 1;
            }
        }
        assert!(checked > 15, "{name}");
    }
}

#[test]
fn what_proc_shows_tells_the_causes_apart() {
    let at_fault = |seen: Surroundings| {
        let mut lines = recording("6.18-no-nfsdcld");
        let place = lines
            .iter()
            .position(|line| matches!(line, Line::Event(it) if matches!(it.kind, Kind::TrackingEnd { .. })));
        let place = place.expect("tracking ended");
        let Line::Event(mut event) = lines[place].clone() else { panic!("an event") };
        event.at = event.at.plus(Duration::from_millis(3));
        event.kind = Kind::Surroundings(seen);
        lines.insert(place + 1, Line::Event(event));
        let session = replay(lines).0;
        let verdict = session.diagnosis().verdicts().next().expect("a verdict").clone();
        (verdict.finding.one().map(|cause| cause.id()), verdict.certainty)
    };
    let mounts = Some(vec!["/var/lib/nfs/rpc_pipefs".to_owned()]);
    let not_running = Surroundings { rpc_pipefs: mounts.clone(), ..Surroundings::default() };
    assert_eq!(at_fault(not_running), (Some("nfsdcld-not-running"), Certainty::Certain));
    let not_mounted = Surroundings { rpc_pipefs: Some(vec![]), ..Surroundings::default() };
    assert_eq!(at_fault(not_mounted), (Some("rpc-pipefs-missing"), Certainty::Certain));
    let elsewhere = Surroundings { rpc_pipefs: mounts.clone(), nfsdcld_pid: Some(7), ..Surroundings::default() };
    assert_eq!(at_fault(elsewhere), (Some("rpc-pipefs-missing"), Certainty::Certain));
    let other_path = Surroundings {
        rpc_pipefs: mounts.clone(),
        nfsdcld_pid: Some(7),
        nfsdcld_pipe: Some("/run/rpc_pipefs/nfsd/cld".to_owned()),
        ..Surroundings::default()
    };
    assert_eq!(at_fault(other_path), (Some("rpc-pipefs-missing"), Certainty::Certain));
    let late = Surroundings {
        rpc_pipefs: mounts,
        nfsdcld_pid: Some(7),
        nfsdcld_pipe: Some("/var/lib/nfs/rpc_pipefs/nfsd/cld".to_owned()),
        ..Surroundings::default()
    };
    assert_eq!(at_fault(late), (Some("nfsdcld-not-running"), Certainty::Suspected));
}

#[test]
fn from_the_kernel_log_alone_the_same_is_concluded_where_it_tells() {
    let log_only = |name: &str| {
        let lines = recording(name).into_iter().filter(|line| match line {
            Line::Event(event) => {
                matches!(event.kind, Kind::KernelLog { .. } | Kind::Delay { .. } | Kind::StallEnd { .. })
            }
            _ => true,
        });
        replay(lines).0
    };
    for name in RECORDINGS {
        let session = log_only(name);
        let watched = replay(recording(name)).0;
        assert_eq!(session.timeline().restarts().len(), 2, "{name}");
        for (heard, seen) in session.timeline().restarts().zip(watched.timeline().restarts()) {
            assert_eq!(heard.netns(), seen.netns(), "{name}");
            if !matches!(seen.grace_end().expect(name).by, EndedBy::Skipped) {
                assert_eq!(heard.length().expect(name).0, seen.length().expect(name).0, "{name}");
            }
        }
    }
    assert_eq!(roots(&log_only("6.18-nfsdcld")), ["healthy", "healthy"]);
    assert_eq!(roots(&log_only("6.18-no-nfsdcld")), ["nfsdcld-not-running|rpc-pipefs-missing"; 2]);
    assert_eq!(roots(&log_only("6.12-nothing-to-track-with")), ["legacy-dir-missing"; 2]);
    assert_eq!(roots(&log_only("6.12-nfsdcltrack-removed")), ["umh-helper-failed"; 2]);
}

#[test]
fn no_proof_says_what_the_outcome_contradicts() {
    // One question to cld_running was answered no before nfsdcld opened the pipe: that is no sign of an absent daemon.
    let (session, _) = live(recording("6.18-nfsdcld"));
    let proofs: Vec<_> =
        session.diagnosis().verdicts().flat_map(|it| &it.evidence).map(|it| it.text.as_str()).collect();
    assert!(
        proofs.iter().any(|text| text.contains("said no once") && text.contains("before somebody opened the pipe")),
        "{proofs:?}"
    );
    assert!(!proofs.iter().any(|text| text.contains("nobody holds the pipe")), "{proofs:?}");
}

#[test]
fn the_kernel_log_does_not_run_ahead_of_a_start_that_is_watched() {
    // This guest's log is stamped 46 ms before the events: the first verdict must still rest on the trackers seen.
    for name in ["6.12-nfsdcltrack-removed", "6.12-nothing-to-track-with"] {
        let (_, items) = live(recording(name));
        let first = items.iter().find_map(|item| match item {
            Item::Verdict { revision, .. } => Some(revision.verdict()),
            _ => None,
        });
        assert_eq!(first.expect("a verdict").certainty, Certainty::Certain, "{name}");
    }
}
