//! Each cause told by what proves it, and nothing said that is not proved. For the causes that no recording shows.

mod common;

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use common::{Script, at, ids, live, replay};
use nfsgrace::{
    diagnosis::{Cause, Certainty, Question, Revision, Verdict},
    record::{
        Client, EndedBy, Errno, Kind, Line, Loss, Manager, Netns, ServerOp, ServerState, Stamp, Surroundings, Task,
        Tracker,
    },
    session::{Item, Session},
    timeline::KnownFrom,
};

fn root(session: &Session) -> Option<&Verdict> {
    session.diagnosis().verdicts().find(|verdict| verdict.question == Question::Root && verdict.restart.is_some())
}

fn root_id(script: &Script) -> (String, Certainty) {
    let (session, _) = live(script.lines.clone());
    let verdict = root(&session).expect("a verdict");
    let ids: Vec<_> = verdict.finding.causes().iter().map(|cause| cause.id()).collect();
    (ids.join("|"), verdict.certainty)
}

fn client(name: &str, minor: u32) -> Client {
    Client { addr: Some("10.0.0.7".parse().expect("address")), name: Some(name.to_owned()), minor: Some(minor) }
}

fn refused(client: Client, op: ServerOp, in_grace: bool) -> Kind {
    Kind::Refused { op, client, xid: None, claim: None, name: None, in_grace: Some(in_grace), took_ns: 1_000 }
}

fn state(tracking: bool, to_reclaim: Option<u32>, reclaimed: Option<u32>) -> ServerState {
    ServerState {
        grace_s: Some(20),
        lease_s: Some(20),
        tracking: Some(tracking),
        tracks_reclaim_completes: Some(tracking),
        to_reclaim,
        reclaimed,
    }
}

/// A start at 1 s whose trackers answer like this; up at 2.1 s.
fn start(trackers: &[(Tracker, i32)], status: i32) -> Script {
    let mut script = Script::new();
    script
        .event(1.0, Kind::ServerStart)
        .event(1.0, Kind::GraceStart { manager: Manager::Nfsd })
        .event(1.0, Kind::TrackingStart { stack: vec![] });
    for &(tracker, status) in trackers {
        script.event(1.1, Kind::TrackerStart { tracker }).event(2.0, Kind::TrackerEnd { tracker, status });
    }
    script.event(2.1, Kind::TrackingEnd { status });
    script.event(2.1, Kind::ServerStarted { status: 0, state: state(status == 0, None, None) });
    script
}

fn ends(script: &mut Script, seconds: f64, by: EndedBy) {
    script.event(seconds, Kind::GraceEnd { manager: Manager::Nfsd, by, state: ServerState::default() });
}

/// nfsdcld works, and has these clients on record.
fn with_records(names: &[&str]) -> Script {
    let mut script = start(&[(Tracker::Cld, 0)], 0);
    let records: Vec<_> = names.iter().map(|name| Kind::ReclaimRecord { name: (*name).to_owned() }).collect();
    let place = script.lines.len() - 3;
    for kind in records {
        script.event(1.9, kind);
        let line = script.lines.pop().expect("just pushed");
        script.lines.insert(place, line);
    }
    script
}

#[test]
fn a_status_that_names_its_cause() {
    let certain = |trackers: &[(Tracker, i32)], status| root_id(&start(trackers, status));
    let one = |id: &str| (id.to_owned(), Certainty::Certain);
    assert_eq!(certain(&[(Tracker::Cld, -121)], -121), one("nfsdcld-storage"));
    assert_eq!(certain(&[(Tracker::Cld, -95), (Tracker::CldV0, 0)], 0), one("nfsdcld-too-old"));
    assert_eq!(certain(&[(Tracker::Cld, -95), (Tracker::CldV0, -95)], -95), one("nfsdcld-too-old"));
    assert_eq!(certain(&[(Tracker::Cld, -110), (Tracker::Umh, -13)], -13), one("umh-helper-failed"));
    assert_eq!(certain(&[(Tracker::Cld, -110), (Tracker::Umh, -2), (Tracker::Legacy, 0)], 0), one("umh-helper-failed"));
    assert_eq!(certain(&[(Tracker::Cld, -110), (Tracker::Umh, -2)], -2), one("legacy-dir-missing"));
    assert_eq!(
        certain(&[(Tracker::Cld, -110), (Tracker::Umh, -2), (Tracker::Legacy, -20)], -20),
        one("legacy-dir-missing")
    );
}

