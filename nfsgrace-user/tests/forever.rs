//! A recorder runs for years. Alone in its binary, because it looks at the memory of the process.

mod common;

use std::time::Duration;

use nfsgrace::{
    record::{Kind, Line, Stamp},
    session::Session,
};

/// The same restarts again and again, each time later.
fn again(lines: &[Line], times: std::ops::Range<u64>) -> impl Iterator<Item = Line> {
    times.flat_map(move |time| {
        lines.iter().cloned().filter_map(move |line| match line {
            Line::Event(mut event) => {
                let later = |stamp: Stamp| stamp.plus(Duration::from_secs(200 * time));
                event.at = later(event.at);
                if let Kind::Delay { began, .. }
                | Kind::SleepEnd { began, .. }
                | Kind::Attempt { began }
                | Kind::StallEnd { began, .. }
                | Kind::Stack { began: Some(began), .. } = &mut event.kind
                {
                    *began = later(*began);
                }
                Some(Line::Event(event))
            }
            _ => None,
        })
    })
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.split_whitespace().next().expect("a number").parse().expect("a number")
}

#[test]
fn a_recorder_that_sees_restarts_for_years_takes_bounded_memory() {
    let lines = common::recording("6.18-no-nfsdcld");
    let mut session = Session::new();
    session.record(lines[0].clone());
    let mut run = |times| {
        for line in again(&lines, times) {
            session.record(line);
        }
        (resident_kib(), session.diagnosis().verdicts().count())
    };
    // Two restarts, four verdicts and two stalls each time.
    let (warm, verdicts) = run(0..700);
    let (later, verdicts_later) = run(700..1400);
    assert_eq!(verdicts, verdicts_later, "the oldest are forgotten");
    assert!(later < warm + 1024, "{warm} KiB after 1400 restarts, {later} KiB after 2800");
    assert_eq!(session.exit_status(), 1);
}
