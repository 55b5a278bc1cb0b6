//! Decides whether a recorder that was killed left all that it had seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
    time::Duration,
};

use anyhow::Result;
use serde_json::{Value, json};

use super::paired::report::{self, rows};
use crate::{
    lab::{run::Outcome, scenario::Verdict},
    tool,
    witness::{Seen, session::Session},
};

/// What comes so shortly before the kill may not have reached the recorder.
const MARGIN: Duration = Duration::from_millis(500);

/// Compares what the recorder left with `watched`, the session of the watch beside it, from when the witness was there until
/// the recorder was killed.
pub(super) fn judge(
    outcome: &Outcome,
    watched: &Session,
    span_ns: Range<u64>,
    expected: &[Verdict],
    nfsgrace: &Path,
) -> Vec<String> {
    let path = |name: &str| outcome.results.path().join(name);
    let (recorded, session) = (path("recorded.ndjson.zst"), path("session.ndjson"));
    // It complains of a frame that is not closed, after all that is in it.
    let text = match tool::command("zstd").arg("-dc").arg(&recorded).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => return vec![format!("zstd cannot be run: {error}")],
    };
    let until_ns = span_ns.end.saturating_sub(u64::try_from(MARGIN.as_nanos()).unwrap_or(u64::MAX));
    let span_ns = span_ns.start..until_ns;
    let mut complaints = compare(&text, watched, span_ns.clone(), expected);
    let reports = Reported::of(nfsgrace, &recorded, &span_ns)
        .and_then(|recorded| Ok((recorded, Reported::of(nfsgrace, &session, &span_ns)?)));
    match reports {
        Ok((recorded, live)) => {
            complaints.extend(recorded.compare(&live, &watched.concluded_by(&span_ns), refusals(watched, &span_ns)));
        }
        Err(error) => complaints.push(format!("the report of what the recorder left: {error:#}")),
    }
    complaints
}

/// What `nfsgrace report` says of the restarts in this time.
#[derive(Debug, PartialEq)]
struct Reported {
    /// The ids of its verdicts, those that cannot be told apart with `|` between them.
    ids: BTreeSet<String>,
    /// Refusals.
    refused: u64,
    /// Polls of each tracker, and what it returned.
    trackers: Vec<Value>,
    /// XID of each attempt, and the sleep asked for.
    attempts: Vec<Value>,
}

impl Reported {
    fn of(nfsgrace: &Path, session: &Path, span_ns: &Range<u64>) -> Result<Self> {
        let until = format!("{}.{:09}", span_ns.end / 1_000_000_000, span_ns.end % 1_000_000_000);
        let lines = report::json(nfsgrace, &["--until", &until], &[session.to_path_buf()])?;
        Ok(Self::read(&lines, span_ns.start))
    }

    fn read(lines: &[Value], from_ns: u64) -> Self {
        let of_type = |name: &'static str| lines.iter().filter(move |line| line["type"] == name);
        let restarts: Vec<&Value> = of_type("summary")
            .flat_map(|summary| rows(&summary["restarts"]))
            .filter(|restart| restart["began"].as_u64() >= Some(from_ns))
            .collect();
        let belongs = |verdict: &&Value| restarts.iter().any(|restart| restart["restart"] == verdict["restart"]);
        let stalls = of_type("summary").flat_map(|summary| rows(&summary["stalls"]));
        Self {
            ids: of_type("verdict").filter(belongs).map(id).collect(),
            refused: restarts.iter().filter_map(|restart| restart["refused"].as_u64()).sum(),
            trackers: restarts
                .iter()
                .flat_map(|restart| rows(&restart["trackers"]))
                .map(|row| json!([row["tracker"], row["status"], row["polls_false"]]))
                .collect(),
            attempts: stalls
                .flat_map(|stall| rows(&stall["attempts"]))
                .map(|row| json!([row["xid"], row["refusal"], row["asked_ns"]]))
                .collect(),
        }
    }

    /// Compares with a report of the live session up to the same moment, and with what was concluded live by then.
    fn compare(&self, live: &Self, concluded: &BTreeSet<String>, refused: u64) -> Vec<String> {
        let mut complaints = Vec::new();
        if &self.ids != concluded {
            complaints
                .push(format!("live it was {concluded:?}, the report of what the recorder left says {:?}", self.ids));
        }
        if self != live {
            complaints.push(format!("what the recorder left is reported as {self:?}, the live session as {live:?}"));
        }
        if self.refused != refused || self.attempts.is_empty() {
            complaints.push(format!("{refused} refusals were seen live, reported is {self:?}"));
        }
        complaints
    }
}

fn id(verdict: &Value) -> String {
    let several = || rows(&verdict["one_of"]).filter_map(Value::as_str).collect::<Vec<_>>().join("|");
    verdict["id"].as_str().map_or_else(several, str::to_owned)
}

