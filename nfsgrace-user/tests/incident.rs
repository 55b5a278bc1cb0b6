//! The incident that this tool exists for: its printk table must be rebuilt, and explained.
//!
//! The printk sat before `nfs4_delay` and showed `exception->timeout` before this sleep's update; HZ was 1000. The whole
//! open took `real 1m27.820s`.

mod common;

use std::{fs, time::Duration};

use common::{at, fixture, ids, live};
use nfsgrace::{
    record::{Event, Header, Kind, Line, Refusal, Stamp, Task},
    timeline::{
        backoff::Excess,
        stall::{How, Slept},
    },
};

/// The open began with the first OPEN's way to the server and back, a few milliseconds before the first line.
const FIRST_OPEN: Duration = Duration::from_millis(5);
const REAL: Duration = Duration::from_millis(87_820);

fn printed() -> Vec<(Stamp, i64)> {
    let text = fs::read_to_string(fixture("incident-printk.txt")).expect("fixture");
    text.lines()
        .map(|line| {
            let (stamp, rest) = line.trim_start_matches('[').split_once(']').expect("a time stamp");
            let timeout = rest.rsplit_once("timeout:").expect("a timeout").1;
            (at(stamp.trim().parse().expect("seconds")), timeout.parse().expect("jiffies"))
        })
        .collect()
}

fn session() -> Vec<Line> {
    let printed = printed();
    let began = Stamp(printed[0].0.0 - u64::try_from(FIRST_OPEN.as_nanos()).expect("short"));
    let task = Task { pid: 547, tid: 547, comm: "bash".to_owned() };
    let event = |at, kind| Line::Event(Event { at, task: task.clone(), netns: None, kind });
    let header = Header { hz: Some(1000), host: "syzkaller".to_owned(), ..Header::default() };
    let mut lines = vec![Line::Header(Box::new(header))];
    for (at, timeout) in printed {
        lines.push(event(
            at,
            Kind::Delay {
                began,
                began_seen: true,
                op: Some("nfs4_do_open".to_owned()),
                path: Some("/mnt/file".to_owned()),
                server: None,
                refusal: Refusal::Grace,
                timeout: Some(timeout),
                observed: false,
                stack: Vec::new(),
                rpc: None,
            },
        ));
    }
    lines.push(event(began.plus(REAL), Kind::StallEnd { began, status: Some(0) }));
    lines
}

#[test]
fn the_table_is_rebuilt() {
    let (session, _) = live(session());
    let stalls = session.timeline().stalls().ended();
    let [stall] = stalls[..] else { panic!("one stall, not {}", stalls.len()) };
    assert_eq!(stall.refused, 12);
    assert_eq!(stall.length(Stamp::default()), REAL, "cumulative stall");

    let asked: Vec<_> = stall.attempts().map(|it| it.asked.expect("known").span.as_millis()).collect();
    assert_eq!(asked, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000, 15000, 15000]);
    assert!(stall.attempts().all(|it| it.asked.expect("known").how == How::Computed), "nfs4_delay itself was not seen");

    let gaps: Vec<_> = stall.attempts().take(11).map(|it| it.gap().expect("a next line").as_micros()).collect();
    assert_eq!(
        gaps,
        [
            107_940, 208_778, 408_426, 856_373, 1_662_913, 3_264_883, 6_464_006, 13_311_743, 15_359_966, 15_359_407,
            15_360_490
        ]
    );
}

#[test]
fn each_rounding_is_recognised_as_the_timer_wheels() {
    let (session, _) = live(session());
    let stall = session.timeline().stalls().ended()[0];
    for attempt in stall.attempts() {
        assert!(matches!(attempt.slept(), Some(Slept::AtMost(_))), "the end of the sleep was not seen");
        assert_eq!(attempt.excess(session.timeline().hz()), Some(Excess::TimerWheel), "attempt {}", attempt.number);
    }
    // With the granule of another HZ, 12.8 s that take 13.31 s would be late: the explanation is worth something.
    let attempt = stall.attempts().nth(7).expect("12.8 s");
    assert!(matches!(attempt.excess(nfsgrace::timeline::Hz::new(250)), Some(Excess::Late(_))));
}

#[test]
fn from_the_client_alone_it_is_one_of_several_and_the_seconds_left_are_unknown() {
    let (session, _) = live(session().into_iter().take(8));
    let expectation = session.timeline().expect(session.timeline().now());
    assert_eq!(expectation.unknown, 1, "the server is not seen from here");
    let verdicts = ids(&session);
    assert_eq!(verdicts.len(), 1);
    assert!(verdicts[0].1.starts_with("nfsdcld-not-running|rpc-pipefs-missing|"), "{verdicts:?}");
    assert_eq!(session.exit_status(), 1);
}

#[test]
fn with_the_servers_log_the_cause_is_named_and_the_end_foretold() {
    // Both hosts' clocks laid on one line: the server started 12 s before the open (90 s of grace, of which the stall saw 78).
    let log = |seconds, text: &str| {
        let kind = Kind::KernelLog { text: text.to_owned() };
        Line::Event(Event { at: at(seconds), task: Task::default(), netns: None, kind })
    };
    let mut lines = session();
    lines.insert(1, log(430.002, "NFSD: Unable to initialize client recovery tracking! (-110)"));
    lines.insert(2, log(430.004, "NFSD: starting 90-second grace period (net f0000000)"));
    for line in &mut lines {
        if let Line::Event(Event { kind: Kind::Delay { server, .. }, .. }) = line {
            *server = Some("localhost".to_owned());
        }
    }
    let (session, _) = live(lines.clone().into_iter().take(11));
    assert_eq!(ids(&session), [(Some(1), "nfsdcld-not-running|rpc-pipefs-missing".to_owned())]);

    // Foretold at the ninth refusal, 62 s before it happened.
    let expectation = session.timeline().expect(session.timeline().now());
    let free = expectation.stalls[0].free.expect("both sides are seen");
    let real = at(439.410_573 - 0.005 + 87.820);
    assert!(free.earliest <= real && real <= free.latest.plus(Duration::from_millis(100)), "{free:?} {real:?}");
    assert!(free.latest.since(free.earliest) < Duration::from_secs(3), "{free:?}");
}
