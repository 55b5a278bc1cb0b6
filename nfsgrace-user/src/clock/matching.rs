//! Finds both ends of each RPC, and from them who is whose client.
//!
//! Nothing is configured, and addresses prove nothing: NAT and loopback hide them. What both ends share is the XID. An
//! XID that two hosts saw is a coincidence until several of them lie on one line ([`Evidence`](super::evidence)); from
//! then on an RPC of these two hosts is matched when the line allows it.

use std::collections::{BTreeMap, HashMap};

use super::{
    account::Host,
    bound::usable,
    pairing::{Pairing, exchange},
    rpc::{ClientRpc, HostId, Match, ServerRpc},
    waiting::{End, Inserted, Slot, Waiting},
};
use crate::record::Unmatched;

/// Hosts at most.
pub const MAX_HOSTS: usize = 1_024;
/// Pairs of hosts at most of which an XID in common is remembered.
const MAX_PAIRS: usize = 16_384;
/// RPCs that can wait for their other end, unless told otherwise: some 100 MB.
pub const ROOM: usize = 1 << 20;

/// What came of one more observation.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// RPCs whose two ends were found.
    pub matches: Vec<Match>,
    /// RPCs that will find no other end.
    pub unmatched: Vec<(ClientRpc, Unmatched)>,
}

/// All hosts, and who is whose client.
#[derive(Debug)]
pub struct Matcher {
    pub(super) hosts: Vec<Host>,
    by_boot_id: HashMap<String, HostId>,
    pairs: BTreeMap<(HostId, HostId), Pairing>,
    pub(super) waiting: Waiting,
    matched: u64,
    unmatched: BTreeMap<Unmatched, u64>,
    server_forgotten: u64,
}

impl Default for Matcher {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Matcher {
    /// Where so many RPCs can wait for their other end. Sessions that are read one after the other, and not side by
    /// side, need room for all RPCs of the longest.
    #[must_use]
    pub fn with_room(room: usize) -> Self {
        Self {
            hosts: Vec::new(),
            by_boot_id: HashMap::new(),
            pairs: BTreeMap::new(),
            waiting: Waiting::new(room),
            matched: 0,
            unmatched: BTreeMap::new(),
            server_forgotten: 0,
        }
    }

    /// The host of a session. Sessions of one boot share a clock, and so are one host; an empty boot id is nobody
    /// else's. `None` when there are too many.
    pub fn host(&mut self, boot_id: &str) -> Option<HostId> {
        if let Some(host) = self.by_boot_id.get(boot_id) {
            return Some(*host);
        }
        let host = HostId(u16::try_from(self.hosts.len()).ok().filter(|_| self.hosts.len() < MAX_HOSTS)?);
        self.hosts.push(Host::default());
        if !boot_id.is_empty() {
            self.by_boot_id.insert(boot_id.to_owned(), host);
        }
        Some(host)
    }

    /// A client saw an RPC.
    pub fn client(&mut self, rpc: ClientRpc) -> Found {
        let mut found = Found::default();
        let Some(host) = self.hosts.get_mut(usize::from(rpc.host.0)) else { return found };
        host.as_client += 1;
        let Some(xid) = rpc.xid else {
            self.give_up(rpc, Unmatched::NoXid, &mut found);
            return found;
        };
        let received = rpc.received.unwrap_or(rpc.sent);
        if received < rpc.sent || usable(received).is_none() {
            self.give_up(rpc, Unmatched::ImpossibleTime, &mut found);
            return found;
        }
        self.take(xid, End::Client(rpc), &mut found);
        found
    }

    /// A server saw an RPC.
    pub fn server(&mut self, rpc: ServerRpc) -> Found {
        let mut found = Found::default();
        let Some(host) = self.hosts.get_mut(usize::from(rpc.host.0)) else { return found };
        host.as_server += 1;
        let left = rpc.left.unwrap_or(rpc.entered);
        if left >= rpc.entered && usable(left).is_some() {
            self.take(rpc.xid, End::Server(rpc), &mut found);
        }
        found
    }

    fn take(&mut self, xid: u32, end: End, found: &mut Found) {
        let Inserted { slot, alone, gone } = self.waiting.insert(xid, end);
        for end in gone.into_iter().flatten() {
            match end {
                End::Client(rpc) => self.give_up(rpc, Unmatched::Forgotten, found),
                End::Server(_) => self.server_forgotten += 1,
            }
        }
        if alone {
            return;
        }
        let (clients, servers) = self.ends(xid);
        self.settle(&clients, &servers, found);
        for client in &clients {
            for server in &servers {
                let new = client.0 == slot || server.0 == slot;
                let both_wait = self.waiting.get(client.0).is_some() && self.waiting.get(server.0).is_some();
                if new && both_wait {
                    self.suspect(xid, &client.1, &server.1, found);
                }
            }
        }
    }

    pub(super) fn give_up(&mut self, rpc: ClientRpc, why: Unmatched, found: &mut Found) {
        *self.unmatched.entry(why).or_default() += 1;
        found.unmatched.push((rpc, why));
    }

    #[expect(clippy::type_complexity, reason = "two lists of the same form")]
    pub(super) fn ends(&self, xid: u32) -> (Vec<(Slot, ClientRpc)>, Vec<(Slot, ServerRpc)>) {
        let (mut clients, mut servers) = (Vec::new(), Vec::new());
        for (slot, end) in self.waiting.same_xid(xid) {
            match end {
                End::Client(rpc) => clients.push((slot, *rpc)),
                End::Server(rpc) => servers.push((slot, *rpc)),
            }
        }
        (clients, servers)
    }

