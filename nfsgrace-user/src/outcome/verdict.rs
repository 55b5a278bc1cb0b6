//! Verdicts, and how a session ends, as lines of the session schema.

use super::{ns, summary};
use crate::{
    diagnosis::{Certainty, Revision, Verdict, caveats},
    record::{EvidenceRecord, Line, Stamp, VerdictRecord, VerdictState, Word},
    session::{Item, Session, Update},
    timeline::Timeline,
};

/// All verdicts that changed, as records.
#[must_use]
pub fn verdicts(update: &Update, timeline: &Timeline) -> Vec<Line> {
    let revised = update.items.iter().filter_map(|item| match item {
        Item::Verdict { at, revision } => Some(verdict(*at, revision, timeline)),
        _ => None,
    });
    revised.collect()
}

/// A verdict that changed, as a record.
#[must_use]
pub fn verdict(at: Stamp, revision: &Revision, timeline: &Timeline) -> Line {
    let verdict = revision.verdict();
    let state = match revision {
        Revision::Withdrawn(_) => VerdictState::Withdrawn,
        Revision::New(_) | Revision::Revised { .. } => state(verdict),
    };
    Line::Verdict(Box::new(record(at, verdict, state, timeline)))
}

/// What is concluded at the end: one record for each verdict, then the summary.
#[must_use]
pub fn closing(session: &Session, now: Stamp) -> Vec<Line> {
    let timeline = session.timeline();
    let verdicts = session.diagnosis().verdicts();
    verdicts
        .map(|verdict| Line::Verdict(Box::new(record(now, verdict, state(verdict), timeline))))
        .chain([Line::Summary(Box::new(summary(timeline, now)))])
        .collect()
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
    VerdictRecord {
        t: at,
        question: verdict.question.into(),
        id: one.map(Word::from),
        one_of: match one {
            Some(_) => Vec::new(),
            None => verdict.finding.causes().iter().copied().map(Word::from).collect(),
        },
        state: state.into(),
        severity: verdict.severity().into(),
        restart: verdict.restart.map(|id| id.0),
        netns: verdict.netns,
        since: verdict.since,
        headline: verdict.headline.clone(),
        evidence: verdict.evidence.iter().map(|it| EvidenceRecord { t: it.at, text: it.text.clone() }).collect(),
        remedy: verdict.remedy().into_iter().map(str::to_owned).collect(),
        avoid: verdict.avoid().into_iter().map(str::to_owned).collect(),
        caveats: caveats(verdict, timeline),
        stalls: cost.stalls,
        lost_ns: ns(cost.lost),
    }
}
