//! The drawing of sessions: what lies where, the numbers beside it, and what untrusted names can do to it.

mod common;

use common::{RECORDINGS, Script, at, live, recording, replay};
use nfsgrace::{
    outcome,
    record::{Client, EndedBy, Kind, Line, Loss, Manager, ServerOp, ServerState, Task, Tracker},
    session::Session,
    view::picture::{self, GraceState, Picture, Place, Span, html, own_tail, svg},
};
use proptest::prelude::*;

fn alone(session: &Session) -> Picture {
    Picture::of(&[Place::alone(session, session.timeline().now())], Vec::new())
}

fn is_xml(svg: &str) {
    let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "svg");
    for part in ["title", "desc"] {
        assert!(root.children().any(|node| node.has_tag_name(("http://www.w3.org/2000/svg", part))), "no {part}");
    }
}

#[test]
fn a_restart_without_nfsdcld() {
    let (session, _) = live(recording("6.18-no-nfsdcld"));
    let drawn = svg::draw(&alone(&session), svg::Head::Verdicts);
    is_xml(&drawn);
    insta::assert_snapshot!("svg-no-nfsdcld", drawn);
}

#[test]
fn a_healthy_restart() {
    let (session, _) = live(recording("6.18-nfsdcld"));
    let picture = alone(&session);
    let graces: Vec<_> = picture.hosts[0].servers[0].restarts.iter().filter_map(|it| it.grace.as_ref()).collect();
    let ends: Vec<_> = graces.iter().map(|grace| grace.state).collect();
    let seen = true;
    let all = GraceState::Ended { by: EndedBy::AllReclaimed, seen };
    assert_eq!(ends, [GraceState::Ended { by: EndedBy::Skipped, seen }, all]);
    // The planned end, which did not come, must not squeeze what happened into a corner.
    let [episode] = &picture.episodes[..] else { panic!("one episode") };
    assert!(episode.span.length() < 4.0, "{episode:?}");
    insta::assert_snapshot!("svg-healthy", svg::draw(&picture, svg::Head::Verdicts));
}

/// What is drawn must be what the report counts.
fn numbers_are_those_of_the_summary(session: &Session, picture: &Picture) {
    let rows = outcome::summary(session.timeline(), session.timeline().now());
    let host = &picture.hosts[0];
    assert_eq!(host.stall_totals, rows.stall_totals);
    assert_eq!(host.events, rows.events);
    assert_eq!(host.counts, rows.counts);
    assert_eq!(host.clients.len(), rows.clients.len());
    let lost = |counts: Vec<u64>| counts.into_iter().sum::<u64>();
    let counted = rows.losses.iter().map(|it| it.count).collect();
    assert_eq!(lost(host.losses.iter().map(|it| it.count).collect()), lost(counted));
    assert_eq!(host.stalls.len(), rows.stalls.len());
    for (lane, row) in host.stalls.iter().zip(&rows.stalls) {
        assert_eq!((lane.tid, lane.total_ns, lane.tail_ns), (row.tid, row.total_ns, row.tail_ns));
        assert_eq!((lane.refused, lane.attempts_not_listed), (row.refused, row.attempts_not_listed));
        let bars: Vec<_> = lane.attempts.iter().map(|it| (it.attempt, it.asked_ns, it.slept_ns, it.gap_ns)).collect();
        let tries: Vec<_> = row.attempts.iter().map(|it| (it.attempt, it.asked_ns, it.slept_ns, it.gap_ns)).collect();
        assert_eq!(bars, tries);
    }
    let mut restarts: Vec<_> = host.servers.iter().flat_map(|lane| &lane.restarts).collect();
    restarts.sort_by_key(|it| it.restart);
    assert_eq!(restarts.len(), rows.restarts.len());
    for (span, row) in restarts.iter().zip(&rows.restarts) {
        assert_eq!((span.restart, span.refusals.total, span.stalls), (row.restart, row.refused, row.stalls));
        assert_eq!((span.lost_ns, span.tail_ns), (row.lost_ns, row.tail_ns));
        assert_eq!(span.grace.as_ref().and_then(|it| it.grace_ns), row.grace_ns);
        assert_eq!(span.trackers.len(), row.trackers.len());
    }
}

