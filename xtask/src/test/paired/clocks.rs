//! Whether the clocks are tied as they truly are, and cause comes before effect on the common timeline.

use std::collections::BTreeMap;

use super::{
    Client,
    report::{Report, Row},
};
use crate::witness::paired::Bounds;

/// Clocks drift apart while an RPC is on its way, and times are rounded, nanoseconds.
const SLACK_NS: i128 = 20_000;

/// What is wrong with a client's clock.
pub(super) fn complaints(report: &Report, client: &Client<'_>) -> Vec<String> {
    let host = client.host;
    let Some((place, summary)) = report.place(host).and_then(|nth| Some((nth, report.summaries.get(nth)?))) else {
        return vec![format!("{host} is not among the hosts")];
    };
    let row = &report.paired["hosts"][place]["clock"];
    let mut complaints = Vec::new();
    if row["outcome"] != "accurate" {
        complaints.push(format!("the clock of {host} should be accurate, it is {}", row["outcome"]));
    }
    // The offset is published for the middle of the session, and with each attempt for its moment.
    let middle = summary["from"].as_u64().zip(summary["t"].as_u64()).map(|(from, to)| from.midpoint(to));
    let published =
        row["offset_ns"].as_i64().zip(row["error_ns"].as_u64()).map(|(offset, error)| around(offset, error));
    match middle.zip(published) {
        Some((at_ns, published)) => complaints.extend(untrue(client, at_ns, published)),
        None => complaints.push(format!("the clock of {host} has no bound: {row}")),
    }
    let refusals: BTreeMap<&str, &Row> =
        report.refusals.iter().filter_map(|row| Some((cell(row, "xid")?, row))).collect();
    for attempt in report.attempts.iter().filter(|row| cell(row, "host") == Some(host)) {
        let Some((at_ns, axis_ns, error_ns)) = placed(attempt, "refused_at_s") else {
            complaints.push(format!("an attempt of {host} has no place on the timeline: {attempt:?}"));
            continue;
        };
        let offset = axis_ns - i128::from(at_ns);
        complaints.extend(untrue(client, at_ns, Bounds { low: offset - error_ns, high: offset + error_ns }));
        let Some(refusal) = cell(attempt, "xid").and_then(|xid| refusals.get(xid)) else { continue };
        complaints.extend(out_of_order(client, attempt, refusal));
    }
    complaints
}

fn around(offset: i64, error: u64) -> Bounds {
    // Halves of nanoseconds are rounded.
    let (offset, error) = (i128::from(offset), i128::from(error) + 1);
    Bounds { low: offset - error, high: offset + error }
}

fn untrue(client: &Client<'_>, at_ns: u64, published: Bounds) -> Option<String> {
    let truth = client.truth.at(at_ns);
    let host = client.host;
    if truth.is_unknown() {
        Some(format!("nobody knows how far {host}'s clock was off at {at_ns} ns"))
    } else if published.and(truth).is_possible() {
        None
    } else {
        Some(format!("{host}'s clock at {at_ns} ns is said to be off by {published:?}, it was by {truth:?}"))
    }
}

/// On the common timeline a request leaves before it enters the server, and the refusal leaves it before it arrives.
fn out_of_order(client: &Client<'_>, attempt: &Row, refusal: &Row) -> Option<String> {
    let (at_ns, arrived, _) = placed(attempt, "refused_at_s")?;
    let (_, left, _) = placed(refusal, "t_s")?;
    let entered = left - cell(refusal, "took_ns")?.parse::<i128>().ok()?;
    let xid: u32 = cell(attempt, "xid")?.parse().ok()?;
    let own = client.session.refused.iter().find(|it| it.xid == Some(xid))?;
    let sent = own.sent_ns.map(|sent| i128::from(sent) + arrived - i128::from(at_ns));
    let in_order = sent.is_none_or(|sent| sent <= entered + SLACK_NS) && left <= arrived + SLACK_NS;
    let host = client.host;
    (!in_order).then(|| {
        format!("RPC {xid:#010x} of {host}: sent {sent:?}, entered {entered}, left {left}, arrived {arrived} (ns)")
    })
}

/// The host's own time, the time on the common timeline and how wrong that can be, nanoseconds.
fn placed(row: &Row, own: &str) -> Option<(u64, i128, i128)> {
    let at = u64::try_from(nanoseconds(cell(row, own)?)?).ok()?;
    Some((at, nanoseconds(cell(row, "axis_s")?)?, cell(row, "axis_error_ns")?.parse().ok()?))
}

fn cell<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.get(column).map(String::as_str).filter(|text| !text.is_empty())
}

/// Seconds to the nanosecond.
fn nanoseconds(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.')?;
    (fraction.len() == 9).then(|| format!("{whole}{fraction}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::witness::{RefusedRpc, paired::Truth, session::Session};

    /// The server's clock is ahead by a second, and a packet takes 1 ms.
    fn count(offset: i64, axis_s: &str, entered_s: &str) -> usize {
        let row =
            |cells: &[(&str, &str)]| cells.iter().map(|(key, cell)| ((*key).to_owned(), (*cell).to_owned())).collect();
        let report = Report {
            paired: json!({"hosts": [{"host": "client", "clock":
                {"outcome": "accurate", "offset_ns": offset, "error_ns": 900_000}}]}),
            summaries: vec![json!({"from": 4_000_000_000_u64, "t": 6_000_000_000_u64})],
            attempts: vec![row(&[
                ("host", "client"),
                ("xid", "7"),
                ("refused_at_s", "5.002000000"),
                ("axis_s", axis_s),
                ("axis_error_ns", "900000"),
            ])],
            refusals: vec![row(&[
                ("xid", "7"),
                ("t_s", entered_s),
                ("axis_s", entered_s),
                ("axis_error_ns", "0"),
                ("took_ns", "0"),
            ])],
        };
        let mut session = Session::default();
        session.refused.push(RefusedRpc {
            xid: Some(7),
            sent_ns: Some(5_000_000_000),
            received_ns: 5_002_000_000,
            must_be_known: true,
        });
        let truth = Truth::read("5000000000 6000100000 6000100000 5000200000\n");
        complaints(&report, &Client { host: "client", session: &session, truth }).len()
    }

    #[test]
    fn a_true_bound_is_no_complaint() {
        assert_eq!(count(1_000_000_000, "6.002000000", "6.001000000"), 0);
    }

    #[test]
    fn an_untrue_bound_and_an_effect_before_its_cause_are_complaints() {
        assert_eq!(count(1_003_000_000, "6.002000000", "6.001000000"), 1, "in the middle of the session");
        assert_eq!(count(1_000_000_000, "6.007000000", "6.006500000"), 1, "at an attempt");
        assert_eq!(count(1_000_000_000, "6.002000000", "6.003000000"), 1, "the refusal left after it arrived");
        assert_eq!(count(1_000_000_000, "6.002000000", "5.999000000"), 1, "the request came before it was sent");
    }
}
