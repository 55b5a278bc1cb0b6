//! Compares the RPCs that clients were refused: with the witness's, and with those that the server refused.

use std::{collections::BTreeMap, time::Duration};

use super::{RefusedRpc, compare::Comparison, ftrace::Trace, session::Session};

/// What is compared, in the counts.
pub const REFUSED_RPC: &str = "refused RPC";
/// Refusals of the server found among the client's, in the counts.
pub const PAIRED: &str = "paired RPC";

/// XIDs are a detail: their probes follow when nfsgrace watches already, within this time on the slowest kernel (5.10).
pub const DETAILS_FOLLOW: Duration = Duration::from_secs(3);

/// An RPC that the server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// The number on the wire, where it is known.
    pub xid: Option<u32>,
    /// When it entered the server's function, `CLOCK_BOOTTIME`, nanoseconds.
    pub entered_ns: u64,
    /// When it left it.
    pub returned_ns: u64,
}

/// Compares XIDs and times of what was refused since nfsgrace watched with all its probes.
pub fn compare(session: &Session, witness: &Trace, from_ns: u64, comparison: &mut Comparison) {
    let ours: Vec<&RefusedRpc> = session.refused.iter().filter(|refused| refused.received_ns >= from_ns).collect();
    let theirs: Vec<&RefusedRpc> = witness.refused.iter().filter(|refused| refused.received_ns >= from_ns).collect();
    let unknown = ours.iter().filter(|refused| refused.xid.is_none() && refused.must_be_known).count();
    if unknown > 0 {
        comparison.differences.push(format!("{unknown} of {} refused attempts have no XID", ours.len()));
    }
    let (ours, all_theirs) = (by_xid(&ours), by_xid(&theirs));
    let theirs = all_theirs.iter().filter(|(_, refused)| refused.must_be_known).map(|(xid, it)| (*xid, *it)).collect();
    comparison.counts.insert(REFUSED_RPC, (ours.len(), ours.keys().filter(|xid| all_theirs.contains_key(xid)).count()));
    let only = |these: &Xids<'_>, those: &Xids<'_>| -> Vec<String> {
        these.keys().filter(|xid| !those.contains_key(xid)).map(|xid| format!("{xid:#010x}")).collect()
    };
    for (who, xids) in [("nfsgrace", only(&ours, &all_theirs)), ("the witness", only(&theirs, &ours))] {
        if let Some(first) = xids.first() {
            comparison.differences.push(format!("{} refused XIDs only {who} saw: {first} …", xids.len()));
        }
    }
    for (xid, refused) in &ours {
        let Some(witnessed) = all_theirs.get(xid) else { continue };
        let gap = Duration::from_nanos(refused.received_ns.abs_diff(witnessed.received_ns));
        comparison.stamp_gaps.push((gap, REFUSED_RPC));
    }
    compare_with_server(&session.answered, &ours, from_ns, comparison);
}

type Xids<'a> = BTreeMap<u32, &'a RefusedRpc>;

fn by_xid<'a>(refused: &[&'a RefusedRpc]) -> Xids<'a> {
    refused.iter().filter_map(|refused| Some((refused.xid?, *refused))).collect()
}

/// Where client and server are the same host: each refusal arrived, and after it was sent.
fn compare_with_server(answered: &[Answered], refused: &Xids<'_>, from_ns: u64, comparison: &mut Comparison) {
    let answered: Vec<&Answered> = answered.iter().filter(|answered| answered.entered_ns >= from_ns).collect();
    let mut paired = 0;
    for Answered { xid, entered_ns, returned_ns } in &answered {
        let Some((xid, refused)) = xid.and_then(|xid| Some((xid, refused.get(&xid)?))) else { continue };
        paired += 1;
        // Only an OPEN's first attempt has a beginning.
        let too_late = |sent_ns| sent_ns > *entered_ns;
        if refused.sent_ns.map_or(refused.must_be_known, too_late) || refused.received_ns < *returned_ns {
            comparison.differences.push(format!(
                "RPC {xid:#010x} is not in order: sent {:?}, in the server {entered_ns}…{returned_ns}, received {}",
                refused.sent_ns, refused.received_ns
            ));
        }
    }
    comparison.counts.insert(PAIRED, (paired, answered.len()));
    if paired < answered.len() {
        let lost = answered.len() - paired;
        comparison.differences.push(format!("{lost} of {} refusals of the server arrived nowhere", answered.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(xid: Option<u32>, sent_ns: u64, received_ns: u64) -> RefusedRpc {
        RefusedRpc { xid, sent_ns: Some(sent_ns), received_ns, must_be_known: true }
    }

    fn differences(ours: Vec<RefusedRpc>, theirs: Vec<RefusedRpc>, answered: Vec<Answered>) -> Vec<String> {
        let mut session = Session::default();
        (session.refused, session.answered) = (ours, answered);
        let witness = Trace { refused: theirs, ..Trace::default() };
        let mut comparison = Comparison::default();
        compare(&session, &witness, 10, &mut comparison);
        comparison.differences
    }

    #[test]
    fn the_same_rpcs_in_order_are_no_difference() {
        let both = vec![refused(Some(7), 20, 40), refused(None, 2, 4)];
        let answered = vec![Answered { xid: Some(7), entered_ns: 25, returned_ns: 30 }];
        assert_eq!(differences(both.clone(), both, answered), [""; 0]);
    }

    #[test]
    fn other_and_unknown_xids_are_differences() {
        let ours = vec![refused(Some(7), 20, 40), refused(None, 20, 41)];
        assert_eq!(differences(ours, vec![refused(Some(8), 20, 40)], vec![]).len(), 3);
    }

    #[test]
    fn a_refusal_that_arrived_before_it_was_sent_or_not_at_all_is_a_difference() {
        let both = vec![refused(Some(7), 26, 40)];
        let answered = |xid, returned_ns| vec![Answered { xid: Some(xid), entered_ns: 25, returned_ns }];
        assert_eq!(differences(both.clone(), both.clone(), answered(7, 30)).len(), 1, "sent too late");
        let both = vec![refused(Some(7), 20, 40)];
        assert_eq!(differences(both.clone(), both.clone(), answered(7, 41)).len(), 1, "received too early");
        assert_eq!(differences(both.clone(), both, answered(9, 30)).len(), 1, "arrived nowhere");
    }
}
