//! Decides whether a run went as its scenario expects.

use std::{path::Path, time::Duration};

use super::{
    paired::{self, Client},
    recorded, together,
};
use crate::{
    lab::{command::ended_well, run::Outcome, scenario::Verdict},
    witness::{
        compare::{Comparison, compare},
        ftrace,
        opens::{self, Open},
        paired::{Truth, compare as compare_paired},
        printed::{self, Printed},
        session::Session,
    },
};

/// What a run showed.
#[derive(Debug, Default)]
pub struct Judgement {
    /// What is not as it should be; empty when the run passed.
    pub complaints: Vec<String>,
    /// What nfsgrace concluded.
    pub concluded: Vec<String>,
    /// The comparison with the witness.
    pub comparison: Comparison,
    /// The longest open during the watch.
    pub longest_open: Duration,
    /// How long after the beginning of that open the verdict was there; zero when it was there before.
    pub verdict_after: Option<Duration>,
    /// From nfsgrace's start until it watched.
    pub attach: Option<Duration>,
    /// The most memory that nfsgrace had, KiB.
    pub memory_kib: Option<u64>,
}

/// What a run should show.
#[derive(Debug, Clone)]
pub struct Expected {
    /// What nfsgrace concludes.
    pub verdicts: Vec<Verdict>,
    /// Whether an open is blocked by the grace period, where that is certain.
    pub stall: Option<bool>,
    /// Whether so many tasks run that times are less exact.
    pub crowd: bool,
    /// Length of the grace periods.
    pub grace: Duration,
}

impl Judgement {
    /// Of a run that could not be judged.
    pub fn failed(complaint: String) -> Self {
        Self { complaints: vec![complaint], ..Self::default() }
    }

    /// Whether the run passed.
    pub fn passed(&self) -> bool {
        self.complaints.is_empty() && self.comparison.delays.is_empty()
    }

    /// Whether it did not, for no other reason than times, which a busy host may have spoilt.
    pub fn was_disturbed(&self) -> bool {
        self.complaints.is_empty() && !self.comparison.delays.is_empty()
    }
}

/// Judges a run. `nfsgrace` reads on this host what it recorded in the guests.
pub fn judge(outcome: &Outcome, expected: &Expected, nfsgrace: &Path) -> Judgement {
    let Expected { verdicts, stall, crowd, grace } = expected;
    if let Err(error) = ended_well(outcome) {
        return Judgement::failed(error.to_string());
    }
    let mut judgement = Judgement::default();
    let text = |name: &str| outcome.results.text(name).unwrap_or_default();
    let session = Session::read(&text("session.ndjson"));
    let opens = opens::read(&text("opens"));
    let from_ns = uptime_ns(&text("witnessed")).unwrap_or_default();

    judgement.complaints.extend(ftrace::loss(&text("ftrace.stats"), &text("ftrace.profile")));
    judgement.comparison = compare(&session, &ftrace::read(&text("ftrace")), &opens, from_ns, *crowd);
    judgement.complaints.append(&mut judgement.comparison.differences);
    judge_together(outcome, &session, verdicts, nfsgrace, &mut judgement);
    judge_completeness(&session, &mut judgement);

    let watched: Vec<&Open> = opens.iter().filter(|open| open.start_ns >= from_ns).collect();
    let longest = watched.iter().copied().max_by_key(|open| open.took_ns());
    judge_opens(&watched, longest, *stall, *grace, &mut judgement);
    judgement.concluded = session.concluded(from_ns);
    judge_verdicts(verdicts, &mut judgement);
    if let Some(longest) = longest {
        judge_promptness(&printed::read(&text("stdout")), verdicts, longest, &mut judgement);
    }
    if let Some(killed_ns) = uptime_ns(&text("killed")) {
        judgement.complaints.extend(recorded::judge(outcome, &session, from_ns..killed_ns, verdicts, nfsgrace));
    }
    judge_exit(outcome.results.exit_status(), verdicts, &mut judgement);
    judgement.attach = started(&text("started"), &text("ready"));
    judgement.memory_kib = memory(&text("memory"));
    judgement
}

/// What several hosts come to, where several were recorded or watched.
fn judge_together(
    outcome: &Outcome,
    session: &Session,
    expected: &[Verdict],
    nfsgrace: &Path,
    judgement: &mut Judgement,
) {
    let text = |name: &str| outcome.results.text(name);
    let truth = |name: &str| Truth::read(&text(name).unwrap_or_default());
    if let Some(server) = text("session-server.ndjson") {
        let server = Session::read(&server);
        let second = text("session-second.ndjson").map(|second| Session::read(&second));
        let mut clients = vec![Client { host: "client", session, truth: truth("clock") }];
        clients.extend(second.as_ref().map(|session| Client { host: "second", session, truth: truth("clock-second") }));
        for Client { host, session, truth } in &clients {
            judgement.complaints.extend(compare_paired(host, session, &server, truth));
        }
        judgement.complaints.extend(paired::judge(nfsgrace, &outcome.results.sessions(), &clients, expected));
    }
    judgement.complaints.extend(together::judge(outcome, expected, nfsgrace));
}