#[test]
fn what_cannot_be_told_apart_is_one_of_several() {
    for (trackers, status) in [(vec![(Tracker::Cld, -110)], -110), (vec![(Tracker::Cld, -5)], -5)] {
        let (session, _) = live(start(&trackers, status).lines);
        let verdict = root(&session).expect("a verdict");
        assert_eq!(verdict.finding.one(), None, "{verdict:?}");
        assert_eq!(verdict.certainty, Certainty::Suspected);
        assert_eq!(session.exit_status(), 1);
    }
}

#[test]
fn a_container_has_no_tracker() {
    let mut script = start(&[(Tracker::Cld, -110), (Tracker::Umh, -22)], -22);
    assert_ne!(root_id(&script).0, "netns-no-tracker", "this is the initial namespace");
    for line in &mut script.lines {
        if let Line::Event(event) = line {
            event.netns = Some(Netns(0xf000_0321));
        }
    }
    assert_eq!(root_id(&script), ("netns-no-tracker".to_owned(), Certainty::Certain));
}

#[test]
fn a_daemon_that_does_not_answer_is_named_while_nfsd_still_waits() {
    let mut script = Script::new();
    script
        .event(1.0, Kind::ServerStart)
        .event(1.0, Kind::TrackingStart { stack: vec![] })
        .event(1.0, Kind::TrackerStart { tracker: Tracker::Cld })
        .event(1.1, Kind::Poll { running: true, inferred: false });
    let mut session = Session::new();
    for line in script.lines {
        session.record(line);
    }
    assert!(session.tick(at(5.9)).items.is_empty(), "a tracker may take its time");
    let said = session.tick(at(6.1)).items;
    assert!(
        matches!(&said[..], [Item::Verdict { revision, .. }] if revision.verdict().finding.one() == Some(Cause::NfsdcldHung))
    );
}

#[test]
fn a_recorded_client_of_version_4_0_keeps_all_waiting() {
    let name = "Linux NFSv4.0 old.example/10.0.0.1";
    // By its name alone it is suspected at once, by its requests it is certain.
    let mut script = with_records(&[name]);
    script.event(2.2, refused(client("Linux NFSv4.1 new.example", 1), ServerOp::Open, true));
    assert_eq!(root_id(&script), ("client-minor-version-0".to_owned(), Certainty::Suspected));
    script.event(3.0, Kind::ClientConfirmed { client: client(name, 0), status: 0 });
    script.event(3.2, Kind::KernelLog { text: "anything".to_owned() });
    assert_eq!(root_id(&script), ("client-minor-version-0".to_owned(), Certainty::Certain));
    ends(&mut script, 22.5, EndedBy::Timer);
    assert_eq!(root_id(&script), ("client-minor-version-0".to_owned(), Certainty::Certain));
}

#[test]
fn version_4_0_is_told_where_only_the_helper_knows_the_record() {
    let mut script = start(&[(Tracker::Cld, -110), (Tracker::Umh, 0)], 0);
    script.event(3.0, Kind::ClientConfirmed { client: client("x", 0), status: 0 });
    script.event(3.1, refused(client("x", 0), ServerOp::Open, true));
    ends(&mut script, 22.5, EndedBy::Timer);
    assert_eq!(root_id(&script), ("client-minor-version-0".to_owned(), Certainty::Certain));
}

