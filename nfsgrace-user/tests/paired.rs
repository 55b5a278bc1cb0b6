//! Sessions of several hosts, recorded on clocks that are hours apart and drift: told as one story.

mod common;

use std::time::Duration;

use common::{Script, conducted, together};
use nfsgrace::{
    paired::Clocks,
    record::{
        Cause, Client, ClockOutcome, EndedBy, Event, Header, Kind, Line, Manager, Netns, PairedSummary, Refusal, Rpc,
        ServerOp, ServerState, Stamp, Task, Tracker, Unmatched,
    },
};

/// A client whose clock is this far ahead of the server's, and gains so many parts per million.
#[derive(Clone, Copy)]
struct Clock {
    ahead: f64,
    ppm: f64,
}

impl Clock {
    fn at(self, seconds: f64) -> Stamp {
        let own = seconds + self.ahead + seconds * self.ppm * 1e-6;
        Stamp(u64::try_from(Duration::from_secs_f64(own).as_nanos()).expect("this century"))
    }
}

const WIRE: f64 = 0.000_2;
const IN_SERVER: f64 = 0.000_1;
/// The server's grace period, on its own clock.
const GRACE: (f64, f64) = (100.0, 111.1);

fn header(host: &str) -> Header {
    Header {
        host: host.to_owned(),
        boot_id: format!("boot of {host}"),
        hz: Some(250),
        initial_netns: Some(0xf000_0000),
        realtime_minus_boottime_ns: 1_795_000_000_000_000_000,
        ..Header::default()
    }
}

/// A stall of one task: when each refused OPEN is sent, and when the task is free, on the server's clock.
struct Story {
    host: &'static str,
    clock: Clock,
    tid: u32,
    sent: Vec<f64>,
    free: f64,
    addr: &'static str,
}

fn backoff(from: f64) -> Vec<f64> {
    [0.0, 0.11, 0.32, 0.73, 1.6, 3.3, 6.6].iter().map(|after| from + after).collect()
}

fn xid(story: &Story, nth: usize) -> u32 {
    story.tid * 1_000 + nth as u32
}

fn server(stories: &[Story]) -> Vec<Line> {
    let mut script = Script::new();
    script.lines = vec![Line::Header(Box::new(header("server")))];
    script
        .event(GRACE.0, Kind::ServerStart)
        .event(GRACE.0, Kind::GraceStart { manager: Manager::Nfsd })
        .event(GRACE.0, Kind::TrackingStart { stack: vec![] })
        .event(GRACE.0 + 0.01, Kind::TrackerStart { tracker: Tracker::Cld })
        .event(GRACE.0 + 1.05, Kind::TrackerEnd { tracker: Tracker::Cld, status: -110 })
        .event(GRACE.0 + 1.06, Kind::TrackingEnd { status: -110 });
    let state = ServerState { grace_s: Some(10), tracking: Some(false), ..ServerState::default() };
    script.event(GRACE.0 + 1.07, Kind::ServerStarted { status: 0, state });
    let mut refusals: Vec<(f64, &Story, usize)> = Vec::new();
    for story in stories {
        refusals.extend(story.sent.iter().enumerate().map(|(nth, sent)| (sent + WIRE + IN_SERVER, story, nth)));
    }
    refusals.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (left, story, nth) in refusals {
        let client = Client { addr: story.addr.parse().ok(), name: Some(story.host.to_owned()), minor: Some(1) };
        let took_ns = (IN_SERVER * 1e9) as u64;
        let kind = Kind::Refused {
            op: ServerOp::Open,
            client,
            xid: Some(xid(story, nth)),
            claim: None,
            name: None,
            in_grace: Some(true),
            took_ns,
        };
        script.event(left, kind);
    }
    let by = EndedBy::Timer;
    script.event(GRACE.1, Kind::GraceEnd { manager: Manager::Nfsd, by, state: ServerState::default() });
    let server = Clock { ahead: 0.0, ppm: 0.0 };
    script.event(GRACE.1 + 30.0, Kind::Counts(Default::default()));
    assert_eq!(
        script.lines.last().map(|line| matches!(line, Line::Event(it) if it.at == server.at(GRACE.1 + 30.0))),
        Some(true)
    );
    script.lines
}

