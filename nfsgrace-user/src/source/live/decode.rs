//! Messages of the eBPF programs, as bytes, into what they say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nfsgrace_ebpf as wire;
use nfsgrace_ebpf::MessageKind;

use crate::record::{
    Claim, Client, EndedBy, Event, Kind, Manager, Netns, Refusal, Rpc, ServerOp, ServerState, Stamp, Task, Tracker,
};

/// A message, decoded as far as its bytes alone allow.
#[derive(Debug, PartialEq)]
pub enum Message {
    /// Complete.
    Event(Event),
    /// nfsd starts; its kernel stack is still addresses.
    ServerStart {
        /// Complete but for the stack, which gets an event of its own.
        event: Event,
        /// Innermost first.
        frames: Vec<u64>,
    },
    /// A first refusal, whose path and stack are still raw.
    FirstRefusal(Box<FirstRefusal>),
    /// A kernel module arrived.
    ModuleLoaded(String),
}

/// A client's first refusal.
#[derive(Debug, PartialEq)]
pub struct FirstRefusal {
    /// Without path and stack.
    pub event: Event,
    /// `super_block.s_dev`, 0 where not known.
    pub dev: u32,
    /// Path below the root of the file system, without a leading slash; `None` where not known.
    pub path: Option<String>,
    /// Kernel stack, innermost first.
    pub frames: Vec<u64>,
}

/// Types that any bytes of the right number are a value of.
///
/// # Safety
///
/// Only for `repr(C)` structures of integers.
unsafe trait Plain: Copy {}
// SAFETY: structures of integers.
unsafe impl Plain for wire::Head {}
// SAFETY: as above.
unsafe impl Plain for wire::Call {}
// SAFETY: as above.
unsafe impl Plain for wire::Stack {}
// SAFETY: as above.
unsafe impl Plain for wire::Server {}
// SAFETY: as above.
unsafe impl Plain for wire::Request {}
// SAFETY: as above.
unsafe impl Plain for wire::Named {}
// SAFETY: as above.
unsafe impl Plain for wire::Delay {}
// SAFETY: as above.
unsafe impl Plain for wire::FirstDelay {}
// SAFETY: as above.
unsafe impl Plain for wire::Stalled {}

fn read<T: Plain>(bytes: &[u8]) -> Option<T> {
    (bytes.len() >= size_of::<T>()).then(|| {
        // SAFETY: there are enough bytes, and any are a value of `T`.
        unsafe { bytes.as_ptr().cast::<T>().read_unaligned() }
    })
}

/// Decodes one message; `None` where it is too short or of an unknown kind.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Message> {
    let head: wire::Head = read(bytes)?;
    Some(match head.kind {
        k if k == MessageKind::ServerStart as u32 => {
            let stack: wire::Stack = read(bytes)?;
            Message::ServerStart { event: event(&head, Kind::ServerStart), frames: frames(&stack.frames) }
        }
        k if k == MessageKind::FirstDelay as u32 => Message::FirstRefusal(Box::new(first_refusal(&read(bytes)?)?)),
        k if k == MessageKind::ModuleLoaded as u32 => {
            let named: wire::Named = read(bytes)?;
            Message::ModuleLoaded(text(&named.name).unwrap_or_default())
        }
        _ => Message::Event(event(&head, kind(head.kind, bytes)?)),
    })
}

fn event(head: &wire::Head, kind: Kind) -> Event {
    let pid = u32::try_from(head.pid_tgid >> 32).unwrap_or(0);
    let tid = u32::try_from(head.pid_tgid & u64::from(u32::MAX)).unwrap_or(0);
    Event {
        at: Stamp(head.at),
        task: Task { pid, tid, comm: text(&head.comm).unwrap_or_default() },
        netns: (head.netns != 0).then_some(Netns(head.netns)),
        kind,
    }
}