#[test]
fn who_never_returned_is_named() {
    let mut script = with_records(&["Linux NFSv4.1 here.example", "Linux NFSv4.1 gone.example"]);
    let here = client("Linux NFSv4.1 here.example", 1);
    script.event(3.0, Kind::ClientConfirmed { client: here.clone(), status: 0 });
    script.event(3.1, Kind::ReclaimComplete { client: here.clone(), status: 0 });
    script.event(8.0, refused(here, ServerOp::Open, true));
    assert_eq!(root_id(&script), ("client-never-returned".to_owned(), Certainty::Suspected));
    ends(&mut script, 22.5, EndedBy::Timer);
    let (session, _) = live(script.lines);
    let verdict = root(&session).expect("a verdict");
    assert_eq!((verdict.finding.one(), verdict.certainty), (Some(Cause::ClientNeverReturned), Certainty::Certain));
    let proof: String = verdict.evidence.iter().map(|it| it.text.as_str()).collect();
    assert!(proof.contains("gone.example") && !proof.contains("here.example"), "{proof}");
}

#[test]
fn what_was_not_seen_proves_nothing_where_records_are_missing() {
    let mut script = with_records(&["gone"]);
    script.event(8.0, refused(client("here", 1), ServerOp::Open, true));
    ends(&mut script, 22.5, EndedBy::Timer);
    assert_eq!(root_id(&script), ("client-never-returned".to_owned(), Certainty::Certain));
    let hides = "RECLAIM_COMPLETEs".to_owned();
    script.lines.insert(2, Line::Loss(Loss { at: at(1.0), cause: "ring_full".to_owned(), count: 1, hides }));
    assert_eq!(root_id(&script), ("client-never-returned".to_owned(), Certainty::Suspected));
}

#[test]
fn a_healthy_restart_is_not_suspected_while_clients_come_back() {
    let mut script = with_records(&["a", "b"]);
    for (seconds, name) in [(2.5, "a"), (2.8, "b")] {
        script.event(seconds, refused(client(name, 1), ServerOp::Open, true));
        script.event(seconds + 0.2, Kind::ReclaimComplete { client: client(name, 1), status: 0 });
    }
    ends(&mut script, 3.2, EndedBy::AllReclaimed);
    let (session, items) = live(script.lines);
    let said: Vec<_> = items.iter().filter(|item| matches!(item, Item::Verdict { .. })).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(ids(&session), [(Some(1), "healthy".to_owned())]);
    assert_eq!(session.exit_status(), 0);
}

#[test]
fn a_restart_that_held_somebody_up_is_not_healthy() {
    // An idle client comes back with its next renewal, which ends the grace period.
    let mut script = with_records(&["busy", "idle"]);
    script.event(2.2, Kind::ReclaimComplete { client: client("busy", 1), status: 0 });
    script.event(2.5, refused(client("new", 1), ServerOp::Open, true));
    script.event(12.0, Kind::ReclaimComplete { client: client("idle", 1), status: 0 });
    ends(&mut script, 12.0, EndedBy::AllReclaimed);
    let (session, _) = live(script.lines);
    assert_eq!(ids(&session), [], "{:?}", session.diagnosis());

    // Only the client's side was seen: its task slept on for a second.
    let mut script = with_records(&["busy"]);
    script.event(2.2, Kind::ReclaimComplete { client: client("busy", 1), status: 0 });
    script.event(2.51, refused(client("new", 1), ServerOp::Open, true)).delay(500, 2.5, 2.52, 400);
    ends(&mut script, 2.6, EndedBy::AllReclaimed);
    assert_eq!(ids(&live(script.lines).0), [(Some(1), "backoff-tail".to_owned())]);
}

