//! A session file must survive everything that can happen to a file, and say what was lost.

mod common;

use std::{fs, path::PathBuf};

use arbitrary::{Arbitrary as _, Unstructured};
use nfsgrace::outcome::SessionOutcome;
use nfsgrace::record::{
    Cause, ClockOutcome, ClockSample, Continues, Event, Excess, Header, HookId, Item, KnownFrom, Line, Loss, MAX_LINE,
    ProbeRow, Question, Reader, Refusal, Role, Severity, StallState, Stamp, Unmatched, VerdictState, Vocabulary, Why,
    Word, decode, decode_thoroughly, encode,
};
use proptest::{collection::vec, option, prelude::*};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9/._-]{0,20}",
        ".{0,12}",
        Just("quote \" back \\ tab \t newline \n escape \u{1b}[31m nul \0 snow \u{2603} \u{10ffff}".to_owned())
    ]
}

/// Any event, made of bytes as the fuzzer makes it.
fn event() -> impl Strategy<Value = Event> {
    vec(any::<u8>(), 0..300)
        .prop_map(|bytes| Event::arbitrary(&mut Unstructured::new(&bytes)).expect("any bytes make one"))
}

fn stamp() -> impl Strategy<Value = Stamp> {
    any::<u64>().prop_map(Stamp)
}

fn line() -> impl Strategy<Value = Line> {
    let continues = (text(), 2..u64::MAX, any::<u64>(), stamp()).prop_map(|(file, part, repeats, t)| Continues {
        file,
        part,
        repeats,
        t,
    });
    let header = (
        text(),
        vec(text(), 0..3),
        option::of(any::<u32>()),
        any::<i64>(),
        option::of(any::<u32>()),
        stamp(),
        option::of(continues),
    );
    prop_oneof![
        8 => event().prop_map(Line::Event),
        1 => (stamp(), any::<i64>()).prop_map(|(at, realtime_minus_boottime_ns)| Line::Clock(ClockSample {
            at,
            realtime_minus_boottime_ns
        })),
        1 => (stamp(), text(), any::<u64>(), text()).prop_map(|(at, cause, count, hides)| Line::Loss(Loss {
            at,
            cause,
            count,
            hides
        })),
        1 => header.prop_map(|(host, command, hz, realtime_minus_boottime_ns, initial_netns, started, continues)| {
            Line::Header(Box::new(Header {
                host,
                command,
                hz,
                realtime_minus_boottime_ns,
                initial_netns,
                started,
                continues,
                role: Role::Server,
                probes: vec![ProbeRow { hook: HookId::CldRunning.into(), ..ProbeRow::default() }],
                ..Header::default()
            }))
        }),
    ]
}

fn written(lines: &[Line]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        encode(line, &mut bytes);
    }
    bytes
}

fn read(bytes: &[u8]) -> (Vec<Line>, Vec<(u64, Why)>) {
    let (mut lines, mut skipped) = (Vec::new(), Vec::new());
    for item in Reader::new(bytes) {
        match item.expect("memory gives no I/O error") {
            Item::Line(line) | Item::From { line, .. } => lines.push(line),
            Item::Skipped(it) => skipped.push((it.line_no, it.why)),
        }
    }
    (lines, skipped)
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(lines in vec(line(), 0..20)) {
        let bytes = written(&lines);
        prop_assert_eq!(bytes.iter().filter(|&&byte| byte == b'\n').count(), lines.len(), "one line each");
        let (back, skipped) = read(&bytes);
        prop_assert_eq!(back, lines);
        prop_assert!(skipped.is_empty(), "{:?}", skipped);
    }

    #[test]
    fn a_file_cut_anywhere_loses_at_most_its_last_line(lines in vec(line(), 1..6), cut in any::<prop::sample::Index>()) {
        let bytes = written(&lines);
        let cut = cut.index(bytes.len());
        let (back, skipped) = read(&bytes[..cut]);
        let whole = bytes[..cut].iter().filter(|&&byte| byte == b'\n').count();
        prop_assert!(back.len() == whole || back.len() == whole + 1);
        prop_assert_eq!(&back[..], &lines[..back.len()]);
        let torn = !bytes[..cut].ends_with(b"\n") && cut > 0 && back.len() == whole;
        prop_assert_eq!(skipped, if torn { vec![(whole as u64 + 1, Why::Torn)] } else { vec![] });
    }

    #[test]
    fn garbage_costs_its_own_line_only(noise in vec(vec(any::<u8>().prop_filter("in one line", |b| *b != b'\n'), 0..200), 0..8), line in line()) {
        let mut bytes = Vec::new();
        for piece in &noise {
            bytes.extend_from_slice(piece);
            bytes.push(b'\n');
        }
        encode(&line, &mut bytes);
        let (back, _) = read(&bytes);
        prop_assert_eq!(back.last(), Some(&line));
    }

    #[test]
    fn a_damaged_line_never_panics(line in line(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = written(&[line]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        read(&bytes);
    }
}

#[test]
fn lines_from_a_newer_program_are_skipped_and_its_extra_fields_are_counted() {
    let newer = br#"{"type":"event","t":1,"event":"server_start","mood":{"deep":[1,2,{"a":null}]},"pid":7}
{"type":"event","t":2,"event":"quantum_leap"}
{"type":"weather","t":"rainy"}
{"type":"event","t":3,"event":"tracker_start","tracker":"carrier_pigeon"}
{"type":"event","t":4,"event":"server_stop"}
"#;
    let mut reader = Reader::new(&newer[..]);
    let items: Vec<_> = reader.by_ref().map(|item| item.expect("no I/O error")).collect();
    assert_eq!(reader.unknown_fields(), 1);
    let whys: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Skipped(it) => Some((it.line_no, it.why.clone())),
            Item::Line(_) | Item::From { line: _, .. } => None,
        })
        .collect();
    assert_eq!(
        whys,
        [
            (2, Why::UnknownEvent("quantum_leap".to_owned())),
            (3, Why::UnknownType("weather".to_owned())),
            (4, Why::BadValue("tracker", "carrier_pigeon".to_owned())),
        ]
    );
    assert_eq!(items.len(), 5);
}

