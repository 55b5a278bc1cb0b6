//! The trace of a session has the numbers of its report.

use std::time::Duration;

use nfsgrace::{
    outcome,
    record::{Claim, Client, ClockSample, Kind, Line, Loss, ServerOp, StallRow, Stamp},
    view::{Axis, Placed},
};

use super::{
    common::{RECORDINGS, Script, at, recording},
    now,
    trace::{Read, Slice, read},
    trace_of, trace_of_two,
};

fn length(slice: &Slice) -> u64 {
    slice.end - slice.begin
}

fn same_stall(read: &Read, row: &StallRow) {
    let stall = read
        .of("stall")
        .find(|it| it.said.number("tid") == Some(row.tid.into()) && it.said.number("began_ns") == Some(row.began.0))
        .expect("every stall of the report is in the trace");
    assert_eq!((stall.begin, length(stall)), (row.began.0, row.total_ns));
    assert_eq!(stall.said.args.get("path"), row.path.as_ref());
    assert_eq!(stall.said.number("restart"), row.restart.map(u64::from));
    let attempts: Vec<_> = read.within(stall).collect();
    assert_eq!(attempts.len() as u64, row.refused);
    assert!(attempts.iter().all(|it| it.said.category == "attempt" && it.said.flows == attempts[0].said.flows));
    assert_eq!(attempts[0].said.flows.len(), 1, "refusals are joined by an arrow");
    for (attempt, row) in attempts.iter().zip(&row.attempts) {
        assert_eq!((attempt.begin, attempt.said.number("attempt")), (row.refused.0, Some(row.attempt)));
        assert_eq!(attempt.said.number("asked_ns"), row.asked_ns);
        assert_eq!(attempt.said.args["asked_computed"], row.asked_computed.to_string());
        assert_eq!(Some(length(attempt)), row.gap_ns);
        let sleeps: Vec<_> = read.within(attempt).collect();
        assert_eq!(sleeps.len(), 1);
        assert_eq!(sleeps[0].said.name.contains("(computed)"), row.asked_computed);
        if let Some(slept) = row.slept_ns {
            assert_eq!((sleeps[0].begin, length(sleeps[0])), (row.refused.0, slept));
        }
    }
    let tail: u64 = read
        .of("tail")
        .filter(|it| it.end == stall.end && it.said.track.starts_with(&stall.said.track))
        .map(length)
        .sum();
    assert_eq!(tail, row.tail_ns.unwrap_or_default());
}

#[test]
fn a_trace_of_every_recording_has_the_numbers_of_its_report() {
    for name in RECORDINGS {
        let (bytes, session) = trace_of(&recording(name));
        let read = read(&bytes);
        let summary = outcome::summary(&session, now(&session));
        assert_eq!(read.of("stall").count(), summary.stalls.len(), "{name}");
        for row in &summary.stalls {
            same_stall(&read, row);
        }
        for row in &summary.restarts {
            let of_it = |slice: &&Slice| slice.said.number("restart") == Some(row.restart.into());
            let graces: Vec<_> =
                read.of("grace").filter(of_it).filter(|it| it.said.args["manager"] == "nfsd").collect();
            assert_eq!(graces.len(), usize::from(row.grace_began.is_some()), "{name}");
            assert_eq!(graces.first().map(|it| length(it)), row.grace_ns, "{name}");
            let refused = read.moments("refusal").filter(|(_, it)| it.number("restart") == Some(row.restart.into()));
            assert_eq!(refused.count() as u64, row.refused, "{name}");
            let starts: Vec<_> = read.of("server").filter(of_it).collect();
            assert_eq!((starts.len(), starts[0].begin), (1, row.began.0), "{name}");
        }
        let trackers: Vec<_> = read.of("tracker").collect();
        let rows: Vec<_> = summary.restarts.iter().flat_map(|restart| &restart.trackers).collect();
        assert_eq!(trackers.len(), rows.len(), "{name}");
        for (tracker, row) in trackers.iter().zip(rows) {
            assert_eq!(tracker.begin, row.began.0, "{name}");
            // Some kernels show only that a tracker returned: how long it took is then not known.
            assert_eq!(length(tracker), row.took_ns.unwrap_or_default(), "{name}");
            let status = row.status.expect("it returned");
            let outcome = status.name().unwrap_or("ok");
            assert!(tracker.said.name.contains(outcome), "{name}: {}", tracker.said.name);
            let noes = read.within(tracker).filter(|poll| poll.said.args["running"] == "false");
            assert_eq!(noes.count() as u64, row.polls_false, "{name}");
        }
        let refused = read.counters.iter().find(|(track, _)| track.ends_with("refused so far"));
        let last = refused.and_then(|(_, values)| values.last()).map_or(0, |(_, value)| *value);
        assert_eq!(last.cast_unsigned(), summary.restarts.iter().map(|row| row.refused).sum::<u64>(), "{name}");
    }
}

fn refused(name: &str) -> Kind {
    Kind::Refused {
        op: ServerOp::Open,
        client: Client {
            addr: Some([10, 0, 0, 1].into()),
            name: Some("evil\x1b[2J\u{202e}".to_owned()),
            minor: Some(1),
        },
        xid: Some(0xfeed),
        claim: Some(Claim::Null),
        name: Some(name.to_owned()),
        in_grace: Some(true),
        took_ns: 77,
    }
}

