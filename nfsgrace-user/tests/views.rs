//! What a person sees: whole views of real restarts, at the width of a terminal and of a wide one.

mod common;

use std::time::Duration;

use common::{Script, at, live, recording, time};
use nfsgrace::{
    record::{Client, Kind, Line, Loss, Manager, ServerOp, ServerState, Stamp, Surroundings, Task, Tracker},
    session::Session,
    view::{Style, json, summary, text},
};

/// The permanent lines of a session that runs live, then its closing summary.
fn view(lines: Vec<Line>, width: usize) -> String {
    let mut session = Session::new();
    let mut out = Vec::new();
    let mut next = None::<Stamp>;
    let show = |session: &Session, items: &[nfsgrace::session::Item], out: &mut Vec<String>| {
        for item in items {
            out.extend(text::lines(item, session.timeline(), width, Style::PLAIN));
        }
    };
    for line in lines {
        if let Some(at) = time(&line) {
            let mut tick = *next.get_or_insert(at);
            while tick <= at {
                let update = session.tick(tick);
                show(&session, &update.items, &mut out);
                tick = tick.plus(Duration::from_millis(250));
            }
            next = Some(tick);
        }
        let update = session.record(line);
        show(&session, &update.items, &mut out);
    }
    let now = session.timeline().now();
    let update = session.finish(now);
    show(&session, &update.items, &mut out);
    out.push("=".repeat(width));
    out.extend(summary::text(&session, &summary::gather(session.timeline(), now), width, Style::PLAIN));
    for line in &out {
        assert!(line.chars().count() <= width, "wider than {width}: {line}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    out.join("\n")
}

/// The second half of a recording: its second restart.
fn restart_only(name: &str) -> Vec<Line> {
    let lines = recording(name);
    let stop = lines.iter().position(|line| matches!(line, Line::Event(it) if matches!(it.kind, Kind::ServerStop)));
    let stop = stop.expect("a stop");
    let mut half = vec![lines[0].clone()];
    half.extend_from_slice(&lines[stop..]);
    half
}

/// 6.18 without nfsdcld, with the look at `/proc` that a live source adds.
fn with_surroundings() -> Vec<Line> {
    let mut lines = restart_only("6.18-no-nfsdcld");
    let place = lines
        .iter()
        .position(|line| matches!(line, Line::Event(it) if matches!(it.kind, Kind::TrackingEnd { .. })))
        .expect("tracking ended");
    let Line::Event(mut event) = lines[place].clone() else { panic!("an event") };
    event.at = event.at.plus(Duration::from_millis(2));
    event.kind = Kind::Surroundings(Surroundings {
        rpc_pipefs: Some(vec!["/var/lib/nfs/rpc_pipefs".to_owned()]),
        nfsdcltrack: Some(false),
        recovery_dir: Some(true),
        ..Surroundings::default()
    });
    lines.insert(place + 1, Line::Event(event));
    lines
}

#[test]
fn a_restart_without_nfsdcld() {
    insta::assert_snapshot!("no-nfsdcld-80", view(with_surroundings(), 80));
    insta::assert_snapshot!("no-nfsdcld-160", view(with_surroundings(), 160));
}

#[test]
fn a_healthy_restart() {
    insta::assert_snapshot!("nfsdcld-80", view(restart_only("6.18-nfsdcld"), 80));
}

#[test]
fn a_restart_that_only_the_deprecated_helper_saved() {
    insta::assert_snapshot!("umh-80", view(restart_only("6.12-no-nfsdcld"), 80));
}

#[test]
fn a_restart_with_the_legacy_tracker_only() {
    insta::assert_snapshot!("legacy-80", view(restart_only("6.12-nfsdcltrack-removed"), 80));
}

/// Many clients, many tasks, a refused write to v4_end_grace, a loss, and names that try to move the cursor.
fn crowd() -> Vec<Line> {
    let mut script = Script::new();
    let evil = "evil\x1b[2J\u{202e}\r\nname";
    let state = ServerState { grace_s: Some(10), lease_s: Some(10), tracking: Some(false), ..ServerState::default() };
    script
        .event(1.0, Kind::ServerStart)
        .event(1.001, Kind::GraceStart { manager: Manager::Nfsd })
        .event(
            1.002,
            Kind::TrackingStart {
                stack: [
                    "nfsd4_client_tracking_init",
                    "nfs4_state_start_net",
                    "nfsd_svc",
                    "write_threads",
                    "vfs_write",
                    "ksys_write",
                ]
                .map(str::to_owned)
                .to_vec(),
            },
        )
        .event(1.003, Kind::TrackerStart { tracker: Tracker::Cld });
    for poll in 0..11 {
        script.event(1.004 + 0.1 * f64::from(poll), Kind::Poll { running: false, inferred: false });
    }
    script
        .event(2.010, Kind::TrackerEnd { tracker: Tracker::Cld, status: -110 })
        .event(2.011, Kind::TrackingEnd { status: -110 })
        .event(2.012, Kind::ServerStarted { status: 0, state });
    for task in 0..50_u32 {
        let client = Client {
            addr: Some(std::net::Ipv4Addr::new(10, 0, 0, u8::try_from(task % 20).expect("small")).into()),
            name: Some(format!("{evil} {}", task % 20)),
            minor: Some(1),
        };
        let name = Some(format!("file{}", 1000 + task));
        let refused = Kind::Refused {
            op: ServerOp::Open,
            client,
            xid: Some(task),
            claim: None,
            name,
            in_grace: Some(true),
            took_ns: 1,
        };
        let when = 3.0 + 0.01 * f64::from(task);
        script.event(when, refused).delay(1000 + task, when - 0.002, when + 0.001, 0);
    }
    script.task = Task { pid: 77, tid: 77, comm: evil.to_owned() };
    script.event(4.0, Kind::EndGraceWrite { status: -16 });
    let loss = Loss { at: at(4.1), cause: "ring_full".to_owned(), count: 12, hides: "refusals and delays".to_owned() };
    script.lines.push(Line::Loss(loss));
    script.lines.clone()
}

#[test]
fn a_crowd_of_clients_and_names_that_try_to_move_the_cursor() {
    insta::assert_snapshot!("crowd-80", view(crowd(), 80));
    let colored = text::lines(
        &nfsgrace::session::Item::Loss(Loss {
            at: at(1.0),
            cause: "\x1b[2J".to_owned(),
            count: 1,
            hides: String::new(),
        }),
        &nfsgrace::timeline::Timeline::default(),
        80,
        Style { color: true, unicode: true },
    );
    assert!(!colored.concat().contains("\x1b[2J"));
}

#[test]
fn the_status_block_has_as_many_lines_as_it_may_and_says_when_the_last_one_is_free() {
    let (session, _) = live(crowd());
    let block = text::status(session.timeline(), at(4.2), 80, 8, Style::PLAIN);
    assert_eq!(block.len(), 8);
    assert!(block.iter().all(|line| line.chars().count() <= 80), "{block:#?}");
    insta::assert_snapshot!("status-crowd-80", block.join("\n"));
}

#[test]
fn the_status_block_of_one_stall() {
    let lines = with_surroundings();
    let middle = lines.iter().position(|line| time(line).is_some_and(|it| it > at(50.0))).expect("a middle");
    let (session, _) = live(lines[..middle].to_vec());
    let now = session.timeline().now().plus(Duration::from_millis(1500));
    insta::assert_snapshot!("status-80", text::status(session.timeline(), now, 80, 24, Style::PLAIN).join("\n"));
}

#[test]
fn the_json_of_a_session_says_what_the_text_says() {
    let (session, _) = live(with_surroundings());
    let lines = json::closing(&session, session.timeline().now());
    let mut bytes = Vec::new();
    for line in &lines {
        nfsgrace::record::encode(line, &mut bytes);
    }
    let back: Vec<_> = nfsgrace::record::Reader::new(&bytes[..])
        .map(|item| match item.expect("memory") {
            nfsgrace::record::Item::Line(line) => line,
            nfsgrace::record::Item::Skipped(it) => panic!("{it:?}"),
        })
        .collect();
    assert_eq!(back, lines, "what is written can be read");
    insta::assert_snapshot!("closing-json", String::from_utf8(bytes).expect("UTF-8"));
}
