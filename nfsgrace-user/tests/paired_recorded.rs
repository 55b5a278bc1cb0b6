//! Three real hosts, recorded while the server was restarted without nfsdcld: 6.18, with clients of 6.12 and 5.10. Their wall
//! clocks are hours wrong and their clocks drift; how far they truly were apart was measured beside it.

mod common;

use std::fs;

use common::{conducted, fixture, recording, together};
use nfsgrace::{
    clock::HostId,
    conductor::{Conductor, Member},
    paired::{Clocks, Paired, Tie},
    record::{Cause, ClockOutcome, Errno, Line, PairedSummary, Stamp},
};

const HOSTS: [&str; 3] = ["server", "client", "second"];

struct Read {
    conductor: Conductor,
    names: [&'static str; 3],
}

impl Read {
    /// Reads the sessions in this order.
    fn of(names: [&'static str; 3]) -> Self {
        let sessions = names.map(|name| recording(&format!("paired/{name}")));
        Self { conductor: conducted(Clocks::Rpc, sessions), names }
    }

    fn summary(&self) -> PairedSummary {
        together(&self.conductor)
    }

    fn paired(&self) -> &Paired {
        self.conductor.paired()
    }

    fn of_name(&self, name: &str) -> &Member {
        let nth = self.names.iter().position(|it| *it == name).expect("it was read");
        &self.conductor.members()[nth]
    }

    fn id(&self, name: &str) -> HostId {
        self.of_name(name).id
    }
}

/// Client, time on its clock, and how far the server's clock was ahead at least and at most.
fn truth() -> Vec<(String, Stamp, i64, i64)> {
    let text = fs::read_to_string(fixture("paired/clocks.txt")).expect("fixture");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let number = |word: &str| word.parse::<i64>().expect("a number");
    let line = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        [client, at, least, most] => (client.to_owned(), Stamp(number(at).unsigned_abs()), number(least), number(most)),
        _ => panic!("{line}"),
    };
    lines.map(line).collect()
}

/// How often what is said of the clocks can be true, and cannot, if they were so much further apart.
fn possible(shift: i64) -> [usize; 2] {
    let read = Read::of(HOSTS);
    let towards = read.paired().towards(read.id("server"));
    let mut counts = [0; 2];
    for (client, at, least, most) in truth() {
        let mapped = read.paired().at(&towards, read.id(&client), at);
        let ahead = |time: Option<i64>| time.expect("bounded") - i64::try_from(at.0).expect("this century");
        let (low, high) = (ahead(mapped.earliest), ahead(mapped.latest));
        counts[usize::from(low > most + shift || high < least + shift)] += 1;
    }
    counts
}

#[test]
fn the_true_offset_lies_within_the_bound_at_every_moment() {
    assert_eq!(possible(0), [truth().len(), 0]);
    // And the bound is worth something.
    assert_eq!(possible(20_000_000), [0, truth().len()]);
    assert_eq!(possible(-20_000_000), [0, truth().len()]);
    let summary = Read::of(HOSTS).summary();
    assert_eq!(summary.reference, 0);
    for host in &summary.hosts[1..] {
        assert_eq!((host.clock.outcome.known(), host.clock.steps.len()), (Some(ClockOutcome::Accurate), 0));
        assert!(host.clock.largest_error_ns.is_some_and(|error| error < 10_000_000), "{:?}", host.clock);
    }
    // The server's wall clock was set ahead by 5 hours, the clients' back by 3 and ahead by 11.
    let hours = |nth: usize| summary.hosts[nth].clock.wall_clock_ahead_ns.map(|ns| (ns as f64 / 3_600e9).round());
    assert_eq!([hours(1), hours(2)], [Some(-8.0), Some(6.0)]);
}

#[test]
fn every_attempt_is_found_on_the_server_in_the_order_of_cause_and_effect() {
    let read = Read::of(HOSTS);
    let towards = read.paired().towards(read.id("server"));
    let mut found = 0;
    for name in &HOSTS[1..] {
        let Member { id, session, .. } = read.of_name(name);
        let [stall] = &session.timeline().stalls().ended()[..] else { panic!("one stall of {name}") };
        assert_eq!(stall.refused, 7, "{name}");
        for attempt in stall.attempts() {
            let Some(Tie::Matched { rpc, root: Some(_) }) = read.paired().tie_of(*id, stall.id, attempt.number) else {
                panic!("attempt {} of {name} has no other end", attempt.number);
            };
            let at = |stamp: Stamp| read.paired().at(&towards, *id, stamp).time().expect("tied");
            let (client, server) = (&rpc.client, &rpc.server);
            let (left, received) = (server.left.expect("it returned"), client.received.expect("an answer"));
            assert_eq!(server.host, read.id("server"));
            assert!(at(client.sent) <= server.entered && server.entered < left && left <= at(received), "{rpc:?}");
            found += 1;
        }
    }
    let summary = read.summary();
    assert_eq!((found, summary.rpcs.matched, summary.rpcs.unmatched.len()), (14, 14, 0));
}

#[test]
fn the_cause_is_on_the_server_and_the_seconds_of_the_clients_add_up() {
    let summary = Read::of(HOSTS).summary();
    let [cause] = &summary.causes[..] else { panic!("{:#?}", summary.causes) };
    assert_eq!((cause.server, cause.restart, &cause.ids[..]), (0, 2, &[Cause::NfsdcldNotRunning.into()][..]));
    assert_eq!((cause.tracking_status, cause.cost.tasks, cause.cost.blocked), (Some(Errno(-110)), 2, 0));
    assert_eq!(summary.stalls.iter().map(|row| row.host).collect::<Vec<_>>(), [2, 1], "the longest first");
    for row in &summary.stalls {
        let split = row.split.expect("both ends are known");
        assert_eq!(split.grace_ns + split.tail_ns + split.other_ns, row.total_ns);
        assert_eq!((row.server, row.restart, row.refused, row.matched), (Some(0), Some(2), 7, 7));
        // As long as lab-open found it, which ran on the client; nearly all of it grace period and backoff tail.
        assert!((13_180_000_000..13_265_000_000).contains(&row.total_ns) && split.other_ns < 20_000_000, "{row:#?}");
        assert!(
            row.attempts.iter().all(|it| it.wire_ns.is_some() && it.in_server_ns.is_some() && it.unmatched.is_none())
        );
    }
    let sum = |of: fn(&nfsgrace::record::CostRow) -> u64| cause.clients.iter().map(|it| of(&it.cost)).sum::<u64>();
    assert_eq!(sum(|it| it.lost_ns), cause.cost.lost_ns);
    assert_eq!([sum(|it| it.grace_ns), sum(|it| it.tail_ns)], [cause.cost.grace_ns, cause.cost.tail_ns]);
    assert_eq!(cause.cost.lost_ns, summary.stalls.iter().map(|row| row.total_ns).sum::<u64>());
}

#[test]
fn the_order_of_the_sessions_does_not_matter() {
    /// With the place of each host as it is in `HOSTS`.
    fn renumbered(mut summary: PairedSummary) -> PairedSummary {
        let names: Vec<String> = summary.hosts.iter().map(|host| host.host.clone()).collect();
        let place = |nth: usize| HOSTS.iter().position(|name| *name == names[nth]).expect("a host");
        summary.reference = place(summary.reference);
        for cause in &mut summary.causes {
            cause.server = place(cause.server);
            cause.clients.iter_mut().for_each(|client| client.host = place(client.host));
        }
        for stall in &mut summary.stalls {
            stall.host = place(stall.host);
            stall.server = stall.server.map(place);
        }
        summary.hosts.sort_by_key(|host| HOSTS.iter().position(|name| *name == host.host));
        summary
    }
    let expected = Read::of(HOSTS).summary();
    let [server, client, second] = HOSTS;
    for order in [
        [server, second, client],
        [client, server, second],
        [client, second, server],
        [second, server, client],
        [second, client, server],
    ] {
        assert_eq!(renumbered(Read::of(order).summary()), expected, "{order:?}");
    }
}

#[test]
fn what_the_server_did_not_record_is_said_not_to_be_there() {
    let lines = recording("paired/server").into_iter().filter(
        |line| !matches!(line, Line::Event(event) if matches!(event.kind, nfsgrace::record::Kind::Refused { .. })),
    );
    let summary = together(&conducted(Clocks::Rpc, [lines.collect(), recording("paired/client")]));
    assert_eq!((summary.rpcs.matched, summary.causes.len()), (0, 0), "no cause is made up");
    assert_eq!(summary.rpcs.unmatched.values().sum::<u64>(), 7, "{:?}", summary.rpcs);
}
