//! Every RPC of a client is accounted for: what finds no other end says why.

use super::{
    mapped::{Mapped, signed},
    matching::{Found, Matcher},
    pairing::Pairing,
    rpc::{ClientRpc, HostId},
};
use crate::record::{Stamp, Unmatched};

/// Spans of lost records kept for each host; of more, those nearest to each other become one.
const MAX_LOSSES: usize = 256;

/// What must be known of a host to say why an RPC has no other end there.
#[derive(Debug, Default)]
pub(super) struct Host {
    recorded: Option<(Stamp, Stamp)>,
    losses: Vec<(Stamp, Stamp)>,
    /// RPCs that it saw as a client, and as a server.
    pub as_client: u64,
    pub as_server: u64,
}

impl Host {
    fn recorded(&mut self, at: Stamp) {
        let (from, to) = self.recorded.unwrap_or((at, at));
        self.recorded = Some((from.min(at), to.max(at)));
    }

    fn lost(&mut self, from: Stamp, to: Stamp) {
        let at = self.losses.partition_point(|it| it.0 <= from);
        self.losses.insert(at, (from, to.max(from)));
        if self.losses.len() > MAX_LOSSES {
            let gap = |nth: &usize| self.losses[nth + 1].0.0.saturating_sub(self.losses[*nth].1.0);
            if let Some(nth) = (0..self.losses.len() - 1).min_by_key(gap) {
                let later = self.losses.remove(nth + 1);
                self.losses[nth].1 = self.losses[nth].1.max(later.1);
            }
        }
    }
}

impl Matcher {
    /// A host was recorded at that time: the session began, told something, or ended.
    pub fn recorded(&mut self, host: HostId, at: Stamp) {
        if let Some(host) = self.hosts.get_mut(usize::from(host.0)) {
            host.recorded(at);
        }
    }

    /// A host lost records in that time.
    pub fn lost(&mut self, host: HostId, from: Stamp, to: Stamp) {
        if let Some(host) = self.hosts.get_mut(usize::from(host.0)) {
            host.lost(from, to);
        }
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
