//! Decides whether a recorder that was killed left all that it had seen.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    lab::{run::Outcome, scenario::Verdict},
    tool,
    witness::{Seen, session::Session},
};

/// What comes so shortly before the kill may not have reached the recorder.
const MARGIN: Duration = Duration::from_millis(500);

/// Compares what the recorder left with `watched`, the session of the watch beside it.
pub(super) fn judge(
    outcome: &Outcome,
    watched: &Session,
    from_ns: u64,
    killed_ns: u64,
    expected: &[Verdict],
    complaints: &mut Vec<String>,
) {
    let path = outcome.results.path().join("recorded.ndjson.zst");
    // It complains of a frame that is not closed, after all that is in it.
    let text = match tool::command("zstd").arg("-dc").arg(&path).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => return complaints.push(format!("zstd cannot be run: {error}")),
    };
    complaints.extend(compare(&text, watched, from_ns, killed_ns, expected));
    // The verdict and the numbers of `nfsgrace report` on this file have their place here.
}

fn compare(text: &str, watched: &Session, from_ns: u64, killed_ns: u64, expected: &[Verdict]) -> Vec<String> {
    let mut complaints = Vec::new();
    let recorded = Session::read(text);
    if !text.starts_with("{\"type\":\"header\"") {
        complaints.push("the recorder's file does not begin with a header".to_owned());
    }
    let torn = usize::from(!text.ends_with('\n'));
    if recorded.broken_lines > torn {
        complaints.push(format!("the recorder's file has {} broken lines", recorded.broken_lines));
    }
    let until_ns = killed_ns.saturating_sub(u64::try_from(MARGIN.as_nanos()).unwrap_or(u64::MAX));
    let (there, here) = (count(&recorded, from_ns, until_ns), count(watched, from_ns, until_ns));
    if there != here {
        complaints.push(format!("up to its end the recorder saw {there:?}, and watch {here:?}"));
    }
    if !here.keys().any(|(seen, _)| *seen == Seen::Refusal) {
        complaints.push("nothing was refused before the recorder was killed".to_owned());
    }
    let concluded = recorded.concluded(from_ns);
    for verdict in expected.iter().filter(|verdict| !verdict.optional) {
        if !concluded.iter().any(|id| verdict.is_met_by(id)) {
            complaints.push(format!("the recorder's file lacks the verdict {}", verdict.id));
        }
    }
    complaints
}

/// How often each thread did what, in this time.
fn count(session: &Session, from_ns: u64, until_ns: u64) -> BTreeMap<(Seen, u32), usize> {
    let mut counts = BTreeMap::new();
    for observation in &session.observations {
        if (from_ns..until_ns).contains(&observation.at_ns) {
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
        compare(recorded, &watched, 0, KILLED_NS, &[verdict])
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
}
