//! Rows of verdicts: as they change, and as they stand at the end.

use super::{ns, summary};
use crate::{
    diagnosis::{Certainty, Revision, Verdict, caveats},
    record::{EvidenceRecord, Line, Severity, Stamp, Summary, VerdictRecord, VerdictState, WaitRow, Waiting, Word},
    session::{Item, Session, Update},
    timeline::{Between, RestartId, Timeline},
};

/// What one session comes to: the verdicts that stand, and the tables.
#[derive(Debug, Clone)]
pub struct SessionOutcome {
    /// By restart, the one about the root first.
    pub verdicts: Vec<VerdictRecord>,
    /// The tables.
    pub summary: Summary,
}

impl SessionOutcome {
    /// Of a session up to `now`.
    #[must_use]
    pub fn of(session: &Session, now: Stamp) -> Self {
        let timeline = session.timeline();
        let verdicts = session.diagnosis().verdicts().map(|verdict| standing(now, verdict, timeline));
        Self { verdicts: verdicts.collect(), summary: summary(session, now) }
    }

    /// The lines that end a session: one for each verdict, then the summary.
    #[must_use]
    pub fn into_lines(self) -> Vec<Line> {
        let verdicts = self.verdicts.into_iter().map(|verdict| Line::Verdict(Box::new(verdict)));
        verdicts.chain([Line::Summary(Box::new(self.summary))]).collect()
    }

    /// What problems are diagnosed: each with its cause, or with those that cannot be told apart.
    pub fn problems(&self) -> impl Iterator<Item = &VerdictRecord> {
        self.verdicts.iter().filter(|verdict| verdict.severity == Severity::Problem)
    }
}

/// A verdict that is new, revised or withdrawn.
#[derive(Debug, Clone)]
pub struct Conclusion {
    /// What is said now.
    pub verdict: VerdictRecord,
    /// What was said before, where it was revised.
    pub before: Option<VerdictRecord>,
}

impl Conclusion {
    /// What a revision comes to.
    #[must_use]
    pub fn of(at: Stamp, revision: &Revision, timeline: &Timeline) -> Self {
        let verdict = revision.verdict();
        let (state, before) = match revision {
            Revision::New(_) => (state(verdict), None),
            Revision::Revised { before, .. } => (state(verdict), Some(standing(at, before, timeline))),
            Revision::Withdrawn(_) => (VerdictState::Withdrawn, None),
        };
        Self { verdict: record(at, verdict, state, timeline), before }
    }

    /// All that changed.
    pub fn all<'a>(update: &'a Update, timeline: &'a Timeline) -> impl Iterator<Item = Self> + 'a {
        update.items.iter().filter_map(|item| match item {
            Item::Verdict { at, revision } => Some(Self::of(*at, revision, timeline)),
            _ => None,
        })
    }

    /// Whether it says more than what was said before, rather than proving it better.
    #[must_use]
    pub fn says_more(&self) -> bool {
        let Self { verdict, before } = self;
        before.as_ref().is_none_or(|before| !before.causes().eq(verdict.causes()) || before.state != verdict.state)
    }

    /// As a line of the session.
    #[must_use]
    pub fn into_line(self) -> Line {
        Line::Verdict(Box::new(self.verdict))
    }
}

/// A verdict that stands.
pub(super) fn standing(at: Stamp, verdict: &Verdict, timeline: &Timeline) -> VerdictRecord {
    record(at, verdict, state(verdict), timeline)
}

fn state(verdict: &Verdict) -> VerdictState {
    match verdict.certainty {
        Certainty::Suspected => VerdictState::Suspected,
        Certainty::Certain => VerdictState::Certain,
    }
}

fn record(at: Stamp, verdict: &Verdict, state: VerdictState, timeline: &Timeline) -> VerdictRecord {
    let cost = verdict.restart.and_then(|id| timeline.restart(id)).map(|restart| timeline.cost(restart, at));
    let cost = cost.unwrap_or_default();
    let one = verdict.finding.one();
    let several = if one.is_some() { &[] } else { verdict.finding.causes() };
    let owned = |steps: Vec<&str>| steps.into_iter().map(str::to_owned).collect();
    VerdictRecord {
        t: at,
        question: verdict.question.into(),
        id: one.map(Word::from),
        one_of: several.iter().copied().map(Word::from).collect(),
        state: state.into(),
        severity: verdict.severity().into(),
        restart: verdict.restart.map(|id| id.0),
        netns: verdict.netns,
        since: verdict.since,
        headline: verdict.headline.clone(),
        evidence: evidence(verdict),
        remedy: owned(verdict.remedy()),
        avoid: owned(verdict.avoid()),
        caveats: caveats(verdict, timeline),
        stalls: cost.stalls,
        lost_ns: ns(cost.lost),
        longest_ns: ns(cost.longest),
        tail_ns: ns(cost.tail),
        longest_tail_ns: ns(cost.longest_tail),
        blocked: verdict.restart.map_or(0, |id| of_restart(id, timeline).count() as u64),
        wait: wait(at, verdict, timeline),
    }
}

fn evidence(verdict: &Verdict) -> Vec<EvidenceRecord> {
    let proofs = verdict.evidence.iter();
    proofs.map(|it| EvidenceRecord { t: it.at, text: it.text.clone(), detail: it.detail }).collect()
}

/// The live stalls that a restart caused.
fn of_restart(id: RestartId, timeline: &Timeline) -> impl Iterator<Item = &crate::timeline::Stall> {
    timeline.stalls().live().filter(move |stall| stall.restart == Some(id))
}

/// How much longer the wait lasts: of those who wait, or else of whoever comes now.
fn wait(at: Stamp, verdict: &Verdict, timeline: &Timeline) -> Option<WaitRow> {
    if verdict.severity() != Severity::Problem {
        return None;
    }
    let id = verdict.restart?;
    let row = |whose: Waiting, end: Between, can_end_early| {
        let (least, most) = end.left(at);
        WaitRow { whose: whose.into(), least_ns: ns(least), most_ns: ns(most), can_end_early }
    };
    let free = of_restart(id, timeline).filter_map(|stall| timeline.stall_forecast(stall, at).free.ok());
    let last = free.reduce(|a, b| Between { earliest: a.earliest.max(b.earliest), latest: a.latest.max(b.latest) });
    if let Some(last) = last {
        return Some(row(Waiting::Tasks, last, false));
    }
    let grace = timeline.grace_forecast(id, at)?;
    Some(row(Waiting::NewOpens, grace.end.ok()?, grace.can_end_early == Some(true)))
}