fn client(stories: &[&Story]) -> Vec<Line> {
    let mut lines = vec![Line::Header(Box::new(header(stories[0].host)))];
    let mut events: Vec<(f64, Event)> = Vec::new();
    for story in stories {
        let at = |seconds| story.clock.at(seconds);
        let began = at(story.sent[0] - 0.000_05);
        let mut push = |seconds: f64, kind| {
            let task = Task { pid: story.tid, tid: story.tid, comm: "make".to_owned() };
            events.push((seconds, Event { at: at(seconds), task, netns: None, kind }));
        };
        for (nth, sent) in story.sent.iter().enumerate() {
            let received = sent + 2.0 * WIRE + IN_SERVER;
            let next = story.sent.get(nth + 1).copied().unwrap_or(story.free - 0.001);
            push(
                received,
                Kind::Delay {
                    began,
                    began_seen: true,
                    op: Some("nfs4_do_open".to_owned()),
                    path: Some(format!("/mnt/{}", story.tid)),
                    server: Some("nfs.example".to_owned()),
                    refusal: Refusal::Grace,
                    timeout: Some(if nth == 0 { 0 } else { 50 << (nth - 1) }),
                    observed: false,
                    stack: vec![],
                    rpc: Some(Rpc {
                        xid: xid(story, nth),
                        sent: Some(at(*sent)),
                        received: Some(at(received)),
                        transmissions: Some(1),
                    }),
                },
            );
            push(next - 0.000_1, Kind::SleepEnd { began, status: 0 });
            push(next, Kind::Attempt { began });
        }
        push(story.free, Kind::StallEnd { began, status: Some(0) });
    }
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    lines.extend(events.into_iter().map(|(_, event)| Line::Event(event)));
    lines
}

fn paired(sessions: Vec<Vec<Line>>) -> PairedSummary {
    placed_by(Clocks::Rpc, sessions)
}

fn placed_by(clocks: Clocks, sessions: Vec<Vec<Line>>) -> PairedSummary {
    together(&conducted(clocks, sessions))
}

fn stories() -> Vec<Story> {
    let one = Clock { ahead: 11_520.0, ppm: 150.0 };
    let two = Clock { ahead: -90.0, ppm: -80.0 };
    vec![
        Story { host: "one", clock: one, tid: 11, sent: backoff(102.0), free: 115.3, addr: "192.0.2.1" },
        Story { host: "one", clock: one, tid: 12, sent: backoff(103.0), free: 116.5, addr: "192.0.2.1" },
        // Behind the same NAT.
        Story { host: "two", clock: two, tid: 21, sent: backoff(104.0), free: 117.2, addr: "192.0.2.1" },
    ]
}

#[test]
fn the_cause_is_on_one_host_and_the_cost_on_the_others() {
    let stories = stories();
    let sessions = vec![client(&[&stories[0], &stories[1]]), server(&stories), client(&[&stories[2]])];
    let paired = paired(sessions);
    assert_eq!(paired.reference, 1, "the server's clock");
    assert_eq!(paired.hosts.iter().map(|it| it.host.as_str()).collect::<Vec<_>>(), ["one", "server", "two"]);
    let [cause] = &paired.causes[..] else { panic!("{:#?}", paired.causes) };
    assert_eq!((cause.server, cause.restart), (1, 1));
    assert!(cause.ids.iter().any(|id| *id == Cause::NfsdcldNotRunning), "{:?}", cause.ids);
    assert_eq!((cause.cost.tasks, cause.cost.blocked), (3, 0));
    let [first, second] = &cause.clients[..] else { panic!("{:#?}", cause.clients) };
    assert_eq!((first.host, first.cost.tasks, second.host, second.cost.tasks), (0, 2, 2, 1));
    assert_eq!(second.worst.as_ref().map(|it| it.pid), Some(21));
    assert_eq!((paired.rpcs.matched, paired.rpcs.unmatched.len()), (21, 0));
}