#[test]
fn what_has_not_ended_is_shown_as_far_as_it_came_and_says_so() {
    let mut script = Script::new();
    script
        .event(1.0, Kind::ServerStart)
        .event(1.1, Kind::GraceStart { manager: nfsgrace::record::Manager::Nfsd })
        .event(2.0, refused("a"))
        .delay(7, 1.9, 2.001, 0)
        .delay(8, 2.0, 2.2, 25);
    let (bytes, _) = trace_of(&script.lines);
    let read = read(&bytes);
    let grace = read.of("grace").next().expect("a grace period");
    assert_eq!(grace.said.name, "grace period, not ended");
    assert_eq!((grace.begin, grace.end), (at(1.1).0, at(2.2).0));
    assert_eq!(grace.said.number("grace_ns"), None);
    let start = read.of("server").next().expect("a start");
    assert_eq!(start.said.name, "restart 1: nfsd starts, end not seen");
    let stalls: Vec<_> = read.of("stall").collect();
    assert_eq!(stalls.len(), 2);
    assert!(stalls.iter().all(|stall| stall.end == at(2.2).0 && stall.said.args["state"] == "asleep"));
    assert!(read.of("sleep").all(|sleep| sleep.said.name.ends_with(", not over")));
    assert_eq!(read.counters["a host without a name/stalled tasks at a time"].iter().map(|it| it.1).max(), Some(2));
}

#[test]
fn losses_and_names_that_try_to_move_the_cursor() {
    let mut script = Script::new();
    let evil = "\x1b[2J\u{202e}\nfile";
    script.event(1.0, Kind::ServerStart).event(2.0, refused(evil));
    for (seconds, count) in [(3.0, 12), (4.0, 3)] {
        let (cause, hides) = ("ring_full\x07".to_owned(), "refusals".to_owned());
        script.lines.push(Line::Loss(Loss { at: at(seconds), cause, count, hides }));
    }
    let (bytes, _) = trace_of(&script.lines);
    let read = read(&bytes);
    let clean = |text: &str| !text.contains(|c: char| c.is_control() || c == '\u{202e}');
    let said = read.instants.iter().map(|(_, said)| said).chain(read.slices.iter().map(|slice| &slice.said));
    for said in said {
        assert!(clean(&said.name) && clean(&said.track) && said.args.values().all(|it| clean(it)), "{said:?}");
    }
    let lost: Vec<_> = read.moments("loss").collect();
    assert_eq!((lost.len(), lost[0].1.number("count"), lost[0].1.args["hides"].as_str()), (2, Some(12), "refusals"));
    assert_eq!(read.counters["a host without a name/records lost so far"], [(at(3.0).0, 12), (at(4.0).0, 15)]);
    let (_, refusal) = read.moments("refusal").next().expect("a refusal");
    assert_eq!(refusal.number("xid"), Some(0xfeed));
    assert_eq!(refusal.args["claim"], "null");
}

#[test]
fn the_wall_clock_is_told_where_it_is_known() {
    let mut lines = recording("6.18-no-nfsdcld");
    assert_eq!(read(&trace_of(&lines).0).clocks, [(6_685_634_000, None)], "this recording does not know it");
    let Some(Line::Header(header)) = lines.first_mut() else { panic!("a header") };
    header.realtime_minus_boottime_ns = 1_795_400_000_000_000_000;
    for (seconds, step) in [(60.0, 12_000), (60.0, 99_000), (50.0, 1), (70.0, -5_000_000_000)] {
        let realtime_minus_boottime_ns = 1_795_400_000_000_000_000 + step;
        lines.push(Line::Clock(ClockSample { at: at(seconds), realtime_minus_boottime_ns }));
    }
    let clocks = read(&trace_of(&lines).0).clocks;
    assert_eq!(
        clocks,
        [
            (6_685_634_000, Some(1_795_400_006_685_634_000)),
            (60_000_000_000, Some(1_795_400_060_000_012_000)),
            (70_000_000_000, Some(1_795_400_065_000_000_000)),
        ]
    );
}

#[test]
fn two_hosts_have_tracks_of_their_own_on_one_axis() {
    let lines = recording("6.18-no-nfsdcld");
    let mut other = lines.clone();
    let Some(Line::Header(header)) = other.first_mut() else { panic!("a header") };
    header.host = "client".to_owned();
    let axis = Axis::new(|at: Stamp| Placed {
        at_ns: (at.0 + 3_600_000_000_000) as i64,
        error: Some(Duration::from_micros(250)),
    });
    let read = read(&trace_of_two(&lines, &other, axis));
    let of = |host: &str| {
        let stalls = read.of("stall").filter(|stall| stall.said.track.starts_with(host)).collect::<Vec<_>>();
        assert!(!stalls.is_empty());
        stalls
    };
    for (own, other) in of("guest").into_iter().zip(of("client")) {
        assert_eq!(own.begin + 3_600_000_000_000, other.begin);
        assert_eq!(length(own), length(other));
        assert_eq!(own.said.number("clock_uncertainty_ns"), None);
        assert_eq!(other.said.number("clock_uncertainty_ns"), Some(250_000));
        let flow = |stall| read.within(stall).next().map(|attempt| attempt.said.flows.clone());
        assert_ne!(flow(own), flow(other));
    }
    assert_eq!(read.clocks.len(), 1, "one trace has one wall clock");
}
