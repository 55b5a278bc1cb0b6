//! A recording must survive what happens to programs, disks and power, and each of its files must be of use alone.

mod common;

use std::{
    fs,
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nfsgrace::{
    record::{Continuation, Event, Header, Item, Kind, Line, Manager, Reader, Why},
    source::file::{Retain, Rotation, Store},
};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

const ENDINGS: [&str; 2] = ["ndjson", "ndjson.zst"];

/// What can be read of a file, and what was skipped.
fn read(bytes: &[u8], zstd: bool) -> (Vec<Line>, Vec<Why>) {
    let mut text = Vec::new();
    if zstd {
        // A torn frame gives all of its blocks that are whole, and then an error.
        let _ = zstd::stream::read::Decoder::new(bytes).expect("a decoder").read_to_end(&mut text);
    } else {
        text = bytes.to_vec();
    }
    let (mut lines, mut skipped) = (Vec::new(), Vec::new());
    for item in Reader::new(&text[..]) {
        match item.expect("memory gives no I/O error") {
            Item::Line(line) | Item::From { line, .. } => lines.push(line),
            Item::Skipped(it) => skipped.push(it.why),
        }
    }
    (lines, skipped)
}

fn read_file(path: &Path) -> Vec<Line> {
    let zstd = path.extension().is_some_and(|extension| extension == "zst");
    let (lines, skipped) = read(&fs::read(path).expect("a file"), zstd);
    assert_eq!(skipped, [], "{}", path.display());
    lines
}

fn files(directory: &TempDir) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn record(store: &mut Store, line: &Line, now: Instant) {
    store.write(line, now).expect("a file");
    store.flush(now).expect("a file");
}

/// Records lines, each flushed at once, and never ends: as if it were killed.
fn killed(path: &Path, lines: &[Line]) {
    let now = Instant::now();
    let mut store = Store::create(path, None, now).expect("a store");
    for line in lines {
        record(&mut store, line, now);
    }
}

#[test]
fn a_file_cut_at_any_byte_loses_the_line_that_was_cut_and_nothing_else() {
    let lines = common::recording("6.18-nfsdcld");
    for ending in ENDINGS {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join(format!("session.{ending}"));
        killed(&path, &lines);
        let bytes = fs::read(&path).expect("a file");
        assert_eq!(read(&bytes, ending.ends_with("zst")).0, lines);
        // Where each line is whole in the file: the shortest piece that has it.
        let mut before = 0;
        for cut in 0..=bytes.len() {
            let (left, skipped) = read(&bytes[..cut], ending.ends_with("zst"));
            assert!(lines.starts_with(&left), "cut at {cut}: what is left is what was written");
            assert!(left.len() == before || left.len() == before + 1, "cut at {cut}: {} after {before}", left.len());
            assert!(skipped.is_empty() || skipped == [Why::Torn], "cut at {cut}: {skipped:?}");
            before = left.len();
        }
        assert_eq!(before, lines.len());
    }
}

#[test]
fn what_was_flushed_is_in_the_file_at_once_and_a_file_at_rest_is_whole_for_every_tool() {
    let lines = common::recording("6.18-no-nfsdcld");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("session.ndjson.zst");
    let now = Instant::now();
    let mut store = Store::create(&path, None, now).expect("a store");
    for (index, line) in lines.iter().enumerate() {
        record(&mut store, line, now);
        assert_eq!(read(&fs::read(&path).expect("a file"), true).0.len(), index + 1);
    }
    let due = store.settle_due().expect("something is to be brought to the disk");
    store.settle(due).expect("a file");
    assert_eq!(store.settle_due(), None, "then there is nothing more to do");
    let text = zstd::stream::decode_all(&fs::read(&path).expect("a file")[..]).expect("whole frames");
    assert_eq!(read(&text, false).0, lines);
}

/// Records `lines` in two files, the second of which begins before line `at`.
fn in_two(directory: &TempDir, lines: &[Line], at: usize) -> [Vec<Line>; 2] {
    let rotation = Rotation { age: Some(Duration::from_secs(60)), ..Rotation::default() };
    let start = Instant::now();
    let mut store = Store::create(&directory.path().join("s.ndjson"), Some(rotation), start).expect("a store");
    for (index, line) in lines.iter().enumerate() {
        let now = if index + 1 < at { start } else { start + Duration::from_secs(60) };
        record(&mut store, line, now);
    }
    store.finish(start + Duration::from_secs(60)).expect("a file");
    let [first, second] = &files(directory)[..] else { panic!("two files") };
    [read_file(first), read_file(second)]
}

/// From the first line that tells of it to the end of the grace period.
fn incident(lines: &[Line]) -> std::ops::RangeInclusive<usize> {
    let place = |is: fn(&Kind) -> bool| {
        lines.iter().position(|line| matches!(line, Line::Event(Event { kind, .. }) if is(kind))).expect("an incident")
    };
    let began = place(|kind| matches!(kind, Kind::ServerStart));
    began + 1..=place(|kind| matches!(kind, Kind::GraceEnd { manager: Manager::Nfsd, .. }))
}

#[test]
fn a_file_that_begins_in_the_middle_of_an_incident_gives_the_same_verdicts_alone() {
    for name in common::RECORDINGS {
        let lines = common::recording(name);
        let (whole, _) = common::live(lines.clone());
        for at in incident(&lines) {
            let directory = TempDir::new().expect("a directory");
            let [_, second] = in_two(&directory, &lines, at);
            let (alone, _) = common::live(second);
            assert_eq!(common::ids(&alone), common::ids(&whole), "{name}, from line {at} on");
        }
    }
}

#[test]
fn the_files_of_a_recording_read_one_after_the_other_are_the_recording() {
    let lines = common::recording("6.18-no-nfsdcld");
    let directory = TempDir::new().expect("a directory");
    let now = Instant::now();
    // A new file after each line.
    let rotation = Rotation { size: Some(1), ..Rotation::default() };
    let mut store = Store::create(&directory.path().join("session.ndjson.zst"), Some(rotation), now).expect("a store");
    for line in &lines {
        record(&mut store, line, now);
    }
    store.finish(now).expect("a file");
    let files = files(&directory);
    assert_eq!(files.len(), lines.len() + 1);
    let mut reading = Continuation::default();
    let mut together = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let lines = read_file(file);
        let Some(Line::Header(header)) = lines.first() else { panic!("each file begins with a header") };
        assert_eq!(header.continues.as_ref().map_or(1, |it| it.part), number as u64 + 1);
        together.extend(lines.into_iter().filter(|line| reading.admits(line)));
    }
    assert_eq!(together, lines);
    // Without one in the middle, the next one keeps what it repeats.
    let mut reading = Continuation::default();
    assert!(read_file(&files[3]).iter().all(|line| reading.admits(line)));
    assert!(read_file(&files[60]).iter().all(|line| reading.admits(line)));
    assert!(!read_file(&files[61]).iter().all(|line| reading.admits(line)));
}

