//! Packets of a trace, by the numbers of their fields in Perfetto's schema (protos/perfetto/trace).
//!
//! A track descriptor precedes the first event of its track. Perfetto sorts events by time and keeps the order of those of
//! the same moment, so a slice may be written when it is over. On one track slices must nest: no event is ever before
//! the one written before it.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use super::{
    args::Args,
    proto::Message,
    track::{Holds, Shown},
};
use crate::record::Stamp;

/// Field of `Trace`.
const PACKET: u32 = 1;

/// Fields of `TracePacket`.
mod packet {
    pub const CLOCK_SNAPSHOT: u32 = 6;
    pub const TIMESTAMP: u32 = 8;
    pub const TRUSTED_PACKET_SEQUENCE_ID: u32 = 10;
    pub const TRACK_EVENT: u32 = 11;
    pub const SEQUENCE_FLAGS: u32 = 13;
    pub const SYSTEM_INFO: u32 = 45;
    pub const TRACK_DESCRIPTOR: u32 = 60;
    pub const FIRST_PACKET_ON_SEQUENCE: u32 = 87;
}

/// Fields of `TrackDescriptor`.
mod descriptor {
    pub const UUID: u32 = 1;
    pub const NAME: u32 = 2;
    pub const PARENT_UUID: u32 = 5;
    pub const COUNTER: u32 = 8;
    pub const CHILD_ORDERING: u32 = 11;
    pub const SIBLING_ORDER_RANK: u32 = 12;
    pub const SIBLING_MERGE_BEHAVIOR: u32 = 15;
    /// Of `CounterDescriptor`.
    pub const UNIT_NAME: u32 = 6;
}

/// Fields of `TrackEvent`.
mod event {
    pub const TYPE: u32 = 9;
    pub const TRACK_UUID: u32 = 11;
    pub const CATEGORIES: u32 = 22;
    pub const NAME: u32 = 23;
    pub const COUNTER_VALUE: u32 = 30;
    pub const FLOW_IDS: u32 = 47;
}

/// Fields of `ClockSnapshot`, `ClockSnapshot.Clock`, `SystemInfo` and `Utsname`.
mod host {
    pub const CLOCKS: u32 = 1;
    pub const PRIMARY_TRACE_CLOCK: u32 = 2;
    pub const CLOCK_ID: u32 = 1;
    pub const TIMESTAMP: u32 = 2;
    pub const UTSNAME: u32 = 1;
    pub const MACHINE_NAME: u32 = 17;
    pub const SYSNAME: u32 = 1;
    pub const RELEASE: u32 = 3;
}

/// Values of `TrackEvent.Type`.
const SLICE_BEGIN: u64 = 1;
const SLICE_END: u64 = 2;
const INSTANT: u64 = 3;
const COUNTER: u64 = 4;
/// Of `BuiltinClock`.
const REALTIME: u64 = 1;
const BOOTTIME: u64 = 6;
/// Of `TrackDescriptor.ChildTracksOrdering`.
const CHRONOLOGICAL: u64 = 2;
const EXPLICIT: u64 = 3;
/// Of `TrackDescriptor.SiblingMergeBehavior`: two tracks that share a name are still two.
const MERGE_NONE: u64 = 2;
/// Of `TracePacket.SequenceFlags`: nothing from before is needed.
const INCREMENTAL_STATE_CLEARED: u64 = 1;
/// All packets come from one writer.
const SEQUENCE: u64 = 1;

/// Descriptors remembered; past this they are written again, which Perfetto allows.
const MAX_DESCRIBED: usize = 65_536;
/// Tracks whose latest time is remembered; past this only those with an open slice.
const MAX_LANES: usize = 131_072;

/// Where the latest event on a track was.
#[derive(Debug, Clone, Copy, Default)]
struct Lane {
    last: u64,
    open: u32,
}

/// What an event is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label<'a> {
    pub(super) name: &'a str,
    pub(super) category: &'static str,
    /// Events with the same number are joined by arrows.
    pub(super) flow: Option<u64>,
    pub(super) args: &'a Args,
}

/// A trace that is being written.
#[derive(Debug, Default)]
pub struct Trace {
    ready: Message,
    begun: bool,
    described: HashSet<u64>,
    lanes: HashMap<u64, Lane>,
    latest_snapshot: Option<u64>,
}

