//! The verdicts as cards: what happened, what it cost, what to do, what proves it.

use serde::Serialize;

use super::{super::text, Place};
use crate::{
    diagnosis::{Evidence, Question, Verdict, caveats},
    session::Session,
    timeline::Restart,
    view::clean,
};

/// One verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictCard {
    /// The ids of the causes that it may be, how sure it is, and its restart.
    pub title: String,
    /// `problem`, `warning` or `fine`.
    pub severity: &'static str,
    /// Number of the restart, where it is about one.
    pub restart: Option<u32>,
    /// One or two sentences.
    pub headline: String,
    /// What it cost tasks on this host.
    pub cost: Option<String>,
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proof {
    /// When it was seen, where it is about a moment.
    pub at: Option<f64>,
    /// What.
    pub text: String,
}

/// The verdicts, the worst first, and of each restart its root first.
pub(super) fn cards(place: &Place<'_>) -> Vec<VerdictCard> {
    let mut verdicts: Vec<&Verdict> = place.session.diagnosis().verdicts().collect();
    verdicts.sort_by_key(|it| (std::cmp::Reverse(it.severity()), it.restart, it.question != Question::Root));
    verdicts.into_iter().map(|verdict| card(place, verdict)).collect()
}

/// What to say where there is no verdict.
pub(super) fn nothing(session: &Session) -> Option<String> {
    if session.diagnosis().verdicts().next().is_some() {
        return None;
    }
    let since = if session.timeline().restarts().any(|it| it.history) { " since watching began" } else { "" };
    Some(format!("No server restart and no refused client was seen{since}."))
}

fn card(place: &Place<'_>, verdict: &Verdict) -> VerdictCard {
    let timeline = place.session.timeline();
    let restart = verdict.restart.and_then(|id| timeline.restart(id));
    // When the grace period is over, nobody waits for its end any more.
    let remedy = if restart.is_none_or(Restart::in_grace) { verdict.remedy() } else { verdict.remedy_afterwards() };
    let owned = |lines: Vec<&str>| lines.into_iter().map(str::to_owned).collect();
    VerdictCard {
        title: text::verdict_title(verdict),
        severity: verdict.severity().name(),
        restart: verdict.restart.map(|id| id.0),
        headline: clean(&verdict.headline).into_owned(),
        cost: text::verdict_cost(verdict, timeline, place.now),
        remedy: owned(remedy),
        avoid: owned(verdict.avoid()),
        proofs: verdict.evidence.iter().map(|proof| said(place, proof)).collect(),
        not_seen: caveats(verdict, timeline).iter().map(|text| clean(text).into_owned()).collect(),
    }
}

fn said(place: &Place<'_>, proof: &Evidence) -> Proof {
    Proof { at: proof.at.map(|at| place.at(at)), text: clean(&proof.text).into_owned() }
}