/// A picture may be odd where a session is, but never beyond its own frame.
fn all_lies_within_the_axis(picture: &Picture) {
    let inside = |span: Span| assert!(picture.span.contains(span), "{span:?} outside {:?}", picture.span);
    for host in &picture.hosts {
        inside(host.span);
        host.losses.iter().for_each(|lost| inside(lost.span));
        for restart in host.servers.iter().flat_map(|lane| &lane.restarts) {
            inside(restart.extent());
            restart.trackers.iter().for_each(|it| inside(it.span));
            restart.grace.iter().chain(&restart.lockd).for_each(|it| inside(it.span));
        }
        for stall in &host.stalls {
            inside(stall.span());
            stall.tail.into_iter().for_each(|tail| assert!(stall.span().contains(tail)));
            let mut from = stall.began;
            for bar in &stall.attempts {
                assert!(from <= bar.at, "try {} overlaps the one before", bar.attempt);
                let woke = bar.woke.unwrap_or(bar.at);
                let next = bar.next.unwrap_or(stall.end.at());
                assert!(bar.at <= woke && woke <= next && next <= stall.end.at(), "{bar:?}");
                from = bar.next.unwrap_or(bar.at);
            }
        }
    }
}

/// Where time goes forward, one start of a server is over when the next begins, and so is each tracker.
fn nothing_overlaps(picture: &Picture) {
    for lane in picture.hosts.iter().flat_map(|host| &host.servers) {
        for pair in lane.restarts.windows(2) {
            assert!(pair[0].began <= pair[1].began);
            for grace in pair[0].grace.iter().chain(&pair[0].lockd) {
                assert!(grace.span.to <= pair[1].began.max(grace.span.from), "{grace:?} {}", pair[1].began);
            }
        }
        let trackers: Vec<_> = lane.restarts.iter().flat_map(|it| &it.trackers).collect();
        assert!(trackers.windows(2).all(|pair| pair[0].span.to <= pair[1].span.from), "{trackers:?}");
    }
}

#[test]
fn every_recording_is_drawn_as_it_is_counted() {
    for name in RECORDINGS {
        let (session, _) = live(recording(name));
        let picture = alone(&session);
        numbers_are_those_of_the_summary(&session, &picture);
        all_lies_within_the_axis(&picture);
        nothing_overlaps(&picture);
        is_xml(&svg::draw(&picture, svg::Head::Verdicts));
    }
}

/// Names that try to end an element, an attribute, a script, a line of script, or the XML.
const EVIL: &str = "</script><script>alert(1)</script>\"'&<b>{{title}}\u{2028}\u{202e}\0\u{ffff}]]>";

fn evil() -> Vec<Line> {
    let mut script = Script::new();
    let Line::Header(header) = &mut script.lines[0] else { panic!("a header") };
    (header.host, header.kernel) = (EVIL.to_owned(), EVIL.to_owned());
    script.task.comm = EVIL.to_owned();
    let client = Client { addr: None, name: Some(EVIL.to_owned()), minor: None };
    let refused = Kind::Refused {
        op: ServerOp::Open,
        client,
        xid: None,
        claim: None,
        name: Some(EVIL.to_owned()),
        in_grace: Some(true),
        took_ns: 1,
    };
    let state = ServerState { grace_s: Some(10), tracking: Some(false), ..ServerState::default() };
    script
        .event(1.0, Kind::ServerStart)
        .event(1.1, Kind::GraceStart { manager: Manager::Nfsd })
        .event(1.2, Kind::ServerStarted { status: 0, state })
        .event(2.0, refused)
        .delay(1, 2.0, 2.1, 0)
        .event(3.0, Kind::EndGraceWrite { status: -16 });
    for line in &mut script.lines {
        if let Line::Event(event) = line
            && let Kind::Delay { path, server, .. } = &mut event.kind
        {
            (*path, *server) = (Some(EVIL.to_owned()), Some(EVIL.to_owned()));
        }
    }
    script.lines.push(Line::Loss(Loss { at: at(4.0), cause: EVIL.to_owned(), count: 1, hides: EVIL.to_owned() }));
    script.lines.clone()
}

