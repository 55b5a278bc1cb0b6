//! Whatever happens to a session file: what is left of it is read, and what is missing is said.

mod common;

use std::{fs, io::Cursor, path::PathBuf};

use common::{fixture, recording};
use nfsgrace::{
    command::reading,
    conductor::Conductor,
    paired::Clocks,
    record::{Header, Item, Line, Moment, SCHEMA, Selection, Skipped, Stamp, Why, Window, encode},
    source::file::{OpenError, SessionFile},
    timeline::RestartId,
};
use proptest::prelude::*;

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(&format!("{name}.ndjson"))).expect("fixture")
}

fn open(bytes: &[u8]) -> Result<SessionFile, OpenError> {
    SessionFile::read("memory".to_owned(), Box::new(Cursor::new(bytes.to_vec())), Some(bytes.len() as u64))
}

/// What can be read of some bytes.
fn read(bytes: &[u8]) -> (Vec<Line>, Vec<Why>) {
    let (mut lines, mut skipped) = (Vec::new(), Vec::new());
    let Ok(file) = open(bytes) else { return (lines, skipped) };
    for item in file {
        match item.expect("memory gives no I/O error") {
            Item::Line(line) | Item::From { line, .. } => lines.push(line),
            Item::Skipped(Skipped { why, .. }) => skipped.push(why),
        }
    }
    (lines, skipped)
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("compresses")
}

/// A recording as frames of some lines each, and where each frame ends.
fn frames(name: &str, lines: usize) -> (Vec<u8>, Vec<(usize, usize)>) {
    let text = bytes(name);
    let lines: Vec<_> =
        text.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>().chunks(lines).map(<[_]>::concat).collect();
    let (mut all, mut ends, mut read) = (Vec::new(), Vec::new(), 0);
    for piece in lines {
        all.extend(frame(&piece));
        read += piece.iter().filter(|byte| **byte == b'\n').count();
        ends.push((all.len(), read));
    }
    (all, ends)
}

#[test]
fn a_file_cut_anywhere_loses_its_last_line_at_most() {
    let text = bytes("6.18-nfsdcld");
    let all = recording("6.18-nfsdcld");
    for cut in 0..=text.len() {
        let (lines, skipped) = read(&text[..cut]);
        let whole = text[..cut].iter().filter(|byte| **byte == b'\n').count();
        // A line that lacks nothing but its end is whole.
        let ends_whole = cut > 0 && text[cut - 1] == b'}' && text.get(cut) == Some(&b'\n');
        assert_eq!(lines, all[..whole + usize::from(ends_whole)], "cut at {cut}");
        let torn = cut > 0 && text[cut - 1] != b'\n' && !ends_whole && whole > 0;
        assert_eq!(skipped, vec![Why::Torn; usize::from(torn)], "cut at {cut}");
    }
}

#[test]
fn of_a_compressed_file_cut_anywhere_every_whole_frame_is_read() {
    let (compressed, ends) = frames("6.18-nfsdcld", 8);
    let all = recording("6.18-nfsdcld");
    for cut in 0..=compressed.len() {
        let (lines, skipped) = read(&compressed[..cut]);
        let whole = ends.iter().filter(|(end, _)| *end <= cut).map(|(_, lines)| *lines).max().unwrap_or(0);
        assert!(lines.len() >= whole, "cut at {cut}: {} lines of {whole}", lines.len());
        assert_eq!(lines, all[..lines.len()], "cut at {cut}");
        let at_end = cut == 0 || ends.iter().any(|(end, _)| *end == cut);
        let expected: &[Why] = if at_end || lines.is_empty() { &[] } else { &[Why::Torn] };
        assert_eq!(skipped, expected, "cut at {cut}");
    }
}

#[test]
fn a_frame_without_its_end_gives_all_that_was_flushed() {
    use std::io::Write as _;
    let text = bytes("6.18-no-nfsdcld");
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("encoder");
    encoder.write_all(&text).expect("writes");
    encoder.flush().expect("flushes");
    // As after kill -9: the block is there, the end of the frame is not.
    let killed = encoder.get_ref().clone();
    assert_eq!(read(&killed), (recording("6.18-no-nfsdcld"), vec![Why::Torn]));
}

