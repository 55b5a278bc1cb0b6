//! Well-formed records with the worst that can be in them, from a host that nobody trusts: no view panics, no escape
//! sequence gets through, and what another host tells is shown as if they had never come.

use nfsgrace::{
    outcome::{self, SessionOutcome},
    paired::{Clocks, HostSession, Paired},
    record::{self, Item, Kind, Line, Reader, Stamp},
    session::Session,
    source::{
        heard::FromSource,
        stream::{Feed, Stream},
    },
    view::{Style, summary, text},
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

/// The name of any kind of event.
fn event() -> impl Strategy<Value = Value> {
    prop::sample::select(Kind::about()).prop_map(|kind| Value::from(kind.name))
}

/// Numbers at which sums and products overflow, and small ones, which tie records to each other. Each fits into its field:
/// others cost their line only, which is tested elsewhere.
fn number(largest: u64) -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (0_u64..4).prop_map(Value::from),
        2 => prop::sample::select(vec![largest, largest - 1, largest / 2, largest / 2 + 1]).prop_map(Value::from),
        1 => (0..largest).prop_map(Value::from),
    ]
}

fn signed(largest: i64) -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => prop::sample::select(vec![0_i64, 1, -110, 10_013]).prop_map(Value::from),
        1 => prop::sample::select(vec![largest, -largest - 1, -largest, largest / 2]).prop_map(Value::from),
    ]
}

fn name() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("\u{1b}[2J\u{1b}]0;owned\u{7}\r\n")),
        Just(json!("\u{202e}gnp.\u{200b}exe\u{9b}31m")),
        Just(json!("NFSD: starting 18446744073709551615-second grace period (net f0000001)")),
        Just(json!("NFSD: starting 90-second grace period (net f0000001)")),
        ".{0,20}".prop_map(Value::from),
        "[a-z]{0,300}".prop_map(Value::from),
    ]
}

fn of(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::sample::select(words).prop_map(Value::from)
}

/// One record; every field that any kind of event has is in it, or is not.
fn record() -> impl Strategy<Value = Value> {
    let wide = [
        "grace_s",
        "lease_s",
        "took_ns",
        "opens",
        "opens_refused",
        "others_refused",
        "grace_asked",
        "grace_true",
        "delays",
        "stalls_ended",
        "count",
    ];
    let narrow = ["to_reclaim", "reclaimed", "minor", "xid", "nfsdcld_pid", "transmissions"];
    let ids = ["pid", "tid"];
    let flags = [
        "tracking",
        "tracks_reclaim_completes",
        "running",
        "inferred",
        "for_open",
        "in_grace",
        "began_seen",
        "observed",
        "nfsdcltrack",
        "recovery_dir",
    ];
    let names = ["comm", "name", "client_name", "path", "server", "text", "nfsdcld_pipe", "hides", "cause"];
    let words = (
        prop_oneof![event(), Just(json!("delay")), Just(json!("refused")), Just(json!("grace_start"))],
        of(&["cld", "cld_v0", "umh", "legacy"]),
        of(&["nfsd", "lockd"]),
        of(&["skipped", "timer", "all_reclaimed", "v4_end_grace", "shutdown", "unknown"]),
        of(&["open", "lock", "remove", "rename"]),
        of(&["grace", "delay"]),
        of(&["null", "previous", "fh"]),
        of(&["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"]),
        prop_oneof![9 => Just(json!("event")), 1 => of(&["loss", "clock"])],
    );
    let times = prop_oneof![
        4 => (0_u64..200).prop_map(|tenths| 1_000_000_000_000 + tenths * 100_000_000),
        1 => prop::sample::select(vec![0, 1, u64::MAX, 1 << 62, 1_000_000_000_000 + 86_400_000_000_000]),
    ];
    let seconds_before = || vec(prop::option::of(0_u64..20), 3);
    let numbers = (
        vec(prop::option::weighted(0.8, number(u64::MAX)), wide.len()),
        vec(prop::option::weighted(0.8, number(u32::MAX.into())), narrow.len()),
        vec(0_u32..3, ids.len()),
        signed(i32::MAX.into()),
        signed(i64::MAX),
        seconds_before(),
    );
    let place = (times, prop::sample::select(vec![1_u32, 2, u32::MAX]), vec(name(), 0..4));
    (words, numbers, vec(any::<Option<bool>>(), flags.len()), vec(name(), names.len()), place).prop_map(
        move |(words, (widths, narrows, tasks, status, timeout, before), flagged, named, (t, netns, list))| {
            let (event, tracker, manager, by, op, refusal, claim, client_addr, kind) = words;
            let mut record = json!({
                "type": kind, "t": t, "event": event, "netns": netns, "tracker": tracker, "manager": manager, "by": by,
                "op": op, "refusal": refusal, "claim": claim, "client_addr": client_addr, "stack": list,
                "rpc_pipefs": list, "status": status, "timeout": timeout, "realtime_minus_boottime_ns": 1_795_000_000_000_000_000_i64,
            });
            let fields = wide.iter().chain(&narrow).zip(widths.into_iter().chain(narrows));
            let fields = fields.filter_map(|(key, value)| Some((*key, value?)));
            let fields = fields.chain(ids.iter().copied().zip(tasks.into_iter().map(Value::from)));
            let times = ["began", "sent", "received"].into_iter().zip(before);
            let times = times.filter_map(|(key, before)| Some((key, (t / 1_000_000_000).checked_sub(before?)? * 1_000_000_000)));
            let fields = fields.chain(times.map(|(key, time)| (key, time.into())));
            let fields = fields.chain(flags.iter().zip(flagged).filter_map(|(key, flag)| Some((*key, flag?.into()))));
            for (key, value) in fields.chain(names.iter().copied().zip(named)) {
                record[key] = value;
            }
            record
        },
    )
}