#[test]
fn a_wait_for_clients_that_somebody_ended_keeps_its_cause() {
    for (name, id) in [
        ("Linux NFSv4.1 gone", "client-never-returned"),
        ("Linux NFSv4.0 old.example/10.0.0.1", "client-minor-version-0"),
    ] {
        let mut script = with_records(&[name]);
        script.event(3.0, refused(client("new", 1), ServerOp::Open, true));
        script.task = Task { pid: 9, tid: 9, comm: "bash".to_owned() };
        script.event(9.0, Kind::EndGraceWrite { status: 2 });
        ends(&mut script, 9.1, EndedBy::V4EndGrace);
        let (session, _) = live(script.lines);
        let verdict = root(&session).expect("a verdict");
        assert_eq!(verdict.finding.one().map(Cause::id), Some(id));
        assert!(verdict.headline.contains("until a write to v4_end_grace"), "{}", verdict.headline);
        assert_eq!(session.exit_status(), 1);
    }
    // Ended before anybody was refused, it held nobody up; but who was missing has lost what it had.
    let mut script = with_records(&["gone"]);
    script.event(3.0, Kind::EndGraceWrite { status: 2 });
    ends(&mut script, 3.1, EndedBy::V4EndGrace);
    assert_eq!(ids(&live(script.lines).0), []);
}

/// What is said to do, and not to do, while the grace period is on and after it.
fn advice(mut script: Script) -> [String; 2] {
    let all = |session: &Session| {
        let verdict = root(session).expect("a verdict");
        [&verdict.remedy()[..], &verdict.avoid()].concat().join("\n")
    };
    let during = all(&live(script.lines.clone()).0);
    ends(&mut script, 22.5, EndedBy::Timer);
    [during, all(&live(script.lines).0)]
}

const RESTART_NOW: &str = "now, while the grace period is on";
const EMPTY_IT: &str =
    "It is out of date now, so empty it: `cd /var/lib/nfs/nfsdcld && mv main.sqlite main.sqlite.old`";

#[test]
fn without_a_tracker_the_same_restart_saves_locks_during_the_grace_period_and_steals_them_after_it() {
    let around = |rpc_pipefs: Vec<String>| {
        let mut script = start(&[(Tracker::Cld, -110)], -110);
        let seen = Surroundings { rpc_pipefs: Some(rpc_pipefs), ..Surroundings::default() };
        script.event(2.2, Kind::Surroundings(seen));
        script
    };
    for (script, id) in [
        (around(vec!["/run/rpc_pipefs".to_owned()]), "nfsdcld-not-running"),
        (around(vec![]), "rpc-pipefs-missing"),
        (start(&[(Tracker::Cld, -110)], -110), "nfsdcld-not-running|rpc-pipefs-missing"),
        (start(&[(Tracker::Cld, -121)], -121), "nfsdcld-storage"),
        (start(&[(Tracker::Cld, -95), (Tracker::CldV0, -95)], -95), "nfsdcld-too-old"),
        (start(&[(Tracker::Cld, -110), (Tracker::Umh, -13)], -13), "umh-helper-failed"),
        (start(&[(Tracker::Cld, -110), (Tracker::Umh, -2)], -2), "legacy-dir-missing"),
    ] {
        assert_eq!(root_id(&script).0, id);
        let [during, after] = advice(script);
        assert!(during.contains(RESTART_NOW) && !during.contains(EMPTY_IT), "{id}: {during}");
        assert!(after.contains(EMPTY_IT) && !after.contains(RESTART_NOW), "{id}: {after}");
        let stop = after.find("systemctl stop nfsdcld").expect(id);
        let empty = after.find(EMPTY_IT).filter(|empty| stop < *empty);
        let start = after.find("systemctl start nfsdcld");
        assert!(empty.is_some() && empty < start, "{id}: {after}");
    }
}

#[test]
fn where_a_tracker_works_no_restart_is_advised() {
    let waiting = |script: &mut Script| {
        script.event(8.0, refused(client("here", 1), ServerOp::Open, true));
    };
    let mut gone = with_records(&["gone"]);
    waiting(&mut gone);
    let mut old = with_records(&["Linux NFSv4.0 old"]);
    waiting(&mut old);
    for script in [gone, old] {
        let [during, after] = advice(script);
        assert!(
            during.contains("echo Y > /proc/fs/nfsd/v4_end_grace") && during.contains("Do not restart"),
            "{during}"
        );
        assert!(!after.contains("end_grace") && !after.contains("systemctl"), "{after}");
    }
    // The recovery directory is a tracker, but nfsdcld's record is older than it.
    let [during, after] = advice(start(&[(Tracker::Cld, -110), (Tracker::Umh, -2), (Tracker::Legacy, 0)], 0));
    assert!(
        !during.contains(RESTART_NOW) && during.contains(EMPTY_IT) && after.contains(EMPTY_IT),
        "{during}\n{after}"
    );
}