#[test]
fn what_a_file_leaves_out_of_an_incident_it_says() {
    let lines = common::recording("6.18-no-nfsdcld");
    let refused = lines.iter().rposition(|line| matches!(line, Line::Event(Event { kind: Kind::Refused { .. }, .. })));
    let directory = TempDir::new().expect("a directory");
    let [first, second] = in_two(&directory, &lines, refused.expect("refusals"));
    let Some(loss) = second.iter().find_map(|line| match line {
        Line::Loss(loss) => Some(loss),
        _ => None,
    }) else {
        panic!("a loss")
    };
    assert_eq!(loss.cause, "earlier_file");
    assert!(loss.hides.contains("s-000001-"), "{}", loss.hides);
    let all = |kind: fn(&Kind) -> bool| {
        first.iter().filter(|line| matches!(line, Line::Event(Event { kind: it, .. }) if kind(it))).count() as u64
    };
    let mass = all(|kind| {
        matches!(kind, Kind::Refused { .. } | Kind::SleepEnd { .. } | Kind::Attempt { .. } | Kind::Delay { .. })
            || matches!(kind, Kind::Reclaim { .. } | Kind::Stack { began: Some(_), .. })
    });
    assert!(loss.count > 0 && loss.count < mass, "{} of {mass}", loss.count);
}

