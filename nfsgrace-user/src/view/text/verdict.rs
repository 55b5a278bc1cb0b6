//! The verdict: what happened, what proves it, what to do now and what not.

use std::time::Duration;

use super::{
    super::{Paint, clean, joined, rough_range, span, wrap},
    INDENT, Page,
};
use crate::{
    outcome::Conclusion,
    record::{EvidenceRecord, Question, Severity, VerdictRecord, VerdictState, WaitRow, Waiting},
};

/// Columns of the labels.
const LABEL: usize = 10;
/// Lines that a verdict may take at the end of a session: it was printed in full when it was drawn.
const SHORT: usize = 12;
/// Columns of the mark before a verdict, and of the text below it.
const MARK: usize = 3;

/// What changed about the conclusions, in full when it is new, and only what is new when it is revised.
pub(super) fn lines(page: Page, conclusion: &Conclusion) -> Vec<String> {
    let Conclusion { verdict, before } = conclusion;
    match before {
        _ if verdict.state == VerdictState::Withdrawn => {
            page.block(verdict.t, Paint::Warning, &format!("VERDICT withdrawn: {}", title(verdict)))
        }
        // What only adds to the proof was shown when it happened.
        Some(before) if says_the_same(before, verdict) && fresh(&verdict.remedy, &before.remedy).is_empty() => {
            Vec::new()
        }
        Some(before) => block(page, "VERDICT revised", verdict, Some(before)),
        None => block(page, "VERDICT", verdict, None),
    }
}

/// Whether title and headline are the same, and at most the proof and the advice have changed.
fn says_the_same(before: &VerdictRecord, verdict: &VerdictRecord) -> bool {
    title(before) == title(verdict) && before.headline == verdict.headline
}

/// What was not said before.
fn fresh<'a, T: PartialEq>(all: &'a [T], before: &[T]) -> Vec<&'a T> {
    all.iter().filter(|it| !before.contains(it)).collect()
}

fn block(page: Page, word: &str, verdict: &VerdictRecord, before: Option<&VerdictRecord>) -> Vec<String> {
    let paint = paint(verdict);
    let mark = page.style.paint(paint, page.style.pick("━━ ", "== "));
    let title = format!("{word} {}{}", title(verdict), left(verdict));
    let mut lines = page.hanging(verdict.t, &mark, "   ", paint, &title);
    if before.is_none_or(|before| !says_the_same(before, verdict)) {
        lines.extend(page.labelled(INDENT, "", 0, &clean(&verdict.headline)));
    }
    let said_before = |of: fn(&VerdictRecord) -> &[String]| before.map(of).unwrap_or_default();
    let proofs = fresh(&verdict.evidence, before.map(|it| it.evidence.as_slice()).unwrap_or_default());
    let steps = |steps: Vec<&String>| steps.into_iter().cloned().collect::<Vec<_>>();
    let sections = [
        ("proof", proofs.into_iter().map(|proof| said(page, proof)).collect()),
        ("not seen", verdict.caveats.iter().map(|text| clean(text).into_owned()).collect()),
        ("do now", steps(fresh(&verdict.remedy, said_before(|it| &it.remedy)))),
        ("beware", steps(fresh(&verdict.avoid, said_before(|it| &it.avoid)))),
    ];
    for (label, texts) in sections {
        lines.extend(section(page, INDENT, label, &texts).into_iter().flatten());
    }
    lines
}

/// Paragraphs of which the first has a label.
fn section(page: Page, indent: usize, label: &str, texts: &[String]) -> Vec<Vec<String>> {
    let label = |nth| if nth == 0 { label } else { "" };
    texts.iter().enumerate().map(|(nth, text)| page.labelled(indent, label(nth), LABEL, text)).collect()
}

/// A verdict in short, as the end of a session shows it: what it is, what it cost, the proofs that matter, what to do.
pub(super) fn short(page: Page, verdict: &VerdictRecord, alone: bool) -> Vec<String> {
    let mut lines = heading(page, verdict, alone);
    lines.extend(page.labelled(MARK, "", 0, &clean(&verdict.headline)));
    lines.extend(cost(verdict).iter().flat_map(|cost| page.labelled(MARK, "cost", LABEL, cost)));
    let steps = section(page, MARK, "do", &verdict.remedy);
    let caveats: Vec<_> = verdict.caveats.iter().map(|text| clean(text).into_owned()).collect();
    let caveats: Vec<_> = section(page, MARK, "not seen", &caveats).into_iter().flatten().collect();
    // What to do comes before what proves it, where there is no room for both.
    let room = SHORT.saturating_sub(lines.len() + caveats.len() + steps.iter().map(Vec::len).sum::<usize>());
    lines.extend(section(page, MARK, "proof", &proofs_that_fit(page, verdict, room)).into_iter().flatten());
    lines.extend(caveats);
    let mut room = SHORT.saturating_sub(lines.len()).max(4);
    for step in steps {
        if step.len() > room && !alone {
            lines.extend(page.labelled(MARK, "", LABEL, "(the rest: above, where it was first said)"));
            break;
        }
        room = room.saturating_sub(step.len());
        lines.extend(step);
    }
    if alone {
        lines.extend(section(page, MARK, "beware", &verdict.avoid).into_iter().flatten());
    }
    lines
}

