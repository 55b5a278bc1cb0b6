//! A disk that fills up and is emptied, at every byte.

use std::path::PathBuf;

use proptest::prelude::*;

use super::{medium::tests::SmallDisk, *};
use crate::record::{Event, Item, Kind, Reader, Task};

fn event(number: u64) -> Line {
    let task = Task { pid: 7, tid: 7, comm: "sh".to_owned() };
    Line::Event(Event {
        at: Stamp(number * 1_000_000_000),
        task,
        netns: None,
        kind: Kind::Attempt { began: Stamp(number) },
    })
}

fn header() -> Line {
    Line::Header(Box::new(Header { host: "server".to_owned(), started: Stamp(1), ..Header::default() }))
}

fn store(disk: &SmallDisk, repair: Repair, zstd: bool) -> Store {
    let opened = Opened {
        path: PathBuf::from("session"),
        file: None,
        target: Box::new(disk.clone()),
        repair,
        zstd,
        is_new: false,
    };
    Store::begin(opened, None, Instant::now()).expect("a store")
}

/// The lines that can be read, and how many cannot.
fn read(disk: &SmallDisk, zstd: bool) -> (Vec<Line>, usize) {
    let mut bytes = disk.bytes();
    if zstd {
        bytes = zstd::stream::decode_all(&bytes[..]).expect("whole frames");
    }
    let items: Vec<_> = Reader::new(&bytes[..]).map(|item| item.expect("memory gives no I/O error")).collect();
    let lines: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Line(line) | Item::From { line, .. } => Some(line.clone()),
            Item::Skipped(_) => None,
        })
        .collect();
    let skipped = items.len() - lines.len();
    (lines, skipped)
}

/// What the losses among `lines` count, and the other lines.
fn losses(lines: Vec<Line>) -> (u64, Vec<Line>) {
    let mut lost = 0;
    let rest = lines
        .into_iter()
        .filter(|line| match line {
            Line::Loss(loss) => {
                assert_eq!(loss.cause, "disk_full");
                lost += loss.count;
                false
            }
            _ => true,
        })
        .collect();
    (lost, rest)
}

#[test]
fn a_full_disk_is_told_once_and_the_gap_is_recorded() {
    let disk = SmallDisk::with_room(usize::MAX);
    let mut store = store(&disk, Repair::Cut, false);
    let now = Instant::now();
    let put = |store: &mut Store, line: &Line| {
        store.write(line, now).expect("no stream");
        store.flush(now).expect("no stream");
    };
    put(&mut store, &header());
    put(&mut store, &event(1));
    disk.set_room(disk.bytes().len() + 10);
    for number in 2..6 {
        put(&mut store, &event(number));
    }
    assert_eq!(store.notices().len(), 1);
    disk.set_room(usize::MAX);
    put(&mut store, &event(6));
    assert_eq!(store.notices()[0].to_string(), "recording to session goes on; 4 lines are missing");
    let (lines, skipped) = read(&disk, false);
    assert_eq!(skipped, 0);
    let loss = Loss {
        at: Stamp(6_000_000_000),
        cause: "disk_full".to_owned(),
        count: 4,
        hides: "all that happened from 2.000 s to 6.000 s after boot".to_owned(),
    };
    assert_eq!(lines, [header(), event(1), Line::Loss(loss), event(6)]);
}

proptest! {
    /// Whatever room there is and when: each line is there or counted as lost, in order, and nothing is glued together.
    #[test]
    fn every_line_is_kept_or_counted(
        rooms in proptest::collection::vec(0..1500_usize, 1..40),
        batch in 1..4_u64,
        zstd: bool,
        close in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let disk = SmallDisk::default();
        let mut store = store(&disk, Repair::Cut, zstd);
        let now = Instant::now();
        store.write(&header(), now).expect("no stream");
        let mut given = vec![header()];
        for (step, room) in rooms.iter().enumerate() {
            disk.set_room(*room);
            for number in 0..batch {
                let line = event(step as u64 * batch + number);
                store.write(&line, now).expect("no stream");
                given.push(line);
            }
            store.flush(now).expect("no stream");
            if close[step] {
                store.end_frame(now).expect("no stream");
            }
        }
        disk.set_room(usize::MAX);
        let last = event(1000);
        store.write(&last, now).expect("no stream");
        given.push(last);
        let (written, _) = store.finish(now).expect("no stream");
        let (lines, skipped) = read(&disk, zstd);
        prop_assert_eq!(skipped, 0);
        prop_assert_eq!(written.bytes, disk.bytes().len() as u64);
        prop_assert_eq!(&lines[0], &header());
        let (lost, kept) = losses(lines);
        prop_assert_eq!(kept.len() as u64 + lost, given.len() as u64);
        prop_assert_eq!(lost, written.lost);
        let mut given = given.iter();
        prop_assert!(kept.iter().all(|line| given.any(|it| it == line)), "in order");
    }
}

#[test]
fn in_a_stream_only_the_torn_line_is_skipped() {
    let disk = SmallDisk::with_room(200);
    let mut store = store(&disk, Repair::Newline, false);
    let now = Instant::now();
    for number in 0..10 {
        store.write(&event(number), now).expect("a full disk ends nothing");
        store.flush(now).expect("a full disk ends nothing");
    }
    disk.set_room(usize::MAX);
    store.write(&event(10), now).expect("there is room");
    store.flush(now).expect("there is room");
    let due = store.settle_due().expect("something was written");
    store.settle(due).expect("there is room");
    assert_eq!(store.settle_due(), None, "there is nothing more to wait for");
    let (lines, skipped) = read(&disk, false);
    let (lost, kept) = losses(lines);
    assert_eq!((skipped, kept.len() as u64 + lost), (1, 11));
}

#[test]
fn of_several_hosts_all_are_told_what_a_full_disk_cost_and_have_their_headers_again() {
    let disk = SmallDisk::with_room(0);
    let mut store = store(&disk, Repair::Cut, false);
    let now = Instant::now();
    let recorder = Header { sources: vec!["local".to_owned(), "ssh://a".to_owned()], ..Header::default() };
    store.write(&Line::Header(Box::new(recorder)), now).expect("no stream");
    for source in ["local", "ssh://a"] {
        store.write_from(Some(source), &header(), now).expect("no stream");
        store.write_from(Some(source), &event(1), now).expect("no stream");
    }
    store.flush(now).expect("a full disk ends nothing");
    disk.set_room(usize::MAX);
    store.write_from(Some("ssh://a"), &event(2), now).expect("no stream");
    store.flush(now).expect("there is room");
    let text = String::from_utf8(disk.bytes()).expect("UTF-8");
    let sources: Vec<_> = text.lines().map(|line| line.get(..30).unwrap_or_default()).collect();
    assert_eq!(sources.len(), 5, "three headers, the loss, the event: {text}");
    assert!(
        text.lines()
            .nth(1)
            .is_some_and(|line| line.starts_with(r#"{"type":"from","source":"local","line":{"type":"header""#))
    );
    assert!(
        text.lines()
            .nth(3)
            .is_some_and(|line| line.starts_with(r#"{"type":"loss""#) && line.contains("any of the hosts"))
    );
}