#[test]
fn each_stall_is_divided_and_nothing_of_it_is_left_over() {
    let stories = stories();
    let paired = paired(vec![server(&stories), client(&[&stories[0], &stories[1]]), client(&[&stories[2]])]);
    assert_eq!(paired.stalls.len(), 3);
    for row in &paired.stalls {
        let split = row.split.expect("both hosts are known");
        assert_eq!(split.grace_ns + split.tail_ns + split.other_ns, row.total_ns);
        let story = stories.iter().find(|story| story.tid == row.tid).expect("its story");
        let close = |ns: u64, seconds: f64| {
            assert!((ns as f64 / 1e9 - seconds).abs() < 0.01, "{ns} ns is not {seconds} s in {row:#?}");
        };
        close(split.grace_ns, GRACE.1 - story.sent[0]);
        close(split.tail_ns, story.free - GRACE.1);
        assert!(split.error_ns.is_some_and(|error| error < 1_000_000), "{split:?}");
        assert_eq!((row.refused, row.matched), (7, 7));
        for attempt in &row.attempts {
            assert!(attempt.unmatched.is_none());
            let wire = attempt.wire_ns.expect("both ends");
            assert!((390_000..=410_000).contains(&wire), "{wire}");
        }
    }
}

#[test]
fn the_true_offset_lies_within_the_published_bound() {
    let stories = stories();
    let paired = paired(vec![server(&stories), client(&[&stories[0], &stories[1]]), client(&[&stories[2]])]);
    for (nth, clock) in [(1, stories[0].clock), (2, stories[2].clock)] {
        let row = &paired.hosts[nth].clock;
        assert_eq!(row.outcome, ClockOutcome::Accurate);
        // In the middle of a session of some fifteen seconds, about 110 s on the server's clock.
        let truth = -(clock.ahead + 110.0 * clock.ppm * 1e-6);
        let (offset, error) = (row.offset_ns.expect("known"), row.error_ns.expect("bounded"));
        let slack = 15e9 * clock.ppm.abs() * 1e-6;
        assert!((offset as f64 - truth * 1e9).abs() <= error as f64 + slack, "{offset} ± {error} is not {truth}");
        let [least, most] = row.drift_ppb.expect("bounded");
        let drift = (-clock.ppm * 1_000.0) as i64;
        assert!((least..=most).contains(&drift), "{least}…{most} is not {drift}");
    }
}

#[test]
fn a_client_whose_server_is_not_there_is_said_to_be_so() {
    let stories = stories();
    let paired = paired(vec![client(&[&stories[0]]), client(&[&stories[2]])]);
    assert!(paired.causes.is_empty());
    assert_eq!(paired.rpcs.matched, 0);
    assert_eq!(paired.rpcs.unmatched.get(&Unmatched::ServerNotRecorded.into()), Some(&14));
    assert_eq!(paired.hosts[1].clock.outcome, ClockOutcome::Absent);
    assert!(paired.stalls.iter().all(|row| row.server.is_none() && row.split.is_none()));
}

#[test]
fn attempts_without_a_number_are_accounted_for() {
    let stories = stories();
    let mut lines = client(&[&stories[0]]);
    for line in &mut lines {
        if let Line::Event(Event { kind: Kind::Delay { rpc, .. }, .. }) = line {
            *rpc = None;
        }
    }
    let paired = paired(vec![server(&stories[..1]), lines]);
    let row = &paired.stalls[0];
    assert_eq!((row.matched, row.server), (0, None));
    assert!(row.attempts.iter().all(|it| it.unmatched == Some(Unmatched::NoXid.into())));
}

#[test]
fn a_namespace_of_its_own_is_a_server_of_its_own() {
    let stories = stories();
    let mut lines = server(&stories[..1]);
    // Another server on the same host, restarted a little later.
    let other = Netns(0xf000_0007);
    let at = |seconds| Clock { ahead: 0.0, ppm: 0.0 }.at(seconds);
    let task = Task { pid: 9, tid: 9, comm: "rpc.nfsd".to_owned() };
    let start = Event { at: at(101.5), task, netns: Some(other), kind: Kind::ServerStart };
    let place = lines.iter().position(|line| matches!(line, Line::Event(it) if it.at >= start.at)).expect("later ones");
    lines.insert(place, Line::Event(start));
    let paired = paired(vec![lines, client(&[&stories[0]])]);
    assert_eq!(paired.causes.len(), 1);
    assert_eq!(paired.causes[0].restart, 1, "not the latest one, which is another namespace's");
}