#[test]
fn the_end_of_the_grace_period_revises_the_advice() {
    let mut script = start(&[(Tracker::Cld, -110)], -110);
    ends(&mut script, 22.5, EndedBy::Timer);
    let (_, items) = live(script.lines.clone());
    let revised = items.iter().find_map(|item| match item {
        Item::Verdict { at: when, revision: Revision::Revised { verdict, before } } if *when == at(22.5) => {
            Some((before.remedy().join(" "), verdict.remedy().join(" ")))
        }
        _ => None,
    });
    let (before, now) = revised.expect("a revision");
    assert!(before.contains(RESTART_NOW) && now.contains(EMPTY_IT), "{before}\n{now}");

    // A later start has a verdict of its own: what was to be done about this one is over.
    script.event(60.0, Kind::ServerStop).event(61.0, Kind::ServerStart);
    let (session, _) = replay(script.lines);
    assert_eq!(root(&session).expect("a verdict").remedy(), Vec::<&str>::new());
}

#[test]
fn a_grace_period_that_must_have_run_out_is_over() {
    // The kernel log says nothing at the end of the time.
    let mut script = Script::new();
    script.log(1.0, "NFSD: Unable to initialize client recovery tracking! (-110)");
    script.log(1.0, "NFSD: starting 20-second grace period (net f0000000)");
    let advice = |script: &Script| root(&live(script.lines.clone()).0).expect("a verdict").remedy().join(" ");
    assert!(advice(&script).contains(RESTART_NOW));
    script.log(40.0, "NFSD: something else");
    assert!(advice(&script).contains(EMPTY_IT), "{}", advice(&script));
}

#[test]
fn reclaims_that_go_on_postpone_the_end() {
    let mut script = with_records(&["slow"]);
    for second in 3..30 {
        let kind = Kind::Reclaim { op: ServerOp::Open, client: client("slow", 1), xid: None, status: 0 };
        script.event(f64::from(second), kind);
    }
    let (session, _) = live(script.lines.clone());
    let expectation = session.timeline().expect(session.timeline().now());
    let end = expectation.graces[0].end.expect("foretold");
    assert!(end.latest >= at(41.0), "up to twice the lease: {end:?}");
    ends(&mut script, 30.5, EndedBy::Timer);
    assert_eq!(root_id(&script), ("slow-reclaim".to_owned(), Certainty::Certain));
}

#[test]
fn a_refused_write_to_v4_end_grace_is_a_verdict_of_its_own() {
    let mut script = start(&[(Tracker::Cld, -110)], -110);
    script.task = Task { pid: 9, tid: 9, comm: "bash".to_owned() };
    script.event(5.0, Kind::EndGraceWrite { status: -16 });
    let (session, _) = live(script.lines);
    let all = ids(&session);
    assert_eq!(all[0].1, "nfsdcld-not-running|rpc-pipefs-missing");
    assert_eq!(all[1].1, "end-grace-refused");
}

#[test]
fn the_helpers_own_write_while_nfsd_starts_is_no_verdict() {
    let mut script = Script::new();
    script
        .event(1.0, Kind::ServerStart)
        .event(1.0, Kind::GraceStart { manager: Manager::Nfsd })
        .event(1.0, Kind::TrackingStart { stack: vec![] })
        .event(1.1, Kind::TrackerStart { tracker: Tracker::Umh });
    script.task = Task { pid: 9, tid: 9, comm: "nfsdcltrack".to_owned() };
    script.event(1.5, Kind::EndGraceWrite { status: -16 });
    script
        .event(2.0, Kind::TrackerEnd { tracker: Tracker::Umh, status: 0 })
        .event(2.1, Kind::TrackingEnd { status: 0 });
    script.event(2.1, Kind::ServerStarted { status: 0, state: state(true, None, None) });
    script.event(5.0, Kind::EndGraceWrite { status: 2 });
    ends(&mut script, 5.1, EndedBy::V4EndGrace);
    let (session, _) = live(script.lines);
    let all: Vec<_> = ids(&session).into_iter().map(|(_, id, ..)| id).collect();
    assert_eq!(all, ["healthy"]);
    assert_eq!(session.exit_status(), 0);
}

