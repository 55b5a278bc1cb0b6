//! Whether two hosts talk to each other: an XID seen on both can be chance, several on one line cannot.
//!
//! XIDs have 32 bits and each connection counts its own from a random start. Among fifty hosts with millions of RPCs
//! some are the same by chance, and where two counters pass each other many are. What chance does not give is the time:
//! that the same few milliseconds lie between both clocks each time.

use std::collections::VecDeque;

use super::{
    alignment::Alignment,
    bound::{Exchange, usable},
};

/// Coincidences kept for each pair of hosts.
const KEPT: usize = 64;
/// At least so many have to agree, and have different XIDs.
const AGREEING: usize = 3;
/// At so many different moments, as one burst of RPCs can look like another one.
const MOMENTS: usize = 3;
/// RPCs closer to each other are one moment.
const MOMENT_NS: u64 = 50_000_000;
/// An RPC that took longer proves little, as all that lies within it agrees with it.
const LONGEST_NS: i64 = 1_000_000_000;
/// A drift of 500 ppm, as a divisor.
const DRIFT: u64 = 1_999;

/// The same XID on two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Coincidence {
    xid: u32,
    exchange: Exchange,
    /// The server's clock minus the client's, nanoseconds: at least, and at most.
    ahead: (i64, i64),
}

/// The same XIDs on two hosts, not explained by what is known of their clocks.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    coincidences: VecDeque<Coincidence>,
}

impl Evidence {
    /// Takes one more, and returns all that prove a line, when they now do. `chance` is how many coincidences are to
    /// be expected among RPCs that have nothing to do with each other.
    pub fn add(&mut self, xid: u32, exchange: Exchange, chance: f64) -> Option<Vec<Exchange>> {
        let coincidence = Coincidence { xid, exchange, ahead: ahead(&exchange)? };
        if self.coincidences.contains(&coincidence) {
            return None;
        }
        if self.coincidences.len() >= KEPT {
            self.coincidences.pop_front();
        }
        self.coincidences.push_back(coincidence);
        let needed = AGREEING.saturating_add((2.0 * chance).ceil() as usize);
        self.agreeing(coincidence, needed)
    }

    fn agreeing(&self, with: Coincidence, needed: usize) -> Option<Vec<Exchange>> {
        let mut agreeing: Vec<_> = self.coincidences.iter().copied().filter(|it| agree(&with, it)).collect();
        if agreeing.len() < needed || 2 * agreeing.len() < self.coincidences.len() {
            return None;
        }
        agreeing.sort_by_key(|it| (it.exchange.sent, it.xid));
        let mut line = Alignment::default();
        // Each must agree exactly, and not only roughly; if the first one is wrong, too few do.
        agreeing.retain(|it| it.exchange.bounds().all(|bound| line.add(bound).is_ok()));
        let mut xids: Vec<_> = agreeing.iter().map(|it| it.xid).collect();
        xids.sort_unstable();
        xids.dedup();
        let enough = xids.len() >= needed && 2 * agreeing.len() >= self.coincidences.len();
        (enough && moments(&agreeing) >= MOMENTS).then(|| agreeing.iter().map(|it| it.exchange).collect())
    }

    pub fn clear(&mut self) {
        self.coincidences.clear();
    }

    pub fn len(&self) -> usize {
        self.coincidences.len()
    }
}

/// How far the server's clock is ahead, as far as one RPC tells; `None` when it tells too little.
fn ahead(exchange: &Exchange) -> Option<(i64, i64)> {
    let most = usable(exchange.entered)? - usable(exchange.sent)?;
    let least = match exchange.received.zip(exchange.left) {
        Some((received, left)) => usable(left)? - usable(received)?,
        // Without a reply: a request is rarely on its way for longer.
        None => most.saturating_sub(LONGEST_NS),
    };
    (least <= most && most.saturating_sub(least) <= LONGEST_NS).then_some((least, most))
}

fn agree(one: &Coincidence, other: &Coincidence) -> bool {
    let apart = one.exchange.sent.0.abs_diff(other.exchange.sent.0) / DRIFT + 1;
    let drifted = i64::try_from(apart).unwrap_or(i64::MAX);
    one.ahead.0 <= other.ahead.1.saturating_add(drifted) && other.ahead.0 <= one.ahead.1.saturating_add(drifted)
}

/// At how many moments, of RPCs in order.
fn moments(coincidences: &[Coincidence]) -> usize {
    let mut count = 0;
    let mut last: Option<u64> = None;
    for coincidence in coincidences {
        let sent = coincidence.exchange.sent.0;
        if last.is_none_or(|last| sent.saturating_sub(last) >= MOMENT_NS) {
            count += 1;
            last = Some(sent);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Stamp;

    const SECOND: u64 = 1_000_000_000;

    /// Half a millisecond long, with the server's clock so far ahead.
    fn exchange(sent: u64, ahead: u64) -> Exchange {
        let entered = sent + ahead + 200_000;
        let (left, received) = (Some(Stamp(entered + 50_000)), Some(Stamp(sent + 500_000)));
        Exchange { sent: Stamp(sent), entered: Stamp(entered), left, received }
    }

    #[test]
    fn three_on_one_line_are_a_pair_and_more_are_asked_for_where_chance_makes_some() {
        for (chance, enough) in [(0.0, 3), (0.01, 4), (2.3, 8)] {
            let mut evidence = Evidence::default();
            let proven = (1..20).find(|nth| {
                let sent = u64::from(*nth) * SECOND;
                evidence.add(*nth, exchange(sent, 77 * SECOND), chance).is_some()
            });
            assert_eq!(proven, Some(enough), "{chance}");
        }
    }

    #[test]
    fn a_few_that_agree_among_many_that_do_not_are_chance() {
        let mut evidence = Evidence::default();
        for nth in 0..30 {
            let ahead = if nth % 6 == 5 { 77 } else { 100 + 10 * u64::from(nth) };
            let proven = evidence.add(nth, exchange(1_000 * SECOND + u64::from(nth) * SECOND, ahead * SECOND), 0.0);
            assert_eq!(proven, None, "{nth}");
        }
    }

    #[test]
    fn one_rpc_told_again_and_again_is_one() {
        let mut evidence = Evidence::default();
        for nth in 0..10 {
            assert_eq!(evidence.add(1, exchange(nth * SECOND, SECOND), 0.0), None);
            assert_eq!(evidence.add(2, exchange(5 * SECOND, SECOND), 0.0), None);
        }
        assert!(evidence.len() <= 11);
    }
}
