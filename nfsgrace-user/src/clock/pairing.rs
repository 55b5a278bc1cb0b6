//! What is known of one host as a client of another.

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    bound::Exchange,
    evidence::Evidence,
    mapped::{Mapped, signed},
    rpc::{ClientRpc, Match, Peer, ServerRpc},
    windows::Windows,
};
use crate::record::{ClockOutcome, Netns, Stamp};

/// Addresses, names and namespaces kept of each pair of hosts.
const MAX_NAMES: usize = 64;
/// An RPC does not reach the server later than this after it was sent last: a client gives a connection up before.
const LATEST_NS: i64 = 300_000_000_000;

/// How the clock of the server follows from the client's.
#[derive(Debug, Clone)]
enum Clocks {
    /// They are the same: a host that mounts from itself.
    Same,
    /// They are not known to be those of a client and its server.
    Apart,
    /// RPCs tie them.
    Tied(Windows),
}

/// One host as a client of another.
#[derive(Debug, Clone)]
pub struct Pairing {
    clocks: Clocks,
    pub(super) evidence: Evidence,
    /// How many RPCs either host had seen when the evidence began.
    pub(super) evidence_since: (u64, u64),
    matched: u64,
    client_addrs: BTreeSet<IpAddr>,
    peers: BTreeSet<Peer>,
    netns: BTreeSet<Netns>,
}

impl Pairing {
    pub(super) fn new(same_host: bool) -> Self {
        Self {
            clocks: if same_host { Clocks::Same } else { Clocks::Apart },
            evidence: Evidence::default(),
            evidence_since: (0, 0),
            matched: 0,
            client_addrs: BTreeSet::new(),
            peers: BTreeSet::new(),
            netns: BTreeSet::new(),
        }
    }

    /// Whether it is certain that one is a client of the other.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        match self.clocks {
            Clocks::Same => self.matched > 0,
            Clocks::Apart => false,
            Clocks::Tied(_) => true,
        }
    }

    /// RPCs of which both ends were found.
    #[must_use]
    pub fn matched(&self) -> u64 {
        self.matched
    }

    /// Addresses that the server saw this client at.
    pub fn client_addrs(&self) -> impl Iterator<Item = IpAddr> {
        self.client_addrs.iter().copied()
    }

    /// What the client calls the server: several mounts can use several names.
    pub fn peers(&self) -> impl Iterator<Item = Peer> {
        self.peers.iter().copied()
    }

    /// Network namespaces in which the server served it.
    pub fn netns(&self) -> impl Iterator<Item = Netns> {
        self.netns.iter().copied()
    }

    /// The windows, unless the clocks are the same or nothing is known.
    #[must_use]
    pub fn windows(&self) -> Option<&Windows> {
        match &self.clocks {
            Clocks::Tied(windows) => Some(windows),
            Clocks::Same | Clocks::Apart => None,
        }
    }

    /// How well the clocks are known to each other.
    #[must_use]
    pub fn outcome(&self) -> ClockOutcome {
        match &self.clocks {
            Clocks::Same => ClockOutcome::Exact,
            Clocks::Apart => ClockOutcome::Absent,
            Clocks::Tied(windows) => windows.outcome(),
        }
    }

    /// A time of the client on the server's clock.
    #[must_use]
    pub fn at(&self, t: i64) -> Mapped {
        match &self.clocks {
            Clocks::Same => Mapped { earliest: Some(t), latest: Some(t) },
            Clocks::Apart => Mapped::UNKNOWN,
            Clocks::Tied(windows) => windows.at(t),
        }
    }

    /// A time of the server on the client's clock.
    #[must_use]
    pub fn back(&self, s: i64) -> Mapped {
        match &self.clocks {
            Clocks::Same => Mapped { earliest: Some(s), latest: Some(s) },
            Clocks::Apart => Mapped::UNKNOWN,
            Clocks::Tied(windows) => windows.back(s),
        }
    }

    /// When the client sent an RPC, on the server's clock: never after the server received it.
    #[must_use]
    pub fn sent(&self, rpc: &Match) -> Mapped {
        self.at(signed(rpc.client.sent)).not_after(rpc.server.entered)
    }

    /// When the client received the reply, on the server's clock: never before the server sent it.
    #[must_use]
    pub fn received(&self, rpc: &Match) -> Option<Mapped> {
        let at = self.at(signed(rpc.client.received?));
        let Exchange { received, left, .. } = rpc.exchange();
        Some(received.and(left).map_or(at, |left| at.not_before(left)))
    }

    /// Whether both can be ends of one RPC, as far as the clocks are known.
    pub(super) fn fits(&self, client: &ClientRpc, server: &ServerRpc) -> bool {
        let exchange = exchange(client, server);
        let Exchange { sent, entered, left, received } = exchange;
        let possible = match &self.clocks {
            Clocks::Same => sent <= entered && left.zip(received).is_none_or(|(left, received)| left <= received),
            Clocks::Apart => return false,
            Clocks::Tied(windows) => windows.allows(&exchange),
        };
        // Both messages, on a line that both directions know, say enough.
        if !possible || (received.and(left).is_some() && self.outcome() != ClockOutcome::Incomplete) {
            return possible;
        }
        let near = |stamp: Stamp| self.at(signed(stamp)).nanoseconds();
        let not_before = near(sent).map(|it| it.saturating_sub(LATEST_NS));
        let not_after = near(client.received.unwrap_or(sent)).map(|it| it.saturating_add(LATEST_NS));
        Mapped { earliest: not_before, latest: not_after }.contains(signed(entered))
    }

    /// Whether this client was seen at this address.
    pub(super) fn knows(&self, server: &ServerRpc) -> bool {
        server.client_addr.is_some_and(|it| self.client_addrs.contains(&it))
    }

    pub(super) fn add(&mut self, found: &Match) {
        self.matched += 1;
        remember(&mut self.client_addrs, found.server.client_addr);
        remember(&mut self.peers, found.client.peer);
        remember(&mut self.netns, found.server.netns);
        if let Clocks::Tied(windows) = &mut self.clocks {
            windows.add(&found.exchange());
        }
    }

    /// These RPCs prove a line: the first one, or another one than before.
    pub(super) fn tie(&mut self, exchanges: &[Exchange]) {
        self.evidence.clear();
        if matches!(self.clocks, Clocks::Apart) {
            self.clocks = Clocks::Tied(Windows::new());
        }
        if let Clocks::Tied(windows) = &mut self.clocks {
            exchanges.iter().for_each(|exchange| windows.add(exchange));
        }
    }
}

/// What it would prove if both were ends of one RPC, and the server saw it once.
pub(super) fn exchange(client: &ClientRpc, server: &ServerRpc) -> Exchange {
    Match { client: *client, server: *server, observations: 1 }.exchange()
}

fn remember<T: Ord>(names: &mut BTreeSet<T>, name: Option<T>) {
    if let Some(name) = name.filter(|_| names.len() < MAX_NAMES) {
        names.insert(name);
    }
}
