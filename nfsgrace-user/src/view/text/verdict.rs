//! The verdict: what happened, what proves it, what to do now and what not.

use std::time::Duration;

use super::{
    super::{Paint, clean, rough_range, span, wrap},
    INDENT, Page,
};
use crate::{
    diagnosis::{Certainty, Evidence, Question, Revision, Severity, Verdict, caveats},
    record::Stamp,
    timeline::{Between, Stall, Timeline},
};

/// Columns of the labels.
const LABEL: usize = 10;
/// Lines that a verdict may take at the end of a session: it was printed in full when it was drawn.
const SHORT: usize = 12;
/// Columns of the mark before a verdict, and of the text below it.
const MARK: usize = 3;

/// What changed about the conclusions, in full when it is new, and only what is new when it is revised.
pub(super) fn lines(page: Page, at: Stamp, revision: &Revision, timeline: &Timeline) -> Vec<String> {
    match revision {
        Revision::New(verdict) => block(page, at, "VERDICT", verdict, &verdict.evidence, None, timeline),
        Revision::Revised { verdict, before } => {
            let proofs: Vec<_> = verdict.evidence.iter().filter(|it| !before.evidence.contains(it)).cloned().collect();
            // What only adds to the proof was shown when it happened.
            if says_the_same(before, verdict) && fresh(verdict.remedy(), &before.remedy()).is_empty() {
                return Vec::new();
            }
            block(page, at, "VERDICT revised", verdict, &proofs, Some(before), timeline)
        }
        Revision::Withdrawn(verdict) => {
            page.block(at, Paint::Warning, &format!("VERDICT withdrawn: {}", title(verdict)))
        }
    }
}

/// Whether title and headline are the same, and at most the proof and the advice have changed.
fn says_the_same(before: &Verdict, verdict: &Verdict) -> bool {
    title(before) == title(verdict) && before.headline == verdict.headline
}

/// A verdict in short, as the end of a session shows it: what it is, what it cost, the proofs that matter, what to do.
pub(super) fn short(page: Page, verdict: &Verdict, timeline: &Timeline, now: Stamp, alone: bool) -> Vec<String> {
    let labelled = |label: &str, text: &str| page.labelled(MARK, label, LABEL, text);
    let paint = paint(verdict);
    let left = left(verdict, timeline, now);
    // Whoever reads a report reads it later.
    let left = if alone { left.replacen(": ", ": at the end of the recording, ", 1) } else { left };
    let title = format!("VERDICT {}{left}", title(verdict));
    let mut lines: Vec<_> = wrap(&title, page.width.saturating_sub(MARK))
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let mark = if index == 0 { page.style.pick("━━ ", "== ") } else { "   " };
            format!("{}{}", page.style.paint(paint, mark), page.style.paint(paint, &line))
        })
        .collect();
    lines.extend(page.labelled(MARK, "", 0, &clean(&verdict.headline)));
    lines.extend(cost(verdict, timeline, now).iter().flat_map(|cost| labelled("cost", cost)));
    let steps: Vec<_> = verdict
        .remedy()
        .iter()
        .enumerate()
        .map(|(nth, step)| labelled(if nth == 0 { "do" } else { "" }, step))
        .collect();
    let caveats: Vec<_> = caveats(verdict, timeline)
        .iter()
        .enumerate()
        .flat_map(|(nth, text)| labelled(if nth == 0 { "not seen" } else { "" }, &clean(text)))
        .collect();
    // What to do comes before what proves it, where there is no room for both.
    let room = SHORT.saturating_sub(lines.len() + caveats.len() + steps.iter().map(Vec::len).sum::<usize>());
    for (nth, proof) in proofs_that_fit(page, verdict, room, |text| labelled("", text).len()).iter().enumerate() {
        lines.extend(labelled(if nth == 0 { "proof" } else { "" }, proof));
    }
    lines.extend(caveats);
    let mut room = SHORT.saturating_sub(lines.len()).max(4);
    for step in steps {
        if step.len() > room && !alone {
            lines.extend(labelled("", "(the rest: above, where it was first said)"));
            break;
        }
        room = room.saturating_sub(step.len());
        lines.extend(step);
    }
    if alone {
        for (nth, step) in verdict.avoid().iter().enumerate() {
            lines.extend(labelled(if nth == 0 { "beware" } else { "" }, step));
        }
    }
    lines
}

fn paint(verdict: &Verdict) -> Paint {
    match verdict.severity() {
        Severity::Fine => Paint::Good,
        Severity::Warning => Paint::Warning,
        Severity::Problem => Paint::Bad,
    }
}

