//! From a line on disk to a [`Line`].

use std::{borrow::Cow, net::IpAddr};

use serde::{Deserialize, de::IntoDeserializer, de::value::Error as NameError};

use super::{
    Client, ClockSample, Counts, Event, Kind, Line, Loss, Netns, Rpc, ServerState, Stamp, Surroundings, Task,
    flat::{Flat, Text},
    reader::MAX_EVENT,
};

/// A line that was understood.
#[derive(Debug)]
pub struct Decoded {
    /// What it says.
    pub line: Line,
    /// Fields in it that this program does not know, left out.
    pub unknown_fields: u32,
}

/// Why a line was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Longer than [`MAX_LINE`](super::MAX_LINE), or an event than [`MAX_EVENT`](super::MAX_EVENT).
    #[error("too long")]
    TooLong,
    /// The last line, and it is cut off: the writer was stopped in the middle of it.
    #[error("cut off: the recorder was stopped while writing it, or still writes")]
    Torn,
    /// Not an object in JSON, or a field has another type than it should.
    #[error("not a record: {0}")]
    NotJson(String),
    /// A field that this kind of record needs is not there.
    #[error("has no {0:?}")]
    Missing(&'static str),
    /// A field has a value that this program does not know.
    #[error("{0:?} cannot be {1:?}")]
    BadValue(&'static str, String),
    /// A type of record that this program does not know, from a newer version perhaps.
    #[error("unknown type {0:?}")]
    UnknownType(String),
    /// A kind of event that this program does not know, from a newer version perhaps.
    #[error("unknown event {0:?}")]
    UnknownEvent(String),
    /// Not one line, but so many bytes of a compressed file that are damaged.
    #[error("{0} bytes of compressed data are damaged")]
    Damaged(u64),
}

/// Longest grace period, lease (seconds) and sleep (jiffies) that is read; 24 days of the shortest jiffies.
pub const MAX_SPAN: u64 = 1 << 31;

/// Longest piece of a bad line that a [`Why`] carries, characters.
const QUOTE: usize = 60;

fn quote(text: &str) -> String {
    text.chars().take(QUOTE).collect()
}

fn not_json(error: &serde_json::Error) -> Why {
    Why::NotJson(quote(&error.to_string()))
}

/// Reads one line, with or without its line end.
///
/// # Errors
///
/// [`Why`] it is not one that this program understands.
pub fn decode(line: &[u8]) -> Result<Decoded, Why> {
    // Checked once for the whole line: serde_json would do it string by string.
    let line = std::str::from_utf8(line).map_err(|_| Why::NotJson("not UTF-8".to_owned()))?;
    let mut flat = Flat::default();
    match flat.scan(line) {
        Some(()) => decode_flat(line, &mut flat),
        None => decode_thoroughly(line),
    }
}

/// Reads one line the slow way, which understands all of JSON. What [`decode`] makes of a line is the same.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_thoroughly(line: &str) -> Result<Decoded, Why> {
    match serde_json::from_str(line) {
        Ok(mut flat) => decode_flat(line, &mut flat),
        // A newer program may write a known name with another type into a type of record that is unknown here.
        Err(error) => decode_tree(line).ok_or_else(|| not_json(&error))?,
    }
}

fn decode_flat(line: &str, flat: &mut Flat<'_>) -> Result<Decoded, Why> {
    let unknown_fields = flat.unknown;
    let line = match flat.type_.as_ref().map(|name| name.0.as_ref()) {
        Some("event" | "loss") if line.len() > MAX_EVENT => return Err(Why::TooLong),
        Some("event") => Line::Event(event(flat)?),
        Some("clock") => Line::Clock(ClockSample {
            at: Stamp(flat.t.ok_or(Why::Missing("t"))?),
            realtime_minus_boottime_ns: flat
                .realtime_minus_boottime_ns
                .ok_or(Why::Missing("realtime_minus_boottime_ns"))?,
        }),
        Some("loss") => Line::Loss(Loss {
            at: Stamp(flat.t.ok_or(Why::Missing("t"))?),
            cause: owned(flat.cause.take()).ok_or(Why::Missing("cause"))?,
            count: flat.count.ok_or(Why::Missing("count"))?,
            hides: owned(flat.hides.take()).unwrap_or_default(),
        }),
        Some(_) => return decode_tree(line).unwrap_or(Err(Why::Missing("type"))),
        None => return Err(Why::Missing("type")),
    };
    Ok(Decoded { line, unknown_fields })
}

