//! Compares sessions of several guests with the true difference of their clocks (`lab-clock`).

use std::collections::BTreeMap;

use super::session::Session;

/// Clocks of two guests drift apart by no more than this, millionths: the kernel slews each by 500 at most, unless somebody
/// changes the length of its ticks. Where they drift faster, what is worked out with this is not true, and not used.
const DRIFT_PPM: u64 = 1000;
/// Questions asked so long before or after tell something of a moment, nanoseconds.
const NEAR_NS: u64 = 2_000_000_000;

/// Bounds of the difference of two clocks, the server's minus the client's, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// At least this.
    pub low: i128,
    /// At most this.
    pub high: i128,
}

impl Bounds {
    const NONE: Self = Self { low: i128::MIN, high: i128::MAX };

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    /// Whether anything lies between them.
    #[must_use]
    pub fn is_possible(self) -> bool {
        self.low <= self.high
    }

    /// Whether nothing is known at one of the sides.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        self.low == i128::MIN || self.high == i128::MAX
    }
}

/// The difference of two clocks, as it was measured all the while.
#[derive(Debug, Default)]
pub struct Truth {
    /// When on the client's clock, and what.
    measured: Vec<(u64, Bounds)>,
    /// When the clocks drifted apart faster than [`DRIFT_PPM`] allows, on the client's clock.
    too_fast: Option<u64>,
}

impl Truth {
    /// Reads what `lab-clock ask` printed.
    pub fn read(text: &str) -> Self {
        let line = |line: &str| {
            let words: Vec<i128> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
            let [sent, arrived, answered, received] = words[..] else { return None };
            let at = u64::try_from(sent.midpoint(received)).ok()?;
            // Either end is measured up to half of the round trip away from there.
            let bounds = Bounds { low: answered - received, high: arrived - sent };
            Some((at, widened(bounds, (received - sent).unsigned_abs() as u64)))
        };
        let measured: Vec<_> = text.lines().filter_map(line).collect();
        Self { too_fast: too_fast(&measured), measured }
    }

    /// Why it is worth nothing, where it is.
    pub fn void(&self) -> Option<String> {
        let at_ns = self.too_fast?;
        Some(format!(
            "the clocks of server and client drift apart by more than {DRIFT_PPM} millionths at {at_ns} ns: what lab-clock \
             measured bounds nothing"
        ))
    }

    /// What it was at a moment on the client's clock; as good as nothing where nothing was measured near it.
    pub fn at(&self, client_ns: u64) -> Bounds {
        if self.too_fast.is_some() {
            return Bounds::NONE;
        }
        let near = self.measured.iter().filter(|(at, _)| at.abs_diff(client_ns) <= NEAR_NS);
        near.map(|(at, bounds)| widened(*bounds, at.abs_diff(client_ns))).fold(Bounds::NONE, Bounds::and)
    }
}

/// When the measurements contradict each other, unless the clocks drift faster than they may: what one says of the next, and
/// that of the one after it.
fn too_fast(measured: &[(u64, Bounds)]) -> Option<u64> {
    let mut held = Bounds::NONE;
    let mut last = measured.first()?.0;
    measured.iter().find_map(|&(at, bounds)| {
        held = if held == Bounds::NONE { bounds } else { widened(held, at.abs_diff(last)).and(bounds) };
        last = at;
        (!held.is_possible()).then_some(at)
    })
}

/// What bounds are worth so much later or earlier.
fn widened(Bounds { low, high }: Bounds, by_ns: u64) -> Bounds {
    let drift = i128::from(by_ns * DRIFT_PPM / 1_000_000 + 1);
    Bounds { low: low - drift, high: high + drift }
}

/// What is wrong with the RPCs that a client was refused and the server refused: unknown to the server, or not in the order
/// of cause and effect on clocks whose true difference is known.
pub fn compare(name: &str, client: &Session, server: &Session, truth: &Truth) -> Vec<String> {
    let answered: BTreeMap<u32, _> = server.answered.iter().filter_map(|it| Some((it.xid?, it))).collect();
    if let Some(void) = truth.void() {
        return vec![format!("{name}: {void}")];
    }
    let mut complaints = Vec::new();
    if client.refused.is_empty() {
        complaints.push(format!("{name} was not refused anything"));
    }
    for refused in &client.refused {
        let Some((xid, answered)) = refused.xid.and_then(|xid| Some((xid, answered.get(&xid)?))) else {
            complaints.push(format!("the server knows nothing of what {name} was refused: {refused:?}"));
            continue;
        };
        let difference = |server: u64, client: u64| i128::from(server) - i128::from(client);
        let rpc = Bounds {
            low: difference(answered.returned_ns, refused.received_ns),
            high: refused.sent_ns.map_or(i128::MAX, |sent_ns| difference(answered.entered_ns, sent_ns)),
        };
        let truth = truth.at(refused.received_ns);
        if truth.is_unknown() {
            complaints.push(format!("nobody knows how far {name}'s clock was off at {} ns", refused.received_ns));
        } else if !rpc.and(truth).is_possible() {
            complaints.push(format!(
                "RPC {xid:#010x} of {name} says {rpc:?} of the difference of the clocks, which truly was {truth:?}"
            ));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::witness::{RefusedRpc, rpcs::Answered};

    /// The server's clock is ahead by a second, and a packet takes 10 µs.
    fn complaints(entered_ns: u64, xid: u32) -> usize {
        let (mut client, mut server) = (Session::default(), Session::default());
        client.refused =
            vec![RefusedRpc { xid: Some(7), sent_ns: Some(50_000), received_ns: 90_000, must_be_known: true }];
        server.answered = vec![Answered { xid: Some(xid), entered_ns, returned_ns: entered_ns + 10_000 }];
        let truth = Truth::read("10000 1000020000 1000030000 40000\n");
        compare("client", &client, &server, &truth).len()
    }

    #[test]
    fn what_is_in_order_is_no_complaint() {
        assert_eq!(complaints(1_000_060_000, 7), 0);
    }

    #[test]
    fn an_unknown_rpc_and_one_before_its_request_are_complaints() {
        assert_eq!(complaints(1_000_060_000, 8), 1);
        assert_eq!(complaints(1_000_020_000, 7), 1, "it entered the server before it was sent");
        assert_eq!(complaints(1_000_100_000, 7), 1, "it was received before it left the server");
    }

    /// Questions four times a second for ten seconds, each answered within 0.4 ms; the client's clock loses so many millionths.
    fn drifting(ppm: i64) -> Truth {
        let line = |nth: i64| {
            let sent = 1_000_000_000 + nth * 250_000_000;
            let arrived = sent + 200_000 + sent / 1_000_000 * ppm;
            format!("{sent} {arrived} {arrived} {}\n", sent + 400_000)
        };
        Truth::read(&(0..40).map(line).collect::<String>())
    }

    #[test]
    fn clocks_that_are_slewed_faster_than_assumed_bound_nothing() {
        let moment = 5_000_000_000;
        assert!(drifting(900).void().is_none() && !drifting(900).at(moment).is_unknown());
        assert!(drifting(-900).void().is_none());
        for ppm in [1200, -1200, 20_000] {
            assert!(drifting(ppm).void().is_some_and(|why| why.contains("1000 millionths")), "{ppm}");
            assert_eq!(drifting(ppm).at(moment), Bounds::NONE, "{ppm}");
        }
    }

    #[test]
    fn far_from_any_measurement_nothing_is_known() {
        assert_eq!(Truth::read("10000 1000020000 1000030000 40000\n").at(10_000_000_000), Bounds::NONE);
    }
}
