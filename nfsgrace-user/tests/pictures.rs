//! The drawing of sessions: what lies where, the numbers beside it, and what untrusted names can do to it.

mod common;

use std::time::Duration;

use common::{RECORDINGS, Script, at, live, recording, replay};
use nfsgrace::{
    outcome,
    record::{
        Client, EndedBy, Kind, Line, Loss, Manager, RestartRow, ServerOp, ServerState, Summary, Task, Tracker,
        span_text,
    },
    session::Session,
    view::{
        Axis, Placed,
        picture::{About, Class, Lane, Mark, Picture, Place, Tip, html, svg},
    },
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
    let labels: Vec<_> = marks(&picture, &[Class::GraceLabel]).map(|(_, mark)| mark.texts[0].clone()).collect();
    let [skipped, reclaimed] = &labels[..] else { panic!("two grace periods: {labels:?}") };
    assert!(skipped.ends_with("skipped") && reclaimed.ends_with("all reclaimed"), "{labels:?}");
    // The planned end, which did not come, must not squeeze what happened into a corner.
    let [episode] = &picture.looks_at[..] else { panic!("one episode") };
    assert!(episode.span.length() < 4.0, "{episode:?}");
    insta::assert_snapshot!("svg-healthy", svg::draw(&picture, svg::Head::Verdicts));
}

/// The marks of some classes, each with its lane.
fn marks<'a>(picture: &'a Picture, classes: &'a [Class]) -> impl Iterator<Item = (&'a Lane, &'a Mark)> {
    let all = picture.lanes.iter().flat_map(|lane| lane.marks.iter().map(move |mark| (lane, mark)));
    all.filter(|(_, mark)| classes.contains(&mark.class))
}

fn ns(ns: u64) -> String {
    if ns == 0 { "–".to_owned() } else { span_text(Duration::from_nanos(ns)) }
}

/// Some columns of a table of the page.
fn columns<const N: usize>(picture: &Picture, table: &str, columns: [&str; N]) -> Vec<[String; N]> {
    let Some(table) = picture.tables.iter().find(|it| it.id == table) else { return Vec::new() };
    let nth = columns.map(|name| table.columns.iter().position(|it| *it == name).expect("a column"));
    table.rows.iter().map(|row| nth.map(|nth| row[nth].clone())).collect()
}

/// What is drawn must be what the report counts.
fn numbers_are_those_of_the_summary(session: &Session, picture: &Picture) {
    let rows = outcome::summary(session, session.timeline().now());
    let host = &picture.hosts[0];
    assert!(host.facts.contains(&format!("{} event", rows.events)), "{}", host.facts);
    if rows.stall_totals.lost_ns > 0 {
        assert!(host.stalls.contains(&format!("{} lost", ns(rows.stall_totals.lost_ns))), "{}", host.stalls);
    }
    let restarts = columns(picture, "restarts", ["#", "#refused", "#stalls", "#lost", "#after grace"]);
    let row = |it: &RestartRow| {
        let numbers = [u64::from(it.restart), it.refused, it.stalls].map(|it| it.to_string());
        let [restart, refused, stalls] = numbers;
        [restart, refused, stalls, ns(it.lost_ns), ns(it.tail_ns)]
    };
    assert_eq!(restarts, rows.restarts.iter().map(row).collect::<Vec<_>>());
    assert_eq!(columns(picture, "clients", ["client"]).len(), rows.clients.len());
    let lost: Vec<_> = rows.losses.iter().map(|it| [it.count.to_string()]).collect();
    assert_eq!(columns(picture, "losses", ["#count"]), lost);
    assert_eq!(columns(picture, "counts", ["what"]).len(), if rows.counts.is_some() { 7 } else { 0 });
    let trackers = marks(picture, &[Class::TrackerWorks, Class::TrackerFails]).count();
    assert_eq!(trackers, rows.restarts.iter().map(|it| it.trackers.len()).sum::<usize>());
    stalls_are_those_of_the_summary(&rows, picture);
}

fn stalls_are_those_of_the_summary(rows: &Summary, picture: &Picture) {
    let lanes: Vec<_> = picture.lanes.iter().filter(|lane| lane.about == About::Stall).collect();
    assert_eq!(lanes.len(), rows.stalls.len());
    for (lane, row) in lanes.iter().zip(&rows.stalls) {
        let [lost, tail, _] = &lane.numbers;
        assert!(lane.name.ends_with(&format!(" {}", row.tid)), "{}", lane.name);
        assert_eq!(lost.trim_start_matches("≥ "), span_text(Duration::from_nanos(row.total_ns)));
        assert_eq!(*tail, row.tail_ns.filter(|tail| *tail > 0).map(ns).unwrap_or_default());
        assert_eq!(lane.rest.is_empty(), row.attempts_not_listed == 0);
        let told = lane.tips.iter().filter_map(|tip| if let Tip::Try(cells) = tip { Some(cells) } else { None });
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), row.attempts.len());
        for ([number, _, _, _, asked, slept, gap], it) in told.into_iter().zip(&row.attempts) {
            let text = |ns: u64| span_text(Duration::from_nanos(ns));
            assert_eq!(*number, it.attempt.to_string());
            assert_eq!(*gap, it.gap_ns.map_or("–".to_owned(), text));
            assert!(it.asked_ns.is_none_or(|it| asked.starts_with(&text(it))), "{asked}");
            assert!(it.slept_ns.is_none_or(|it| *slept == text(it)), "{slept}");
        }
        let refused = lane.marks.iter().filter(|mark| mark.class == Class::Refused).count();
        assert_eq!(refused, row.attempts.len());
    }
}

