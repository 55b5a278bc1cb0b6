//! Sessions for the browser that no recording holds.

use nfsgrace::record::{
    Client, EndedBy, Event, Header, Kind, Line, Loss, Manager, ServerOp, ServerState, Stamp, Task, Tracker,
};

use crate::common::{Script, at, fixture};

/// The incident's own table: twelve tries, 87.8 s.
pub fn incident() -> Vec<Line> {
    let text = std::fs::read_to_string(fixture("incident-printk.txt")).expect("fixture");
    let mut script = Script::new();
    script.lines =
        vec![Line::Header(Box::new(Header { hz: Some(1000), host: "client".to_owned(), ..Header::default() }))];
    let printed = text.lines().map(|line| {
        let (stamp, rest) = line.trim_start_matches('[').split_once(']').expect("a time stamp");
        let timeout = rest.rsplit_once("timeout:").expect("a timeout").1;
        (stamp.trim().parse::<f64>().expect("seconds"), timeout.parse::<i64>().expect("jiffies"))
    });
    let printed: Vec<_> = printed.collect();
    let began = printed[0].0 - 0.005;
    for (seconds, timeout) in printed {
        script.delay(547, began, seconds, timeout);
    }
    script.client(547, began + 87.820, Kind::StallEnd { began: at(began), status: Some(0) });
    script.lines
}

/// A start whose tracker fails, and a grace period of 90 s.
fn failed_start(script: &mut Script) -> f64 {
    let state = ServerState { grace_s: Some(90), lease_s: Some(90), tracking: Some(false), ..ServerState::default() };
    script
        .event(1000.0, Kind::ServerStart)
        .event(1000.001, Kind::GraceStart { manager: Manager::Nfsd })
        .event(1000.002, Kind::TrackingStart { stack: Vec::new() })
        .event(1000.003, Kind::TrackerStart { tracker: Tracker::Cld });
    for poll in 0..10 {
        script.event(1000.004 + 0.104 * f64::from(poll), Kind::Poll { running: false, inferred: true });
    }
    script
        .event(1001.04, Kind::TrackerEnd { tracker: Tracker::Cld, status: -110 })
        .event(1001.041, Kind::TrackingEnd { status: -110 })
        .event(1001.042, Kind::ServerStarted { status: 0, state: state.clone() })
        .event(1091.2, Kind::GraceEnd { manager: Manager::Nfsd, by: EndedBy::Timer, state });
    1091.2
}

/// The tries of one task, from its first refusal until it is free.
fn stall(script: &mut Script, tid: u32, began: f64, grace_end: f64) {
    let (mut now, mut sleep, mut timeout) = (began, 0.1, 0);
    while now + 0.002 < grace_end {
        now += 0.002;
        let client = Client { addr: Some([10, 0, 0, 1].into()), name: None, minor: Some(2) };
        let (op, in_grace) = (ServerOp::Open, Some(true));
        script
            .event(now - 0.001, Kind::Refused { op, client, xid: None, claim: None, name: None, in_grace, took_ns: 1 });
        script.delay(tid, began, now, timeout);
        now += sleep * 1.01;
        script.client(tid, now, Kind::SleepEnd { began: at(began), status: 0 });
        sleep = f64::min(sleep * 2.0, 15.0);
        timeout = i64::try_from((sleep * 250.0) as u64).expect("small");
    }
    script.client(
        tid,
        now + 0.002,
        Kind::StallEnd { began: at(began), status: Some(if tid.is_multiple_of(97) { -5 } else { 0 }) },
    );
}

fn in_order(mut lines: Vec<Line>) -> Vec<Line> {
    let time = |line: &Line| crate::common::time(line).unwrap_or(Stamp(0));
    lines[1..].sort_by_key(time);
    lines
}

/// A thousand stalls of a dozen tries each.
pub fn thousand() -> Vec<Line> {
    let mut script = Script::new();
    let end = failed_start(&mut script);
    for task in 0..1_000_u32 {
        stall(&mut script, 2_000 + task, 1001.5 + f64::from(task * 7919 % 1000) * 0.03, end);
    }
    in_order(script.lines)
}

/// Lost records, a refused write to v4_end_grace, a task that still waits, one whose end was not seen, names that try to
/// become markup.
pub fn with_losses() -> Vec<Line> {
    let mut script = Script::new();
    let end = failed_start(&mut script);
    stall(&mut script, 3_000, 1008.0, end);
    script.delay(3_001, 1080.0, 1080.1, 3_000);
    script.delay(3_002, 1010.0, 1010.1, 0).client(3_002, 1012.0, Kind::StallEnd { began: at(1010.0), status: None });
    script.task = Task { pid: 77, tid: 77, comm: "<b>x</b>".to_owned() };
    script.event(1020.0, Kind::EndGraceWrite { status: -16 });
    for (seconds, count) in [(1030.0, 12), (1040.0, 30)] {
        let hides = "refusals <script>alert(1)</script>".to_owned();
        script.lines.push(Line::Loss(Loss { at: at(seconds), cause: "ring_full".to_owned(), count, hides }));
    }
    for line in &mut script.lines {
        if let Line::Event(Event { kind: Kind::Delay { path, .. }, .. }) = line {
            *path = Some("/mnt/<img src=x onerror=alert(1)>\u{2028}".to_owned());
        }
    }
    in_order(script.lines)
}
