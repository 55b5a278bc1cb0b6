//! Sessions that somebody made to hurt: memory is bounded whatever is in them. Alone in its binary, because it looks at the
//! memory of the process.

mod common;

use std::{net::Ipv6Addr, time::Duration};

use nfsgrace::{
    record::{Client, Counts, Event, Kind, Line, Netns, Refusal, ServerOp, Stamp, Task, Tracker, Why, decode},
    session::Session,
};

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.split_whitespace().next().expect("a number").parse().expect("a number")
}

/// So many events, each with its number in it.
fn run(session: &mut Session, numbers: std::ops::Range<u64>, event: impl Fn(u64) -> (Option<Netns>, u32, Kind)) {
    for number in numbers {
        let (netns, tid, kind) = event(number);
        let task = Task { pid: tid, tid, comm: "x".to_owned() };
        let at = Stamp::default().plus(Duration::from_millis(number));
        session.record_unseen(Line::Event(Event { at, task, netns, kind }));
    }
}

#[test]
fn no_kind_of_flood_takes_memory_without_bound() {
    let long = |number: u64| format!("{number}{}", "x".repeat(4_000));
    type Flood = Box<dyn Fn(u64) -> (Option<Netns>, u32, Kind)>;
    let floods: [(&str, Flood); 7] = [
        ("trackers", Box::new(|_| (None, 1, Kind::TrackerStart { tracker: Tracker::Cld }))),
        ("namespaces", Box::new(|number| (Some(Netns(number as u32)), 1, Kind::Counts(Counts::default())))),
        ("starts", Box::new(|number| (Some(Netns(number as u32)), 1, Kind::ServerStart))),
        (
            "addresses",
            Box::new(|number| {
                let addr = Some(Ipv6Addr::from(u128::from(number)).into());
                let client = Client { addr, name: Some("one".to_owned()), minor: None };
                (None, 1, Kind::ClientConfirmed { client, status: 0 })
            }),
        ),
        (
            "clients",
            Box::new(move |number| {
                let client = Client { addr: None, name: Some(long(number)), minor: None };
                let name = Some(long(number));
                let (op, xid, claim, in_grace) = (ServerOp::Open, None, None, Some(true));
                (None, 1, Kind::Refused { op, client, xid, claim, name, in_grace, took_ns: 0 })
            }),
        ),
        (
            "tasks",
            Box::new(move |number| {
                let kind = Kind::Delay {
                    began: Stamp(number),
                    began_seen: true,
                    op: Some(long(number)),
                    path: Some(long(number)),
                    server: Some(long(number)),
                    refusal: Refusal::Grace,
                    timeout: None,
                    observed: false,
                    stack: vec![long(number)],
                    rpc: None,
                };
                (None, number as u32, kind)
            }),
        ),
        (
            "lines of the kernel log",
            Box::new(move |number| (None, 0, Kind::KernelLog { text: format!("NFSD: {}", long(number)) })),
        ),
    ];
    for (what, flood) in floods {
        let mut session = Session::new();
        session.record(Line::Header(Box::default()));
        run(&mut session, 0..1, |_| (None, 1, Kind::ServerStart));
        let before = resident_kib();
        run(&mut session, 1..70_000, &flood);
        let full = resident_kib();
        run(&mut session, 70_000..140_000, &flood);
        let later = resident_kib();
        assert!(full < before + (128 << 10), "{what}: {before} KiB, {full} KiB after 70,000 of them");
        assert!(later < full + (8 << 10), "{what}: {full} KiB after 70,000 of them, {later} KiB after 140,000");
    }
}

#[test]
fn an_event_that_no_recorder_writes_is_too_long() {
    let event = |length: usize| {
        format!("{{\"type\":\"event\",\"t\":1,\"event\":\"kernel_log\",\"text\":\"{}\"}}", "x".repeat(length))
    };
    assert!(decode(event(8_000).as_bytes()).is_ok());
    assert_eq!(decode(event(80_000).as_bytes()).map(|it| it.line), Err(Why::TooLong));
    let deep = format!("{{\"type\":\"event\",\"t\":{}", "[".repeat(100_000));
    assert!(matches!(decode(deep.as_bytes()), Err(Why::NotJson(_))));
}
