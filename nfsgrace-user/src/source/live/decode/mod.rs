//! Messages of the eBPF programs, as bytes, into what they say.

mod client;
mod server;

use nfsgrace_ebpf::{self as wire, MessageKind};
use zerocopy::{FromBytes, IntoBytes as _, TryFromBytes as _};

pub use client::FirstRefusal;

use crate::record::{Event, Kind, Netns, Stamp, Task};

/// A message, decoded as far as its bytes alone allow.
#[derive(Debug, PartialEq)]
pub enum ProbeMessage {
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

/// Decodes one message; `None` where it is too short or of an unknown kind.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<ProbeMessage> {
    let head: wire::Head = read(bytes)?;
    let kind = MessageKind::try_read_from_bytes(head.kind.as_bytes()).ok()?;
    Some(match kind {
        MessageKind::ServerStart => {
            let stack: wire::Stack = read(bytes)?;
            ProbeMessage::ServerStart { event: event(&head, Kind::ServerStart), frames: frames(&stack.frames) }
        }
        MessageKind::FirstDelay => ProbeMessage::FirstRefusal(Box::new(client::first_refusal(&read(bytes)?)?)),
        MessageKind::ModuleLoaded => ProbeMessage::ModuleLoaded(named(bytes)?),
        kind => ProbeMessage::Event(event(&head, self::kind(kind, bytes)?)),
    })
}

/// What any message says that is complete by itself.
fn kind(kind: MessageKind, bytes: &[u8]) -> Option<Kind> {
    use MessageKind as M;
    Some(match kind {
        M::ServerStarted => server::started(&read(bytes)?),
        M::ServerStop => Kind::ServerStop,
        M::TrackingStart => Kind::TrackingStart { stack: Vec::new() },
        M::TrackingEnd => Kind::TrackingEnd { status: call(bytes)?.status },
        M::TrackerStart => Kind::TrackerStart { tracker: server::tracker(call(bytes)?.arg)? },
        M::TrackerEnd => server::tracker_end(&call(bytes)?)?,
        M::Poll => server::poll(&call(bytes)?),
        M::ReclaimRecord => Kind::ReclaimRecord { name: named(bytes)? },
        M::GraceStart => Kind::GraceStart { manager: server::manager(call(bytes)?.arg) },
        M::GraceEnd => server::grace_end(&read(bytes)?),
        M::GraceAnswer => server::grace_answer(&call(bytes)?),
        M::Refused => server::refused(&read(bytes)?)?,
        M::Reclaim => server::reclaim(&read(bytes)?)?,
        M::ReclaimComplete => server::reclaim_complete(&read(bytes)?),
        M::ClientConfirmed => server::client_confirmed(&read(bytes)?),
        M::EndGraceWrite => Kind::EndGraceWrite { status: call(bytes)?.status },
        M::Delay => client::delay(&read(bytes)?)?,
        M::SleepEnd => client::sleep_end(&read(bytes)?),
        M::Attempt => client::attempt(&read(bytes)?),
        M::StallEnd => client::stall_end(&read(bytes)?),
        M::ServerStart | M::FirstDelay | M::ModuleLoaded => return None,
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

/// The structure that a message begins with; `None` where the message is too short.
fn read<T: FromBytes>(bytes: &[u8]) -> Option<T> {
    T::read_from_prefix(bytes).ok().map(|(message, _)| message)
}

fn call(bytes: &[u8]) -> Option<wire::Call> {
    read(bytes)
}

fn named(bytes: &[u8]) -> Option<String> {
    Some(text(&read::<wire::Named>(bytes)?.name).unwrap_or_default())
}

fn frames(frames: &[u64]) -> Vec<u64> {
    frames.iter().copied().take_while(|address| *address != 0).collect()
}

/// Bytes up to the first NUL; `None` where there are none.
fn text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Tracker;

    fn head(kind: MessageKind) -> wire::Head {
        let comm = *b"nfsd\0\0\0\0\0\0\0\0\0\0\0\0";
        wire::Head { kind: kind as u32, netns: 9, at: 5, pid_tgid: 7 << 32 | 8, comm }
    }

    #[test]
    fn a_message_is_what_its_structure_says() {
        let end = wire::Call { head: head(MessageKind::TrackerEnd), arg: wire::tracker::CLD, status: -110 };
        let event = Event {
            at: Stamp(5),
            task: Task { pid: 7, tid: 8, comm: "nfsd".to_owned() },
            netns: Some(Netns(9)),
            kind: Kind::TrackerEnd { tracker: Tracker::Cld, status: -110 },
        };
        assert_eq!(decode(end.as_bytes()), Some(ProbeMessage::Event(event)));
        let module = wire::Named { head: head(MessageKind::ModuleLoaded), name: [b'x'; wire::NAME_LEN] };
        assert_eq!(decode(module.as_bytes()), Some(ProbeMessage::ModuleLoaded("x".repeat(wire::NAME_LEN))));
    }

    #[test]
    fn a_message_that_is_cut_or_of_an_unknown_kind_is_refused() {
        let stop = wire::Call { head: head(MessageKind::TrackingEnd), arg: 0, status: 0 };
        assert!(decode(stop.as_bytes()).is_some());
        assert_eq!(decode(&stop.as_bytes()[..size_of::<wire::Call>() - 1]), None);
        for kind in [0, wire::LOST_KINDS, u32::MAX] {
            let unknown = wire::Call { head: wire::Head { kind, ..stop.head }, ..stop };
            assert_eq!(decode(unknown.as_bytes()), None);
        }
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