/// The proofs that matter, as many as there is room for and at least one. The last ones tell most.
fn proofs_that_fit(page: Page, verdict: &Verdict, mut room: usize, lines: impl Fn(&str) -> usize) -> Vec<String> {
    let mut proofs = Vec::new();
    for proof in verdict.evidence.iter().rev().filter(|proof| !proof.detail).map(|proof| said(page, proof)) {
        let takes = lines(&proof);
        if takes > room && !proofs.is_empty() {
            break;
        }
        room = room.saturating_sub(takes);
        proofs.push(proof);
    }
    proofs.reverse();
    proofs
}

/// The live stalls that the restart of a verdict caused.
fn waiting<'a>(verdict: &Verdict, timeline: &'a Timeline) -> impl Iterator<Item = &'a Stall> {
    let restart = verdict.restart;
    timeline.stalls().live().filter(move |stall| restart.is_some() && stall.restart == restart)
}

/// How much longer the wait lasts, as far as it can be foretold: of those who wait, or else of whoever comes now.
fn left(verdict: &Verdict, timeline: &Timeline, at: Stamp) -> String {
    let about = |between: Between| rough_range(between.left(at));
    if verdict.severity() != Severity::Problem {
        return String::new();
    }
    let free = waiting(verdict, timeline).filter_map(|stall| timeline.stall_forecast(stall, at).free.ok());
    let last = free.reduce(|a, b| Between { earliest: a.earliest.max(b.earliest), latest: a.latest.max(b.latest) });
    if let Some(last) = last {
        return format!(": clients wait ≈{} more", about(last));
    }
    let grace = verdict.restart.and_then(|id| timeline.grace_forecast(id, at));
    match grace.map(|grace| (grace.end, grace.can_end_early)) {
        Some((Ok(end), Some(true))) => format!(": new opens wait ≈{} more at most", about(end)),
        Some((Ok(end), _)) => format!(": new opens wait ≈{} more", about(end)),
        _ => String::new(),
    }
}

/// What the restart cost tasks on this host, below the verdict about its root; below that about tails, only these.
pub(in crate::view) fn cost(verdict: &Verdict, timeline: &Timeline, now: Stamp) -> Option<String> {
    let cost = timeline.cost(timeline.restart(verdict.restart?)?, now);
    let (lost, longest) = (span(cost.lost), span(cost.longest));
    let so_far = if waiting(verdict, timeline).next().is_some() { " so far" } else { "" };
    match verdict.question {
        Question::Root if cost.stalls > 0 => {
            let tail = match cost.tail {
                Duration::ZERO => String::new(),
                tail => format!(", {} of it after the grace period", span(tail)),
            };
            Some(match cost.stalls {
                1 => format!("1 task stalled for {lost}{so_far}{tail}"),
                count => format!("{count} tasks stalled, {longest} at most; {lost} together{so_far}{tail}"),
            })
        }
        Question::Tail => {
            let (tail, longest) = (span(cost.tail), span(cost.longest_tail));
            Some(match cost.stalls {
                1 => format!("{tail} after the end of the grace period{so_far}"),
                _ => format!("{longest} at most after the end of the grace period; {tail} together{so_far}"),
            })
        }
        _ => None,
    }
}

/// The ids and how sure they are.
pub(in crate::view) fn title(verdict: &Verdict) -> String {
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
    before: Option<&Verdict>,
    timeline: &Timeline,
) -> Vec<String> {
    let paint = paint(verdict);
    let mark = page.style.pick("━━ ", "== ");
    let title = format!("{word} {}{}", title(verdict), left(verdict, timeline, at));
    let mut lines = page.hanging(at, &page.style.paint(paint, mark), "   ", paint, &title);
    if before.is_none_or(|before| !says_the_same(before, verdict)) {
        lines.extend(page.labelled(INDENT, "", 0, &clean(&verdict.headline)));
    }
    let (remedy, avoid) = before.map_or((vec![], vec![]), |before| (before.remedy(), before.avoid()));
    let proofs = evidence.iter().map(|proof| said(page, proof)).collect();
    let sections = [
        ("proof", proofs),
        ("not seen", caveats(verdict, timeline).iter().map(|text| clean(text).into_owned()).collect()),
        ("do now", fresh(verdict.remedy(), &remedy)),
        ("beware", fresh(verdict.avoid(), &avoid)),
    ];
    for (label, texts) in sections {
        for (nth, text) in texts.iter().enumerate() {
            lines.extend(page.labelled(INDENT, if nth == 0 { label } else { "" }, LABEL, text));
        }
    }
    lines
}

/// What was not said before.
fn fresh(steps: Vec<&'static str>, before: &[&'static str]) -> Vec<String> {
    steps.into_iter().filter(|step| !before.contains(step)).map(str::to_owned).collect()
}

fn said(page: Page, proof: &Evidence) -> String {
    let at = proof.at.map(|at| format!("{} ", page.moment(at))).unwrap_or_default();
    format!("{at}{}", clean(&proof.text))
}
