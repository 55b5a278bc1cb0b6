//! What the programs of the client's side say.

use nfsgrace_ebpf::{self as wire, delay_flag};

use super::{event, frames, text};
use crate::record::{Event, Kind, Refusal, Rpc, Stamp};

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

pub(super) fn first_refusal(first: &wire::FirstDelay) -> Option<FirstRefusal> {
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

pub(super) fn delay(delay: &wire::Delay) -> Option<Kind> {
    let has = |flag| delay.flags & flag != 0;
    Some(Kind::Delay {
        began: Stamp(delay.began),
        began_seen: has(delay_flag::BEGAN_SEEN),
        op: has(delay_flag::OPEN).then(|| "nfs4_do_open".to_owned()),
        path: None,
        server: None,
        refusal: match delay.error {
            wire::NFS4ERR_DELAY => Refusal::Delay,
            wire::NFS4ERR_GRACE => Refusal::Grace,
            _ => return None,
        },
        timeout: has(delay_flag::TIMEOUT).then_some(delay.timeout),
        observed: has(delay_flag::OBSERVED),
        stack: Vec::new(),
        rpc: has(delay_flag::XID).then(|| Rpc {
            xid: delay.xid,
            sent: (delay.sent != 0).then_some(Stamp(delay.sent)),
            received: (delay.received != 0).then_some(Stamp(delay.received)),
            transmissions: (delay.transmissions != 0).then_some(delay.transmissions),
        }),
    })
}

pub(super) fn sleep_end(stalled: &wire::Stalled) -> Kind {
    Kind::SleepEnd { began: Stamp(stalled.began), status: stalled.status }
}

pub(super) fn attempt(stalled: &wire::Stalled) -> Kind {
    Kind::Attempt { began: Stamp(stalled.began) }
}

pub(super) fn stall_end(stalled: &wire::Stalled) -> Kind {
    Kind::StallEnd { began: Stamp(stalled.began), status: Some(stalled.status) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_joined_from_the_root_down() {
        assert_eq!(path(14, b"file\0dir\0top\0\0\0"), Some("top/dir/file".into()));
        assert_eq!(path(5 | wire::PATH_CUT, b"file\0junk"), Some("…/file".into()));
        assert_eq!(path(0, b""), None);
    }
}
