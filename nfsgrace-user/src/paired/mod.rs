//! Several hosts' sessions together: what a server refused is what a client slept for.
//!
//! Each host keeps a [`Session`] of its own, on its own clock. [`Paired`] looks on as their lines go by, ties each refused
//! attempt of a client to the refusal of the server (the same RPC), and so knows for each stall on which host, in which
//! restart, it has its root.

mod foreign;

use std::collections::HashMap;

use crate::{
    clock::{ClientRpc, Found, HostId, Mapped, Match, Matcher, Peers, Placed, ServerRpc, WallClock, Ways},
    record::{ClockOutcome, ClockSample, Event, Header, Kind, Line, Stamp, Unmatched},
    session::Session,
    timeline::{RestartId, StallId},
};

/// Attempts whose other end is remembered; of more, the latest are.
const MAX_TIES: usize = 1 << 18;

/// The server start that a client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Root {
    /// On which host.
    pub server: HostId,
    /// Its number in that host's session.
    pub restart: RestartId,
}

/// Where an attempt's RPC was found again, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// Among the refusals of a server.
    Matched {
        /// Both ends.
        rpc: Match,
        /// The server start that refused it; `None` where that host's session does not know it.
        root: Option<Root>,
    },
    /// Nowhere.
    Unmatched(Unmatched),
}

/// What places the hosts' times on one timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clocks {
    /// RPCs that both ends saw.
    #[default]
    Rpc,
    /// The wall clocks, as far as they are right.
    Realtime,
}

/// One host's session, as far as it goes.
#[derive(Debug, Clone, Copy)]
pub struct HostSession<'a> {
    /// Which host.
    pub id: HostId,
    /// What happened there.
    pub session: &'a Session,
    /// How far, on its own clock.
    pub now: Stamp,
    /// Where its records stop because the connection to it was lost.
    pub lost_contact: Option<Stamp>,
}

/// Ways to one host's clock.
#[derive(Debug, Clone)]
pub struct Towards {
    to: HostId,
    ways: Ways,
}

/// One refused attempt of a stall, counted from 1.
type Attempt = (HostId, StallId, u64);
/// A client's end of an RPC.
type Sent = (HostId, u32, Stamp);

/// What ties the sessions of several hosts.
#[derive(Debug, Default)]
pub struct Paired {
    clocks: Clocks,
    matcher: Matcher,
    peers: Peers,
    walls: HashMap<HostId, WallClock>,
    /// Attempts that wait for their other end.
    waiting: HashMap<Sent, (StallId, u64)>,
    ties: HashMap<Attempt, Tie>,
    /// The latest root of each stall.
    roots: HashMap<(HostId, StallId), Root>,
    /// Server starts by the refusals that belong to them.
    refused: HashMap<Sent, RestartId>,
}

/// What became known of stalls by one more line.
pub type Tied = Vec<(HostId, StallId, Root)>;

impl Paired {
    /// No host yet.
    #[must_use]
    pub fn new(clocks: Clocks) -> Self {
        Self { clocks, ..Self::default() }
    }

    /// The host that a session comes from; two sessions of one boot are one host. `None` when there are too many.
    pub fn host(&mut self, header: &Header) -> Option<HostId> {
        let host = self.matcher.host(&header.boot_id)?;
        self.matcher.recorded(host, header.started);
        Some(host)
    }

    /// Takes note of one line of a host. The host's own session has taken it already.
    pub fn observe(&mut self, host: HostId, line: &Line, session: &Session) -> Tied {
        match line {
            Line::Event(event) => {
                self.matcher.recorded(host, event.at);
                self.event(host, event, session)
            }
            Line::Loss(loss) => {
                let before = session.clock().map_or(loss.at, |clock| clock.at.min(loss.at));
                self.matcher.lost(host, before, loss.at);
                Tied::new()
            }
            Line::Clock(sample) => {
                self.walls.entry(host).or_default().add(*sample);
                self.matcher.recorded(host, sample.at);
                Tied::new()
            }
            Line::Header(header) => {
                self.walls.entry(host).or_default().add(ClockSample {
                    at: header.started,
                    realtime_minus_boottime_ns: header.realtime_minus_boottime_ns,
                });
                self.matcher.recorded(host, header.started);
                Tied::new()
            }
            Line::Verdict(_) | Line::Summary(_) | Line::Paired(_) => Tied::new(),
        }
    }