/// The rare records that are not flat. `None` when the line has no type.
fn decode_tree(line: &str) -> Option<Result<Decoded, Why>> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "type")]
        name: Cow<'a, str>,
    }
    fn tree<'a, T: Deserialize<'a>>(line: &'a str, wrap: fn(Box<T>) -> Line) -> Result<Decoded, Why> {
        let value = serde_json::from_str(line).map_err(|error| not_json(&error))?;
        Ok(Decoded { line: wrap(Box::new(value)), unknown_fields: 0 })
    }
    let name = serde_json::from_str::<Typed<'_>>(line).ok()?.name;
    Some(match name.as_ref() {
        "header" => tree(line, Line::Header),
        "verdict" => tree(line, Line::Verdict),
        "summary" => tree(line, Line::Summary),
        "paired" => tree(line, Line::Paired),
        "event" | "clock" | "loss" => return None,
        other => Err(Why::UnknownType(quote(other))),
    })
}

fn owned(text: Option<Text<'_>>) -> Option<String> {
    text.map(|text| text.0.into_owned())
}

fn all_owned(list: Vec<Text<'_>>) -> Vec<String> {
    list.into_iter().map(|text| text.0.into_owned()).collect()
}

fn need<T>(value: Option<T>, field: &'static str) -> Result<T, Why> {
    value.ok_or(Why::Missing(field))
}

/// A value that is one of a few names.
fn named<'a, T: Deserialize<'a>>(value: Option<&'a Text<'_>>, field: &'static str) -> Result<Option<T>, Why> {
    let Some(value) = value else { return Ok(None) };
    let from = IntoDeserializer::<NameError>::into_deserializer(value.0.as_ref());
    T::deserialize(from).map(Some).map_err(|_| Why::BadValue(field, quote(&value.0)))
}

fn narrow<T: TryFrom<i64>>(value: Option<i64>, field: &'static str) -> Result<Option<T>, Why> {
    value.map(|value| T::try_from(value).map_err(|_| Why::BadValue(field, value.to_string()))).transpose()
}

fn client(flat: &mut Flat<'_>) -> Result<Client, Why> {
    let addr = match &flat.client_addr {
        Some(text) => Some(text.0.parse::<IpAddr>().map_err(|_| Why::BadValue("client_addr", quote(&text.0)))?),
        None => None,
    };
    Ok(Client { addr, name: owned(flat.client_name.take()), minor: flat.minor })
}

fn state(flat: &Flat<'_>) -> Result<ServerState, Why> {
    Ok(ServerState {
        grace_s: at_most(flat.grace_s, MAX_SPAN, "grace_s")?,
        lease_s: at_most(flat.lease_s, MAX_SPAN, "lease_s")?,
        tracking: flat.tracking,
        tracks_reclaim_completes: flat.tracks_reclaim_completes,
        to_reclaim: flat.to_reclaim,
        reclaimed: flat.reclaimed,
    })
}

/// A span of time that a kernel can have meant, so that no sum with it overflows.
fn at_most(value: Option<u64>, most: u64, field: &'static str) -> Result<Option<u64>, Why> {
    match value {
        Some(value) if value > most => Err(Why::BadValue(field, value.to_string())),
        value => Ok(value),
    }
}

fn event(flat: &mut Flat<'_>) -> Result<Event, Why> {
    let name = need(flat.event.take(), "event")?;
    let at = Stamp(need(flat.t, "t")?);
    let kind = kind(&name.0, flat)?;
    let task = Task {
        pid: flat.pid.unwrap_or_default(),
        tid: flat.tid.unwrap_or_default(),
        comm: owned(flat.comm.take()).unwrap_or_default(),
    };
    Ok(Event { at, task, netns: flat.netns.map(Netns), kind })
}

