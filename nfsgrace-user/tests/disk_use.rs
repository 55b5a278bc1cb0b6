//! How much disk a recording takes: the figures of docs/flight-recorder.md.

mod common;

use std::{
    fs,
    time::{Duration, Instant},
};

use nfsgrace::{
    record::{Claim, Client, ClockSample, Counts, Event, Kind, Line, Netns, ServerOp, Stamp, Task},
    source::file::{SYNC_EVERY, Store},
};
use tempfile::TempDir;

const ENDINGS: [&str; 2] = ["ndjson", "ndjson.zst"];

/// Each client has as many tasks, and had as many files open before.
const TASKS: u64 = 10;
const FILES: u64 = 20;

/// What a server sees when it restarts without a tracker, and `clients` come back: 90 s in which every new open is refused.
fn incident_of(clients: u64) -> Vec<Line> {
    let real = common::recording("6.18-no-nfsdcld");
    let start_of_it = real.iter().position(|line| matches!(line, Line::Event(Event { kind: Kind::ServerStart, .. })));
    let start: Vec<_> = real[..start_of_it.expect("an incident") + 21].to_vec();
    let began = start.last().and_then(common::time).expect("a time").0;
    let mut random = 1_u64;
    let mut number = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut events = Vec::new();
    for client in 0..clients {
        let who = Client {
            addr: Some(format!("10.1.{}.{}", client / 250, client % 250 + 1).parse().expect("an address")),
            name: Some(format!("Linux NFSv4.2 build{client:03}.example.org")),
            minor: Some(2),
        };
        let back = began + 1_000_000 * number(2_000);
        let mut at = |at: u64, kind: Kind, thread: u64| {
            let tid = 1000 + u32::try_from(thread).expect("few threads");
            let task = Task { pid: tid, tid, comm: "nfsd".to_owned() };
            events.push(Event { at: Stamp(at), task, netns: Some(Netns(4_026_531_833)), kind });
        };
        at(back, Kind::ClientConfirmed { client: who.clone(), status: 0 }, number(8));
        for file in 0..FILES {
            let (op, xid) = (ServerOp::Open, Some(u32::try_from(number(1 << 32)).expect("32 bits")));
            let kind = Kind::Reclaim { op, client: who.clone(), xid, status: 10033 };
            at(back + 1_000_000 + 300_000 * file, kind, number(8));
        }
        at(back + 9_000_000, Kind::ReclaimComplete { client: who.clone(), status: 0 }, number(8));
        for task in 0..TASKS {
            let mut when = back + 10_000_000 + 1_000_000 * number(20_000);
            let mut sleep = 100_000_000;
            while when < began + 90_000_000_000 {
                let kind = Kind::Refused {
                    op: ServerOp::Open,
                    client: who.clone(),
                    xid: Some(u32::try_from(number(1 << 32)).expect("32 bits")),
                    claim: Some(Claim::Null),
                    name: Some(format!("object-{task}-{}.o", client * 7919 % 1000)),
                    in_grace: Some(true),
                    took_ns: 20_000 + number(400_000),
                };
                at(when, kind, number(8));
                when += sleep + 1_000_000 * number(8);
                sleep = (sleep * 2).min(15_000_000_000);
            }
        }
    }
    events.sort_by_key(|event| event.at);
    start.into_iter().chain(events.into_iter().map(Line::Event)).collect()
}

/// A day on which nothing happens: a clock sample a minute, and the counts, as a server that is in use has them.
fn idle_day() -> Vec<Line> {
    let mut lines = vec![common::recording("6.18-no-nfsdcld").swap_remove(0)];
    for minute in 0..24 * 60_u64 {
        let at = Stamp(minute * 60_000_000_000 + 123_456);
        let realtime_minus_boottime_ns = 1_795_400_000_000_000_000 + i64::try_from(minute * 1_234).expect("small");
        lines.push(Line::Clock(ClockSample { at, realtime_minus_boottime_ns }));
        let counts = Counts { opens: minute * 4_321, grace_asked: minute * 4_321, ..Counts::default() };
        let netns = Some(Netns(4_026_531_833));
        lines.push(Line::Event(Event { at, task: Task::default(), netns, kind: Kind::Counts(counts) }));
    }
    lines
}

/// How much disk a session takes: plain, compressed as recorded, and compressed as a whole.
fn sizes(lines: &[Line], batch: usize, seconds_between: u64) -> [u64; 3] {
    let directory = TempDir::new().expect("a directory");
    let size = |ending: &str| {
        let path = directory.path().join(ending);
        let mut now = Instant::now();
        let mut store = Store::create(&path, None, now).expect("a store");
        let mut last = Stamp(0);
        for lines in lines.chunks(batch) {
            // The time that passed in the session passes for the store.
            let at = lines.iter().filter_map(common::time).max().unwrap_or(last);
            now += if seconds_between > 0 { Duration::from_secs(seconds_between) } else { at.since(last) };
            last = at;
            for line in lines {
                store.write(line, now).expect("a file");
            }
            store.settle(now).expect("a file");
            if seconds_between > 0 {
                store.settle(now + SYNC_EVERY).expect("a file");
            }
        }
        store.finish(now).expect("a file").0.bytes
    };
    let [plain, compressed] = ENDINGS.map(size);
    let whole = zstd::stream::encode_all(&fs::read(directory.path().join(ENDINGS[0])).expect("a file")[..], 3);
    [plain, compressed, whole.expect("encoded").len() as u64]
}

#[test]
fn a_recording_takes_little_disk() {
    for (what, lines, batch, between, most) in
        [("an idle day", idle_day(), 2, 60, 400_000), ("an incident of 100 clients", incident_of(100), 3, 0, 1_500_000)]
    {
        let [plain, compressed, whole] = sizes(&lines, batch, between);
        let count = lines.len();
        println!("{what}: {count} lines, {plain} bytes, .zst {compressed} bytes; compressed afterwards {whole} bytes");
        assert!(compressed < most && compressed < plain, "{what}");
    }
}
