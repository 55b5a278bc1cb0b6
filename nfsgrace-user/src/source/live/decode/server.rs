//! What the programs of the server's side say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nfsgrace_ebpf as wire;

use super::text;
use crate::record::{Claim, Client, EndedBy, Kind, Manager, ServerOp, ServerState, Tracker};

pub(super) fn started(server: &wire::Server) -> Kind {
    Kind::ServerStarted { status: server.status, state: state(&server.state) }
}

pub(super) fn tracker_end(call: &wire::Call) -> Option<Kind> {
    Some(Kind::TrackerEnd { tracker: tracker(call.arg)?, status: call.status })
}

pub(super) fn poll(call: &wire::Call) -> Kind {
    Kind::Poll { running: call.status != 0, inferred: call.arg != 0 }
}

pub(super) fn grace_end(server: &wire::Server) -> Kind {
    Kind::GraceEnd { manager: manager(server.arg), by: ended_by(server.status), state: state(&server.state) }
}

pub(super) fn grace_answer(call: &wire::Call) -> Kind {
    Kind::GraceAnswer { for_open: call.arg != 0, in_grace: call.status != 0 }
}

pub(super) fn refused(request: &wire::Request) -> Option<Kind> {
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

pub(super) fn reclaim(request: &wire::Request) -> Option<Kind> {
    Some(Kind::Reclaim {
        op: server_op(request.op)?,
        client: client(request),
        xid: xid(request),
        status: request.status,
    })
}

pub(super) fn reclaim_complete(request: &wire::Request) -> Kind {
    Kind::ReclaimComplete { client: client(request), status: request.status }
}

pub(super) fn client_confirmed(request: &wire::Request) -> Kind {
    Kind::ClientConfirmed { client: client(request), status: request.status }
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

pub(super) fn tracker(number: u32) -> Option<Tracker> {
    Some(match number {
        wire::tracker::CLD => Tracker::Cld,
        wire::tracker::CLD_V0 => Tracker::CldV0,
        wire::tracker::UMH => Tracker::Umh,
        wire::tracker::LEGACY => Tracker::Legacy,
        _ => return None,
    })
}

pub(super) fn manager(number: u32) -> Manager {
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
    use super::*;

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
}