#[test]
fn wall_clocks_are_believed_only_when_asked_to() {
    let stories = stories();
    let sessions = || vec![server(&stories[..1]), client(&[&stories[0]])];
    assert_eq!(paired(sessions()).hosts[1].clock.outcome, ClockOutcome::Accurate);
    // Both wall clocks stand at the same distance from CLOCK_BOOTTIME, which is hours wrong.
    let wrong = placed_by(Clocks::Realtime, sessions());
    assert_eq!(
        (wrong.hosts[1].clock.outcome.known(), wrong.hosts[1].clock.offset_ns),
        (Some(ClockOutcome::WallClock), Some(0))
    );
    let mut headers = sessions();
    if let Some(Line::Header(header)) = headers[1].first_mut() {
        header.realtime_minus_boottime_ns -= (stories[0].clock.ahead * 1e9) as i64;
    }
    // Somebody sets the client's clock in the middle: that is named.
    let middle = stories[0].clock.at(108.0);
    let place = headers[1].iter().position(|line| line.at() > middle).expect("later ones");
    let set = |at, by: i64| {
        let Some(Line::Header(header)) = headers[1].first() else { panic!("a header") };
        let realtime_minus_boottime_ns = header.realtime_minus_boottime_ns + by;
        Line::Clock(nfsgrace::record::ClockSample { at, realtime_minus_boottime_ns })
    };
    let mut stepped = headers.clone();
    stepped[1].insert(place, set(middle, 3_600_000_000_000));
    stepped[1].insert(place, set(stories[0].clock.at(107.0), 0));
    let steps = &placed_by(Clocks::Realtime, stepped).hosts[1].clock.steps;
    assert_eq!(steps.iter().map(|step| step.jump_ns).collect::<Vec<_>>(), [3_600_000_000_000], "{steps:?}");
    let right = placed_by(Clocks::Realtime, headers);
    let offset = right.hosts[1].clock.offset_ns.expect("both have a wall clock");
    assert_eq!(offset, -(stories[0].clock.ahead * 1e9) as i64);
    let split = right.stalls[0].split.expect("placed");
    assert_eq!((split.error_ns, right.hosts[1].clock.error_ns), (None, None), "nothing bounds the error");
    assert_eq!(split.grace_ns + split.tail_ns + split.other_ns, right.stalls[0].total_ns);
}

#[test]
fn several_hosts_read_as_one_story() {
    let stories = stories();
    let paired = paired(vec![server(&stories), client(&[&stories[0], &stories[1]]), client(&[&stories[2]])]);
    let text = |width| nfsgrace::view::paired::text(&paired, width, nfsgrace::view::Style::PLAIN).join("\n");
    insta::assert_snapshot!("paired-80", text(80));
    insta::assert_snapshot!("paired-160", text(160));
    insta::assert_snapshot!("paired-markdown", nfsgrace::view::paired::markdown(&paired).join("\n"));
}

/// Both sessions as files, in a directory of their own.
fn as_files(sessions: &[(&str, Vec<Line>)]) -> (tempfile::TempDir, Vec<std::path::PathBuf>) {
    let directory = tempfile::tempdir().expect("a directory");
    let files = sessions.iter().map(|(name, lines)| {
        let path = directory.path().join(name);
        let mut bytes = Vec::new();
        lines.iter().for_each(|line| nfsgrace::record::encode(line, &mut bytes));
        std::fs::write(&path, bytes).expect("written");
        path
    });
    let files = files.collect();
    (directory, files)
}