impl Trace {
    /// Nothing is written yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands over what is ready, and forgets it.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write_to(&mut self, out: &mut impl io::Write) -> io::Result<()> {
        out.write_all(self.ready.as_bytes())?;
        self.ready.clear();
        Ok(())
    }

    fn packet(&mut self, mut fields: Message) {
        fields.uint(packet::TRUSTED_PACKET_SEQUENCE_ID, SEQUENCE);
        if !std::mem::replace(&mut self.begun, true) {
            fields.flag(packet::FIRST_PACKET_ON_SEQUENCE, true);
            fields.uint(packet::SEQUENCE_FLAGS, INCREMENTAL_STATE_CLEARED);
        }
        self.ready.message(PACKET, &fields);
    }

    pub(super) fn is_described(&self, uuid: u64) -> bool {
        self.described.contains(&uuid)
    }

    pub(super) fn describe(&mut self, uuid: u64, parent: Option<u64>, shown: &Shown<'_>) {
        if self.described.len() >= MAX_DESCRIBED {
            self.described.clear();
        }
        self.described.insert(uuid);
        let Shown { parent: _, name, rank, holds } = shown;
        let mut track = Message::default();
        track.uint(descriptor::UUID, uuid);
        if let Some(parent) = parent {
            track.uint(descriptor::PARENT_UUID, parent);
        }
        track.text(descriptor::NAME, name);
        track.int(descriptor::SIBLING_ORDER_RANK, i64::from(*rank));
        track.uint(descriptor::SIBLING_MERGE_BEHAVIOR, MERGE_NONE);
        match holds {
            Holds::Ranked => track.uint(descriptor::CHILD_ORDERING, EXPLICIT),
            Holds::Chronological => track.uint(descriptor::CHILD_ORDERING, CHRONOLOGICAL),
            Holds::Slices => {}
            Holds::Counter(unit) => {
                let mut counter = Message::default();
                counter.text(descriptor::UNIT_NAME, unit);
                track.message(descriptor::COUNTER, &counter);
            }
        }
        let mut fields = Message::default();
        fields.message(packet::TRACK_DESCRIPTOR, &track);
        self.packet(fields);
    }

    /// The moment, or the latest one on this track where that is later.
    fn step(&mut self, uuid: u64, at: u64) -> (u64, &mut Lane) {
        if self.lanes.len() >= MAX_LANES && !self.lanes.contains_key(&uuid) {
            self.lanes.retain(|_, lane| lane.open > 0);
        }
        let lane = self.lanes.entry(uuid).or_default();
        lane.last = lane.last.max(at);
        (lane.last, lane)
    }

    /// The latest moment on a track.
    pub(super) fn latest(&self, uuid: u64) -> u64 {
        self.lanes.get(&uuid).map_or(0, |lane| lane.last)
    }

    pub(super) fn begin(&mut self, uuid: u64, at: u64, label: Label<'_>) {
        let (at, lane) = self.step(uuid, at);
        lane.open += 1;
        self.event(SLICE_BEGIN, uuid, at, Some(label), &Args::new());
    }

    /// Ends the latest slice that is open on this track, if there is one.
    pub(super) fn end(&mut self, uuid: u64, at: u64, args: &Args) {
        let (at, lane) = self.step(uuid, at);
        if lane.open > 0 {
            lane.open -= 1;
            self.event(SLICE_END, uuid, at, None, args);
        }
    }

    pub(super) fn instant(&mut self, uuid: u64, at: u64, label: Label<'_>) {
        self.event(INSTANT, uuid, at, Some(label), &Args::new());
    }

    pub(super) fn count(&mut self, uuid: u64, at: u64, value: u64) {
        let (at, _) = self.step(uuid, at);
        let mut event = Message::default();
        event.uint(event::TYPE, COUNTER);
        event.uint(event::TRACK_UUID, uuid);
        event.int(event::COUNTER_VALUE, i64::try_from(value).unwrap_or(i64::MAX));
        self.track_event(at, &event);
    }

    fn event(&mut self, kind: u64, uuid: u64, at: u64, label: Option<Label<'_>>, args: &Args) {
        let mut event = Message::default();
        event.uint(event::TYPE, kind);
        event.uint(event::TRACK_UUID, uuid);
        event.append(args.fields());
        if let Some(Label { name, category, flow, args }) = label {
            event.text(event::CATEGORIES, category);
            event.text(event::NAME, name);
            if let Some(flow) = flow {
                event.fixed64(event::FLOW_IDS, flow);
            }
            event.append(args.fields());
        }
        self.track_event(at, &event);
    }

    fn track_event(&mut self, at: u64, event: &Message) {
        let mut fields = Message::default();
        fields.uint(packet::TIMESTAMP, at);
        fields.message(packet::TRACK_EVENT, event);
        self.packet(fields);
    }

    /// Ties the trace's clock to the wall clock. One that is not later than the one before says nothing new.
    pub(super) fn clock_snapshot(&mut self, at: u64, wall: Option<u64>) {
        if self.latest_snapshot.is_some_and(|latest| at <= latest) {
            return;
        }
        self.latest_snapshot = Some(at);
        let mut snapshot = Message::default();
        for (id, timestamp) in [(BOOTTIME, Some(at)), (REALTIME, wall)] {
            if let Some(timestamp) = timestamp {
                let mut clock = Message::default();
                clock.uint(host::CLOCK_ID, id);
                clock.uint(host::TIMESTAMP, timestamp);
                snapshot.message(host::CLOCKS, &clock);
            }
        }
        snapshot.uint(host::PRIMARY_TRACE_CLOCK, BOOTTIME);
        let mut fields = Message::default();
        fields.uint(packet::TIMESTAMP, at);
        fields.message(packet::CLOCK_SNAPSHOT, &snapshot);
        self.packet(fields);
    }

    /// Where the trace was taken.
    pub(super) fn system_info(&mut self, at: Stamp, machine: &str, kernel: &str) {
        let mut utsname = Message::default();
        utsname.text(host::SYSNAME, "Linux");
        utsname.text(host::RELEASE, kernel);
        let mut info = Message::default();
        info.message(host::UTSNAME, &utsname);
        info.text(host::MACHINE_NAME, machine);
        let mut fields = Message::default();
        fields.uint(packet::TIMESTAMP, at.0);
        fields.message(packet::SYSTEM_INFO, &info);
        self.packet(fields);
    }
}