fn kind(number: u32, bytes: &[u8]) -> Option<Kind> {
    use MessageKind as M;
    let call = || read::<wire::Call>(bytes);
    Some(match number {
        k if k == M::TrackingStart as u32 => Kind::TrackingStart { stack: Vec::new() },
        k if k == M::ServerStop as u32 => Kind::ServerStop,
        k if k == M::ServerStarted as u32 => {
            let server: wire::Server = read(bytes)?;
            Kind::ServerStarted { status: server.status, state: state(&server.state) }
        }
        k if k == M::TrackingEnd as u32 => Kind::TrackingEnd { status: call()?.status },
        k if k == M::TrackerStart as u32 => Kind::TrackerStart { tracker: tracker(call()?.arg)? },
        k if k == M::TrackerEnd as u32 => Kind::TrackerEnd { tracker: tracker(call()?.arg)?, status: call()?.status },
        k if k == M::Poll as u32 => Kind::Poll { running: call()?.status != 0, inferred: call()?.arg != 0 },
        k if k == M::ReclaimRecord as u32 => {
            Kind::ReclaimRecord { name: text(&read::<wire::Named>(bytes)?.name).unwrap_or_default() }
        }
        k if k == M::GraceStart as u32 => Kind::GraceStart { manager: manager(call()?.arg) },
        k if k == M::GraceEnd as u32 => {
            let server: wire::Server = read(bytes)?;
            Kind::GraceEnd { manager: manager(server.arg), by: ended_by(server.status), state: state(&server.state) }
        }
        k if k == M::GraceAnswer as u32 => {
            Kind::GraceAnswer { for_open: call()?.arg != 0, in_grace: call()?.status != 0 }
        }
        k if k == M::Refused as u32 => refused(&read(bytes)?)?,
        k if k == M::Reclaim as u32 => {
            let request: wire::Request = read(bytes)?;
            Kind::Reclaim {
                op: server_op(request.op)?,
                client: client(&request),
                xid: xid(&request),
                status: request.status,
            }
        }
        k if k == M::ReclaimComplete as u32 => {
            let request: wire::Request = read(bytes)?;
            Kind::ReclaimComplete { client: client(&request), status: request.status }
        }
        k if k == M::ClientConfirmed as u32 => {
            let request: wire::Request = read(bytes)?;
            Kind::ClientConfirmed { client: client(&request), status: request.status }
        }
        k if k == M::EndGraceWrite as u32 => Kind::EndGraceWrite { status: call()?.status },
        k if k == M::Delay as u32 => delay(&read(bytes)?)?,
        k if k == M::SleepEnd as u32 => {
            let stalled: wire::Stalled = read(bytes)?;
            Kind::SleepEnd { began: Stamp(stalled.began), status: stalled.status }
        }
        k if k == M::Attempt as u32 => Kind::Attempt { began: Stamp(read::<wire::Stalled>(bytes)?.began) },
        k if k == M::StallEnd as u32 => {
            let stalled: wire::Stalled = read(bytes)?;
            Kind::StallEnd { began: Stamp(stalled.began), status: Some(stalled.status) }
        }
        _ => return None,
    })
}

fn refused(request: &wire::Request) -> Option<Kind> {
    Some(Kind::Refused {
        op: server_op(request.op)?,
        client: client(request),
        xid: xid(request),
        claim: Claim::from_wire(request.claim),
        name: text(&request.name),
        in_grace: (request.in_grace != wire::NOT_ASKED).then_some(request.in_grace != 0),
        took_ns: request.took_ns,
    })
}

fn delay(delay: &wire::Delay) -> Option<Kind> {
    let has = |flag| delay.flags & flag != 0;
    Some(Kind::Delay {
        began: Stamp(delay.began),
        began_seen: has(wire::delay_flag::BEGAN_SEEN),
        op: has(wire::delay_flag::OPEN).then(|| "nfs4_do_open".to_owned()),
        path: None,
        server: None,
        refusal: match delay.error {
            10008 => Refusal::Delay,
            10013 => Refusal::Grace,
            _ => return None,
        },
        timeout: has(wire::delay_flag::TIMEOUT).then_some(delay.timeout),
        observed: has(wire::delay_flag::OBSERVED),
        stack: Vec::new(),
        rpc: has(wire::delay_flag::XID).then(|| Rpc {
            xid: delay.xid,
            sent: (delay.sent != 0).then_some(Stamp(delay.sent)),
            received: (delay.received != 0).then_some(Stamp(delay.received)),
            transmissions: (delay.transmissions != 0).then_some(delay.transmissions),
        }),
    })
}

fn first_refusal(first: &wire::FirstDelay) -> Option<FirstRefusal> {
    let mut kind = delay(&first.delay)?;
    if let Kind::Delay { server, .. } = &mut kind {
        *server = text(&first.server);
    }
    Some(FirstRefusal {
        event: event(&first.delay.head, kind),
        dev: first.dev,
        path: path(first.path_len, &first.path),
        frames: frames(&first.frames),
    })
}