#[test]
fn files_are_bounded_and_a_recorder_that_starts_anew_overwrites_nothing() {
    let lines = common::recording("6.18-no-nfsdcld");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("session.ndjson");
    fs::write(directory.path().join("session-notes.ndjson"), "mine").expect("written");
    let rotation = Rotation { size: Some(20_000), age: None, retain: Some(Retain::Bytes(60_000)) };
    let now = Instant::now();
    for _ in 0..5 {
        let mut store = Store::create(&path, Some(rotation), now).expect("a store");
        for line in lines.iter().cycle().take(500) {
            record(&mut store, line, now);
            let total: u64 = files(&directory).iter().map(|file| fs::metadata(file).expect("a file").size()).sum();
            assert!(total <= 60_000 + 4, "{total}");
        }
        store.finish(now).expect("a file");
    }
    let names: Vec<_> = files(&directory)
        .iter()
        .map(|file| file.file_name().expect("a name").to_string_lossy()[..14].to_owned())
        .collect();
    assert_eq!(names.last().map(String::as_str), Some("session-notes."), "not ours");
    let numbers: Vec<u64> = names.iter().filter_map(|name| name.strip_prefix("session-")?.parse().ok()).collect();
    assert!(numbers.is_sorted() && numbers[0] > 5 && numbers.len() >= 2, "{numbers:?}");
}

#[test]
fn two_recorders_do_not_share_a_series() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("session.ndjson");
    let rotation = Some(Rotation { size: Some(1 << 20), ..Rotation::default() });
    let mut first = Store::create(&path, rotation, Instant::now()).expect("a store");
    record(&mut first, &Line::Header(Box::default()), Instant::now());
    let Err(error) = Store::create(&path, rotation, Instant::now()) else { panic!("one is enough") };
    assert!(error.to_string().starts_with("another nfsgrace writes to"), "{error}");
    drop(first);
    Store::create(&path, rotation, Instant::now()).expect("it is gone");
}

#[test]
fn a_file_that_holds_something_is_never_written_to() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("session.ndjson");
    fs::write(&path, "precious").expect("written");
    let Err(error) = Store::create(&path, None, Instant::now()) else { panic!("it was there") };
    assert!(error.to_string().contains("exists, and what was recorded is never overwritten"), "{error}");
    assert_eq!(fs::read(&path).expect("a file"), b"precious");
    fs::write(&path, "").expect("written");
    killed(&path, &common::recording("6.18-nfsdcld"));
    assert!(fs::metadata(&path).expect("a file").len() > 0, "an empty one will do");
}

#[test]
fn a_recording_that_never_began_leaves_no_file() {
    let directory = TempDir::new().expect("a directory");
    drop(Store::create(&directory.path().join("session.ndjson"), None, Instant::now()).expect("a store"));
    assert!(files(&directory).is_empty());
}

#[test]
fn a_place_that_cannot_be_written_to_is_named_with_what_to_do() {
    let directory = TempDir::new().expect("a directory");
    for (path, complaint) in [
        (directory.path().join("none/session.ndjson"), "mkdir -p"),
        (directory.path().to_owned(), "is a directory"),
        (PathBuf::from("/proc/session.ndjson"), "cannot record to /proc/session.ndjson"),
    ] {
        for rotation in [None, Some(Rotation { size: Some(1), ..Rotation::default() })] {
            let Err(error) = Store::create(&path, rotation, Instant::now()) else { panic!("{}", path.display()) };
            assert!(error.to_string().contains(complaint) || path.starts_with("/proc"), "{error}");
        }
    }
}