#[test]
fn a_damaged_frame_costs_itself_and_not_those_after_it() {
    let (mut compressed, ends) = frames("6.18-no-nfsdcld", 20);
    let all = recording("6.18-no-nfsdcld");
    let (begin, end) = (ends[1].0, ends[2].0);
    for byte in &mut compressed[begin + 8..end - 8] {
        *byte ^= 0xa5;
    }
    let (lines, skipped) = read(&compressed);
    let (before, after) = (&all[..ends[1].1], &all[ends[2].1..]);
    assert_eq!(lines[..before.len()], *before);
    assert_eq!(lines[lines.len() - after.len()..], *after);
    assert!(skipped.iter().any(|why| matches!(why, Why::Damaged(_))), "{skipped:?}");
}

#[test]
fn what_is_no_session_is_said_to_be_none() {
    let why = |bytes: &[u8]| open(bytes).expect_err("no session").to_string();
    assert!(why(b"").contains("empty"));
    assert!(why(b"\n\n\n").contains("empty"));
    assert!(why(b"<!DOCTYPE html>\n<html><body>Not found</body></html>\n").contains("no session"));
    assert!(why(b"{\"level\":\"info\",\"msg\":\"started\"}\n{\"level\":\"info\"}\n").contains("no session"));
    assert!(why(&(0..=255).cycle().skip(7).take(100_000).collect::<Vec<u8>>()).contains("no session"));
    assert!(why(&frame(b"hello\n")).contains("no session"));
    assert!(why(&[0x1f, 0x8b, 8, 0, 0, 0]).contains("gzip -dc"));
    assert!(why(b"{\"type\":\"header\",\"sch").contains("first line"));
    let directory = SessionFile::open(&fixture("")).expect_err("a directory").to_string();
    assert!(directory.contains("directory"), "{directory}");
}

#[test]
fn a_frame_that_asks_for_too_much_memory_is_refused_with_a_way_out() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("encoder");
    encoder.long_distance_matching(true).and_then(|()| encoder.window_log(27)).expect("parameters");
    std::io::copy(&mut &bytes("6.18-nfsdcld")[..], &mut encoder).expect("compresses");
    let error = open(&encoder.finish().expect("compresses")).expect_err("too large").to_string();
    assert!(error.contains("zstd -d --long=31"), "{error}");
}

#[test]
fn damage_that_looks_like_a_frame_of_too_much_memory_is_damage() {
    let (mut compressed, ends) = frames("6.18-nfsdcld", 5);
    let all = recording("6.18-nfsdcld");
    let second = ends[0].0;
    // The frame's descriptor: no single segment, and then the largest window.
    compressed[second + 4] &= !0x20;
    compressed[second + 5] = 0xff;
    let (lines, skipped) = read(&compressed);
    assert_eq!(lines, [&all[..5], &all[10..]].concat());
    assert!(skipped.iter().any(|why| matches!(why, Why::Damaged(_))), "{skipped:?}");
}

#[test]
fn a_huge_line_is_passed_over() {
    let mut text = bytes("6.18-nfsdcld");
    let all = recording("6.18-nfsdcld");
    text.splice(0..0, [vec![b'x'; 5 << 20], vec![b'\n']].concat());
    assert_eq!(read(&text), (all, vec![Why::TooLong]));
}

/// A directory with session files in it.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn write(&self, name: &str, lines: &[Line]) -> PathBuf {
        let mut bytes = Vec::new();
        lines.iter().for_each(|line| encode(line, &mut bytes));
        self.write_bytes(name, &bytes)
    }

    fn write_bytes(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("writes");
        path
    }
}

/// The header of a recorder that was started at some time.
fn header(host: &str, started: Stamp) -> Line {
    let header = Header {
        host: host.to_owned(),
        boot_id: format!("boot of {host}"),
        hz: Some(250),
        realtime_minus_boottime_ns: 1_795_478_400_000_000_000,
        started,
        ..Header::default()
    };
    Line::Header(Box::new(header))
}