/// Whether the session is whole.
fn judge_completeness(session: &Session, judgement: &mut Judgement) {
    let lost = session.losses.iter().map(|(cause, count)| format!("nfsgrace lost {count} records: {cause}"));
    judgement.complaints.extend(lost);
    if session.broken_lines > 0 {
        judgement.complaints.push(format!("the session file has {} broken lines", session.broken_lines));
    }
    if !session.has_summary {
        judgement.complaints.push("the session file has no closing summary".to_owned());
    }
}

/// Whether all opens succeeded, and the `longest` was blocked where a stall is expected.
fn judge_opens(
    opens: &[&Open],
    longest: Option<&Open>,
    stall: Option<bool>,
    grace: Duration,
    judgement: &mut Judgement,
) {
    for open in opens.iter().filter(|open| open.errno != 0) {
        judgement.complaints.push(format!("opening {} failed with errno {}", open.path, open.errno));
    }
    judgement.longest_open = longest.map_or(Duration::ZERO, |open| Duration::from_nanos(open.took_ns()));
    // An open may begin some seconds after the grace period did.
    let blocked = judgement.longest_open > grace / 3;
    if let Some(stall) = stall
        && blocked != stall
    {
        let took = judgement.longest_open.as_secs_f64();
        let expected = if stall { "a stall" } else { "no stall" };
        judgement.complaints.push(format!("{expected} was expected, the longest open took {took:.1} s"));
    }
}

fn judge_verdicts(expected: &[Verdict], judgement: &mut Judgement) {
    let Judgement { concluded, complaints, .. } = judgement;
    for verdict in expected.iter().filter(|verdict| !verdict.optional) {
        if !concluded.iter().any(|id| verdict.is_met_by(id)) {
            complaints.push(format!("the verdict {} is missing", verdict.id));
        }
    }
    for id in concluded.iter().filter(|id| !expected.iter().any(|verdict| verdict.is_met_by(id))) {
        complaints.push(format!("the verdict {id} was not expected"));
    }
}

/// A problem must be named on the terminal before the longest open is over.
fn judge_promptness(lines: &[Printed], expected: &[Verdict], longest: &Open, judgement: &mut Judgement) {
    // The restart before that open is what the verdict is about; it polls for a second.
    let from_ns = longest.start_ns.saturating_sub(Duration::from_secs(10).as_nanos() as u64);
    for verdict in expected.iter().filter(|verdict| !verdict.optional) {
        let Some(at_ns) = printed::verdict(lines, &verdict.id, from_ns) else {
            judgement.complaints.push(format!("the verdict {} was not printed", verdict.id));
            continue;
        };
        let after = Duration::from_nanos(at_ns.saturating_sub(longest.start_ns));
        judgement.verdict_after = judgement.verdict_after.max(Some(after));
        if is_problem(&verdict.id) && at_ns >= longest.end_ns {
            judgement.complaints.push(format!("the verdict {} came only when the stall was over", verdict.id));
        }
    }
}

fn judge_exit(status: Option<u8>, expected: &[Verdict], judgement: &mut Judgement) {
    let mandatory = || expected.iter().filter(|verdict| !verdict.optional).map(|verdict| verdict.id.as_str());
    // Where only optional verdicts are expected, the status must fit those that were given.
    let problem = if mandatory().next().is_some() {
        mandatory().any(is_problem)
    } else {
        judgement.concluded.iter().any(|id| is_problem(id))
    };
    let wanted = u8::from(problem);
    if status != Some(wanted) {
        let status = status.map_or("nothing".to_owned(), |status| status.to_string());
        judgement.complaints.push(format!("nfsgrace's exit status should be {wanted}, it is {status}"));
    }
}

fn is_problem(id: &str) -> bool {
    id != "healthy"
}

/// Seconds with a fraction, as `/proc/uptime` has them.
fn uptime_ns(text: &str) -> Option<u64> {
    let seconds: f64 = text.trim().parse().ok()?;
    Some(u64::try_from(Duration::try_from_secs_f64(seconds).ok()?.as_nanos()).unwrap_or(u64::MAX))
}

fn started(started: &str, ready: &str) -> Option<Duration> {
    Some(Duration::from_nanos(uptime_ns(ready)?.checked_sub(uptime_ns(started)?)?))
}

/// `VmHWM:     1234 kB`
fn memory(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok())
}
