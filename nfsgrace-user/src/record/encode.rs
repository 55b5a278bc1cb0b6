//! From a [`Line`] to a line on disk.

use std::io::{self, Write};

use memchr::memchr2;
use serde_json::{Serializer, ser::Formatter};

use super::{Client, Counts, Event, Kind, Line, Rpc, ServerState, Surroundings};

/// Appends one record and its line end to `out`.
pub fn encode(line: &Line, out: &mut Vec<u8>) {
    match line {
        Line::Event(it) => event(it, out),
        Line::Clock(it) => {
            let mut object = Object::new("clock", out);
            object.number("t", it.at.0);
            object.signed("realtime_minus_boottime_ns", it.realtime_minus_boottime_ns);
            object.close();
        }
        Line::Loss(it) => {
            let mut object = Object::new("loss", out);
            object.number("t", it.at.0);
            object.text("cause", &it.cause);
            object.number("count", it.count);
            object.text("hides", &it.hides);
            object.close();
        }
        Line::Header(it) => tree(it, out),
        Line::Verdict(it) => tree(it, out),
        Line::Summary(it) => tree(it, out),
        Line::Paired(it) => tree(it, out),
    }
    out.push(b'\n');
}

/// One record as text, without its line end.
#[must_use]
pub fn text(line: &Line) -> String {
    let mut bytes = Vec::new();
    encode(line, &mut bytes);
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

fn tree(value: &impl serde::Serialize, out: &mut Vec<u8>) {
    let before = out.len();
    if value.serialize(&mut Serializer::with_formatter(&mut *out, Harmless)).is_err() {
        // These types have neither maps with odd keys nor fallible parts, and memory does not refuse a write.
        out.truncate(before);
    }
}

/// JSON without blanks in which names of files and tasks cannot command a terminal: JSON itself demands an escape for none
/// of the control characters from U+007F to U+009F, and U+009B does in many terminals what ESC [ does.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, control)) = next_control(rest) {
            out.write_all(&rest.as_bytes()[..at])?;
            write!(out, "\\u{:04x}", u32::from(control))?;
            rest = &rest[at + control.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

fn next_control(text: &str) -> Option<(usize, char)> {
    // In UTF-8 they are this byte, or begin with that one, which few texts have.
    let mut from = 0;
    while let Some(at) = memchr2(0x7f, 0xc2, &text.as_bytes()[from..]) {
        from += at;
        let found = text[from..].chars().next()?;
        if found.is_control() {
            return Some((from, found));
        }
        from += found.len_utf8();
    }
    None
}

/// Writes a session, one line per record. When to flush is the caller's business.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes to `out`, each record with one call of `write_all`.
    pub fn new(out: W) -> Self {
        Self { out, line: Vec::with_capacity(512) }
    }

    /// Writes one record.
    ///
    /// # Errors
    ///
    /// Whatever `out` answers.
    pub fn write(&mut self, line: &Line) -> io::Result<()> {
        self.line.clear();
        encode(line, &mut self.line);
        self.out.write_all(&self.line)
    }

    /// Flushes `out`.
    ///
    /// # Errors
    ///
    /// Whatever `out` answers.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// What it writes to.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }
}

/// A flat JSON object under construction; `"type"` comes first.
struct Object<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Object<'a> {
    fn new(name: &str, out: &'a mut Vec<u8>) -> Self {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(name.as_bytes());
        out.push(b'"');
        Self { out }
    }

    fn key(&mut self, key: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn json(&mut self, key: &str, value: &(impl serde::Serialize + ?Sized)) {
        self.key(key);
        tree(&value, self.out);
    }

    fn number(&mut self, key: &str, value: u64) {
        self.json(key, &value);
    }

    fn signed(&mut self, key: &str, value: i64) {
        self.json(key, &value);
    }

    fn text(&mut self, key: &str, value: &str) {
        self.json(key, value);
    }

    fn maybe<T: serde::Serialize>(&mut self, key: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.json(key, value);
        }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    fn state(&mut self, state: &ServerState) {
        let ServerState { grace_s, lease_s, tracking, tracks_reclaim_completes, to_reclaim, reclaimed } = state;
        self.maybe("grace_s", grace_s.as_ref());
        self.maybe("lease_s", lease_s.as_ref());
        self.maybe("tracking", tracking.as_ref());
        self.maybe("tracks_reclaim_completes", tracks_reclaim_completes.as_ref());
        self.maybe("to_reclaim", to_reclaim.as_ref());
        self.maybe("reclaimed", reclaimed.as_ref());
    }

    fn client(&mut self, client: &Client) {
        let Client { addr, name, minor } = client;
        self.maybe("client_addr", addr.as_ref());
        self.maybe("client_name", name.as_ref());
        self.maybe("minor", minor.as_ref());
    }
}

/// Name of an event's kind in a session.
fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::ServerStart => "server_start",
        Kind::ServerStarted { .. } => "server_started",
        Kind::ServerStop => "server_stop",
        Kind::TrackingStart { .. } => "tracking_start",
        Kind::TrackingEnd { .. } => "tracking_end",
        Kind::TrackerStart { .. } => "tracker_start",
        Kind::TrackerEnd { .. } => "tracker_end",
        Kind::Poll { .. } => "poll",
        Kind::ReclaimRecord { .. } => "reclaim_record",
        Kind::GraceStart { .. } => "grace_start",
        Kind::GraceEnd { .. } => "grace_end",
        Kind::GraceAnswer { .. } => "grace_answer",
        Kind::Refused { .. } => "refused",
        Kind::Reclaim { .. } => "reclaim",
        Kind::ReclaimComplete { .. } => "reclaim_complete",
        Kind::ClientConfirmed { .. } => "client_confirmed",
        Kind::EndGraceWrite { .. } => "end_grace_write",
        Kind::Surroundings(_) => "surroundings",
        Kind::KernelLog { .. } => "kernel_log",
        Kind::Delay { .. } => "delay",
        Kind::SleepEnd { .. } => "sleep_end",
        Kind::Attempt { .. } => "attempt",
        Kind::StallEnd { .. } => "stall_end",
        Kind::Stack { .. } => "stack",
        Kind::Counts(_) => "counts",
    }
}

