"""Reads traces that nfsgrace exported by Perfetto's published schema, and compares them with the report of the same session.

check.py DIRECTORY...: in each a trace.pftrace, and a report.ndjson that ends with the summary.
"""

import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import unknown_fields
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent

BOOTTIME, REALTIME = 6, 1


@dataclass(eq=False)
class Slice:
    track: int
    name: str
    category: str
    begin: int
    args: dict
    flows: list
    outer: "Slice | None"
    end: int = -1
    within: list = field(default_factory=list)

    @property
    def length(self):
        return self.end - self.begin


def must(holds, what):
    if not holds:
        raise AssertionError(what)


def no_unknown_fields(message):
    """A field that the schema does not have is kept aside when a message is read: there must be none, at any depth."""
    must(not len(unknown_fields.UnknownFieldSet(message)), f"unknown fields in {message.DESCRIPTOR.full_name}")
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            for inner in value if descriptor.is_repeated else [value]:
                no_unknown_fields(inner)


def args_of(event):
    args = {}
    for annotation in event.debug_annotations:
        kind = annotation.WhichOneof("value")
        must(annotation.name and kind, f"an annotation without a name or a value: {annotation}")
        args[annotation.name] = getattr(annotation, kind)
    return args


class Read:
    """The events of a trace, as Perfetto's trace processor takes them."""

    def __init__(self, path):
        self.tracks, self.slices, self.instants = {}, [], []
        self.counters, self.clocks = defaultdict(list), []
        trace = Trace()
        must(trace.ParseFromString(path.read_bytes()) == path.stat().st_size, "not all of the file was read")
        no_unknown_fields(trace)
        events = []
        for packet in trace.packet:
            must(packet.trusted_packet_sequence_id, "a packet without its sequence is dropped by Perfetto")
            data = packet.WhichOneof("data")
            if data == "track_descriptor":
                self.describe(packet.track_descriptor)
            elif data == "clock_snapshot":
                self.clock(packet)
            elif data == "track_event":
                uuid = packet.track_event.track_uuid
                must(uuid in self.tracks, f"an event on track {uuid}, which is not described before it")
                events.append(packet)
            else:
                must(data == "system_info", f"a packet of {data}")
        # The trace processor sorts by time, and keeps the order of events of the same moment.
        events.sort(key=lambda packet: packet.timestamp)
        self.open = defaultdict(list)
        for packet in events:
            self.event(packet.timestamp, packet.track_event)
        must(not any(self.open.values()), "a slice does not end")

    def describe(self, track):
        must(track.uuid and track.name, f"a track without number or name: {track}")
        must(not track.parent_uuid or track.parent_uuid in self.tracks, f"{track.name} comes before its parent")
        before = self.tracks.setdefault(track.uuid, track)
        must(before == track, f"{track.name} is described twice, and not alike")

    def clock(self, packet):
        clocks = {clock.clock_id: clock.timestamp for clock in packet.clock_snapshot.clocks}
        must(clocks[BOOTTIME] == packet.timestamp, "a clock snapshot of another time than its packet's")
        must(packet.clock_snapshot.primary_trace_clock == BOOTTIME, "the trace's clock is not BOOTTIME")
        must(not self.clocks or self.clocks[-1][BOOTTIME] < clocks[BOOTTIME], "BOOTTIME goes back")
        self.clocks.append(clocks)

    def event(self, at, event):
        track = self.tracks[event.track_uuid]
        stack = self.open[event.track_uuid]
        is_counter = track.HasField("counter")
        must(is_counter == (event.type == TrackEvent.TYPE_COUNTER), f"an event of type {event.type} on {track.name}")
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            (category,) = event.categories
            outer = stack[-1] if stack else None
            new = Slice(track.uuid, event.name, category, at, args_of(event), list(event.flow_ids), outer)
            must(new.name, "a slice without a name")
            if outer:
                outer.within.append(new)
            stack.append(new)
            self.slices.append(new)
        elif event.type == TrackEvent.TYPE_SLICE_END:
            must(stack, f"an end without a beginning on {track.name}")
            over = stack.pop()
            over.end = at
            over.args |= args_of(event)
        elif event.type == TrackEvent.TYPE_INSTANT:
            (category,) = event.categories
            self.instants.append((at, category, event.name, args_of(event)))
        else:
            self.counters[track.uuid].append(event.counter_value)

    def of(self, category, **args):
        return [it for it in self.slices if it.category == category and args.items() <= it.args.items()]

    def moments(self, category, **args):
        return [it for it in self.instants if it[1] == category and args.items() <= it[3].items()]

    def ancestors(self, uuid):
        while uuid:
            yield uuid
            uuid = self.tracks[uuid].parent_uuid


