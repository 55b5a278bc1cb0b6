//! Whatever comes in any order, at any time, even backwards: the exports keep to their formats.

use nfsgrace::record::{
    Client, ClockSample, Counts, EndedBy, Event, Header, Kind, Line, Loss, Manager, Netns, Refusal, ServerOp,
    ServerState, Stamp, Surroundings, Task, Tracker,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{tables_of, trace::read, trace_of};

/// Few moments, so that many things happen in the same one.
fn moment() -> impl Strategy<Value = Stamp> {
    prop_oneof![9 => (0_u64..40).prop_map(|tenths| Stamp(tenths * 100_000_000)), 1 => any::<u64>().prop_map(Stamp)]
}

fn status() -> impl Strategy<Value = i32> {
    prop_oneof![Just(0), Just(-110), any::<i32>()]
}

fn manager() -> impl Strategy<Value = Manager> {
    select(vec![Manager::Nfsd, Manager::Lockd])
}

fn state() -> impl Strategy<Value = ServerState> {
    (option::of(0_u64..100), option::of(any::<bool>()), option::of(0_u32..5)).prop_map(
        |(grace_s, tracking, to_reclaim)| ServerState {
            grace_s,
            lease_s: grace_s,
            tracking,
            to_reclaim,
            ..ServerState::default()
        },
    )
}

fn client() -> impl Strategy<Value = Client> {
    option::of(0_u8..4).prop_map(|number| Client {
        addr: number.map(|number| [10, 0, 0, number].into()),
        name: number.map(|number| format!("client {number}")),
        minor: number.map(u32::from),
    })
}

fn server_kind() -> impl Strategy<Value = Kind> {
    let tracker = || select(vec![Tracker::Cld, Tracker::CldV0, Tracker::Umh, Tracker::Legacy]);
    let by = select(vec![EndedBy::Skipped, EndedBy::Timer, EndedBy::AllReclaimed, EndedBy::Shutdown, EndedBy::Unknown]);
    let text = select(vec![
        "NFSD: starting 20-second grace period (net f0000000)",
        "NFSD: Unable to initialize client recovery tracking! (-110)",
        "NFSD: Using UMH upcall client tracking operations.",
        "NFSD: all clients done reclaiming, ending NFSv4 grace period (net f0000000)",
        "NFSD: something else",
    ]);
    prop_oneof![
        Just(Kind::ServerStart),
        (status(), state()).prop_map(|(status, state)| Kind::ServerStarted { status, state }),
        Just(Kind::ServerStop),
        Just(Kind::TrackingStart { stack: vec!["a+0x1".to_owned(), "b+0x1".to_owned()] }),
        status().prop_map(|status| Kind::TrackingEnd { status }),
        tracker().prop_map(|tracker| Kind::TrackerStart { tracker }),
        (tracker(), status()).prop_map(|(tracker, status)| Kind::TrackerEnd { tracker, status }),
        any::<(bool, bool)>().prop_map(|(running, inferred)| Kind::Poll { running, inferred }),
        manager().prop_map(|manager| Kind::GraceStart { manager }),
        (manager(), by, state()).prop_map(|(manager, by, state)| Kind::GraceEnd { manager, by, state }),
        any::<(bool, bool)>().prop_map(|(for_open, in_grace)| Kind::GraceAnswer { for_open, in_grace }),
        (client(), option::of(any::<bool>())).prop_map(|(client, in_grace)| Kind::Refused {
            op: ServerOp::Open,
            client,
            xid: Some(1),
            claim: None,
            name: None,
            in_grace,
            took_ns: 1,
        }),
        client().prop_map(|client| Kind::Reclaim { op: ServerOp::Open, client, xid: None, status: 0 }),
        client().prop_map(|client| Kind::ReclaimComplete { client, status: 0 }),
        client().prop_map(|client| Kind::ClientConfirmed { client, status: 0 }),
        status().prop_map(|status| Kind::EndGraceWrite { status }),
        Just(Kind::Surroundings(Surroundings::default())),
        text.prop_map(|text| Kind::KernelLog { text: text.to_owned() }),
        (0_u64..9).prop_map(|opens| Kind::Counts(Counts { opens, opens_refused: opens, ..Counts::default() })),
    ]
}

fn client_kind() -> impl Strategy<Value = Kind> {
    let refusal = select(vec![Refusal::Grace, Refusal::Delay]);
    let delay = (moment(), any::<bool>(), refusal, option::of(0_i64..5000), any::<bool>());
    prop_oneof![
        3 => delay.prop_map(|(began, began_seen, refusal, timeout, observed)| Kind::Delay {
            began,
            began_seen,
            op: Some("nfs4_do_open".to_owned()),
            path: None,
            server: Some("127.0.0.1".to_owned()),
            refusal,
            timeout,
            observed,
            stack: Vec::new(),
            rpc: None,
        }),
        1 => (moment(), status()).prop_map(|(began, status)| Kind::SleepEnd { began, status }),
        1 => moment().prop_map(|began| Kind::Attempt { began }),
        2 => (moment(), option::of(status())).prop_map(|(began, status)| Kind::StallEnd { began, status }),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    let netns = option::of((0_u32..3).prop_map(Netns));
    let server = (moment(), netns, server_kind()).prop_map(|(at, netns, kind)| {
        Line::Event(Event { at, task: Task { pid: 1, tid: 1, comm: "nfsd".to_owned() }, netns, kind })
    });
    let client = (moment(), 1_u32..4, client_kind()).prop_map(|(at, tid, kind)| {
        Line::Event(Event { at, task: Task { pid: tid, tid, comm: "sh".to_owned() }, netns: None, kind })
    });
    let loss = (moment(), any::<u64>())
        .prop_map(|(at, count)| Line::Loss(Loss { at, cause: "ring_full".to_owned(), count, hides: String::new() }));
    let clock = (moment(), any::<i64>())
        .prop_map(|(at, realtime_minus_boottime_ns)| Line::Clock(ClockSample { at, realtime_minus_boottime_ns }));
    let header =
        moment().prop_map(|started| Line::Header(Box::new(Header { started, hz: Some(250), ..Header::default() })));
    prop_oneof![20 => server, 20 => client, 1 => loss, 1 => clock, 1 => header]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn slices_always_nest_and_counters_never_go_back(lines in vec(line(), 0..60)) {
        let (bytes, session) = trace_of(&lines);
        let read = read(&bytes);
        for (track, values) in &read.counters {
            let grows = values.is_sorted_by_key(|(_, value)| *value);
            let may_shrink = ["stalled tasks at a time", "refused, as counted in the kernel"];
            prop_assert!(grows || may_shrink.iter().any(|name| track.ends_with(name)), "{track}: {values:?}");
        }
        for slice in &read.slices {
            prop_assert!(slice.begin <= slice.end);
        }
        let stalls = session.timeline().stalls();
        let all = stalls.totals.ended + stalls.live().len() as u64;
        prop_assert_eq!(read.of("stall").count() as u64, all);
        prop_assert_eq!(read.of("attempt").count() as u64, stalls.totals.refused);
    }

    #[test]
    fn tables_always_have_a_row_for_each_refusal(lines in vec(line(), 0..60)) {
        let (attempts, refusals, session) = tables_of(&lines);
        let rows = |table: &str| csv::Reader::from_reader(table.as_bytes()).records().filter(|row| row.is_ok()).count();
        prop_assert_eq!(rows(&attempts) as u64, session.timeline().stalls().totals.refused);
        let refused = |line: &&Line| matches!(line, Line::Event(it) if matches!(it.kind, Kind::Refused { .. }));
        prop_assert_eq!(rows(&refusals), lines.iter().filter(refused).count());
    }
}