/// The helper finds nobody on record and asks for the end while nfsd still starts, which refuses (5.10.262).
fn asked_too_early() -> Script {
    let mut script = Script::new();
    script
        .event(1.0, Kind::ServerStart)
        .event(1.0, Kind::GraceStart { manager: Manager::Nfsd })
        .event(1.0, Kind::TrackingStart { stack: vec![] })
        .event(1.1, Kind::TrackerStart { tracker: Tracker::Umh })
        .event(1.5, Kind::EndGraceWrite { status: -16 })
        .event(2.0, Kind::TrackerEnd { tracker: Tracker::Umh, status: 0 })
        .event(2.1, Kind::TrackingEnd { status: 0 })
        .event(2.1, Kind::ServerStarted { status: 0, state: state(true, None, None) });
    script
}

#[test]
fn a_grace_period_that_ran_out_with_nobody_refused_is_healthy() {
    let mut script = asked_too_early();
    ends(&mut script, 22.5, EndedBy::Timer);
    assert_eq!(root_id(&script), ("healthy".to_owned(), Certainty::Certain));
    let (session, _) = live(script.lines);
    let verdict = root(&session).expect("a verdict");
    assert!(verdict.headline.contains("full length"), "{}", verdict.headline);
    assert!(verdict.evidence.iter().any(|it| it.text.contains("still starting")), "{:?}", verdict.evidence);
    assert_eq!(session.exit_status(), 0);
}

#[test]
fn who_is_refused_after_the_helper_asked_too_early_learns_why() {
    let mut script = asked_too_early();
    script.event(4.0, refused(client("new", 1), ServerOp::Open, true));
    script.event(9.0, refused(client("new", 1), ServerOp::Open, true));
    assert_eq!(root_id(&script), ("end-grace-refused".to_owned(), Certainty::Certain));
    ends(&mut script, 22.5, EndedBy::Timer);
    assert_eq!(root_id(&script), ("end-grace-refused".to_owned(), Certainty::Certain));
}

#[test]
fn an_accepted_write_that_leaves_the_work_to_the_laundromat_ended_it() {
    let mut script = start(&[(Tracker::Cld, 0)], 0);
    script.task = Task { pid: 9, tid: 9, comm: "bash".to_owned() };
    script.event(5.0, Kind::EndGraceWrite { status: 2 });
    ends(&mut script, 5.001, EndedBy::Timer);
    let (session, _) = live(script.lines);
    let end = session.timeline().restarts().next().expect("one").grace_end().expect("ended");
    assert_eq!(end.by, EndedBy::V4EndGrace);
}

#[test]
fn locks_that_hang_while_opens_work_are_lockds() {
    let mut script = start(&[(Tracker::Cld, 0)], 0);
    ends(&mut script, 3.0, EndedBy::AllReclaimed);
    script.event(3.1, Kind::GraceStart { manager: Manager::Lockd });
    script.event(8.0, refused(client("a", 1), ServerOp::Lock, true));
    let (session, _) = live(script.lines);
    assert_eq!(ids(&session), [(Some(1), "lockd-grace".to_owned())]);
    assert_eq!(session.timeline().restarts().len(), 1, "a lock refused for lockd's sake tells of no new restart");
}