fn nfsgrace(arguments: &[&str], files: &[std::path::PathBuf]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nfsgrace"));
    let output = command.args(arguments).args(files).env("COLUMNS", "200").output().expect("it starts");
    let (status, error) = (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(matches!(status, Some(0 | 1)) && error.is_empty(), "{status:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_form_shows_all_hosts_on_one_timeline() {
    let stories = stories();
    // A client whose clock is behind the server's, so that its session begins before the server was booted.
    let (directory, files) =
        as_files(&[("two.ndjson", client(&[&stories[2]])), ("server.ndjson", server(&stories[2..]))]);
    let text = nfsgrace(&["report"], &files);
    assert!(text.starts_with("2 hosts on one timeline; times are seconds since boot of server"), "{text}");
    assert!(text.contains("nfsdcld-not-running | rpc-pipefs-missing on server (restart 1) cost 1 task on 1 host"));
    assert!(nfsgrace(&["report", "--clock", "realtime"], &files).contains("placed by the wall clocks"));

    let json = nfsgrace(&["report", "--format", "json"], &files);
    let paired: serde_json::Value = serde_json::from_str(json.lines().last().expect("lines")).expect("JSON");
    assert_eq!((&paired["type"], &paired["rpcs"]["matched"]), (&"paired".into(), &7.into()));
    let exported = nfsgrace(&["export", "--format", "json", "-o", "-"], &files);
    assert_eq!(exported, json, "the same schema");

    assert_eq!(paired["hosts"][0]["verdicts"].as_array().map(Vec::len), Some(0), "the client need not guess");
    assert!(!text.contains("umh-helper-failed"), "{text}");
    assert!(nfsgrace(&["report"], &files[..1]).contains("umh-helper-failed"), "alone it can only guess");

    let svg = nfsgrace(&["export", "--format", "svg", "-o", "-"], &files);
    assert!(svg.contains("seconds since boot of server"), "the reference comes first");
    assert!(svg.contains("clock ±"), "how far off the client may be is said");
    assert!(!svg.contains("wall clocks"));

    let tables = directory.path().join("tables");
    let tables_text = tables.to_str().expect("UTF-8").to_owned();
    nfsgrace(&["export", "--format", "csv", "-o", &tables_text], &files);
    let row = |name: &str| {
        let text = std::fs::read_to_string(tables.join(name)).expect("written");
        let lines: Vec<Vec<String>> = text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
        let column = |name: &str| lines[0].iter().position(|it| it == name).expect("a column");
        let (axis, error) = (column("axis_s"), column("axis_error_ns"));
        (lines[1][axis].parse::<f64>().expect("seconds"), lines[1][error].parse::<u64>().expect("nanoseconds"))
    };
    let ((attempt, attempt_error), (refusal, refusal_error)) = (row("attempts.csv"), row("refusals.csv"));
    assert!((attempt - refusal - WIRE).abs() <= attempt_error as f64 / 1e9 + 1e-6, "{attempt} {refusal}");
    assert!(attempt_error > 0 && refusal_error == 0);

    let trace = directory.path().join("both.pftrace");
    nfsgrace(&["export", "--format", "perfetto", "-o", trace.to_str().expect("UTF-8")], &files);
    let bytes = std::fs::read(trace).expect("written");
    for name in ["server", "two"] {
        assert!(bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{name} has tracks");
    }
}

/// An ssh that plays a session: the file that is named like the host.
fn fake_ssh(directory: &std::path::Path, then: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let bin = directory.join("bin");
    std::fs::create_dir(&bin).expect("a directory");
    let script = format!(
        "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\ncat \"{}/$2.ndjson\"\n{then}\n",
        directory.display()
    );
    std::fs::write(bin.join("ssh"), script).expect("written");
    std::fs::set_permissions(bin.join("ssh"), std::fs::Permissions::from_mode(0o755)).expect("executable");
    format!("{}:{}", bin.display(), std::env::var("PATH").expect("a path"))
}

fn watched(path: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nfsgrace"));
    command.arg("watch").args(arguments).env("PATH", path).env("COLUMNS", "160");
    let output = command.output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn hosts_are_watched_together_over_ssh() {
    let stories = stories();
    let (directory, _files) = as_files(&[
        ("server.ndjson", server(&stories)),
        ("one.ndjson", client(&[&stories[0], &stories[1]])),
        ("two.ndjson", client(&[&stories[2]])),
    ]);
    let path = fake_ssh(directory.path(), "sleep 60");
    let hosts = ["ssh://root@server", "ssh://one", "ssh://two:2222"];
    let hosts = ["ssh://server", hosts[1], hosts[2]];
    let arguments = [&hosts[..], &["--duration", "6"]].concat();
    let (status, text, errors) = watched(&path, &arguments);
    assert_eq!((status, errors.as_str()), (Some(1), ""), "a problem was diagnosed");
    assert!(
        text.contains("server       ") && text.contains("VERDICT nfsdcld-not-running | rpc-pipefs-missing"),
        "{text}"
    );
    assert!(text.contains("cost 3 tasks on 2 hosts: 40.0 task-seconds"), "{text}");
    assert!(text.contains("21 found on both hosts"), "{text}");

    let (_, lines, _) = watched(&path, &[&arguments[..], &["--format", "json"]].concat());
    let sources: std::collections::BTreeSet<String> = lines
        .lines()
        .filter_map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["source"].as_str().map(str::to_owned)
        })
        .collect();
    assert!(hosts.iter().all(|host| sources.contains(*host)), "{sources:?}");
    assert!(lines.lines().last().is_some_and(|line| line.starts_with("{\"type\":\"paired\"")));
}

#[test]
fn a_host_that_drops_out_does_not_stop_the_others() {
    let stories = stories();
    let (directory, _files) =
        as_files(&[("server.ndjson", server(&stories[..1])), ("one.ndjson", client(&[&stories[0]]))]);
    // The client's connection breaks when all was sent, and again and again.
    let path = fake_ssh(directory.path(), "[ \"$2\" = one ] && exit 255; sleep 60");
    let (status, text, _) = watched(&path, &["ssh://server", "ssh://one", "--duration", "6"]);
    assert_eq!(status, Some(1));
    assert!(text.contains("ssh://one: LOST"), "{text}");
    assert!(text.contains("the connection to it was lost at"), "{text}");
    assert!(text.contains("7 found on both hosts"), "{text}");
}

#[test]
fn what_hosts_come_to_together_fits_the_published_schema() {
    let schema = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/session-1.schema.json");
    let schema = std::fs::read_to_string(schema).expect("there");
    let mut schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    for (name, def) in schema["$defs"].as_object_mut().expect("definitions") {
        if !name.starts_with("event_") && def.get("properties").is_some() {
            def["unevaluatedProperties"] = false.into();
        }
    }
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let stories = stories();
    for sessions in [
        vec![server(&stories), client(&[&stories[0], &stories[1]]), client(&[&stories[2]])],
        vec![client(&[&stories[0]]), client(&[&stories[2]])],
    ] {
        let line = Line::Paired(Box::new(paired(sessions)));
        let mut bytes = Vec::new();
        nfsgrace::record::encode(&line, &mut bytes);
        let value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        let errors: Vec<_> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{value}");
        assert_eq!(nfsgrace::record::decode(&bytes).map(|it| it.line), Ok(line), "read as it was written");
    }
}

#[test]
fn recordings_of_several_hosts_are_seen_together_as_if_they_were_live() {
    let stories = stories();
    let (_directory, files) = as_files(&[
        ("one.ndjson", client(&[&stories[0], &stories[1]])),
        ("server.ndjson", server(&stories)),
        ("two.ndjson", client(&[&stories[2]])),
    ]);
    let text = nfsgrace(&["watch", "--speed", "max"], &files);
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} is missing in {text}"));
    // Hours apart by their own clocks, and yet in order of what happened.
    assert!(
        at("VERDICT nfsdcld-not-running | rpc-pipefs-missing")
            < at("make (pid 11) /mnt/11: NFS4ERR_GRACE (10013) at try 1")
    );
    assert!(
        at("make (pid 11) /mnt/11: NFS4ERR_GRACE (10013) at try 7") < at("grace period of restart 1 ends by its timer")
    );
    assert!(at("grace period of restart 1 ends by its timer") < at("make (pid 21) /mnt/21 is free after"));
    assert!(text.contains("free in"), "what the server knows is told to the clients: {text}");
    assert!(text.contains("cost 3 tasks on 2 hosts: 40.0 task-seconds"), "{text}");
    // The same when the session is a little faster than it was.
    let paced = nfsgrace(&["watch", "--speed", "1000"], &files);
    assert!(paced.contains("cost 3 tasks on 2 hosts: 40.0 task-seconds"), "{paced}");
}