    fn event(&mut self, host: HostId, event: &Event, session: &Session) -> Tied {
        match &event.kind {
            Kind::Refused { client, xid: Some(xid), took_ns, .. } => {
                let entered = Stamp(event.at.0.saturating_sub(*took_ns));
                let restart =
                    session.timeline().restarts().rev().find(|it| it.netns() == event.netns).map(|it| it.id());
                if let Some(restart) = restart {
                    bound(&mut self.refused, MAX_TIES);
                    self.refused.insert((host, *xid, entered), restart);
                }
                let found = self.matcher.server(ServerRpc {
                    host,
                    xid: *xid,
                    entered,
                    left: Some(event.at),
                    client_addr: client.addr,
                    netns: event.netns,
                });
                self.tie(found)
            }
            Kind::Delay { began, server, rpc, .. } => {
                let stall = StallId { tid: event.task.tid, began: *began };
                let Some(attempt) = session.timeline().stalls().get(stall).map(|it| it.refused) else {
                    return Tied::new();
                };
                let Some(rpc) = rpc else {
                    bound(&mut self.ties, MAX_TIES);
                    self.ties.insert((host, stall, attempt), Tie::Unmatched(Unmatched::NoXid));
                    return Tied::new();
                };
                let sent = rpc.sent.unwrap_or(*began);
                bound(&mut self.waiting, MAX_TIES);
                self.waiting.insert((host, rpc.xid, sent), (stall, attempt));
                let peer = server.as_deref().and_then(|name| self.peers.number(name));
                let found = self.matcher.client(ClientRpc {
                    host,
                    xid: Some(rpc.xid),
                    sent,
                    received: Some(rpc.received.unwrap_or(event.at)),
                    peer,
                    transmissions: rpc.transmissions.unwrap_or(1),
                });
                self.tie(found)
            }
            _ => Tied::new(),
        }
    }

    fn tie(&mut self, found: Found) -> Tied {
        let Found { matches, unmatched } = found;
        let mut tied = Tied::new();
        for rpc in matches {
            let Some((stall, attempt)) = self.taken(&rpc.client) else { continue };
            let server = rpc.server.host;
            let root = self
                .refused
                .get(&(server, rpc.server.xid, rpc.server.entered))
                .map(|&restart| Root { server, restart });
            bound(&mut self.ties, MAX_TIES);
            self.ties.insert((rpc.client.host, stall, attempt), Tie::Matched { rpc, root });
            if let Some(root) = root
                && self.roots.insert((rpc.client.host, stall), root) != Some(root)
            {
                tied.push((rpc.client.host, stall, root));
            }
        }
        for (rpc, why) in unmatched {
            if let Some((stall, attempt)) = self.taken(&rpc) {
                self.ties.insert((rpc.host, stall, attempt), Tie::Unmatched(why));
            }
        }
        tied
    }

    fn taken(&mut self, rpc: &ClientRpc) -> Option<(StallId, u64)> {
        self.waiting.remove(&(rpc.host, rpc.xid?, rpc.sent))
    }

    /// All sessions are over: what still waits for its other end will not find it.
    pub fn finish(&mut self) {
        let found = self.matcher.finish();
        self.tie(found);
    }

    /// The server start that a stall of a client waits for: its own host's, or what its RPCs were found to belong to.
    #[must_use]
    pub fn root(&self, host: HostId, stall: StallId, own: Option<RestartId>) -> Option<Root> {
        let found = self.roots.get(&(host, stall)).copied();
        found.or(own.map(|restart| Root { server: host, restart }))
    }

