//! What a program concluded from a session: the lines that scripts wait for.

use serde::{Deserialize, Serialize};

use super::{
    cause::Cause,
    event::{Netns, Stamp},
    is_false, is_zero,
    word::{Word, vocabulary},
};

vocabulary! {
    /// Which question about a restart a verdict answers: there is one answer to each.
    Question {
        /// Why does the grace period run its full length, or why does it not?
        Root = "root",
        /// Why did the write to `v4_end_grace` not help?
        EndGrace = "end_grace",
        /// Why does a client sleep on after the grace period?
        Tail = "tail",
        /// Why do locks hang while opens work?
        Locks = "locks",
        /// Why is a client refused outside any grace period?
        OutsideGrace = "outside_grace",
        /// Is the grace period long enough?
        Length = "length",
    }
}

vocabulary! {
    /// How bad a cause is.
    Severity {
        /// Nothing is wrong.
        Fine = "fine",
        /// Nothing hangs because of it; something else will go wrong.
        Warning = "warning",
        /// Something hangs because of it.
        Problem = "problem",
    }
}

vocabulary! {
    /// How sure a verdict is.
    VerdictState {
        /// It fits what was seen; more may come.
        Suspected = "suspected",
        /// What was seen proves it.
        Certain = "certain",
        /// It was said before, and what came since disproves it.
        Withdrawn = "withdrawn",
    }
}

/// One conclusion. A later record with the same `restart` and `question` replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "verdict")]
pub struct VerdictRecord {
    /// When it was concluded.
    pub t: Stamp,
    /// What it answers.
    #[serde(default)]
    pub question: Word<Question>,
    /// The cause; absent when it is one of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Word<Cause>>,
    /// The causes that cannot be told apart; empty when `id` is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<Word<Cause>>,
    /// How sure it is.
    pub state: Word<VerdictState>,
    /// Whether it is a problem (exit status 1), a warning, or fine.
    pub severity: Word<Severity>,
    /// Number of the restart it belongs to, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<u32>,
    /// Namespace of that server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netns: Option<Netns>,
    /// Since when the evidence was complete.
    pub since: Stamp,
    /// One sentence.
    pub headline: String,
    /// What proves it.
    #[serde(default)]
    pub evidence: Vec<EvidenceRecord>,
    /// What to do now.
    #[serde(default)]
    pub remedy: Vec<String>,
    /// What not to do.
    #[serde(default)]
    pub avoid: Vec<String>,
    /// What may have been missed, and could make it wrong or incomplete: lost records, hooks that this kernel lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    /// Stalls that it cost so far.
    #[serde(default)]
    pub stalls: u64,
    /// Their lengths added up (task-nanoseconds).
    #[serde(default)]
    pub lost_ns: u64,
    /// The longest of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub longest_ns: u64,
    /// How much of `lost_ns` lies after the end of the grace period.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tail_ns: u64,
    /// The longest of these tails.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub longest_tail_ns: u64,
    /// Of the stalls, those that have not ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub blocked: u64,
    /// How much longer somebody has to wait, as far as that can be foretold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<WaitRow>,
}

impl VerdictRecord {
    /// The causes that it names: one, or several that cannot be told apart.
    pub fn causes(&self) -> impl Iterator<Item = &Word<Cause>> {
        self.id.iter().chain(&self.one_of)
    }
}

vocabulary! {
    /// Who waits.
    Waiting {
        /// Tasks of this host.
        Tasks = "tasks",
        /// Whoever opens a file now, on any host.
        NewOpens = "new_opens",
    }
}

/// How much longer somebody has to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitRow {
    /// Who.
    pub whose: Word<Waiting>,
    /// At least so long, from `t` of the verdict on.
    pub least_ns: u64,
    /// At most so long.
    pub most_ns: u64,
    /// Whether the wait may end before that: when all clients have reclaimed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub can_end_early: bool,
}

/// One proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRecord {
    /// When it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<Stamp>,
    /// What.
    pub text: String,
    /// Whether it only completes the picture.
    #[serde(default, skip_serializing_if = "is_false")]
    pub detail: bool,
}