#[test]
fn lockds_grace_period_may_begin_before_nfsd_does() {
    let mut script = Script::new();
    script.event(0.5, Kind::GraceStart { manager: Manager::Lockd });
    script.event(1.0, Kind::ServerStart);
    let (session, _) = live(script.lines);
    assert!(session.timeline().restarts().next().expect("one").lockd().is_some());
}

#[test]
fn a_client_refused_outside_any_grace_period() {
    let mut script = start(&[(Tracker::Cld, 0)], 0);
    ends(&mut script, 3.0, EndedBy::Skipped);
    for second in 10..14 {
        script.event(f64::from(second), refused(client("stuck", 1), ServerOp::Open, false));
    }
    let (session, _) = live(script.lines);
    assert_eq!(ids(&session)[1].1, "reclaim-complete-missing");
    assert_eq!(session.timeline().restarts().len(), 1);
}

#[test]
fn a_grace_period_far_below_the_lease_is_a_warning_and_no_problem() {
    let mut script = Script::new();
    let state = ServerState { grace_s: Some(10), lease_s: Some(90), ..ServerState::default() };
    script.event(1.0, Kind::ServerStart).event(1.1, Kind::ServerStarted { status: 0, state });
    let (session, _) = live(script.lines);
    assert_eq!(ids(&session), [(Some(1), "grace-shortened-to-zero".to_owned())]);
    assert_eq!(session.exit_status(), 0);
}

#[test]
fn a_sleeper_is_named_at_the_moment_the_grace_period_ends() {
    let mut script = start(&[(Tracker::Cld, -110)], -110);
    script.event(5.0, refused(client("a", 1), ServerOp::Open, true));
    // Its eighth refusal: 12.8 s of sleep.
    script.delay(500, 4.9, 5.01, 3200);
    ends(&mut script, 6.0, EndedBy::Timer);
    let (session, items) = live(script.lines);
    let tail = items.iter().find_map(|item| match item {
        Item::Verdict { at, revision } if revision.verdict().finding.one() == Some(Cause::BackoffTail) => Some(*at),
        _ => None,
    });
    assert_eq!(tail, Some(at(6.0)));
    let forecast = session.timeline().expect(at(6.0)).stalls[0];
    let (from, to) = forecast.free.expect("both sides are seen").left(at(6.0));
    assert!(from >= Duration::from_millis(11_800) && to <= Duration::from_millis(12_100), "{from:?} {to:?}");
}

#[test]
fn attached_in_the_middle_without_a_log_it_says_what_it_did_not_see() {
    let mut script = Script::new();
    script.event(50.0, refused(client("a", 1), ServerOp::Open, true));
    script.event(50.3, refused(client("a", 1), ServerOp::Open, true));
    let (session, _) = live(script.lines.clone());
    let restart = session.timeline().restarts().next().expect("noticed");
    assert_eq!(restart.known_from(), KnownFrom::GraceOnly);
    let verdict = root(&session).expect("a verdict");
    assert!(verdict.finding.causes().len() > 2 && verdict.certainty == Certainty::Suspected);

    // The kernel log, read afterwards, is older than what was noticed, and is about the same start.
    script.log(20.0, "NFSD: Unable to initialize client recovery tracking! (-110)");
    script.log(20.0, "NFSD: starting 90-second grace period (net f0000000)");
    let (session, _) = live(script.lines);
    assert_eq!(session.timeline().restarts().len(), 1);
    assert_eq!(ids(&session), [(Some(1), "nfsdcld-not-running|rpc-pipefs-missing".to_owned())]);
    let planned = session.timeline().restarts().next().expect("one").planned_end(session.timeline().hz());
    assert_eq!(planned.expect("from the log").earliest, at(110.0));
}

#[test]
fn a_start_whose_lines_in_the_kernel_log_came_first_is_one_start() {
    let mut script = Script::new();
    script.log(1.0, "NFSD: Unable to initialize client recovery tracking! (-110)");
    script.log(1.0, "NFSD: starting 20-second grace period (net f0000000)");
    script.lines.extend(start(&[(Tracker::Cld, -110)], -110).lines);
    let (session, _) = live(script.lines);
    let all: Vec<_> = session.timeline().restarts().map(|it| (it.known_from(), it.in_grace())).collect();
    assert_eq!(all, [(KnownFrom::Observed, true)]);
}