#[test]
fn an_endless_line_is_skipped_in_bounded_memory() {
    let mut bytes = vec![b'x'; 3 * MAX_LINE];
    bytes.push(b'\n');
    let stop = Line::Clock(ClockSample { at: Stamp(5), realtime_minus_boottime_ns: -1 });
    encode(&stop, &mut bytes);
    let (lines, skipped) = read(&bytes);
    assert_eq!(lines, [stop]);
    assert_eq!(skipped, [(1, Why::TooLong)]);
}

#[test]
fn deep_nesting_and_absurd_numbers_are_refused() {
    let deep = format!("{{\"type\":\"event\",\"x\":{}", "[".repeat(100_000));
    assert!(matches!(decode(deep.as_bytes()), Err(Why::NotJson(_))));
    for absurd in
        [r#"{"type":"event","t":-1,"event":"server_start"}"#, r#"{"type":"event","t":1e99,"event":"server_start"}"#]
    {
        assert!(matches!(decode(absurd.as_bytes()), Err(Why::NotJson(_))), "{absurd}");
    }
    let status = r#"{"type":"event","t":1,"event":"tracking_end","status":9999999999}"#;
    assert_eq!(decode(status.as_bytes()).unwrap_err(), Why::BadValue("status", "9999999999".to_owned()));
}

fn docs(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The published schema, made strict: a field that it does not mention is an error here, though not for a reader.
fn strict_schema() -> jsonschema::Validator {
    let mut schema: serde_json::Value = serde_json::from_str(&docs("schema/session-1.schema.json")).expect("JSON");
    let defs = schema["$defs"].as_object_mut().expect("definitions");
    for (name, def) in defs {
        let part_of_event = name.starts_with("event_");
        if !part_of_event && (def.get("properties").is_some() || name == "event") {
            def["unevaluatedProperties"] = false.into();
        }
    }
    jsonschema::validator_for(&schema).expect("a schema")
}

/// What was made of a line, in comparable form.
fn made_of(decoded: Result<nfsgrace::record::Decoded, Why>) -> Result<(Line, u32), Why> {
    decoded.map(|it| (it.line, it.unknown_fields))
}

proptest! {
    #[test]
    fn the_quick_way_to_read_a_line_and_the_thorough_one_agree(
        line in line(),
        place in any::<prop::sample::Index>(),
        with in prop::sample::select(&b"\"\\{}[],:0123456789-.eE+ tfn\n\x00\x7fz"[..]),
        insert in any::<bool>(),
    ) {
        let text = String::from_utf8(written(&[line])).expect("UTF-8");
        let text = text.trim_end();
        prop_assert_eq!(made_of(decode(text.as_bytes())), made_of(decode_thoroughly(text)));
        // One byte wrong or too many: both must say the same of that, too.
        let mut bytes = text.as_bytes().to_vec();
        let place = place.index(bytes.len());
        match insert {
            true => bytes.insert(place, with),
            false => bytes[place] = with,
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert_eq!(made_of(decode(&bytes)), made_of(decode_thoroughly(text)));
        }
    }
}

#[test]
fn the_schema_is_strict_enough_to_find_a_misspelt_field() {
    let line = r#"{"type":"event","t":1,"event":"server_stop","pid":1,"tid":1,"comm":"","netsn":3}"#;
    assert!(!strict_schema().is_valid(&serde_json::from_str(line).expect("JSON")));
    assert!(strict_schema().is_valid(&serde_json::from_str(&line.replace("netsn", "netns")).expect("JSON")));
}

#[track_caller]
fn must_fit(schema: &jsonschema::Validator, line: &str) {
    let value = serde_json::from_str(line).expect("JSON");
    let errors: Vec<_> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{line}\n{errors:#?}");
}

proptest! {
    #[test]
    fn whatever_is_written_fits_the_published_schema(lines in vec(line(), 1..20)) {
        thread_local!(static SCHEMA: jsonschema::Validator = strict_schema());
        let text = String::from_utf8(written(&lines)).expect("UTF-8");
        SCHEMA.with(|schema| text.lines().for_each(|line| must_fit(schema, line)));
    }
}

#[test]
fn the_examples_of_the_documentation_are_what_the_program_reads_and_the_schema_says() {
    let schema = strict_schema();
    let page = docs("session-format.md");
    let examples: Vec<_> = page.lines().filter(|line| line.starts_with("{\"type\"")).collect();
    assert!(examples.len() >= 14, "{}", examples.len());
    for example in examples {
        must_fit(&schema, example);
        let decoded = decode(example.as_bytes()).unwrap_or_else(|why| panic!("{example}: {why}"));
        assert_eq!(decoded.unknown_fields, 0, "{example}");
        assert_eq!(
            String::from_utf8(written(&[decoded.line])).expect("UTF-8").trim_end(),
            example,
            "written as it is read"
        );
    }
}

#[test]
fn words_of_a_newer_program_are_read_and_written_again() {
    let verdict = r#"{"type":"verdict","t":1,"question":"quota","id":"disk-asleep","state":"guessed","severity":"catastrophe","since":1,"headline":"","evidence":[],"remedy":[],"avoid":[],"stalls":0,"lost_ns":0}"#;
    let Line::Verdict(read) = decode(verdict.as_bytes()).expect("readable").line else { panic!("a verdict") };
    assert_eq!(read.severity.known(), None);
    assert_eq!(String::from_utf8(written(&[Line::Verdict(read)])).expect("UTF-8").trim_end(), verdict);
    let summary = r#"{"type":"summary","restarts":[{"restart":1,"known_from":"hearsay"}],"stalls":[{"pid":1,"state":"dreaming"}]}"#;
    let Line::Summary(read) = decode(summary.as_bytes()).expect("readable").line else { panic!("a summary") };
    assert_eq!((read.restarts[0].known_from.as_str(), read.stalls[0].state.as_str()), ("hearsay", "dreaming"));
}

#[test]
fn every_word_is_read_as_what_it_was_written_for() {
    fn all<V: Vocabulary + std::fmt::Debug>() {
        for word in V::ALL {
            let text = serde_json::to_string(&Word::Known(*word)).expect("a word");
            assert_eq!(serde_json::from_str::<Word<V>>(&text).expect("a word"), *word);
        }
    }
    all::<Cause>();
    all::<Question>();
    all::<Severity>();
    all::<VerdictState>();
    all::<KnownFrom>();
    all::<StallState>();
    all::<Excess>();
    all::<ClockOutcome>();
    all::<Unmatched>();
}

#[test]
fn verdicts_and_summaries_of_real_restarts_fit_the_published_schema() {
    let schema = strict_schema();
    for name in common::RECORDINGS {
        let (session, _) = common::live(common::recording(name));
        let text = String::from_utf8(written(&SessionOutcome::of(&session, session.timeline().now()).into_lines()))
            .expect("UTF-8");
        text.lines().for_each(|line| must_fit(&schema, line));
    }
}

#[test]
fn a_summary_of_a_large_incident_can_be_read_back() {
    use nfsgrace::record::{AttemptRow, StallRow, Summary};
    let attempt = AttemptRow {
        attempt: 1,
        refused: Stamp(1),
        refusal: Refusal::Grace,
        xid: Some(u32::MAX),
        asked_ns: Some(u64::MAX),
        asked_computed: true,
        slept_ns: Some(u64::MAX),
        gap_ns: Some(u64::MAX),
        excess: Some(Excess::TimerWheel.into()),
    };
    let stall = StallRow { attempts: vec![attempt; 12], path: Some("/mnt/file".to_owned()), ..StallRow::default() };
    let mut summary = Summary { stalls: vec![stall; 1_000], ..Summary::default() };
    let whole = summary.clone();
    summary.fit(MAX_LINE);
    assert_ne!(summary, whole, "it was too long");
    let bytes = written(&[Line::Summary(Box::new(summary.clone()))]);
    assert!(bytes.len() <= MAX_LINE + 1);
    assert_eq!(read(&bytes), (vec![Line::Summary(Box::new(summary.clone()))], vec![]));
    assert_eq!(summary.stalls.len(), 1_000, "no stall has to go for it");
    let attempts = |summary: &Summary| -> u64 {
        summary.stalls.iter().map(|row| row.attempts.len() as u64 + row.attempts_not_listed).sum()
    };
    assert_eq!(attempts(&summary), attempts(&whole), "what is not listed is counted");
    assert!(!summary.stalls[0].attempts.is_empty(), "the most costly one keeps its attempts");
}