/// Joins names that come from the file up to the root.
fn path(len: u32, names: &[u8]) -> Option<String> {
    let used = usize::try_from(len & !wire::PATH_CUT).ok()?.min(names.len());
    let mut names: Vec<_> =
        names[..used].split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(String::from_utf8_lossy).collect();
    if names.is_empty() {
        return None;
    }
    if len & wire::PATH_CUT != 0 {
        names.push("…".into());
    }
    names.reverse();
    Some(names.join("/"))
}

fn frames(frames: &[u64]) -> Vec<u64> {
    frames.iter().copied().take_while(|address| *address != 0).collect()
}

/// Bytes up to the first NUL; `None` where there are none.
fn text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

fn state(state: &wire::State) -> ServerState {
    use wire::known;
    let has = |bit| state.known & bit != 0;
    ServerState {
        grace_s: has(known::GRACE).then_some(state.grace_s),
        lease_s: has(known::LEASE).then_some(state.lease_s),
        tracking: has(known::TRACKING).then_some(state.tracking != 0),
        tracks_reclaim_completes: has(known::TRACKS_RECLAIM_COMPLETES).then_some(state.tracks_reclaim_completes != 0),
        to_reclaim: has(known::TO_RECLAIM).then_some(state.to_reclaim),
        reclaimed: has(known::RECLAIMED).then_some(state.reclaimed),
    }
}

fn client(request: &wire::Request) -> Client {
    Client {
        addr: address(&request.addr),
        name: text(&request.client),
        minor: (request.minor != wire::ABSENT).then_some(request.minor),
    }
}

fn xid(request: &wire::Request) -> Option<u32> {
    (request.xid != 0).then_some(request.xid)
}

/// The address in a `struct sockaddr_in` or `struct sockaddr_in6`.
fn address(bytes: &[u8; 32]) -> Option<IpAddr> {
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    match u16::from_ne_bytes([bytes[0], bytes[1]]) {
        AF_INET => Some(IpAddr::V4(Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]))),
        AF_INET6 => {
            let octets: [u8; 16] = bytes[8..24].try_into().ok()?;
            Some(Ipv6Addr::from(octets).to_canonical())
        }
        _ => None,
    }
}

fn tracker(number: u32) -> Option<Tracker> {
    Some(match number {
        wire::tracker::CLD => Tracker::Cld,
        wire::tracker::CLD_V0 => Tracker::CldV0,
        wire::tracker::UMH => Tracker::Umh,
        wire::tracker::LEGACY => Tracker::Legacy,
        _ => return None,
    })
}

fn manager(number: u32) -> Manager {
    if number == wire::manager::NFSD { Manager::Nfsd } else { Manager::Lockd }
}

fn ended_by(number: i32) -> EndedBy {
    match number {
        wire::ended_by::SKIPPED => EndedBy::Skipped,
        wire::ended_by::TIMER => EndedBy::Timer,
        wire::ended_by::ALL_RECLAIMED => EndedBy::AllReclaimed,
        wire::ended_by::V4_END_GRACE => EndedBy::V4EndGrace,
        wire::ended_by::SHUTDOWN => EndedBy::Shutdown,
        _ => EndedBy::Unknown,
    }
}

fn server_op(number: u32) -> Option<ServerOp> {
    Some(match number {
        wire::server_op::OPEN => ServerOp::Open,
        wire::server_op::LOCK => ServerOp::Lock,
        wire::server_op::REMOVE => ServerOp::Remove,
        wire::server_op::RENAME => ServerOp::Rename,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn path_is_joined_from_the_root_down() {
        assert_eq!(path(14, b"file\0dir\0top\0\0\0"), Some("top/dir/file".into()));
        assert_eq!(path(5 | wire::PATH_CUT, b"file\0junk"), Some("…/file".into()));
        assert_eq!(path(0, b""), None);
    }

    #[test]
    fn address_of_either_family() {
        let mut v4 = [0; 32];
        v4[..8].copy_from_slice(&[2, 0, 3, 1, 192, 0, 2, 7]);
        assert_eq!(address(&v4), Some("192.0.2.7".parse().unwrap()));
        let mut v6 = [0; 32];
        v6[0] = 10;
        v6[23] = 1;
        assert_eq!(address(&v6), Some("::1".parse().unwrap()));
        assert_eq!(address(&[0; 32]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_refused(kind in 0_u32..32, rest in prop::collection::vec(any::<u8>(), 0..1500)) {
            let mut bytes = kind.to_ne_bytes().to_vec();
            bytes.extend(rest);
            let _ = decode(&bytes);
        }
    }
}