/// What stands between two pieces of a page.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    page.split_once(from).and_then(|(_, rest)| rest.split_once(to)).expect("both").0
}

#[test]
fn names_cannot_leave_their_place() {
    let (session, _) = live(evil());
    let picture = Picture::of(&[Place::alone(&session, session.timeline().now())], vec![EVIL.to_owned()]);
    is_xml(&svg::draw(&picture, svg::Head::Verdicts));
    let page = html::page(&picture);
    assert_eq!(page.matches("<script").count(), 2, "the data and the script");
    assert!(!page.contains("alert(1)</"), "each is escaped");
    assert!(!page.contains(['\u{2028}', '\u{202e}', '\0']));
    let data = between(&page, "type=\"application/json\">", "</script>");
    let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
    let path = data["hosts"][0]["stalls"][0]["path"].as_str().expect("a path");
    assert!(path.starts_with("</script><script>alert(1)</script>\"'&<b>{{title}}\\u{2028}"), "{path}");
}

#[test]
fn a_page_brings_its_policy_and_fetches_nothing() {
    let (session, _) = live(recording("6.18-no-nfsdcld"));
    let page = html::page(&alone(&session));
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let addresses = page.matches("http").count();
    assert_eq!(addresses, page.matches("http://www.w3.org/2000/svg\"").count() + 1, "the name of SVG and http-equiv");
    assert!(!page.contains("{{"), "nothing is left to fill in");
}

#[test]
fn two_hosts_are_drawn_on_one_axis_with_what_their_clocks_leave_open() {
    let (server, _) = live(recording("6.18-no-nfsdcld"));
    let mut lines = vec![Script::new().lines.remove(0)];
    lines.extend(Script::new().delay(7, 108.0, 108.1, 0).lines.iter().skip(1).cloned());
    let (client, _) = live(lines);
    let shifted = |at| picture::seconds(at) - 100.0;
    let there = Place { session: &client, now: at(112.0), to_axis: &shifted, error_s: 0.004, tail_ns: &own_tail };
    let picture = Picture::of(&[Place::alone(&server, server.timeline().now()), there], Vec::new());
    all_lies_within_the_axis(&picture);
    let stall = &picture.hosts[1].stalls[0];
    assert!((stall.began - 8.0).abs() < 1e-9 && (stall.end.at() - 12.0).abs() < 1e-9, "{stall:?}");
    let drawn = svg::draw(&picture, svg::Head::Verdicts);
    is_xml(&drawn);
    assert!(drawn.contains("clock ±4.0 ms"));
    assert!(
        drawn.contains("fill=\"url(#nfsgrace-grace)\" fill-opacity"),
        "the end of grace is a band on the other host"
    );
}

#[test]
fn many_stalls_are_counted_rather_than_drawn() {
    let mut script = Script::new();
    for task in 0..200 {
        script.delay(task, 1.0, 1.0 + f64::from(task) / 1000.0, 0);
    }
    let (session, _) = live(script.lines.clone());
    let drawn = svg::draw(&alone(&session), svg::Head::Verdicts);
    assert_eq!(drawn.matches("<g><title>sh ").count(), 59);
    assert!(drawn.contains("… and 141 more listed"));
}