fn with_header(header: Line, lines: &[Line]) -> Vec<Line> {
    let mut all = vec![header];
    all.extend(lines.iter().filter(|line| !matches!(line, Line::Header(_))).cloned());
    all
}

fn whole() -> Selection {
    Selection::default()
}

fn summary(read: &Conductor, nth: usize) -> nfsgrace::record::Summary {
    let member = &read.members()[nth];
    nfsgrace::outcome::summary(&member.session, read.now(member))
}

fn read_files(files: &[PathBuf], selection: &Selection) -> anyhow::Result<Conductor> {
    reading::read(files, selection, Clocks::Rpc, &mut |_| {})
}

#[test]
fn files_of_one_recorder_are_one_session_in_whatever_order_they_are_named() {
    let files = Files::new();
    let lines = with_header(header("server", Stamp(6_000_000_000)), &recording("6.18-no-nfsdcld"));
    let whole_file = files.write("whole", &lines);
    let (one, two) = lines.split_at(40);
    let first = files.write("1", one);
    let second = files.write("2", &with_header(header("server", one[39].at()), two));
    let together = read_files(&[second, first], &whole()).expect("reads");
    let alone = read_files(&[whole_file], &whole()).expect("reads");
    assert_eq!(together.members().len(), 1);
    assert_eq!(summary(&together, 0), summary(&alone, 0));
    assert!(together.members()[0].notes.is_empty(), "{:?}", together.members()[0].notes);
}

#[test]
fn what_two_recorders_saw_of_one_host_counts_once() {
    let files = Files::new();
    let lines = with_header(header("server", Stamp(6_000_000_000)), &recording("6.18-no-nfsdcld"));
    let one = files.write("one", &lines);
    // A second one was started in the middle, and saw the rest a little later than the first.
    let rest: Vec<_> = lines[50..]
        .iter()
        .cloned()
        .map(|line| match line {
            Line::Event(mut event) => {
                event.at = Stamp(event.at.0.saturating_sub(20_000));
                Line::Event(event)
            }
            line => line,
        })
        .collect();
    let two = files.write("two", &with_header(header("server", lines[50].at()), &rest));
    let both = read_files(&[one.clone(), two], &whole()).expect("reads");
    let alone = read_files(&[one], &whole()).expect("reads");
    assert_eq!(both.members().len(), 1);
    assert_eq!(summary(&both, 0), summary(&alone, 0));
    assert!(both.members()[0].notes.iter().any(|note| note.contains("covers too")), "{:?}", both.members()[0].notes);
}

#[test]
fn time_that_nobody_recorded_is_a_loss() {
    let files = Files::new();
    let lines = recording("6.18-no-nfsdcld");
    let hour = 3_600_000_000_000;
    let later: Vec<_> = lines
        .iter()
        .cloned()
        .map(|line| match line {
            Line::Event(mut event) => {
                event.at.0 += hour;
                Line::Event(event)
            }
            line => line,
        })
        .collect();
    let one = files.write("1", &with_header(header("server", Stamp(6_000_000_000)), &lines));
    let two = files.write("2", &with_header(header("server", Stamp(6_000_000_000 + hour)), &later));
    let read = read_files(&[one, two], &whole()).expect("reads");
    let summary = summary(&read, 0);
    assert_eq!(summary.restarts.len(), 4);
    let lost: Vec<_> = summary.losses.iter().map(|loss| loss.cause.as_str()).collect();
    assert_eq!(lost, ["not_recorded"]);
}

#[test]
fn hosts_are_kept_apart() {
    let files = Files::new();
    let lines = recording("6.18-no-nfsdcld");
    let server = files.write("server", &with_header(header("server", Stamp(6_000_000_000)), &lines));
    let client = files.write("client", &with_header(header("client", Stamp(6_000_000_000)), &lines));
    let read = read_files(&[server, client], &whole()).expect("reads");
    let hosts: Vec<_> = read.members().iter().filter_map(|it| it.session.header()).map(|it| it.host.as_str()).collect();
    assert_eq!(hosts, ["server", "client"]);
}