    /// Matches those ends, all of one XID, that can only belong to each other.
    fn settle(&mut self, clients: &[(Slot, ClientRpc)], servers: &[(Slot, ServerRpc)], found: &mut Found) {
        for (slot, client) in clients {
            let mut fitting: Vec<_> = servers
                .iter()
                .filter(|(slot, server)| self.waiting.get(*slot).is_some() && self.fits(client, server))
                .collect();
            if several_hosts(&fitting) {
                fitting.retain(|(_, server)| self.pairing(client, server).is_some_and(|it| it.knows(server)));
            }
            let rival = |rival: &ClientRpc| {
                fitting.iter().any(|(_, server)| {
                    let known = |rpc: &ClientRpc| self.pairing(rpc, server).is_some_and(|it| it.knows(server));
                    self.fits(rival, server) && (known(rival) || !known(client))
                })
            };
            let rivals =
                clients.iter().any(|(other, it)| other != slot && self.waiting.get(*other).is_some() && rival(it));
            let Some(first) = fitting.iter().map(|(_, server)| *server).min_by_key(|it| it.entered) else { continue };
            if rivals || several_hosts(&fitting) {
                continue;
            }
            // Whichever transmission was answered, the reply was not sent before the first one was.
            let left = fitting.iter().map(|(_, server)| server.left).min().flatten();
            let observations = u32::try_from(fitting.len()).unwrap_or(u32::MAX);
            let it = Match { client: *client, server: ServerRpc { left, ..first }, observations };
            let gone: Vec<_> = fitting.iter().map(|(slot, _)| *slot).collect();
            for slot in gone.into_iter().chain([*slot]) {
                self.waiting.remove(slot);
            }
            self.pair(client.host, first.host).add(&it);
            self.matched += 1;
            found.matches.push(it);
        }
    }

    /// The same XID on two hosts, and no line that explains it.
    fn suspect(&mut self, xid: u32, client: &ClientRpc, server: &ServerRpc, found: &mut Found) {
        let key = (client.host, server.host);
        let full = self.pairs.len() >= MAX_PAIRS && !self.pairs.contains_key(&key);
        if full || client.host == server.host || self.fits(client, server) {
            return;
        }
        let seen = |host: HostId| self.hosts.get(usize::from(host.0)).map_or((0, 0), |it| (it.as_client, it.as_server));
        let (sent, served) = (seen(client.host).0, seen(server.host).1);
        let (waiting_clients, waiting_servers) =
            (self.waiting.of_host(client.host).0, self.waiting.of_host(server.host).1);
        let pairing = self.pair(client.host, server.host);
        if pairing.evidence.len() == 0 {
            pairing.evidence_since = (sent, served);
        }
        let (since_sent, since_served) = pairing.evidence_since;
        let lookups = (sent - since_sent) as f64 * waiting_servers as f64
            + (served - since_served) as f64 * waiting_clients as f64;
        let chance = lookups / 2_f64.powi(32);
        if let Some(exchanges) = pairing.evidence.add(xid, exchange(client, server), chance) {
            pairing.tie(&exchanges);
            // A clock that steps again and again is broken, and shall not cost others their time.
            if pairing.windows().is_some_and(|windows| windows.forgotten() > 0) {
                return;
            }
            let again: Vec<_> = self.waiting.clients_of(client.host).filter_map(|(_, rpc)| rpc.xid).collect();
            for xid in again {
                let (clients, servers) = self.ends(xid);
                self.settle(&clients, &servers, found);
            }
        }
    }

    fn pair(&mut self, client: HostId, server: HostId) -> &mut Pairing {
        self.pairs.entry((client, server)).or_insert_with(|| Pairing::new(client == server))
    }

    fn pairing(&self, client: &ClientRpc, server: &ServerRpc) -> Option<&Pairing> {
        self.pairs.get(&(client.host, server.host))
    }

    pub(super) fn fits(&self, client: &ClientRpc, server: &ServerRpc) -> bool {
        match self.pairing(client, server) {
            Some(pairing) => pairing.fits(client, server),
            None => client.host == server.host && Pairing::new(true).fits(client, server),
        }
    }

    /// Who is whose client, and how their clocks run: the client comes first.
    pub fn pairs(&self) -> impl Iterator<Item = ((HostId, HostId), &Pairing)> {
        self.pairs.iter().filter(|(_, pairing)| pairing.is_certain()).map(|(key, pairing)| (*key, pairing))
    }

    /// One host as a client of another.
    #[must_use]
    pub fn between(&self, client: HostId, server: HostId) -> Option<&Pairing> {
        self.pairs.get(&(client, server)).filter(|it| it.is_certain())
    }

    /// RPCs of which both ends were found.
    #[must_use]
    pub fn matched(&self) -> u64 {
        self.matched
    }

    /// RPCs of clients that will find no other end, by the reason.
    pub fn unmatched(&self) -> impl Iterator<Item = (Unmatched, u64)> {
        self.unmatched.iter().map(|(why, count)| (*why, *count))
    }

    /// Ends of RPCs that wait for their other end.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Servers' ends that had to go to make room, and so may be missing.
    #[must_use]
    pub fn server_forgotten(&self) -> u64 {
        self.server_forgotten
    }
}

fn several_hosts(servers: &[&(Slot, ServerRpc)]) -> bool {
    servers.windows(2).any(|pair| pair[0].1.host != pair[1].1.host)
}