fn event(event: &Event, out: &mut Vec<u8>) {
    let Event { at, task, netns, kind } = event;
    let mut object = Object::new("event", out);
    object.number("t", at.0);
    object.text("event", name(kind));
    object.maybe("netns", netns.as_ref());
    object.number("pid", task.pid.into());
    object.number("tid", task.tid.into());
    object.text("comm", &task.comm);
    fields(kind, &mut object);
    object.close();
}

fn fields(kind: &Kind, object: &mut Object<'_>) {
    match kind {
        Kind::ServerStart | Kind::ServerStop => {}
        Kind::ServerStarted { status, state } => {
            object.json("status", status);
            object.state(state);
        }
        Kind::TrackingStart { stack } => stack_of(stack, object),
        Kind::TrackingEnd { status } | Kind::EndGraceWrite { status } => object.json("status", status),
        Kind::TrackerStart { tracker } => object.json("tracker", tracker),
        Kind::TrackerEnd { tracker, status } => {
            object.json("tracker", tracker);
            object.json("status", status);
        }
        Kind::Poll { running, inferred } => {
            object.json("running", running);
            object.json("inferred", inferred);
        }
        Kind::ReclaimRecord { name } => object.text("name", name),
        Kind::GraceStart { manager } => object.json("manager", manager),
        Kind::GraceEnd { manager, by, state } => {
            object.json("manager", manager);
            object.json("by", by);
            object.state(state);
        }
        Kind::GraceAnswer { for_open, in_grace } => {
            object.json("for_open", for_open);
            object.json("in_grace", in_grace);
        }
        Kind::Refused { op, client, xid, claim, name, in_grace, took_ns } => {
            object.json("op", op);
            object.client(client);
            object.maybe("xid", xid.as_ref());
            object.maybe("claim", claim.as_ref());
            object.maybe("name", name.as_ref());
            object.maybe("in_grace", in_grace.as_ref());
            object.number("took_ns", *took_ns);
        }
        Kind::Reclaim { op, client, xid, status } => {
            object.json("op", op);
            object.client(client);
            object.maybe("xid", xid.as_ref());
            object.json("status", status);
        }
        Kind::ReclaimComplete { client, status } | Kind::ClientConfirmed { client, status } => {
            object.client(client);
            object.json("status", status);
        }
        Kind::Surroundings(seen) => {
            let Surroundings { rpc_pipefs, nfsdcld_pid, nfsdcld_pipe, nfsdcltrack, recovery_dir } = seen;
            object.maybe("rpc_pipefs", rpc_pipefs.as_ref());
            object.maybe("nfsdcld_pid", nfsdcld_pid.as_ref());
            object.maybe("nfsdcld_pipe", nfsdcld_pipe.as_ref());
            object.maybe("nfsdcltrack", nfsdcltrack.as_ref());
            object.maybe("recovery_dir", recovery_dir.as_ref());
        }
        Kind::KernelLog { text } => object.text("text", text),
        Kind::Delay { began, began_seen, op, path, server, refusal, timeout, observed, stack, rpc } => {
            object.number("began", began.0);
            object.json("began_seen", began_seen);
            object.maybe("op", op.as_ref());
            object.maybe("path", path.as_ref());
            object.maybe("server", server.as_ref());
            object.json("refusal", refusal);
            object.maybe("timeout", timeout.as_ref());
            object.json("observed", observed);
            if let Some(Rpc { xid, sent, received, transmissions }) = rpc {
                object.json("xid", xid);
                object.maybe("sent", sent.as_ref());
                object.maybe("received", received.as_ref());
                object.maybe("transmissions", transmissions.as_ref());
            }
            stack_of(stack, object);
        }
        Kind::SleepEnd { began, status } => {
            object.number("began", began.0);
            object.json("status", status);
        }
        Kind::Attempt { began } => object.number("began", began.0),
        Kind::StallEnd { began, status } => {
            object.number("began", began.0);
            object.maybe("status", status.as_ref());
        }
        Kind::Stack { began, stack } => {
            object.maybe("began", began.map(|began| began.0).as_ref());
            stack_of(stack, object);
        }
        Kind::Counts(counts) => {
            let Counts { opens, opens_refused, others_refused, grace_asked, grace_true, delays, stalls_ended } = counts;
            object.number("opens", *opens);
            object.number("opens_refused", *opens_refused);
            object.number("others_refused", *others_refused);
            object.number("grace_asked", *grace_asked);
            object.number("grace_true", *grace_true);
            object.number("delays", *delays);
            object.number("stalls_ended", *stalls_ended);
        }
    }
}

fn stack_of(stack: &[String], object: &mut Object<'_>) {
    if !stack.is_empty() {
        object.json("stack", stack);
    }
}
