//! Sessions to test with, and the way to run them.

#![expect(dead_code, reason = "each test binary uses a part of this")]

use std::{fs, path::PathBuf, time::Duration};

use nfsgrace::{
    conductor::Conductor,
    outcome,
    paired::Clocks,
    record::{Event, Header, Item, Kind, Line, Netns, PairedSummary, Reader, Refusal, Selection, Stamp, Task},
    session::{self, Session},
};

/// The recordings of real kernels.
pub const RECORDINGS: [&str; 8] = [
    "5.10-no-nfsdcld",
    "6.1-no-nfsdcld",
    "6.12-no-nfsdcld",
    "6.12-nfsdcltrack-removed",
    "6.12-nothing-to-track-with",
    "6.18-nfsdcld",
    "6.18-no-nfsdcld",
    "7.3-nfsdcld-killed-before-restart",
];

/// A moment, in seconds.
pub fn at(seconds: f64) -> Stamp {
    Stamp::default().plus(Duration::from_secs_f64(seconds))
}

pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// All lines of a recording; it must not have a bad one.
pub fn recording(name: &str) -> Vec<Line> {
    let bytes = fs::read(fixture(&format!("{name}.ndjson"))).expect("fixture");
    Reader::new(&bytes[..])
        .map(|item| match item.expect("memory gives no I/O error") {
            Item::Line(line) | Item::From { line, .. } => line,
            Item::Skipped(skipped) => panic!("{name}: {skipped:?}"),
        })
        .collect()
}

/// Conducts the sessions of several hosts, one after the other, to their end.
pub fn conducted(clocks: Clocks, sessions: impl IntoIterator<Item = Vec<Line>>) -> Conductor {
    let mut conductor = Conductor::new(clocks, true, Selection::default());
    for (source, lines) in sessions.into_iter().enumerate() {
        lines.iter().for_each(|line| conductor.take_unseen(source, line));
    }
    conductor.finish_selected().expect("all is asked for");
    conductor
}

/// What they come to together.
pub fn together(conductor: &Conductor) -> PairedSummary {
    outcome::paired(conductor.paired(), &conductor.hosts().expect("several hosts"))
}

/// The time of a line.
pub fn time(line: &Line) -> Option<Stamp> {
    match line {
        Line::Event(event) => Some(event.at),
        Line::Loss(loss) => Some(loss.at),
        _ => None,
    }
}

/// Runs lines through a session, with a tick every 250 ms as when live.
pub fn live(lines: impl IntoIterator<Item = Line>) -> (Session, Vec<session::Item>) {
    let mut session = Session::new();
    let mut items = Vec::new();
    let mut next = None::<Stamp>;
    for line in lines {
        if let Some(at) = time(&line) {
            let mut tick = *next.get_or_insert(at);
            while tick <= at {
                items.extend(session.tick(tick).items);
                tick = tick.plus(Duration::from_millis(250));
            }
            next = Some(tick);
        }
        items.extend(session.record(line).items);
    }
    items.extend(session.finish(session.timeline().now()).items);
    (session, items)
}

/// Runs lines through a session, without ticks as when a report is made.
pub fn replay(lines: impl IntoIterator<Item = Line>) -> (Session, Vec<session::Item>) {
    let mut session = Session::new();
    let mut items: Vec<_> = lines.into_iter().flat_map(|line| session.record(line).items).collect();
    items.extend(session.finish(session.timeline().now()).items);
    (session, items)
}

/// The ids said about each restart, the root first, joined by `|` where it is one of several.
pub fn ids(session: &Session) -> Vec<(Option<u32>, String)> {
    session
        .diagnosis()
        .verdicts()
        .map(|verdict| {
            let ids: Vec<_> = verdict.finding.causes().iter().map(|cause| cause.id()).collect();
            (verdict.restart.map(|id| id.0), ids.join("|"))
        })
        .collect()
}

/// Builds sessions by hand, for what no recording shows.
pub struct Script {
    pub lines: Vec<Line>,
    pub netns: Netns,
    pub task: Task,
}

impl Script {
    pub fn new() -> Self {
        let header = Header { hz: Some(250), initial_netns: Some(0xf000_0000), ..Header::default() };
        let task = Task { pid: 100, tid: 100, comm: "rpc.nfsd".to_owned() };
        Self { lines: vec![Line::Header(Box::new(header))], netns: Netns(0xf000_0000), task }
    }

    pub fn event(&mut self, seconds: f64, kind: Kind) -> &mut Self {
        let netns = Some(self.netns);
        self.lines.push(Line::Event(Event { at: at(seconds), task: self.task.clone(), netns, kind }));
        self
    }

    pub fn log(&mut self, seconds: f64, text: &str) -> &mut Self {
        let kind = Kind::KernelLog { text: text.to_owned() };
        self.lines.push(Line::Event(Event { at: at(seconds), task: Task::default(), netns: None, kind }));
        self
    }

    pub fn client(&mut self, tid: u32, seconds: f64, kind: Kind) -> &mut Self {
        let task = Task { pid: tid, tid, comm: "sh".to_owned() };
        self.lines.push(Line::Event(Event { at: at(seconds), task, netns: None, kind }));
        self
    }

    pub fn delay(&mut self, tid: u32, began: f64, seconds: f64, timeout: i64) -> &mut Self {
        self.client(
            tid,
            seconds,
            Kind::Delay {
                began: at(began),
                began_seen: true,
                op: Some("nfs4_do_open".to_owned()),
                path: Some(format!("/mnt/file{tid}")),
                server: Some("127.0.0.1".to_owned()),
                refusal: Refusal::Grace,
                timeout: Some(timeout),
                observed: false,
                stack: Vec::new(),
                rpc: None,
            },
        )
    }
}
