//! From any host's clock to any other's, over as many RPC partners as it takes.

use std::collections::{BTreeMap, VecDeque};

use super::{mapped::Mapped, matching::Matcher, rpc::HostId};
use crate::record::{ClockOutcome, Stamp};

/// One step of a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hop {
    client: HostId,
    server: HostId,
    to_server: bool,
}

/// Ways from every host's clock to that of one of them. A way stays the same when more becomes known, so a live view
/// makes them anew only when a host or a pair is new.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    hops: BTreeMap<HostId, Vec<Hop>>,
}

impl Matcher {
    /// Ways to the clock of `reference`: the fewest hosts in between, then the best outcome, then the most RPCs.
    #[must_use]
    pub fn ways(&self, reference: HostId) -> Ways {
        let mut hops: BTreeMap<HostId, Vec<Hop>> = BTreeMap::from([(reference, Vec::new())]);
        let mut pairs: Vec<_> = self.pairs().filter(|((client, server), _)| client != server).collect();
        pairs.sort_by_key(|(_, pairing)| (pairing.outcome(), std::cmp::Reverse(pairing.matched())));
        let mut reached = VecDeque::from([reference]);
        while let Some(host) = reached.pop_front() {
            for &((client, server), _) in &pairs {
                let (from, to_server) = match (client == host, server == host) {
                    (_, true) => (client, true),
                    (true, false) => (server, false),
                    (false, false) => continue,
                };
                if hops.contains_key(&from) {
                    continue;
                }
                let rest = hops.get(&host).cloned().unwrap_or_default();
                hops.insert(from, [vec![Hop { client, server, to_server }], rest].concat());
                reached.push_back(from);
            }
        }
        Ways { hops }
    }

    /// A time of `host` on the clock that `ways` lead to.
    #[must_use]
    pub fn at(&self, ways: &Ways, host: HostId, at: Stamp) -> Mapped {
        let Some(hops) = ways.hops.get(&host) else { return Mapped::UNKNOWN };
        hops.iter().fold(Mapped::exactly(at), |time, hop| {
            let Some(pairing) = self.between(hop.client, hop.server) else { return Mapped::UNKNOWN };
            time.then(|t| if hop.to_server { pairing.at(t) } else { pairing.back(t) })
        })
    }

    /// How well the clock of `host` is known on the one that `ways` lead to: as well as the worst part of the way.
    #[must_use]
    pub fn outcome(&self, ways: &Ways, host: HostId) -> ClockOutcome {
        let Some(hops) = ways.hops.get(&host) else { return ClockOutcome::Absent };
        let outcome = |hop: &Hop| self.between(hop.client, hop.server).map_or(ClockOutcome::Absent, |it| it.outcome());
        hops.iter().map(outcome).max().unwrap_or(ClockOutcome::Exact)
    }
}
