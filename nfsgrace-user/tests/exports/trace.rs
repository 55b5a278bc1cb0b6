//! Reads a trace as Perfetto does, and insists on what Perfetto insists on.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::wire::{Wire, field, fields};

/// What an event says.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// Names of the track and of those above it, joined by `/`.
    pub track: String,
    pub name: String,
    pub category: String,
    pub args: BTreeMap<String, String>,
    pub flows: Vec<u64>,
}

impl Said {
    pub fn number(&self, name: &str) -> Option<u64> {
        self.args.get(name).map(|value| value.parse().expect("a number"))
    }
}

#[derive(Debug, Clone, Default)]
pub struct Slice {
    pub said: Said,
    pub begin: u64,
    pub end: u64,
    /// The slice around it.
    pub parent: Option<usize>,
}

#[derive(Debug, Default)]
pub struct Read {
    pub slices: Vec<Slice>,
    pub instants: Vec<(u64, Said)>,
    pub counters: BTreeMap<String, Vec<(u64, i64)>>,
    /// `BOOTTIME` and, where known, `REALTIME`.
    pub clocks: Vec<(u64, Option<u64>)>,
    pub tracks: HashMap<u64, String>,
}

impl Read {
    pub fn of<'a>(&'a self, category: &'a str) -> impl Iterator<Item = &'a Slice> {
        self.slices.iter().filter(move |slice| slice.said.category == category)
    }

    pub fn within<'a>(&'a self, outer: &'a Slice) -> impl Iterator<Item = &'a Slice> {
        let is_outer = |slice: &Slice| std::ptr::eq(slice, outer);
        self.slices.iter().filter(move |slice| slice.parent.is_some_and(|parent| is_outer(&self.slices[parent])))
    }

    pub fn moments<'a>(&'a self, category: &'a str) -> impl Iterator<Item = &'a (u64, Said)> {
        self.instants.iter().filter(move |(_, said)| said.category == category)
    }
}

struct Event<'a> {
    at: u64,
    fields: Vec<(u64, Wire<'a>)>,
}

/// Reads a whole trace. Panics where it is not one.
pub fn read(bytes: &[u8]) -> Read {
    let mut read = Read::default();
    let mut counters = HashSet::new();
    let mut events = Vec::new();
    for (place, (number, packet)) in fields(bytes).into_iter().enumerate() {
        assert_eq!(number, 1, "a trace is packets");
        let packet = fields(packet.bytes());
        assert_eq!(field(&packet, 10).map(Wire::number), Some(1), "a packet without its sequence is dropped");
        assert_eq!(field(&packet, 13).is_some(), place == 0, "state is cleared by the first packet only");
        if let Some(track) = field(&packet, 60) {
            describe(&mut read, &mut counters, &fields(track.bytes()));
        }
        let at = field(&packet, 8).map(Wire::number);
        if let Some(event) = field(&packet, 11) {
            let event = fields(event.bytes());
            let uuid = field(&event, 11).expect("an event has a track").number();
            assert!(read.tracks.contains_key(&uuid), "an event on a track that is not described yet");
            events.push(Event { at: at.expect("an event has a time"), fields: event });
        }
        if let Some(snapshot) = field(&packet, 6) {
            let clocks: HashMap<_, _> = fields(snapshot.bytes())
                .into_iter()
                .filter(|(number, _)| *number == 1)
                .map(|(_, clock)| fields(clock.bytes()))
                .map(|clock| (field(&clock, 1).unwrap().number(), field(&clock, 2).unwrap().number()))
                .collect();
            assert_eq!(clocks.get(&6).copied(), at, "the time of a snapshot is that of the trace's clock");
            read.clocks.push((clocks[&6], clocks.get(&1).copied()));
        }
    }
    assert!(read.clocks.is_sorted_by(|a, b| a.0 < b.0), "the trace's clock never goes back");
    // Perfetto's sorter is stable.
    events.sort_by_key(|event| event.at);
    let mut open: HashMap<u64, Vec<usize>> = HashMap::new();
    for event in &events {
        take(&mut read, &mut open, &counters, event);
    }
    assert!(open.values().all(Vec::is_empty), "every slice ends");
    read
}

fn describe(read: &mut Read, counters: &mut HashSet<u64>, track: &[(u64, Wire<'_>)]) {
    let uuid = field(track, 1).expect("a track has a number").number();
    assert_ne!(uuid, 0);
    let name = field(track, 2).expect("a track has a name").text();
    let path = match field(track, 5) {
        Some(parent) => format!("{}/{name}", read.tracks.get(&parent.number()).expect("the parent comes first")),
        None => name.to_owned(),
    };
    let before = read.tracks.insert(uuid, path.clone());
    assert!(before.is_none_or(|before| before == path), "a track changes its name");
    if field(track, 8).is_some() {
        counters.insert(uuid);
    }
}

fn said(read: &Read, event: &Event<'_>) -> Said {
    let text = |number| field(&event.fields, number).map(|it| it.text().to_owned()).unwrap_or_default();
    let uuid = field(&event.fields, 11).expect("checked before").number();
    Said {
        track: read.tracks[&uuid].clone(),
        name: text(23),
        category: text(22),
        args: event.fields.iter().filter(|(number, _)| *number == 4).map(|(_, it)| annotation(it.bytes())).collect(),
        flows: event.fields.iter().filter(|(number, _)| *number == 47).map(|(_, it)| it.number()).collect(),
    }
}

fn annotation(bytes: &[u8]) -> (String, String) {
    let annotation = fields(bytes);
    let name = field(&annotation, 10).expect("an annotation has a name").text().to_owned();
    let value = match annotation.iter().find(|(number, _)| *number != 10).expect("an annotation has a value") {
        (2, it) => (it.number() == 1).to_string(),
        (3, it) => it.number().to_string(),
        (4, it) => it.number().cast_signed().to_string(),
        (6, it) => it.text().to_owned(),
        other => panic!("an annotation of {other:?}"),
    };
    (name, value)
}

fn take(read: &mut Read, open: &mut HashMap<u64, Vec<usize>>, counters: &HashSet<u64>, event: &Event<'_>) {
    let Event { at, fields } = event;
    let uuid = field(fields, 11).expect("checked before").number();
    let said = said(read, event);
    let stack = open.entry(uuid).or_default();
    let kind = field(fields, 9).expect("an event has a type").number();
    assert_eq!(counters.contains(&uuid), kind == 4, "counters, and nothing else, on tracks of counters: {said:?}");
    match kind {
        1 => {
            assert!(!said.name.is_empty() && !said.category.is_empty(), "{said:?}");
            let parent = stack.last().copied();
            stack.push(read.slices.len());
            read.slices.push(Slice { said, begin: *at, end: u64::MAX, parent });
        }
        2 => {
            let slice = stack.pop().expect("an end has a beginning");
            read.slices[slice].end = *at;
            read.slices[slice].said.args.extend(said.args);
        }
        3 => read.instants.push((*at, said)),
        4 => {
            let value = field(fields, 30).expect("a counter has a value").number().cast_signed();
            read.counters.entry(said.track).or_default().push((*at, value));
        }
        other => panic!("an event of type {other}"),
    }
}