const HEADER: &str =
    "{\"type\":\"header\",\"schema\":1,\"host\":\"\\u001b[2Jevil\",\"boot_id\":\"e\",\"t\":1000000000000}\n";

async fn through_a_source(text: &[u8]) -> Vec<Line> {
    let mut stream = Stream::new(text, Feed::Live);
    let mut lines = Vec::new();
    while let Some(heard) = stream.next().await.expect("memory gives no I/O error") {
        lines
            .extend(heard.into_iter().filter_map(|it| if let FromSource::Line(line) = it { Some(line) } else { None }));
    }
    lines
}

/// All that a view shows of one host, live and at the end.
fn shown(lines: &[Line]) -> Vec<String> {
    let mut session = Session::new();
    let mut out = Vec::new();
    for line in lines {
        let update = session.record(line.clone());
        for item in &update.items {
            out.extend(text::lines(item, &session, 80, Style::PLAIN));
        }
        let now = session.timeline().now();
        for item in session.tick(now).items {
            out.extend(text::lines(&item, &session, 80, Style::PLAIN));
        }
        out.extend(text::status(session.timeline(), now, 80, 10, Style::PLAIN));
    }
    let now = session.timeline().now();
    for item in session.finish(now).items {
        out.extend(text::lines(&item, &session, 80, Style::PLAIN));
    }
    out.extend(summary::text(&SessionOutcome::of(&session, now), 80, Style::PLAIN));
    out.extend(SessionOutcome::of(&session, now).into_lines().iter().map(record::text));
    out
}

fn good() -> Vec<Line> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/6.18-no-nfsdcld.ndjson");
    let bytes = std::fs::read(path).expect("a fixture");
    Reader::new(&bytes[..]).filter_map(|item| if let Ok(Item::Line(line)) = item { Some(line) } else { None }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_view_is_harmed(records in vec(record(), 1..40)) {
        let text: String = records.iter().map(|record| format!("{record}\n")).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let lines = runtime.block_on(through_a_source(format!("{HEADER}{text}").as_bytes()));
        for line in shown(&lines) {
            prop_assert!(!line.contains(char::is_control), "{:?}", line);
        }

        // Two hosts of one paired session: the other one's story is its own.
        let mut paired = Paired::new(Clocks::Rpc);
        let (mut evil, mut honest) = (Session::new(), Session::new());
        let mut hosts = [None, None];
        let others = good();
        for number in 0..lines.len().max(others.len()) {
            for (host, (session, line)) in [(&mut evil, lines.get(number)), (&mut honest, others.get(number))].into_iter().enumerate() {
                let Some(line) = line else { continue };
                if let Line::Header(header) = line {
                    hosts[host] = paired.host(header);
                }
                session.record(line.clone());
                if let Some(id) = hosts[host] {
                    paired.observe(id, line, session);
                }
            }
        }
        paired.finish();
        let ends = [(hosts[0], &evil), (hosts[1], &honest)];
        let ends: Vec<_> = ends
            .into_iter()
            .filter_map(|(id, session)| Some(HostSession { id: id?, session, now: session.timeline().now(), lost_contact: None }))
            .collect();
        let together = outcome::paired(&paired, &ends);
        prop_assert_eq!(together.hosts.len(), 2);
        let mut alone = Session::new();
        others.iter().for_each(|line| drop(alone.record(line.clone())));
        let story = |session: &Session| format!("{:?}", outcome::summary(session, Stamp(1 << 40)));
        prop_assert_eq!(story(&honest), story(&alone));
    }
}