const SLEEPS: [Class; 4] = [Class::Asleep, Class::AsleepUnseen, Class::Wasted, Class::WastedUnseen];

/// A picture may be odd where a session is, but never beyond its own frame.
fn all_lies_within_the_axis(picture: &Picture) {
    for lane in &picture.lanes {
        let inside = lane.marks.iter().filter(|mark| mark.class != Class::Planned);
        for mark in inside {
            assert!(picture.span.contains(mark.span()), "{mark:?} outside {:?}", picture.span);
            assert!(mark.tip.is_none_or(|tip| tip < lane.tips.len()), "{mark:?}");
        }
        let Some(waited) = lane.marks.iter().find(|mark| mark.class == Class::Waited) else { continue };
        let mut from = waited.from;
        for bar in lane.marks.iter().filter(|mark| SLEEPS.contains(&mark.class)) {
            assert!(from <= bar.from && bar.to <= waited.to, "{bar:?} overlaps the one before");
            from = bar.to;
        }
    }
}

/// Where time goes forward, one start of a server is over when the next begins, and so is each tracker.
fn nothing_overlaps(picture: &Picture) {
    let began = columns(picture, "restarts", ["#", "#began (s)"]);
    let began = |number: &str| {
        let row = began.iter().find(|[restart, _]| restart == number).expect("a restart");
        row[1].parse::<f64>().expect("seconds") + 0.001
    };
    for lane in &picture.lanes {
        let of = |classes: &[Class]| -> Vec<&Mark> {
            lane.marks.iter().filter(|mark| classes.contains(&mark.class)).collect()
        };
        let trackers = of(&[Class::TrackerWorks, Class::TrackerFails]);
        assert!(trackers.windows(2).all(|pair| pair[0].to <= pair[1].from), "{trackers:?}");
        for pair in of(&[Class::GraceLabel]).windows(2) {
            let number = pair[1].texts[2].trim_start_matches('#');
            assert!(pair[0].to <= began(number).max(pair[0].from), "{pair:?}");
        }
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
    let lanes = data["lanes"].as_array().expect("lanes");
    let path =
        lanes.iter().find(|lane| lane["about"] == "stall").and_then(|lane| lane["file"].as_str()).expect("a path");
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

/// An axis that lies so many seconds off a host's clock.
fn shifted(seconds: i64, error: f64) -> Axis<'static> {
    Axis::new(move |at| {
        let own = Axis::own().place(at);
        Placed { at_ns: own.at_ns + seconds * 1_000_000_000, error: Some(Duration::from_secs_f64(error)) }
    })
}

#[test]
fn two_hosts_are_drawn_on_one_axis_with_what_their_clocks_leave_open() {
    let (server, _) = live(recording("6.18-no-nfsdcld"));
    let mut lines = vec![Script::new().lines.remove(0)];
    lines.extend(Script::new().delay(7, 108.0, 108.1, 0).lines.iter().skip(1).cloned());
    let (client, _) = live(lines);
    let there = Place { session: &client, now: at(112.0), axis: shifted(-100, 0.004) };
    let picture = Picture::of(&[Place::alone(&server, server.timeline().now()), there], Vec::new());
    all_lies_within_the_axis(&picture);
    let (_, stall) = marks(&picture, &[Class::Waited]).find(|(lane, _)| lane.host == 1).expect("a stall");
    assert!((stall.from - 8.0).abs() < 1e-9 && (stall.to - 12.0).abs() < 1e-9, "{stall:?}");
    let drawn = svg::draw(&picture, svg::Head::Verdicts);
    is_xml(&drawn);
    assert!(drawn.contains("clock ±4.0 ms"));
    let unsure = |host: usize| picture.grounds[host].iter().filter(|mark| mark.class == Class::GraceEndUnsure).count();
    assert_eq!([unsure(0), unsure(1)], [0, 2], "the end of grace is a band on the other host");
    assert!(drawn.contains("class=\"GraceEndUnsure\""));
}

/// A mark as it lies on the paper: its class, its left, right and middle.
type Drawn = (String, [f64; 3]);

/// What the pen of the SVG drew of one stretch, but words and the legend.
fn drawn_by_svg(svg: &str) -> Vec<Drawn> {
    let document = roxmltree::Document::parse(svg).expect("XML");
    let of_marks = document.descendants().filter(|node| {
        node.has_attribute("class") && !node.ancestors().any(|it| it.attribute("id") == Some("nfsgrace-legend"))
    });
    let drawn = of_marks.filter(|node| !node.has_tag_name(("http://www.w3.org/2000/svg", "text"))).map(|node| {
        let number = |name: &str| node.attribute(name).and_then(|it| it.parse::<f64>().ok()).expect("a number");
        let numbers = |text: &str| -> Vec<f64> {
            text.split(|c: char| !"-.0123456789".contains(c)).filter_map(|part| part.parse().ok()).collect()
        };
        let place = match (node.tag_name().name(), node.attribute("transform")) {
            ("rect", _) => {
                let [x, y, wide, high] = ["x", "y", "width", "height"].map(number);
                [x, x + wide, y + high / 2.0]
            }
            ("line", _) => [number("x1"), number("x2"), (number("y1") + number("y2")) / 2.0],
            ("path", Some(transform)) => {
                let [x, y] = numbers(transform)[..] else { panic!("{transform}") };
                [x, x, y]
            }
            _ => {
                let [x1, _, low, x2, _] = numbers(node.attribute("d").expect("a path"))[..] else { panic!("{node:?}") };
                [x1, x2, low - 9.0]
            }
        };
        (node.attribute("class").unwrap_or_default().to_owned(), place)
    });
    drawn.collect()
}

/// The list of the page, on the paper of the SVG.
fn listed_by_page(page: &str) -> Vec<Drawn> {
    let data = between(page, "type=\"application/json\">", "</script>");
    let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
    let number = |value: &serde_json::Value| value.as_f64().expect("a number");
    let span = &data["looks_at"][0]["span"];
    let (from, to) = (number(&span["from"]), number(&span["to"]));
    let room = f64::max((to - from) * 0.03, 0.05);
    let stretch = (from - room, to + room);
    let x = |at: f64| 216.0 + ((at - stretch.0) / (stretch.1 - stretch.0)).clamp(0.0, 1.0) * 628.0;
    let place = |mark: &serde_json::Value, y: f64| {
        let look = &data["looks"][mark["is"].as_str().expect("a class")];
        let (from, to) = (number(&mark["from"]), number(&mark["to"]));
        let [x1, x2] = match look["shape"].as_str().expect("a shape") {
            "band" if from == to => [x(from) - 0.6, x(to) + 0.6],
            "bar" => [x(from), x(to).max(x(from) + 1.0)],
            "tick" => [x(from); 2],
            _ => [x(from), x(to)],
        };
        let reach = if look["shape"] == "tick" { from } else { to };
        let in_view = from <= stretch.1 && reach >= stretch.0 && x(to) - x(from) >= number(&look["least"]);
        let is_drawn = in_view && look["shape"] != "text";
        is_drawn.then(|| (mark["is"].as_str().unwrap_or_default().to_owned(), [x1, x2, y]))
    };
    let list = |value: &serde_json::Value| value.as_array().cloned().expect("a list");
    let (mut drawn, mut y) = (Vec::new(), 0.0);
    for (host, ground) in list(&data["grounds"]).iter().enumerate() {
        let top = y;
        for lane in list(&data["lanes"]).iter().filter(|lane| lane["host"] == host) {
            let high = number(&lane["height"]);
            drawn.extend(list(&lane["marks"]).iter().filter_map(|mark| place(mark, y + high / 2.0)));
            y += high;
        }
        y += 6.0;
        drawn.extend(list(ground).iter().filter_map(|mark| place(mark, f64::midpoint(top, y))));
    }
    drawn
}

/// Every mark of the SVG is in the page's list, and every one of the list in the SVG, at the same place.
fn both_pens_draw_the_same(picture: &Picture) {
    let svg = drawn_by_svg(&svg::draw(picture, svg::Head::None));
    let mut page = listed_by_page(&html::page(picture));
    // The SVG has an axis above its lanes.
    let top = |marks: &[Drawn]| marks.iter().map(|(_, [.., y])| *y).fold(f64::INFINITY, f64::min);
    let shift = top(&svg) - top(&page);
    page.iter_mut().for_each(|(_, [.., y])| *y += shift);
    for drawn in &svg {
        let same =
            |listed: &&Drawn| drawn.0 == listed.0 && drawn.1.iter().zip(listed.1).all(|(a, b)| (a - b).abs() < 0.2);
        let nth =
            page.iter().position(|it| same(&it)).unwrap_or_else(|| panic!("{drawn:?} is not in the list {page:?}"));
        page.swap_remove(nth);
    }
    assert!(page.is_empty(), "only the page has {page:?}");
}

#[test]
fn page_and_svg_show_the_same_marks() {
    for name in RECORDINGS {
        let (session, _) = live(recording(name));
        both_pens_draw_the_same(&alone(&session));
    }
    let sessions = ["server", "client", "second"].map(|name| live(recording(&format!("paired/{name}"))).0);
    let [server, client, second] = sessions.each_ref();
    let place = |session| Place { axis: shifted(2, 0.3), ..Place::alone(session, session.timeline().now()) };
    let places = [Place::alone(server, server.timeline().now()), place(client), place(second)];
    both_pens_draw_the_same(&Picture::of(&places, Vec::new()));
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