#[test]
fn a_file_that_is_removed_while_it_is_written_is_begun_anew() {
    let lines = common::recording("6.18-no-nfsdcld");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("session.ndjson");
    let now = Instant::now();
    let mut store = Store::create(&path, None, now).expect("a store");
    for line in &lines[..50] {
        record(&mut store, line, now);
    }
    fs::remove_file(&path).expect("it is there");
    let due = store.settle_due().expect("something was written");
    store.settle(due).expect("a file");
    let notices: Vec<_> = store.notices().iter().map(ToString::to_string).collect();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].contains("session.ndjson was removed; recording goes on in"), "{notices:?}");
    for line in &lines[50..] {
        record(&mut store, line, due);
    }
    store.finish(due).expect("a file");
    let (again, _) = common::live(read_file(&path));
    let latest = |session| {
        let ids = common::ids(session);
        let latest = ids.iter().map(|(restart, _)| *restart).max();
        ids.into_iter().filter(|(restart, _)| Some(*restart) == latest).map(|(_, id)| id).collect::<Vec<_>>()
    };
    assert_eq!(latest(&again), latest(&common::live(lines).0), "the incident that went on is understood");
}

/// A disk of its own; `None` for who may not mount one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new() -> Option<Self> {
        let directory = TempDir::new().expect("a directory");
        let mounted = mount("tmpfs", directory.path(), "tmpfs", MountFlags::empty(), c"size=64k");
        match mounted {
            Ok(()) => Some(Self(directory)),
            Err(error) if rustix::process::geteuid().is_root() => panic!("cannot mount a tmpfs: {error}"),
            Err(_) => None,
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = unmount(self.0.path(), UnmountFlags::DETACH);
    }
}

#[test]
fn a_full_disk_loses_what_did_not_fit_says_so_and_recording_goes_on() {
    let Some(disk) = SmallDisk::new() else {
        eprintln!("only root can mount a small disk: the same is tested with a disk in memory");
        return;
    };
    let lines = common::recording("6.18-no-nfsdcld");
    for ending in ENDINGS {
        let path = disk.0.path().join(format!("session.{ending}"));
        let filler = disk.0.path().join("filler");
        let now = Instant::now();
        let mut store = Store::create(&path, None, now).expect("a store");
        let mut given = Vec::new();
        let give = |store: &mut Store, given: &mut Vec<Line>, lines: &[Line]| {
            for line in lines {
                record(store, line, now);
                given.push(line.clone());
            }
        };
        give(&mut store, &mut given, &lines[..20]);
        while fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&filler)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &[0; 512]))
            .is_ok()
        {}
        // Until nothing more fits into the block that was begun.
        for _ in 0..20 {
            give(&mut store, &mut given, &lines[20..90]);
        }
        let notices: Vec<_> = store.notices().iter().map(ToString::to_string).collect();
        assert_eq!(notices.len(), 1, "told once: {notices:?}");
        assert!(notices[0].contains("STOPPED: No space left on device"), "{notices:?}");
        let (left, skipped) = read(&fs::read(&path).expect("a file"), ending.ends_with("zst"));
        assert_eq!(skipped, [], "{ending}: no line is torn even while the disk is full");
        // A loss that fitted, while what followed did not, is there as well.
        let left: Vec<_> = left.into_iter().filter(|line| !matches!(line, Line::Loss(_))).collect();
        assert!(given.starts_with(&left) && left.len() >= 20, "{ending}: {} of {}", left.len(), given.len());

        fs::remove_file(&filler).expect("it is there");
        give(&mut store, &mut given, &lines[90..]);
        let (written, _) = store.finish(now).expect("a file");
        let after = read_file(&path);
        let losses = after.iter().filter_map(|line| match line {
            Line::Loss(loss) if loss.cause == "disk_full" => Some(loss.count),
            _ => None,
        });
        let (times, lost) = (losses.clone().count() as u64, losses.sum::<u64>());
        assert_eq!(lost, written.lost);
        assert_eq!(after.len() as u64 - times + lost, given.len() as u64);
        assert!(after.ends_with(&lines[90..]));
        fs::remove_file(&path).expect("it is there");
    }
}

#[test]
fn a_header_of_a_later_file_has_all_of_the_first() {
    let directory = TempDir::new().expect("a directory");
    let lines = common::recording("6.18-no-nfsdcld");
    let [first, second] = in_two(&directory, &lines, 30);
    let (Line::Header(first), Line::Header(second)) = (&first[0], &second[0]) else { panic!("headers") };
    assert!(second.continues.is_some());
    assert_eq!(**first, Header { continues: None, ..second.as_ref().clone() });
}
