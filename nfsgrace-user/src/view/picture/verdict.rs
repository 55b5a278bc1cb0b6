//! The verdicts as cards: what happened, what it cost, what to do, what proves it.

use super::{
    super::{summary, text},
    Place, moment,
};
use crate::{
    outcome::SessionOutcome,
    record::{EvidenceRecord, Severity, VerdictRecord},
    view::clean,
};

/// One verdict, about one restart or about several of which the same is to be said.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictCard {
    /// The ids of the causes that it may be, how sure it is, and its restarts.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Numbers of the restarts; none where the server is not seen.
    pub restarts: Vec<u32>,
    /// One or two sentences.
    pub headline: String,
    /// What it cost tasks on this host, a line for each restart.
    pub costs: Vec<String>,
    /// What to do, a line each; commands stand in back quotes.
    pub remedy: Vec<String>,
    /// What not to do.
    pub avoid: Vec<String>,
    /// What proves it.
    pub proofs: Vec<Proof>,
    /// What may have been missed, and could make it wrong.
    pub not_seen: Vec<String>,
}

/// One proof.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// When it was seen; empty where it is not about a moment.
    pub at: String,
    /// What.
    pub text: String,
}

/// The verdicts, the worst first, and of each restart its root first.
pub(super) fn cards(place: &Place<'_>, verdicts: &[VerdictRecord]) -> Vec<VerdictCard> {
    let mut verdicts: Vec<_> = verdicts.iter().collect();
    verdicts.sort_by_key(|it| summary::rank(it));
    let mut cards: Vec<(&VerdictRecord, VerdictCard)> = Vec::new();
    for verdict in verdicts {
        let card = card(place, verdict);
        match cards.iter_mut().find(|(other, _)| same(verdict, other)) {
            Some((_, before)) => add(before, card),
            None => cards.push((verdict, card)),
        }
    }
    cards.into_iter().map(|(verdict, card)| VerdictCard { title: title(verdict, &card), ..card }).collect()
}

/// Whether the same is to be said of two restarts.
fn same(verdict: &VerdictRecord, other: &VerdictRecord) -> bool {
    verdict.restart.is_some()
        && verdict.causes().eq(other.causes())
        && verdict.state == other.state
        && verdict.headline == other.headline
}

fn add(card: &mut VerdictCard, more: VerdictCard) {
    card.restarts.extend(more.restarts);
    card.costs.extend(more.costs);
    card.proofs.extend(more.proofs);
    // What to do now is said of the latest.
    card.remedy = more.remedy;
    card.avoid = more.avoid;
    card.not_seen.extend(more.not_seen.into_iter().filter(|text| !card.not_seen.contains(text)).collect::<Vec<_>>());
}

fn title(verdict: &VerdictRecord, card: &VerdictCard) -> String {
    let title = text::verdict_title(verdict);
    match card.restarts[..] {
        [first, _, ..] => {
            let numbers: Vec<_> = card.restarts.iter().map(u32::to_string).collect();
            title.replace(&format!("restart {first})"), &format!("restarts {})", numbers.join(", ")))
        }
        _ => title,
    }
}

/// What to say where nothing is concluded, and nothing is known of another host.
pub(super) fn nothing(outcome: &SessionOutcome) -> Option<String> {
    let SessionOutcome { verdicts, summary } = outcome;
    (verdicts.is_empty() && summary::elsewhere(summary).is_empty()).then(|| summary::nothing(summary))
}

fn card(place: &Place<'_>, verdict: &VerdictRecord) -> VerdictCard {
    let cost = text::verdict_cost(verdict).map(|cost| match verdict.restart {
        Some(number) if place.session.timeline().restarts().len() > 1 => format!("restart {number}: {cost}"),
        _ => cost,
    });
    VerdictCard {
        title: String::new(),
        severity: verdict.severity.known().unwrap_or(Severity::Problem),
        restarts: verdict.restart.into_iter().collect(),
        headline: clean(&verdict.headline).into_owned(),
        costs: cost.into_iter().collect(),
        remedy: verdict.remedy.clone(),
        avoid: verdict.avoid.clone(),
        proofs: verdict.evidence.iter().map(|proof| said(place, proof)).collect(),
        not_seen: verdict.caveats.iter().map(|text| clean(text).into_owned()).collect(),
    }
}

fn said(place: &Place<'_>, proof: &EvidenceRecord) -> Proof {
    Proof {
        at: proof.t.map(|at| format!("{} s", moment(place.at(at)))).unwrap_or_default(),
        text: clean(&proof.text).into_owned(),
    }
}