    /// Whether it is known of all stalls of a host, as far as they are kept one by one, what they wait or waited for.
    #[must_use]
    pub fn knows_servers(&self, host: HostId, session: &Session) -> bool {
        let stalls = session.timeline().stalls();
        let mut refused = stalls.ended().into_iter().chain(stalls.live()).filter(|it| it.refused > it.refused_delay);
        let mut any = false;
        let all = refused.all(|stall| {
            any = true;
            self.root(host, stall.id, stall.restart).is_some()
        });
        any && all
    }

    /// Where an attempt's RPC was found again; `None` while it may still be.
    #[must_use]
    pub fn tie_of(&self, host: HostId, stall: StallId, attempt: u64) -> Option<&Tie> {
        self.ties.get(&(host, stall, attempt))
    }

    /// Whose clock all times are best shown on: that of the server which most RPCs were found to belong to, else the first.
    #[must_use]
    pub fn reference(&self) -> HostId {
        let mut served: HashMap<HostId, u64> = HashMap::new();
        for ((_, server), pairing) in self.matcher.pairs() {
            *served.entry(server).or_default() += pairing.matched();
        }
        served
            .into_iter()
            .max_by_key(|(host, matched)| (*matched, std::cmp::Reverse(*host)))
            .map_or(HostId(0), |it| it.0)
    }

    /// Ways to a host's clock; made anew when more has become known.
    #[must_use]
    pub fn towards(&self, to: HostId) -> Towards {
        Towards { to, ways: self.matcher.ways(to) }
    }

    /// A time of one host on the clock that the ways lead to.
    #[must_use]
    pub fn at(&self, towards: &Towards, host: HostId, at: Stamp) -> Mapped {
        match self.clocks {
            Clocks::Rpc => self.matcher.at(&towards.ways, host, at),
            Clocks::Realtime if host == towards.to => Mapped::exactly(at),
            Clocks::Realtime => {
                self.wall(host).zip(self.wall(towards.to)).map_or(Mapped::UNKNOWN, |(own, other)| own.at(at, other))
            }
        }
    }

    /// Where a time of one host lies on the clock that the ways lead to; `None` where the clocks are not tied.
    #[must_use]
    pub fn placed(&self, towards: &Towards, host: HostId, at: Stamp) -> Option<Placed> {
        let mapped = self.at(towards, host, at);
        let error = mapped.error().filter(|_| self.outcome(towards, host) != ClockOutcome::WallClock);
        Some(Placed { at_ns: mapped.nanoseconds()?, error })
    }

    /// The same; where the clocks are not tied, on the host's own clock, with no bound to the error.
    #[must_use]
    pub fn place(&self, towards: &Towards, host: HostId, at: Stamp) -> Placed {
        let own = || Placed { at_ns: i64::try_from(at.0).unwrap_or(i64::MAX), error: None };
        self.placed(towards, host, at).unwrap_or_else(own)
    }

    /// How well a clock is known.
    #[must_use]
    pub fn outcome(&self, towards: &Towards, host: HostId) -> ClockOutcome {
        match self.clocks {
            Clocks::Rpc => self.matcher.outcome(&towards.ways, host),
            Clocks::Realtime if host == towards.to => ClockOutcome::Exact,
            Clocks::Realtime => ClockOutcome::WallClock,
        }
    }

    /// The RPCs that were matched, and who is whose client.
    #[must_use]
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// A host's wall clock.
    #[must_use]
    pub fn wall(&self, host: HostId) -> Option<&WallClock> {
        self.walls.get(&host)
    }
}

/// Makes room where there is none: half of it, so that this is rare. Which half does not matter: that many attempts are
/// of stalls that nobody lists.
fn bound<K: std::hash::Hash + Eq, V>(map: &mut HashMap<K, V>, most: usize) {
    if map.len() >= most {
        let mut nth = 0_usize;
        map.retain(|_, _| {
            nth += 1;
            nth.is_multiple_of(2)
        });
    }
}
