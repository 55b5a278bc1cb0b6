//! The verdict: what happened, what proves it, what to do now and what not.

use super::{
    super::{Paint, clean, moment, plural, span},
    Page,
};
use crate::{
    diagnosis::{Certainty, Evidence, Question, Revision, Severity, Verdict},
    record::Stamp,
    timeline::Timeline,
};

/// Columns of the labels.
const LABEL: usize = 10;

/// What changed about the conclusions, in full when it is new, and only what is new when it is revised.
pub(super) fn lines(page: Page, at: Stamp, revision: &Revision) -> Vec<String> {
    match revision {
        Revision::New(verdict) => block(page, at, "VERDICT", verdict, &verdict.evidence, None),
        Revision::Revised { verdict, before } => {
            let fresh: Vec<_> = verdict.evidence.iter().filter(|it| !before.evidence.contains(it)).cloned().collect();
            let finding_changed = verdict.finding != before.finding;
            // What only adds to the proof was shown when it happened.
            if !finding_changed && verdict.certainty == before.certainty && verdict.headline == before.headline {
                return Vec::new();
            }
            let said = if finding_changed { before } else { verdict };
            block(page, at, "VERDICT revised", verdict, &fresh, Some(said))
        }
        Revision::Withdrawn(verdict) => {
            page.block(at, Paint::Warning, &format!("VERDICT withdrawn: {}", title(verdict)))
        }
    }
}

/// A verdict in full, as the end of a session shows it.
pub(super) fn full(page: Page, verdict: &Verdict, timeline: &Timeline, now: Stamp) -> Vec<String> {
    let mut lines = block(page, verdict.since, "VERDICT", verdict, &verdict.evidence, None);
    if let Some(cost) = cost(verdict, timeline, now) {
        lines.extend(page.labelled("cost", LABEL, &cost));
    }
    lines
}

/// What the restart cost tasks on this host, below the verdict about its root; below that about tails, only these.
fn cost(verdict: &Verdict, timeline: &Timeline, now: Stamp) -> Option<String> {
    let cost = timeline.cost(timeline.restart(verdict.restart?)?, now);
    match verdict.question {
        Question::Root if cost.stalls > 0 => {
            let tail =
                if cost.tail.is_zero() { String::new() } else { format!(", {} of it after its end", span(cost.tail)) };
            let stalls = plural(cost.stalls, "stall");
            let (lost, longest) = (span(cost.lost), span(cost.longest));
            Some(format!("{stalls} on this host, {lost} together{tail}; the longest {longest}"))
        }
        Question::Tail => {
            let (tail, longest) = (span(cost.tail), span(cost.longest_tail));
            Some(format!("{tail} after the end of the grace period, the longest {longest}"))
        }
        _ => None,
    }
}

/// The ids and how sure they are.
pub(super) fn title(verdict: &Verdict) -> String {
    let ids: Vec<_> = verdict.finding.causes().iter().map(|cause| cause.id()).collect();
    let certainty = match (verdict.finding.one(), verdict.certainty) {
        (None, _) => "one of these",
        (Some(_), Certainty::Suspected) => "suspected",
        (Some(_), Certainty::Certain) => "certain",
    };
    let restart = verdict.restart.map(|id| format!(", restart {}", id.0)).unwrap_or_default();
    format!("{} ({certainty}{restart})", ids.join(" | "))
}

fn block(
    page: Page,
    at: Stamp,
    word: &str,
    verdict: &Verdict,
    evidence: &[Evidence],
    said: Option<&Verdict>,
) -> Vec<String> {
    let paint = match verdict.severity() {
        Severity::Fine => Paint::Good,
        Severity::Warning => Paint::Warning,
        Severity::Problem => Paint::Bad,
    };
    let mark = page.style.pick("━━ ", "== ");
    let mut lines =
        page.hanging(at, &page.style.paint(paint, mark), "   ", paint, &format!("{word} {}", title(verdict)));
    lines.extend(page.labelled("", 0, &clean(&verdict.headline)));
    lines.extend(proofs(page, "proof", evidence));
    let (remedy, avoid) = said.map_or((vec![], vec![]), |said| (said.remedy(), said.avoid()));
    for (label, steps, said) in [("do now", verdict.remedy(), remedy), ("beware", verdict.avoid(), avoid)] {
        for (index, step) in steps.iter().filter(|step| !said.contains(step)).enumerate() {
            lines.extend(page.labelled(if index == 0 { label } else { "" }, LABEL, step));
        }
    }
    lines
}

fn proofs(page: Page, label: &str, evidence: &[Evidence]) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, proof) in evidence.iter().enumerate() {
        let at = proof.at.map(|at| format!("{} ", moment(at))).unwrap_or_default();
        let text = format!("{at}{}", clean(&proof.text));
        lines.extend(page.labelled(if index == 0 { label } else { "" }, LABEL, &text));
    }
    lines
}