/// One step of a made-up session: how much time passes (or is turned back), who, and what.
fn step() -> impl Strategy<Value = (i64, u32, Kind)> {
    let status = prop::sample::select(vec![0, -110, -2]);
    let tracker = prop::sample::select(vec![Tracker::Cld, Tracker::Umh, Tracker::Legacy]);
    let by = prop::sample::select(vec![EndedBy::Timer, EndedBy::AllReclaimed, EndedBy::Unknown]);
    let state = ServerState { grace_s: Some(10), lease_s: Some(10), ..ServerState::default() };
    let stated = state.clone();
    let refused = || Kind::Refused {
        op: ServerOp::Open,
        client: Client { addr: Some([10, 0, 0, 1].into()), name: None, minor: Some(1) },
        xid: None,
        claim: None,
        name: None,
        in_grace: Some(true),
        took_ns: 1,
    };
    let kind = prop_oneof![
        Just(Kind::ServerStart),
        Just(Kind::GraceStart { manager: Manager::Nfsd }),
        Just(Kind::GraceStart { manager: Manager::Lockd }),
        Just(Kind::TrackingStart { stack: Vec::new() }),
        tracker.clone().prop_map(|tracker| Kind::TrackerStart { tracker }),
        (tracker, status.clone()).prop_map(|(tracker, status)| Kind::TrackerEnd { tracker, status }),
        any::<bool>().prop_map(|running| Kind::Poll { running, inferred: true }),
        status.clone().prop_map(|status| Kind::TrackingEnd { status }),
        Just(Kind::ServerStarted { status: 0, state }),
        by.prop_map(move |by| Kind::GraceEnd { manager: Manager::Nfsd, by, state: stated.clone() }),
        Just(Kind::ServerStop),
        Just(refused()),
        status.clone().prop_map(|status| Kind::EndGraceWrite { status }),
        Just(Kind::KernelLog { text: "NFSD: starting 10-second grace period (net f0000000)".to_owned() }),
        Just(Kind::Attempt { began: at(0.0) }),
        status.clone().prop_map(|status| Kind::SleepEnd { began: at(0.0), status }),
        status.prop_map(|status| Kind::StallEnd { began: at(0.0), status: Some(status) }),
        (0_i64..4000).prop_map(|timeout| Kind::Delay {
            began: at(0.0),
            began_seen: true,
            op: None,
            path: None,
            server: Some("127.0.0.1".to_owned()),
            refusal: nfsgrace::record::Refusal::Grace,
            timeout: Some(timeout),
            observed: false,
            stack: Vec::new(),
            rpc: None,
        }),
    ];
    (-2_000_i64..20_000, 1_u32..5, kind)
}

/// A session of such steps; each task is in one operation at a time.
fn made_up(steps: Vec<(i64, u32, Kind)>, forward: bool) -> Vec<Line> {
    let mut script = Script::new();
    let (mut now, mut began) = (10_000_i64, [None; 8]);
    for (passes, tid, mut kind) in steps {
        now = (now + if forward { passes.abs() } else { passes }).max(0);
        let seconds = now as f64 / 1e3;
        let at_ = at(seconds);
        let stall = &mut began[tid as usize];
        match &mut kind {
            Kind::Delay { began, .. } => *began = *stall.get_or_insert(at_),
            Kind::Attempt { began } | Kind::SleepEnd { began, .. } => *began = stall.unwrap_or(at_),
            Kind::StallEnd { began, .. } => *began = stall.take().unwrap_or(at_),
            _ => {
                script.event(seconds, kind);
                continue;
            }
        }
        script.task = Task { pid: 100, tid: 100, comm: "rpc.nfsd".to_owned() };
        script.client(tid, seconds, kind);
    }
    script.lines.clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_happens_the_picture_holds_together(steps in prop::collection::vec(step(), 1..120)) {
        let (session, _) = replay(made_up(steps, true));
        let picture = alone(&session);
        all_lies_within_the_axis(&picture);
        nothing_overlaps(&picture);
        numbers_are_those_of_the_summary(&session, &picture);
        is_xml(&svg::draw(&picture, svg::Head::Verdicts));
    }

    #[test]
    fn time_that_goes_back_distorts_it_and_no_more(steps in prop::collection::vec(step(), 1..120)) {
        let (session, _) = replay(made_up(steps, false));
        let picture = alone(&session);
        all_lies_within_the_axis(&picture);
        is_xml(&svg::draw(&picture, svg::Head::Verdicts));
        prop_assert!(!html::page(&picture).contains("NaN"));
    }
}