fn heading(page: Page, verdict: &VerdictRecord, alone: bool) -> Vec<String> {
    let left = left(verdict);
    // Whoever reads a report reads it later.
    let left = if alone { left.replacen(": ", ": at the end of the recording, ", 1) } else { left };
    let (paint, title) = (paint(verdict), format!("VERDICT {}{left}", title(verdict)));
    let lines = wrap(&title, page.width.saturating_sub(MARK)).into_iter().enumerate().map(|(nth, line)| {
        let mark = if nth == 0 { page.style.pick("━━ ", "== ") } else { "   " };
        format!("{}{}", page.style.paint(paint, mark), page.style.paint(paint, &line))
    });
    lines.collect()
}

fn paint(verdict: &VerdictRecord) -> Paint {
    match verdict.severity.known() {
        Some(Severity::Fine) => Paint::Good,
        Some(Severity::Warning) => Paint::Warning,
        Some(Severity::Problem) | None => Paint::Bad,
    }
}

/// The proofs that matter, as many as there is room for and at least one. The last ones tell most.
fn proofs_that_fit(page: Page, verdict: &VerdictRecord, mut room: usize) -> Vec<String> {
    let mut proofs = Vec::new();
    for proof in verdict.evidence.iter().rev().filter(|proof| !proof.detail).map(|proof| said(page, proof)) {
        let takes = page.labelled(MARK, "", LABEL, &proof).len();
        if takes > room && !proofs.is_empty() {
            break;
        }
        room = room.saturating_sub(takes);
        proofs.push(proof);
    }
    proofs.reverse();
    proofs
}

fn said(page: Page, proof: &EvidenceRecord) -> String {
    let at = proof.t.map(|at| format!("{} ", page.moment(at))).unwrap_or_default();
    format!("{at}{}", clean(&proof.text))
}

/// How much longer the wait lasts, as far as it can be foretold: of those who wait, or else of whoever comes now.
fn left(verdict: &VerdictRecord) -> String {
    let Some(WaitRow { whose, least_ns, most_ns, can_end_early }) = &verdict.wait else { return String::new() };
    let whose = if *whose == Waiting::Tasks { "clients" } else { "new opens" };
    let about = rough_range((Duration::from_nanos(*least_ns), Duration::from_nanos(*most_ns)));
    format!(": {whose} wait ≈{about} more{}", if *can_end_early { " at most" } else { "" })
}

/// What the restart cost tasks on this host, below the verdict about its root; below that about tails, only these.
pub(in crate::view) fn cost(verdict: &VerdictRecord) -> Option<String> {
    let ns = |ns| span(Duration::from_nanos(ns));
    let so_far = if verdict.blocked > 0 { " so far" } else { "" };
    match verdict.question.known()? {
        Question::Root if verdict.stalls > 0 => {
            let tail = match verdict.tail_ns {
                0 => String::new(),
                tail => format!(", {} of it after the grace period", ns(tail)),
            };
            let (lost, longest) = (ns(verdict.lost_ns), ns(verdict.longest_ns));
            Some(match verdict.stalls {
                1 => format!("1 task stalled for {lost}{so_far}{tail}"),
                count => format!("{count} tasks stalled, {longest} at most; {lost} together{so_far}{tail}"),
            })
        }
        Question::Tail if verdict.restart.is_some() => {
            let (tail, longest) = (ns(verdict.tail_ns), ns(verdict.longest_tail_ns));
            Some(match verdict.stalls {
                1 => format!("{tail} after the end of the grace period{so_far}"),
                _ => format!("{longest} at most after the end of the grace period; {tail} together{so_far}"),
            })
        }
        _ => None,
    }
}

/// The ids and how sure they are.
pub(in crate::view) fn title(verdict: &VerdictRecord) -> String {
    let certainty = match (&verdict.id, verdict.state.known()) {
        (None, _) => "one of these",
        (Some(_), Some(VerdictState::Certain)) => "certain",
        (Some(_), _) => "suspected",
    };
    let restart = verdict.restart.map(|number| format!(", restart {number}")).unwrap_or_default();
    format!("{} ({certainty}{restart})", joined(verdict.causes(), " | "))
}
