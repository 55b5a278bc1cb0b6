//! Decides whether nfsgrace, watching several hosts at once, told what it should, and recorded it.

use std::path::Path;

use serde_json::Value;

use super::paired::{
    self,
    report::{json, rows},
};
use crate::lab::{run::Outcome, scenario::Verdict};

/// What is wrong with what it printed, and with the report of what it recorded; nothing where several hosts were not watched.
pub(super) fn judge(outcome: &Outcome, expected: &[Verdict], nfsgrace: &Path) -> Vec<String> {
    let Some(printed) = outcome.results.text("together") else { return Vec::new() };
    let recorded = outcome.results.path().join("together.ndjson");
    let mut complaints = in_time(&printed);
    match json(nfsgrace, &["--together"], &[recorded]) {
        Ok(lines) => complaints.extend(recorded_complaints(lines.last().unwrap_or(&Value::Null), expected)),
        Err(error) => complaints.push(format!("the report of what was watched together: {error:#}")),
    }
    complaints
}

/// Only the server knows when its grace period ends: a client that counts down was told. Afterwards nothing tells of that.
fn in_time(printed: &str) -> Vec<String> {
    let is_blocked = |line: &str| line.starts_with("client ") && line.contains("/mnt/after");
    let counts_down = printed.lines().any(is_blocked) && printed.contains("free in");
    if counts_down { Vec::new() } else { vec!["watched together: a client's countdown is missing".to_owned()] }
}

fn recorded_complaints(paired: &Value, expected: &[Verdict]) -> Vec<String> {
    let mut complaints = paired::cause_and_cost(paired, expected);
    if rows(&paired["stalls"]).next().is_none() {
        complaints.push("no stall".to_owned());
    }
    let reference = paired["reference"].as_u64();
    for (place, host) in (0_u64..).zip(rows(&paired["hosts"])) {
        if Some(place) != reference && host["clock"]["outcome"] != "accurate" {
            complaints.push(format!("the clock of {} should be accurate, it is {}", host["host"], host["clock"]));
        }
    }
    let rpcs = &paired["rpcs"];
    if rpcs["matched"].as_u64().unwrap_or_default() == 0
        || rpcs["unmatched"].as_object().is_none_or(|it| !it.is_empty())
    {
        complaints.push(format!("each refusal should be found on both hosts: {rpcs}"));
    }
    complaints.into_iter().map(|complaint| format!("watched together: {complaint}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_countdown_is_missed() {
        assert_eq!(in_time("client 2.0 lab-open (pid 1) /mnt/after: NFS4ERR_GRACE; free in 9 s\n"), [""; 0]);
        assert_eq!(in_time("client 2.0 lab-open (pid 1) /mnt/after: NFS4ERR_GRACE\n").len(), 1);
    }

    #[test]
    fn what_is_missing_in_what_was_recorded_is_named() {
        let verdict = Verdict { id: "nfsdcld-not-running".to_owned(), one_of_several: true, optional: false };
        let cost = json!({"tasks": 1, "lost_ns": 30, "grace_ns": 20, "tail_ns": 9, "other_ns": 1});
        let good = json!({
            "reference": 0,
            "hosts": [{"host": "server", "clock": {"outcome": "exact"}}, {"host": "client", "clock": {"outcome": "accurate"}}],
            "causes": [{"server": 0, "restart": 2, "ids": ["nfsdcld-not-running"], "cost": cost,
                "clients": [{"host": 1, "cost": cost}]}],
            "stalls": [{"host": 1, "server": 0, "restart": 2, "total_ns": 30,
                "split": {"grace_ns": 20, "tail_ns": 9, "other_ns": 1}}],
            "rpcs": {"matched": 7, "unmatched": {}},
        });
        let verdicts = [verdict];
        assert_eq!(recorded_complaints(&good, &verdicts), [""; 0]);
        for (pointer, wrong) in [
            ("/causes/0/ids", json!([])),
            ("/stalls/0/total_ns", json!(31)),
            ("/stalls", json!([])),
            ("/hosts/1/clock/outcome", json!("estimated")),
            ("/rpcs/matched", json!(0)),
            ("/rpcs/unmatched", json!({"not_recorded": 1})),
        ] {
            let mut paired = good.clone();
            *paired.pointer_mut(pointer).expect("a field") = wrong;
            assert!(!recorded_complaints(&paired, &verdicts).is_empty(), "{pointer}");
        }
        assert!(!recorded_complaints(&Value::Null, &verdicts).is_empty(), "no report");
    }
}