#[test]
fn a_file_that_had_only_been_begun_does_not_spoil_the_others() {
    let files = Files::new();
    let good = files.write("1", &recording("6.18-nfsdcld"));
    let empty = files.write_bytes("2", b"");
    let read = read_files(&[good, empty.clone()], &whole()).expect("reads");
    assert!(read.members()[0].notes.iter().any(|note| note.contains("is empty")), "{:?}", read.members()[0].notes);
    assert!(read_files(&[empty], &whole()).is_err());
}

#[test]
fn what_a_newer_program_wrote_is_read_as_far_as_it_is_understood() {
    let files = Files::new();
    let mut text = String::from_utf8(bytes("6.18-no-nfsdcld")).expect("UTF-8");
    text = text.replacen("\"schema\":1", "\"schema\":2", 1);
    text.push_str("{\"type\":\"event\",\"t\":62871347001,\"event\":\"of_the_future\",\"what\":{\"deep\":[1,2]}}\n");
    let read = read_files(&[files.write_bytes("new", text.as_bytes())], &whole()).expect("reads");
    assert_eq!(read.exit_status(), 1);
    assert!(read.members()[0].notes.iter().any(|note| note.contains(&format!("this program knows {SCHEMA}"))));

    assert_eq!(summary(&read, 0).losses[0].cause, "not_understood");
}

#[test]
fn one_restart_or_one_span_of_time_is_all_that_counts() {
    let files = Files::new();
    let lines = with_header(header("server", Stamp(6_000_000_000)), &recording("6.18-no-nfsdcld"));
    let file = files.write("it", &lines);
    let read = |selection: &Selection| {
        let read = read_files(std::slice::from_ref(&file), selection).expect("reads");
        summary(&read, 0)
    };
    let numbers =
        |summary: &nfsgrace::record::Summary| -> Vec<u32> { summary.restarts.iter().map(|row| row.restart).collect() };
    let all = read(&whole());
    assert_eq!(numbers(&all), [1, 2]);

    let second = read(&Selection { restart: Some(RestartId(2)), ..whole() });
    assert_eq!(numbers(&second), [2]);
    assert_eq!(second.stalls.len(), 1);
    assert_eq!(second.stall_totals.lost_ns, all.restarts[1].lost_ns);
    assert_eq!(second.stall_totals.refused, 8);

    let since = |since| Selection { window: Window { since: Some(since), until: None }, ..whole() };
    // Restart 2 began at 35.331 s and was on at 40 s: it is told from its beginning.
    for moment in [
        Moment::Boot(Stamp(40_000_000_000)),
        Moment::Wall(1_795_478_440_000_000_000),
        Moment::BeforeEnd(std::time::Duration::from_secs(23)),
    ] {
        let part = read(&since(moment));
        assert_eq!(numbers(&part), [2], "{moment:?}");
        assert_eq!(part.restarts[0], all.restarts[1], "{moment:?}");
        assert_eq!(part.stall_totals.ended, 1, "{moment:?}");
    }
    let until =
        Selection { window: Window { since: None, until: Some(Moment::Boot(Stamp(30_000_000_000))) }, ..whole() };
    assert_eq!(numbers(&read(&until)), [1]);

    let none = read_files(&[file], &Selection { restart: Some(RestartId(7)), ..whole() });
    assert!(none.expect_err("there is none").to_string().contains("no restart 7"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn damage_anywhere_never_invents_a_line(place in 0.0..1.0_f64, length in 1_usize..400, with in any::<u8>()) {
        let (compressed, _) = frames("6.18-nfsdcld", 5);
        let all = recording("6.18-nfsdcld");
        let begin = ((compressed.len() as f64) * place) as usize;
        let mut damaged = compressed.clone();
        let end = (begin + length).min(damaged.len());
        damaged[begin..end].fill(with);
        // Most of what is read is true; a flipped literal can still be a line, as it can without compression.
        let (lines, _) = read(&damaged);
        let true_lines = lines.iter().filter(|line| all.contains(line)).count();
        prop_assert!(lines.len() - true_lines <= 5, "{} of {}", true_lines, lines.len());
    }
}
