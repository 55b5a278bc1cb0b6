//! A conclusion, and how it changes.

use super::{
    Cause, Question, Severity,
    advice::{self, Situation},
};
use crate::{
    record::{Netns, Stamp},
    timeline::{Restart, RestartId},
};

/// What is concluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// This cause.
    One(Cause),
    /// One of these: what was seen fits them all.
    OneOf(Vec<Cause>),
}

impl From<Cause> for Finding {
    fn from(cause: Cause) -> Self {
        Self::One(cause)
    }
}

impl Finding {
    /// The causes that it may be.
    #[must_use]
    pub fn causes(&self) -> &[Cause] {
        match self {
            Self::One(cause) => std::slice::from_ref(cause),
            Self::OneOf(causes) => causes,
        }
    }

    /// The only cause.
    #[must_use]
    pub fn one(&self) -> Option<Cause> {
        match self {
            Self::One(cause) => Some(*cause),
            Self::OneOf(_) => None,
        }
    }
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// It fits what was seen; more may come.
    Suspected,
    /// What was seen proves it.
    Certain,
}

/// One proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// When it was seen; `None` when it is about no single moment.
    pub at: Option<Stamp>,
    /// What.
    pub text: String,
    /// Whether it only completes the picture: left out where room is scarce.
    pub detail: bool,
}

impl Evidence {
    /// A proof that matters.
    pub(super) fn new(at: Option<Stamp>, text: impl Into<String>) -> Self {
        Self { at, text: text.into(), detail: false }
    }

    /// One that only completes the picture.
    pub(super) fn into_detail(self) -> Self {
        Self { detail: true, ..self }
    }
}

/// One conclusion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What it answers.
    pub question: Question,
    /// The restart that it is about; `None` when the server is not seen from here.
    pub restart: Option<RestartId>,
    /// Namespace of that server.
    pub netns: Option<Netns>,
    /// What is concluded.
    pub finding: Finding,
    /// How sure it is.
    pub certainty: Certainty,
    /// Since when the evidence was complete.
    pub since: Stamp,
    /// One or two sentences for somebody who was just woken up.
    pub headline: String,
    /// What proves it. Nothing in it grows while time passes: what grows is the cost, which the timeline counts.
    pub evidence: Vec<Evidence>,
    /// What the advice depends on.
    pub(super) situation: Situation,
}

impl Verdict {
    /// About `restart`; what proves it is to be added.
    pub(super) fn about(
        restart: &Restart,
        question: Question,
        finding: impl Into<Finding>,
        certainty: Certainty,
        since: Stamp,
        headline: impl Into<String>,
    ) -> Self {
        Self {
            question,
            restart: Some(restart.id()),
            netns: restart.netns(),
            finding: finding.into(),
            certainty,
            since,
            headline: headline.into(),
            evidence: Vec::new(),
            situation: Situation::default(),
        }
    }

    /// Adds what proves it.
    pub(super) fn proved_by(mut self, proofs: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(proofs);
        self
    }

    /// How bad it is: as bad as the worst that it may be.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.finding.causes().iter().map(|cause| cause.severity()).max().unwrap_or(Severity::Fine)
    }

    /// What to do now, a line each; commands stand in back quotes. Changes when the grace period ends, and is empty when
    /// nfsd was started again since.
    #[must_use]
    pub fn remedy(&self) -> Vec<&'static str> {
        advice::remedy(self.question, &self.finding, self.situation)
    }

    /// What not to do.
    #[must_use]
    pub fn avoid(&self) -> Vec<&'static str> {
        advice::avoid(&self.finding, self.situation)
    }

    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.finding == other.finding
            && self.certainty == other.certainty
            && self.evidence == other.evidence
            && self.headline == other.headline
            && (self.situation == other.situation || self.remedy() == other.remedy() && self.avoid() == other.avoid())
    }
}

/// How the conclusions changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// First said.
    New(Verdict),
    /// Said before, and different now.
    Revised {
        /// What is said now.
        verdict: Verdict,
        /// What was said before.
        before: Verdict,
    },
    /// Said before, and disproved since.
    Withdrawn(Verdict),
}

impl Revision {
    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        match self {
            Self::New(verdict) | Self::Revised { verdict, .. } | Self::Withdrawn(verdict) => verdict,
        }
    }
}