#[test]
fn two_namespaces_and_two_starts_are_kept_apart() {
    let mut script = start(&[(Tracker::Cld, -110)], -110);
    script.netns = Netns(0xf000_0111);
    script.event(1.5, Kind::ServerStart).event(1.6, Kind::TrackerStart { tracker: Tracker::Cld });
    script
        .event(1.7, Kind::TrackerEnd { tracker: Tracker::Cld, status: 0 })
        .event(1.7, Kind::TrackingEnd { status: 0 });
    script.event(1.8, Kind::ServerStarted { status: 0, state: ServerState::default() });
    script.netns = Netns(0xf000_0000);
    script.event(4.0, Kind::ServerStop).event(5.0, Kind::ServerStart);
    script.lines.sort_by_key(|line| common::time(line).unwrap_or_default());
    let (session, _) = replay(script.lines);
    let known: Vec<_> = session
        .timeline()
        .restarts()
        .map(|it| (it.netns().expect("known").0, it.tracking_result().map(|it| it.1)))
        .collect();
    assert_eq!(known, [(0xf000_0000, Some(Errno::ETIMEDOUT)), (0xf000_0111, Some(Errno::OK)), (0xf000_0000, None)]);
}

#[test]
fn memory_is_bounded_and_totals_stay_exact() {
    let mut script = start(&[(Tracker::Cld, -110)], -110);
    let count = 70_000_u32;
    for task in 0..count {
        let addr = std::net::Ipv4Addr::from(0x0a00_0000 + task);
        let who = Client { addr: Some(addr.into()), name: None, minor: None };
        script.event(3.0, refused(who, ServerOp::Open, true));
        script.delay(task + 1, 2.9, 3.0, 0);
    }
    let mut session = Session::new();
    for line in script.lines {
        session.record(line);
    }
    let timeline = session.timeline();
    let restart = timeline.restarts().next().expect("one");
    assert_eq!(restart.clients().refused, u64::from(count));
    assert_eq!(restart.clients().list().len(), 4_096);
    assert_eq!(
        restart.clients().list().iter().map(|it| it.refused).sum::<u64>() + restart.clients().refused_to_others,
        u64::from(count)
    );
    assert_eq!(timeline.stalls().live().len(), 65_536);
    assert_eq!(timeline.stalls().totals.not_followed, u64::from(count) - 65_536);
    for task in 0..count {
        let kind = Kind::StallEnd { began: at(2.9), status: Some(0) };
        let mut one = Script::new();
        one.client(task + 1, 10.0 + f64::from(task) / 1e4, kind);
        session.record(one.lines.pop().expect("an event"));
    }
    let stalls = session.timeline().stalls();
    assert_eq!((stalls.live().len(), stalls.totals.ended, stalls.ended().len()), (0, 65_536, 1_000));
    assert_eq!(stalls.ended()[0].length(Stamp::default()), stalls.totals.longest, "the most costly are kept");
}

#[test]
fn a_thread_that_begins_anew_has_ended_what_it_did_before() {
    let mut script = Script::new();
    script.delay(7, 1.0, 1.1, 0).delay(7, 3.0, 3.1, 0);
    let (session, _) = replay(script.lines);
    let stalls = session.timeline().stalls();
    assert_eq!((stalls.live().len(), stalls.totals.ended), (1, 1));
    assert_eq!(stalls.ended()[0].length(Stamp::default()), Duration::from_secs(2), "at most until the next one began");
}

#[test]
fn each_cause_has_its_page() {
    let pages = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/causes");
    let written: BTreeSet<_> = fs::read_dir(pages)
        .expect("docs/causes")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().trim_end_matches(".md").to_owned())
        .filter(|name| name != "README")
        .collect();
    assert_eq!(written, Cause::ALL.iter().map(|cause| cause.id().to_owned()).collect());
}
