//! Finds both ends of each RPC, and from them who is whose client.
//!
//! Nothing is configured, and addresses prove nothing: NAT and loopback hide them. What both ends share is the XID. An
//! XID that two hosts saw is a coincidence until several of them lie on one line ([`Evidence`](super::evidence)); from
//! then on an RPC of these two hosts is matched when the line allows it.

use std::collections::{BTreeMap, HashMap};

use super::{
    bound::usable,
    mapped::{Mapped, signed},
    pairing::{Pairing, exchange},
    rpc::{ClientRpc, HostId, Match, ServerRpc, Unmatched},
    waiting::{End, Inserted, Slot, Waiting},
};
use crate::record::Stamp;

/// Hosts at most.
pub const MAX_HOSTS: usize = 1_024;
/// Pairs of hosts at most of which an XID in common is remembered.
const MAX_PAIRS: usize = 16_384;
/// RPCs that can wait for their other end, unless told otherwise: some 100 MB.
pub const ROOM: usize = 1 << 20;
/// Spans of lost records kept for each host; of more, those nearest to each other become one.
const MAX_LOSSES: usize = 256;

/// What came of one more observation.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// RPCs whose two ends were found.
    pub matches: Vec<Match>,
    /// RPCs that will find no other end.
    pub unmatched: Vec<(ClientRpc, Unmatched)>,
}

/// What must be known of a host to say why an RPC has no other end.
#[derive(Debug, Default)]
struct Host {
    recorded: Option<(Stamp, Stamp)>,
    losses: Vec<(Stamp, Stamp)>,
    as_client: u64,
    as_server: u64,
}

/// All hosts, and who is whose client.
#[derive(Debug)]
pub struct Matcher {
    hosts: Vec<Host>,
    by_boot_id: HashMap<String, HostId>,
    pairs: BTreeMap<(HostId, HostId), Pairing>,
    waiting: Waiting,
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

    /// A host was recorded at that time: the session began, told something, or ended.
    pub fn recorded(&mut self, host: HostId, at: Stamp) {
        if let Some(host) = self.hosts.get_mut(usize::from(host.0)) {
            let (from, to) = host.recorded.unwrap_or((at, at));
            host.recorded = Some((from.min(at), to.max(at)));
        }
    }

    /// A host lost records in that time.
    pub fn lost(&mut self, host: HostId, from: Stamp, to: Stamp) {
        let Some(host) = self.hosts.get_mut(usize::from(host.0)) else { return };
        let at = host.losses.partition_point(|it| it.0 <= from);
        host.losses.insert(at, (from, to.max(from)));
        if host.losses.len() > MAX_LOSSES {
            let gap = |nth: &usize| host.losses[nth + 1].0.0.saturating_sub(host.losses[*nth].1.0);
            if let Some(nth) = (0..host.losses.len() - 1).min_by_key(gap) {
                let later = host.losses.remove(nth + 1);
                host.losses[nth].1 = host.losses[nth].1.max(later.1);
            }
        }
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

    fn give_up(&mut self, rpc: ClientRpc, why: Unmatched, found: &mut Found) {
        *self.unmatched.entry(why).or_default() += 1;
        found.unmatched.push((rpc, why));
    }

    #[expect(clippy::type_complexity, reason = "two lists of the same form")]
    fn ends(&self, xid: u32) -> (Vec<(Slot, ClientRpc)>, Vec<(Slot, ServerRpc)>) {
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

    fn fits(&self, client: &ClientRpc, server: &ServerRpc) -> bool {
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

    /// All sessions are over: every RPC of a client that still waits is told with the reason.
    pub fn finish(&mut self) -> Found {
        let mut found = Found::default();
        let hosts = (0..self.hosts.len()).filter_map(|nth| u16::try_from(nth).ok()).map(HostId);
        let left: Vec<_> = hosts
            .flat_map(|host| self.waiting.clients_of(host).map(|(_, rpc)| rpc).collect::<Vec<_>>())
            .map(|rpc| (rpc, self.why(&rpc)))
            .collect();
        for (rpc, why) in left {
            self.give_up(rpc, why, &mut found);
        }
        self.waiting.clear();
        found
    }

    /// Why this one still waits, as far as can be told now.
    #[must_use]
    pub fn why(&self, rpc: &ClientRpc) -> Unmatched {
        let Some(xid) = rpc.xid else { return Unmatched::NoXid };
        let (_, servers) = self.ends(xid);
        if servers.iter().any(|(_, server)| self.fits(rpc, server)) {
            return Unmatched::Ambiguous;
        }
        let partners = || self.pairs().filter(|((client, _), _)| *client == rpc.host);
        let named = |pairing: &Pairing| rpc.peer.is_some_and(|peer| pairing.peers().any(|it| it == peer));
        let by_name = partners().any(|(_, pairing)| named(pairing));
        let nameless = rpc.peer.is_none() || partners().any(|(_, pairing)| pairing.peers().next().is_none());
        partners()
            .filter(|(_, pairing)| named(pairing) || (!by_name && nameless))
            .map(|((_, server), pairing)| {
                let seen = servers.iter().any(|(_, it)| it.host == server);
                self.why_not_there(rpc, server, pairing, seen)
            })
            // Of several servers it may have gone to, what promises least.
            .min()
            .unwrap_or(Unmatched::ServerNotRecorded)
    }

    fn why_not_there(&self, rpc: &ClientRpc, server: HostId, pairing: &Pairing, seen: bool) -> Unmatched {
        let Some(host) = self.hosts.get(usize::from(server.0)) else { return Unmatched::ServerNotRecorded };
        let sent = pairing.at(signed(rpc.sent));
        let until = rpc.received.map_or(Mapped::UNKNOWN, |it| pairing.at(signed(it)));
        let before = |time: Mapped, limit: Stamp| time.latest.is_some_and(|it| it < signed(limit));
        let after = |time: Mapped, limit: Stamp| time.earliest.is_some_and(|it| it > signed(limit));
        match host.recorded {
            // One that was answered while the server was recorded may have come in just before.
            Some((from, _)) if before(sent, from) => return Unmatched::BeforeRecording,
            Some((_, to)) if after(sent, to) => return Unmatched::AfterRecording,
            _ => {}
        }
        if host.losses.iter().any(|&(from, to)| !after(sent, to) && !before(until, from)) {
            Unmatched::ServerLostRecords
        } else if seen {
            Unmatched::Contradicts
        } else {
            Unmatched::NotSeen
        }
    }
}

fn several_hosts(servers: &[&(Slot, ServerRpc)]) -> bool {
    servers.windows(2).any(|pair| pair[0].1.host != pair[1].1.host)
}