def check_structure(read):
    roots = [track for track in read.tracks.values() if not track.parent_uuid]
    must(len(roots) <= 1, "one host, one group of tracks")
    for uuid, values in read.counters.items():
        name = read.tracks[uuid].name
        must(name.startswith("stalled tasks") or values == sorted(values), f"{name} goes back: {values}")
    flows = defaultdict(list)
    for it in read.slices:
        for flow in it.flows:
            flows[flow].append(it)
    for joined in flows.values():
        must(len({id(it.outer) for it in joined}) == 1, "an arrow leads from one stall to another")
        must(joined[0].outer.category == "stall", "an arrow that is not between refusals of a stall")
        numbers = [it.args["attempt"] for it in joined]
        must(numbers == list(range(1, len(numbers) + 1)), f"an arrow leaves out a refusal: {numbers}")


def check_stall(read, row):
    (stall,) = read.of("stall", tid=row["tid"], began_ns=row["began"])
    must(stall.length == row["total_ns"], f"a stall of {stall.length} ns, not {row['total_ns']}")
    must(len(stall.within) == row["refused"], f"{len(stall.within)} refusals, not {row['refused']}")
    must(stall.args.get("restart") == row.get("restart"), "a stall of another restart")
    attempts = {it.args["attempt"]: it for it in stall.within}
    for wanted in row["attempts"]:
        attempt = attempts[wanted["attempt"]]
        (sleep,) = attempt.within
        must(attempt.category == "attempt" and attempt.begin == wanted["refused"], "an attempt is elsewhere")
        must("gap_ns" not in wanted or attempt.length == wanted["gap_ns"], "an attempt's length")
        must("slept_ns" not in wanted or sleep.length == wanted["slept_ns"], "a sleep's length")
        for name in ("asked_ns", "asked_computed", "slept_ns", "gap_ns", "excess"):
            must(attempt.args.get(name) == wanted.get(name), f"{name} of an attempt")
    tails = [it for it in read.of("tail") if it.end == stall.end and stall.track in read.ancestors(it.track)]
    must(sum(it.length for it in tails) == row.get("tail_ns", 0), "the tail of a stall")


def check_restart(read, row):
    number = row["restart"]
    graces = read.of("grace", restart=number, manager="nfsd")
    if "grace_ns" in row:
        must([it.length for it in graces] == [row["grace_ns"]], "the length of a grace period")
        must(graces[0].args["ended_by"] == row["ended_by"], "what ended a grace period")
    must(len(read.moments("refusal", restart=number)) == row["refused"], "refusals of a restart")
    starts = read.of("server", restart=number)
    trackers = [tracker for start in starts for tracking in start.within for tracker in tracking.within]
    must(len(trackers) == len(row["trackers"]), "trackers of a restart")
    for tracker, wanted in zip(trackers, row["trackers"]):
        must(tracker.args["tracker"] == wanted["tracker"] and tracker.begin == wanted["began"], "a tracker is elsewhere")
        must(tracker.length == wanted.get("took_ns", 0), "how long a tracker took")
        must(tracker.args.get("status") == wanted.get("status"), "what a tracker returned")
        must(tracker.args["polls_false"] == wanted["polls_false"], "polls of a tracker")
        kept = [poll for poll in tracker.within if not poll.args["running"]]
        must(len(kept) == min(wanted["polls_false"], 64), "polls of a tracker that are shown")


def check(directory):
    read = Read(directory / "trace.pftrace")
    *_, summary = (json.loads(line) for line in (directory / "report.ndjson").read_text().splitlines())
    must(summary["type"] == "summary", "the report does not end with its summary")
    check_structure(read)
    totals = summary["stall_totals"]
    must(len(read.of("stall")) == totals["ended"] + totals["live"], "stalls")
    must(len(read.of("attempt")) == totals["refused"], "refusals of stalls")
    must(sum(it.length for it in read.of("stall")) == totals["lost_ns"], "time lost")
    must(sum(it.length for it in read.of("tail")) == totals["tail_ns"], "tails")
    for row in summary["stalls"]:
        check_stall(read, row)
    for row in summary["restarts"]:
        check_restart(read, row)
    for row in summary["losses"]:
        must(sum(it[3]["count"] for it in read.moments("loss", cause=row["cause"])) == row["count"], "losses")
    return f"{len(read.tracks)} tracks, {len(read.slices)} slices, {len(read.instants)} instants"


def main():
    failed = 0
    for directory in map(Path, sys.argv[1:]):
        try:
            print(f"{directory.name}: ok ({check(directory)})")
        except Exception as error:  # What is wrong with one trace must not hide the others.
            failed += 1
            print(f"{directory.name}: FAILED: {type(error).__name__}: {error}")
    checked = len(sys.argv) - 1
    print(f"perfetto: {checked - failed} passed, {failed} failed")
    return 0 if checked and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