fn kind(name: &str, flat: &mut Flat<'_>) -> Result<Kind, Why> {
    Ok(match name {
        "server_start" => Kind::ServerStart,
        "server_started" => {
            Kind::ServerStarted { status: need(narrow(flat.status, "status")?, "status")?, state: state(flat)? }
        }
        "server_stop" => Kind::ServerStop,
        "tracking_start" => Kind::TrackingStart { stack: all_owned(flat.stack.take().unwrap_or_default()) },
        "tracking_end" => Kind::TrackingEnd { status: need(narrow(flat.status, "status")?, "status")? },
        "tracker_start" => Kind::TrackerStart { tracker: need(named(flat.tracker.as_ref(), "tracker")?, "tracker")? },
        "tracker_end" => Kind::TrackerEnd {
            tracker: need(named(flat.tracker.as_ref(), "tracker")?, "tracker")?,
            status: need(narrow(flat.status, "status")?, "status")?,
        },
        "poll" => Kind::Poll { running: need(flat.running, "running")?, inferred: need(flat.inferred, "inferred")? },
        "reclaim_record" => Kind::ReclaimRecord { name: need(owned(flat.name.take()), "name")? },
        "grace_start" => Kind::GraceStart { manager: need(named(flat.manager.as_ref(), "manager")?, "manager")? },
        "grace_end" => Kind::GraceEnd {
            manager: need(named(flat.manager.as_ref(), "manager")?, "manager")?,
            by: need(named(flat.by.as_ref(), "by")?, "by")?,
            state: state(flat)?,
        },
        "grace_answer" => {
            Kind::GraceAnswer { for_open: need(flat.for_open, "for_open")?, in_grace: need(flat.in_grace, "in_grace")? }
        }
        "refused" => Kind::Refused {
            op: need(named(flat.op.as_ref(), "op")?, "op")?,
            client: client(flat)?,
            xid: flat.xid,
            claim: named(flat.claim.as_ref(), "claim")?,
            name: owned(flat.name.take()),
            in_grace: flat.in_grace,
            took_ns: flat.took_ns.unwrap_or_default(),
        },
        "reclaim" => Kind::Reclaim {
            op: need(named(flat.op.as_ref(), "op")?, "op")?,
            client: client(flat)?,
            xid: flat.xid,
            status: need(narrow(flat.status, "status")?, "status")?,
        },
        "reclaim_complete" => {
            Kind::ReclaimComplete { client: client(flat)?, status: need(narrow(flat.status, "status")?, "status")? }
        }
        "client_confirmed" => {
            Kind::ClientConfirmed { client: client(flat)?, status: need(narrow(flat.status, "status")?, "status")? }
        }
        "end_grace_write" => Kind::EndGraceWrite { status: need(narrow(flat.status, "status")?, "status")? },
        "surroundings" => Kind::Surroundings(Surroundings {
            rpc_pipefs: flat.rpc_pipefs.take().map(all_owned),
            nfsdcld_pid: flat.nfsdcld_pid,
            nfsdcld_pipe: owned(flat.nfsdcld_pipe.take()),
            nfsdcltrack: flat.nfsdcltrack,
            recovery_dir: flat.recovery_dir,
        }),
        "kernel_log" => Kind::KernelLog { text: need(owned(flat.text.take()), "text")? },
        "delay" => Kind::Delay {
            began: Stamp(need(flat.began, "began")?),
            began_seen: flat.began_seen.unwrap_or_default(),
            op: owned(flat.op.take()),
            path: owned(flat.path.take()),
            server: owned(flat.server.take()),
            refusal: need(named(flat.refusal.as_ref(), "refusal")?, "refusal")?,
            timeout: match flat.timeout {
                Some(jiffies) if jiffies.unsigned_abs() > MAX_SPAN => {
                    return Err(Why::BadValue("timeout", jiffies.to_string()));
                }
                timeout => timeout,
            },
            observed: flat.observed.unwrap_or_default(),
            stack: all_owned(flat.stack.take().unwrap_or_default()),
            rpc: flat.xid.map(|xid| Rpc {
                xid,
                sent: flat.sent.map(Stamp),
                received: flat.received.map(Stamp),
                transmissions: flat.transmissions,
            }),
        },
        "sleep_end" => Kind::SleepEnd {
            began: Stamp(need(flat.began, "began")?),
            status: need(narrow(flat.status, "status")?, "status")?,
        },
        "attempt" => Kind::Attempt { began: Stamp(need(flat.began, "began")?) },
        "stall_end" => {
            Kind::StallEnd { began: Stamp(need(flat.began, "began")?), status: narrow(flat.status, "status")? }
        }
        "stack" => {
            Kind::Stack { began: flat.began.map(Stamp), stack: all_owned(flat.stack.take().unwrap_or_default()) }
        }
        "counts" => Kind::Counts(Counts {
            opens: flat.opens.unwrap_or_default(),
            opens_refused: flat.opens_refused.unwrap_or_default(),
            others_refused: flat.others_refused.unwrap_or_default(),
            grace_asked: flat.grace_asked.unwrap_or_default(),
            grace_true: flat.grace_true.unwrap_or_default(),
            delays: flat.delays.unwrap_or_default(),
            stalls_ended: flat.stalls_ended.unwrap_or_default(),
        }),
        other => return Err(Why::UnknownEvent(quote(other))),
    })
}
