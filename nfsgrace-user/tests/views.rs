//! What a person sees: whole views of real restarts, at the width of a terminal and of a wide one.

mod common;

use std::time::Duration;

use common::{Script, at, live, recording, time};
use nfsgrace::{
    diagnosis::Question,
    outcome::SessionOutcome,
    record::{Client, Kind, Line, Loss, Manager, ServerOp, ServerState, Stamp, Surroundings, Task, Tracker},
    session::{Item, Session},
    view::{Style, report, summary, text},
};

/// The permanent lines of a session that runs live, then its closing summary.
fn view(lines: Vec<Line>, width: usize) -> String {
    shown(lines, width).join("\n")
}

fn shown(lines: Vec<Line>, width: usize) -> Vec<String> {
    let mut session = Session::new();
    let mut out = Vec::new();
    let mut next = None::<Stamp>;
    let show = |session: &Session, items: &[nfsgrace::session::Item], out: &mut Vec<String>| {
        for item in items {
            out.extend(text::lines(item, session, width, Style::PLAIN));
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
    out.extend(summary::text(&SessionOutcome::of(&session, now), width, Style::PLAIN));
    for line in &out {
        assert!(line.chars().count() <= width, "wider than {width}: {line}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    out
}

/// How many of the lines say something.
fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|line| line.contains(what)).count()
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

/// 6.18 without nfsdcld, with the look at `/proc` that a live source adds between the end of a tracker and that of the search.
fn with_surroundings() -> Vec<Line> {
    let mut lines = restart_only("6.18-no-nfsdcld");
    let place = lines
        .iter()
        .position(|line| matches!(line, Line::Event(it) if matches!(it.kind, Kind::TrackerEnd { .. })))
        .expect("a tracker ended");
    let Line::Event(mut event) = lines[place].clone() else { panic!("an event") };
    event.at = event.at.plus(Duration::from_micros(20));
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
        &Session::new(),
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
    let lines = SessionOutcome::of(&session, session.timeline().now()).into_lines();
    let mut bytes = Vec::new();
    for line in &lines {
        nfsgrace::record::encode(line, &mut bytes);
    }
    let back: Vec<_> = nfsgrace::record::Reader::new(&bytes[..])
        .map(|item| match item.expect("memory") {
            nfsgrace::record::Item::Line(line) | nfsgrace::record::Item::From { line, .. } => line,
            nfsgrace::record::Item::Skipped(it) => panic!("{it:?}"),
        })
        .collect();
    assert_eq!(back, lines, "what is written can be read");
    insta::assert_snapshot!("closing-json", String::from_utf8(bytes).expect("UTF-8"));
}

/// Watching begins at `seconds`, long after the machine was booted.
fn watching_from(seconds: f64, lines: &mut [Line]) {
    let Some(Line::Header(header)) = lines.first_mut() else { panic!("a header") };
    header.started = at(seconds);
}

/// A start without nfsdcld that nobody watched.
fn unwatched_start(script: &mut Script, seconds: f64) {
    script
        .log(seconds, "NFSD: Unable to initialize client recovery tracking! (-110)")
        .log(seconds, "NFSD: Is nfsdcld running? If not, enable CONFIG_NFSD_LEGACY_CLIENT_TRACKING.")
        .log(seconds, "NFSD: starting 90-second grace period (net f0000000)");
}

fn refused_open(addr: u8) -> Kind {
    Kind::Refused {
        op: ServerOp::Open,
        client: Client { addr: Some([10, 0, 0, addr].into()), name: None, minor: Some(1) },
        xid: None,
        claim: None,
        name: None,
        in_grace: Some(true),
        took_ns: 1,
    }
}

#[test]
fn a_restart_whose_grace_period_was_over_before_watching_is_one_line_of_history() {
    let mut script = Script::new();
    unwatched_start(&mut script, 100.0);
    script.event(300.0, Kind::GraceAnswer { for_open: true, in_grace: false });
    watching_from(200.0, &mut script.lines);
    let (session, items) = live(script.lines.clone());
    assert_eq!(session.exit_status(), 0);
    assert_eq!(session.timeline().expect(at(200.0)).graces, []);
    assert!(!items.iter().any(|item| matches!(item, Item::Verdict { .. })));
    insta::assert_snapshot!("history-80", view(script.lines, 80));
}

#[test]
fn a_grace_period_that_may_still_be_on_when_watching_begins_is_told_in_full() {
    let mut script = Script::new();
    // Somebody has tried a second restart: the first one is history.
    unwatched_start(&mut script, 130.0);
    unwatched_start(&mut script, 150.0);
    // Refused at 190 s for the eleventh time.
    script.event(201.0, refused_open(7)).delay(500, 201.0, 201.001, 3750).event(
        240.2,
        Kind::GraceEnd { manager: Manager::Nfsd, by: nfsgrace::record::EndedBy::Timer, state: ServerState::default() },
    );
    watching_from(200.0, &mut script.lines);
    let (session, items) = live(script.lines.clone());
    let first = items.iter().find_map(|item| match item {
        Item::Verdict { at, revision } => Some((*at, revision.verdict().restart)),
        _ => None,
    });
    assert_eq!(first, Some((at(200.0), Some(nfsgrace::timeline::RestartId(2)))), "when watching begins");
    let stall = session.timeline().stalls().live().next().expect("a stall").restart;
    assert_eq!(stall, Some(nfsgrace::timeline::RestartId(2)));
    assert_eq!(session.exit_status(), 1);
    insta::assert_snapshot!("started-during-the-hang-80", view(script.lines, 80));
}

#[test]
fn history_that_refuses_is_no_history() {
    let mut script = Script::new();
    unwatched_start(&mut script, 100.0);
    script.event(201.0, refused_open(7)).event(201.5, refused_open(7));
    watching_from(200.0, &mut script.lines);
    let (session, _) = live(script.lines.clone());
    assert_eq!(session.exit_status(), 1);
    assert_eq!(count(&shown(script.lines, 80), "is on after all"), 1);
}

#[test]
fn a_verdict_is_one_block_with_the_seconds_left_in_its_title() {
    for (name, title) in [
        ("6.18-no-nfsdcld", "VERDICT nfsdcld-not-running (certain, restart 1): new opens wait"),
        ("6.12-nothing-to-track-with", "VERDICT legacy-dir-missing (certain, restart 1): new opens wait"),
    ] {
        let lines = if name.starts_with("6.18") { with_surroundings() } else { restart_only(name) };
        let ended = lines
            .iter()
            .find(|line| matches!(line, Line::Event(it) if matches!(it.kind, Kind::TrackingEnd { .. })))
            .and_then(time)
            .expect("tracking ended");
        let (_, items) = live(lines.clone());
        let said: Vec<_> = items
            .iter()
            .filter_map(|item| match item {
                Item::Verdict { at, revision } if revision.verdict().question == Question::Root => Some(*at),
                _ => None,
            })
            .collect();
        assert!(said[0].since(ended) <= Duration::from_millis(100), "{name}");
        let shown = shown(lines, 80);
        let live: Vec<_> = shown.iter().take_while(|line| !line.starts_with("====")).cloned().collect();
        assert_eq!(count(&live, title), 1, "{name}: {live:#?}");
        // Once more when the grace period ends, since what helped until then does harm from then on.
        assert_eq!(count(&live, "VERDICT revised"), 1);
    }
}

#[test]
fn a_tail_is_said_once_and_holds_until_all_are_free() {
    let lines = shown(with_surroundings(), 80);
    let live: Vec<_> = lines.iter().take_while(|line| !line.starts_with("====")).cloned().collect();
    assert_eq!(count(&live, "VERDICT backoff-tail"), 1);
    assert_eq!(count(&live, "withdrawn"), 0);
}

/// 300 tasks that are refused for 20 s, all with the same call path.
fn three_hundred() -> Vec<Line> {
    let mut script = Script::new();
    let state = ServerState { grace_s: Some(20), lease_s: Some(20), tracking: Some(false), ..ServerState::default() };
    script
        .event(1.0, Kind::ServerStart)
        .event(1.0, Kind::GraceStart { manager: Manager::Nfsd })
        .event(1.0, Kind::TrackingStart { stack: vec![] })
        .event(1.0, Kind::TrackerStart { tracker: Tracker::Cld })
        .event(2.0, Kind::TrackerEnd { tracker: Tracker::Cld, status: -110 })
        .event(2.0, Kind::TrackingEnd { status: -110 })
        .event(2.0, Kind::ServerStarted { status: 0, state });
    let path = ["nfs4_handle_exception+0x5 [nfsv4]", "nfs4_do_open+0x36c [nfsv4]", "do_sys_openat2+0x8a"];
    for task in 0..300_u32 {
        let mut when = 3.0 + 0.002 * f64::from(task);
        let (began, mut timeout) = (when, 0);
        for nth in 0..8 {
            script.event(when, refused_open(7)).delay(1000 + task, began, when + 0.001, timeout);
            if let Some(Line::Event(nfsgrace::record::Event { kind: Kind::Delay { stack, .. }, .. })) =
                script.lines.last_mut()
                && nth == 0
            {
                *stack = path.map(str::to_owned).to_vec();
            }
            timeout = if nth == 0 { 50 } else { timeout * 2 };
            when += 0.1 * f64::from(1 << nth) + 0.01;
        }
        script.client(1000 + task, when, Kind::StallEnd { began: at(began), status: Some(0) });
    }
    script.event(
        22.1,
        Kind::GraceEnd { manager: Manager::Nfsd, by: nfsgrace::record::EndedBy::Timer, state: ServerState::default() },
    );
    script.lines.sort_by_key(|line| time(line).unwrap_or_default());
    script.lines
}

#[test]
fn three_hundred_stalled_tasks_take_few_lines() {
    let lines = shown(three_hundred(), 80);
    let live: Vec<_> = lines.iter().take_while(|line| !line.starts_with("====")).cloned().collect();
    assert!(live.len() < 100, "{} lines", live.len());
    assert_eq!(count(&live, "call path"), 1);
    assert_eq!(count(&live, "295 more tasks are free"), 1);
    assert_eq!(count(&lines, "Stalls: 300, 2400 refusals"), 1);
    insta::assert_snapshot!("three-hundred-80", lines.join("\n"));
}

#[test]
fn a_verdict_at_the_end_fits_on_half_a_screen() {
    for name in common::RECORDINGS {
        let lines = shown(recording(name), 80);
        let end: Vec<_> = lines.iter().skip_while(|line| !line.starts_with("====")).cloned().collect();
        for block in end.split(|line| line.is_empty()).filter(|block| block.iter().any(|line| line.contains("VERDICT")))
        {
            assert!(block.len() <= 13, "{name}: {block:#?}");
            assert_eq!(count(block, "beware"), 0);
        }
    }
    let (session, _) = live(with_surroundings());
    let now = session.timeline().now();
    let outcome = SessionOutcome::of(&session, now);
    let report = report::Report { session: &session, outcome, wall: None, files: &[], notes: &[] };
    let alone = report::text(&report, 80, Style::PLAIN);
    assert_eq!(count(&alone, "beware"), 1, "where nothing was printed before");
}

#[test]
fn what_may_have_been_missed_is_said_with_the_verdict() {
    let mut lines = with_surroundings();
    if let Some(Line::Header(header)) = lines.first_mut() {
        header.probes = vec![nfsgrace::record::ProbeRow {
            hook: nfsgrace::record::HookId::UmhInit.into(),
            status: nfsgrace::record::ProbeStatus::Missing.into(),
            why: "renamed by the compiler".to_owned(),
            lost: "the attempt with /sbin/nfsdcltrack, and its error".to_owned(),
            ..Default::default()
        }];
    }
    let loss = Loss { at: at(1.0), cause: "ring_full".to_owned(), count: 12, hides: "refusals and delays".to_owned() };
    lines.insert(1, Line::Loss(loss));
    let (session, _) = live(lines.clone());
    let closing = SessionOutcome::of(&session, session.timeline().now()).into_lines();
    let caveats = closing.iter().find_map(|line| match line {
        Line::Verdict(verdict) if verdict.question == Question::Root => Some(verdict.caveats.clone()),
        _ => None,
    });
    assert_eq!(
        caveats.expect("a verdict"),
        [
            "12 records were lost (ring_full); they may hide refusals and delays.",
            "nfsd4_umh_cltrack_init could not be probed; so this was not seen: the attempt with /sbin/nfsdcltrack, and its error."
        ]
    );
    let shown = shown(lines, 80);
    assert!(count(&shown, "not seen  12 records were lost (ring_full)") >= 2, "live and at the end: {shown:#?}");
}
