//! Whether cause and cost are where they belong, every attempt is accounted for, and all sums add up.

use serde_json::Value;

use super::{
    Client,
    report::{Report, rows},
};
use crate::lab::scenario::Verdict;

/// The server's host name.
const SERVER: &str = "server";

/// What is wrong with causes, stalls and sums.
pub(super) fn complaints(paired: &Value, expected: &[Verdict]) -> Vec<String> {
    let mut complaints = Vec::new();
    let is_server = |place: &Value| host(paired, place).is_some_and(|row| row["host"] == SERVER);
    if !is_server(&paired["reference"]) {
        complaints.push("times are not on the server's clock".to_owned());
    }
    let wanted: Vec<Value> = expected.iter().filter(|it| !it.optional).map(|it| it.id.as_str().into()).collect();
    let causes: Vec<&Value> = rows(&paired["causes"]).collect();
    let said: Vec<Value> = causes.iter().flat_map(|cause| rows(&cause["ids"]).cloned()).collect();
    if said != wanted || !causes.iter().all(|cause| is_server(&cause["server"])) {
        complaints.push(format!("the cause on the server should be {wanted:?}, it is {said:?} in {causes:?}"));
    }
    for stall in rows(&paired["stalls"]) {
        if parts(&stall["split"]) != Some(number(stall, "total_ns")) {
            complaints.push(format!("a stall does not divide into its parts: {stall}"));
        }
        if !causes.iter().any(|cause| cause["server"] == stall["server"] && cause["restart"] == stall["restart"]) {
            complaints.push(format!("a stall does not come from any of the causes: {stall}"));
        }
    }
    for cause in causes {
        complaints.extend(uneven(paired, cause));
    }
    complaints
}

/// What does not add up in what a cause cost whom.
fn uneven(paired: &Value, cause: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    let cost = &cause["cost"];
    for (client, field) in rows(&cause["clients"]).flat_map(|client| ["tasks", "lost_ns"].map(|field| (client, field)))
    {
        let own = rows(&paired["stalls"]).filter(|stall| stall["host"] == client["host"]);
        let sum: u64 = own.map(|stall| if field == "tasks" { 1 } else { number(stall, "total_ns") }).sum();
        if number(&client["cost"], field) != sum {
            complaints.push(format!("the stalls of a client add up to {field} {sum}: {client}"));
        }
    }
    for field in ["tasks", "lost_ns", "grace_ns", "tail_ns", "other_ns"] {
        let sum: u64 = rows(&cause["clients"]).map(|client| number(&client["cost"], field)).sum();
        if number(cost, field) != sum {
            complaints.push(format!("what the clients lost adds up to {field} {sum}: {cause}"));
        }
    }
    if parts(cost) != Some(number(cost, "lost_ns")) {
        complaints.push(format!("what was lost does not divide into its parts: {cost}"));
    }
    complaints
}

/// What is wrong with the attempts of a client: in the lab the server was recorded all the while, so that all are found.
pub(super) fn attempts(report: &Report, client: &Client<'_>) -> Vec<String> {
    let name = client.host;
    let mut complaints = Vec::new();
    let (mut stalls, mut found) = (0, 0);
    let place = report.place(name);
    let own = |stall: &&Value| place.is_some() && stall["host"].as_u64() == place.map(|place| place as u64);
    for stall in rows(&report.paired["stalls"]).filter(own) {
        stalls += 1;
        if number(stall, "refused") != rows(&stall["attempts"]).count() as u64 {
            complaints.push(format!("attempts are missing from a stall of {name}: {stall}"));
        }
        for attempt in rows(&stall["attempts"]) {
            let is_found = attempt["wire_ns"].is_u64() && attempt["in_server_ns"].is_u64();
            let says_why = attempt["unmatched"].is_string();
            found += usize::from(is_found);
            if is_found == says_why || attempt["xid"].is_u64() != is_found {
                complaints.push(format!("an attempt of {name} is not accounted for: {attempt}"));
            }
        }
    }
    if stalls == 0 {
        complaints.push(format!("{name} has no stall"));
    }
    let recorded = client.session.refused.iter().filter(|it| it.xid.is_some()).count();
    if found != recorded {
        complaints.push(format!("{recorded} attempts of {name} have an XID, {found} are found on the server"));
    }
    complaints
}

fn host<'a>(paired: &'a Value, place: &Value) -> Option<&'a Value> {
    paired["hosts"].get(usize::try_from(place.as_u64()?).ok()?)
}

fn number(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or_default()
}

fn parts(row: &Value) -> Option<u64> {
    ["grace_ns", "tail_ns", "other_ns"].into_iter().map(|field| row[field].as_u64()).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::witness::{RefusedRpc, paired::Truth, session::Session};

    fn paired() -> Value {
        let cost = json!({"tasks": 1, "lost_ns": 30, "grace_ns": 20, "tail_ns": 9, "other_ns": 1});
        json!({
            "reference": 0,
            "hosts": [{"host": "server"}, {"host": "client"}],
            "causes": [{"server": 0, "restart": 2, "ids": ["nfsdcld-not-running"], "cost": cost,
                "clients": [{"host": 1, "cost": cost}]}],
            "stalls": [{"host": 1, "server": 0, "restart": 2, "total_ns": 30, "refused": 1,
                "split": {"grace_ns": 20, "tail_ns": 9, "other_ns": 1},
                "attempts": [{"attempt": 1, "xid": 7, "wire_ns": 5, "in_server_ns": 2}]}],
        })
    }

    fn count(paired: Value) -> usize {
        let verdict = Verdict { id: "nfsdcld-not-running".to_owned(), one_of_several: true, optional: false };
        let mut session = Session::default();
        session.refused.push(RefusedRpc { xid: Some(7), sent_ns: Some(1), received_ns: 8, must_be_known: true });
        let client = Client { host: "client", session: &session, truth: Truth::default() };
        let complaints = complaints(&paired, &[verdict]);
        let report = Report { paired, summaries: Vec::new(), attempts: Vec::new(), refusals: Vec::new() };
        complaints.len() + attempts(&report, &client).len()
    }

    #[test]
    fn what_adds_up_is_no_complaint() {
        assert_eq!(count(paired()), 0);
    }

    #[test]
    fn each_mistake_is_a_complaint() {
        for (pointer, wrong) in [
            ("/reference", json!(1)),
            ("/causes/0/server", json!(1)),
            ("/causes/0/ids", json!(["rpc-pipefs-missing"])),
            ("/causes/0/ids", json!(["nfsdcld-not-running", "rpc-pipefs-missing"])),
            ("/causes/0/cost/tail_ns", json!(8)),
            ("/causes/0/clients/0/cost/tasks", json!(2)),
            ("/stalls/0/restart", json!(1)),
            ("/stalls/0/total_ns", json!(31)),
            ("/stalls/0/split", json!(null)),
            ("/stalls/0/refused", json!(2)),
            ("/stalls/0/attempts/0/wire_ns", json!(null)),
            ("/stalls/0/attempts/0/xid", json!(null)),
            ("/stalls/0/host", json!(0)),
        ] {
            let mut paired = paired();
            *paired.pointer_mut(pointer).expect("a field") = wrong;
            assert!(count(paired) > 0, "{pointer}");
        }
    }
}