fn refusals(session: &Session, span_ns: &Range<u64>) -> u64 {
    count(session, span_ns).iter().filter(|((seen, _), _)| *seen == Seen::Refusal).map(|(_, count)| *count as u64).sum()
}

fn compare(text: &str, watched: &Session, span_ns: Range<u64>, expected: &[Verdict]) -> Vec<String> {
    let mut complaints = Vec::new();
    let recorded = Session::read(text);
    if !text.starts_with("{\"type\":\"header\"") {
        complaints.push("the recorder's file does not begin with a header".to_owned());
    }
    let torn = usize::from(!text.ends_with('\n'));
    if recorded.broken_lines > torn {
        complaints.push(format!("the recorder's file has {} broken lines", recorded.broken_lines));
    }
    let (there, here) = (count(&recorded, &span_ns), count(watched, &span_ns));
    if there != here {
        complaints.push(format!("up to its end the recorder saw {there:?}, and watch {here:?}"));
    }
    if !here.keys().any(|(seen, _)| *seen == Seen::Refusal) {
        complaints.push("nothing was refused before the recorder was killed".to_owned());
    }
    let concluded = recorded.concluded(span_ns.start);
    for verdict in expected.iter().filter(|verdict| !verdict.optional) {
        if !concluded.iter().any(|id| verdict.is_met_by(id)) {
            complaints.push(format!("the recorder's file lacks the verdict {}", verdict.id));
        }
    }
    complaints
}

/// How often each thread did what, in this time.
fn count(session: &Session, span_ns: &Range<u64>) -> BTreeMap<(Seen, u32), usize> {
    let mut counts = BTreeMap::new();
    for observation in &session.observations {
        if span_ns.contains(&observation.at_ns) {
            *counts.entry((observation.seen, observation.tid)).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "{\"type\":\"header\",\"schema\":1,\"t\":1}\n";
    const REFUSED: &str = "{\"type\":\"event\",\"t\":2000000000,\"event\":\"refused\",\"pid\":7,\"tid\":7,\"comm\":\"nfsd\",\"op\":\"open\",\"took_ns\":1}\n";
    const VERDICT: &str =
        "{\"type\":\"verdict\",\"t\":2000000001,\"id\":\"nfsdcld-not-running\",\"state\":\"certain\",\"restart\":1}\n";
    const KILLED_NS: u64 = 5_000_000_000;

    fn judged(recorded: &str) -> Vec<String> {
        let watched = Session::read(&format!("{HEADER}{REFUSED}{VERDICT}"));
        let verdict = Verdict { id: "nfsdcld-not-running".to_owned(), one_of_several: false, optional: false };
        compare(recorded, &watched, 0..KILLED_NS, &[verdict])
    }

    #[test]
    fn all_up_to_the_kill_must_be_there_and_the_last_line_may_be_torn() {
        let whole = format!("{HEADER}{REFUSED}{VERDICT}");
        assert_eq!(judged(&whole), [""; 0]);
        assert_eq!(judged(&format!("{whole}{{\"type\":\"ev")), [""; 0]);
        assert_eq!(judged(&format!("{HEADER}{{\"type\":\"ev\n{REFUSED}{VERDICT}")).len(), 1);
        assert_eq!(judged(&format!("{HEADER}{VERDICT}")).len(), 1);
        assert_eq!(judged(&format!("{HEADER}{REFUSED}")).len(), 1);
        assert_eq!(judged(&format!("{REFUSED}{VERDICT}")).len(), 1);
    }
    fn reported() -> Vec<Value> {
        vec![
            json!({"type": "verdict", "id": "nfsdcld-not-running", "restart": 2}),
            json!({"type": "summary",
                "restarts": [
                    {"restart": 1, "began": 10, "refused": 50, "trackers": []},
                    {"restart": 2, "began": 100, "refused": 2,
                        "trackers": [{"tracker": "cld", "status": -110, "polls_false": 10}]}],
                "stalls": [{"attempts": [{"xid": 7, "refusal": "grace", "asked_ns": 100}]}]}),
        ]
    }

    #[test]
    fn the_report_of_what_was_left_must_be_that_of_the_live_session() {
        let concluded = BTreeSet::from(["nfsdcld-not-running".to_owned()]);
        let live = Reported::read(&reported(), 50);
        assert_eq!(live.compare(&live, &concluded, 2), [""; 0]);
        assert_eq!(live.compare(&live, &BTreeSet::new(), 2).len(), 1, "another verdict");
        assert_eq!(live.compare(&live, &concluded, 3).len(), 1, "another number than the independent one");
        for (nth, pointer) in [
            (0, "/id"),
            (1, "/restarts/1/refused"),
            (1, "/restarts/1/trackers/0/polls_false"),
            (1, "/stalls/0/attempts/0/asked_ns"),
        ] {
            let mut lines = reported();
            *lines[nth].pointer_mut(pointer).expect("a field") = json!(9);
            assert!(!Reported::read(&lines, 50).compare(&live, &concluded, 2).is_empty(), "{pointer}");
        }
    }
}
