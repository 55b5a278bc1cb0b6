//! RPCs as one end saw them.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use super::bound::Exchange;
use crate::record::{Netns, Stamp};

/// A host, or more exactly one boot of it: all sessions of one boot share a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u16);

/// A server as a client's mount names it. The number stands for a name or an address: see [`Peers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(pub u32);

/// An RPC as the client saw it, told when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientRpc {
    /// Where.
    pub host: HostId,
    /// Its number on the wire; `None` where it could not be read.
    pub xid: Option<u32>,
    /// Before it was sent for the first time.
    pub sent: Stamp,
    /// After a reply had arrived, the last one if there were several; `None` when none did.
    pub received: Option<Stamp>,
    /// To whom it went.
    pub peer: Option<Peer>,
    /// How often it was sent; 0 when that is not known. The reply to one that was sent several times proves something
    /// only if the server saw all of them.
    pub transmissions: u32,
}

/// An RPC as the server saw it. One that was transmitted several times can be seen several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerRpc {
    /// Where.
    pub host: HostId,
    /// Its number on the wire.
    pub xid: u32,
    /// After it had arrived: when the function that handles it was entered.
    pub entered: Stamp,
    /// Before the reply was sent: when that function returned; `None` when that was not seen.
    pub left: Option<Stamp>,
    /// Where it came from, which NAT can hide.
    pub client_addr: Option<IpAddr>,
    /// The network namespace of the server.
    pub netns: Option<Netns>,
}

/// Both ends of one RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// As the client saw it.
    pub client: ClientRpc,
    /// As the server saw it, for the first time.
    pub server: ServerRpc,
    /// How often the server saw it.
    pub observations: u32,
}

impl Match {
    /// The messages, as far as they prove something about the clocks.
    #[must_use]
    pub fn exchange(&self) -> Exchange {
        let sure = self.client.transmissions == 1
            || (self.client.transmissions > 1 && self.observations >= self.client.transmissions);
        Exchange {
            sent: self.client.sent,
            entered: self.server.entered,
            left: self.server.left,
            received: self.client.received.filter(|_| sure),
        }
    }

    /// How long the server worked on it, by its own clock.
    #[must_use]
    pub fn in_server(&self) -> Option<Duration> {
        Some(self.server.left?.since(self.server.entered))
    }

    /// How long it was on its way, to the server and back, and in queues on the way. For this the clocks need not be
    /// aligned: drift makes it wrong by no more than 500 ppm of the time in the server.
    #[must_use]
    pub fn on_the_wire(&self) -> Option<Duration> {
        Some(self.client.received?.since(self.client.sent).saturating_sub(self.in_server()?))
    }
}

/// Names of servers, by number.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    names: Vec<String>,
    numbers: HashMap<String, Peer>,
}

/// Names kept; further ones have no number.
pub const MAX_PEERS: usize = 4_096;

impl Peers {
    /// The number of a name or an address.
    pub fn number(&mut self, name: &str) -> Option<Peer> {
        if let Some(peer) = self.numbers.get(name) {
            return Some(*peer);
        }
        let peer = Peer(u32::try_from(self.names.len()).ok().filter(|_| self.names.len() < MAX_PEERS)?);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), peer);
        Some(peer)
    }

    /// The name of a number.
    #[must_use]
    pub fn name(&self, peer: Peer) -> Option<&str> {
        self.names.get(usize::try_from(peer.0).ok()?).map(String::as_str)
    }
}
