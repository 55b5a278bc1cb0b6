//! Why: rules that turn a restart and its stalls into verdicts.
//!
//! A verdict appears as soon as its evidence is in, and is revised when more comes. What cannot be told apart is said to
//! be one of several, never guessed. Rules look at one restart at a time and keep no state of their own, so that a verdict
//! depends on what was seen and not on when it was asked for.

mod advice;
mod cause;
mod clients;
mod doubt;
mod root;
mod side;
mod tracker;
mod verdict;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use advice::Situation;
pub use doubt::caveats;
pub use verdict::{Certainty, Evidence, Finding, Revision, Verdict};

pub use crate::record::{Cause, Question, Severity};

use crate::{
    record::Stamp,
    timeline::{Change, KnownFrom, RestartId, Timeline},
};

/// Events that come in floods are judged together, this often.
const JUDGE_EVERY: Duration = Duration::from_millis(100);
/// And this often where nobody looks on.
const JUDGE_UNSEEN_EVERY: Duration = Duration::from_secs(5);
/// A tracker's failure is known a moment before the length of the grace period is, and a verdict that says how many seconds
/// are left is worth that moment; but no more than this.
const SETTLES_WITHIN: Duration = Duration::from_millis(50);
/// Restarts that a tick judges anew although nothing happened: the latest ones.
const JUDGED_BY_TIME: usize = 16;

/// Verdicts kept; of restarts before, it is only kept whether one was a problem.
const MAX_VERDICTS: usize = 2048;

type Key = (Option<RestartId>, Question);

/// The conclusions so far.
#[derive(Debug, Default)]
pub struct Diagnosis {
    verdicts: BTreeMap<Key, Verdict>,
    dirty: BTreeSet<Option<RestartId>>,
    judged: Stamp,
    /// When a verdict that is held back is due.
    due: Option<Stamp>,
    over: bool,
    had_problem: bool,
}

/// How soon a change must be judged.
enum Urgency {
    Now(Option<RestartId>),
    Soon(Option<RestartId>),
    Never,
}

fn urgency(change: &Change, timeline: &Timeline) -> Urgency {
    match change {
        Change::TrackingEnded(id)
        | Change::Started(id)
        | Change::Surroundings(id)
        | Change::LengthKnown(id)
        | Change::GraceEnded(id, _)
        | Change::EndGraceWritten(id)
        | Change::Stopped(id) => Urgency::Now(Some(*id)),
        Change::TrackerEnded(id, _)
        | Change::AnswerChanged(id)
        | Change::Recorded(id, _)
        | Change::Refused(id, _)
        | Change::Reclaimed(id, _)
        | Change::Completed(id, _)
        | Change::Confirmed(id, _) => Urgency::Soon(Some(*id)),
        Change::StallBegan(id) | Change::RefusedAgain(id) => {
            Urgency::Soon(timeline.stalls().get(*id).and_then(|stall| stall.restart))
        }
        Change::StallEnded(stall) => Urgency::Soon(stall.restart),
        // No rule looks at the others.
        _ => Urgency::Never,
    }
}

/// Whether a verdict about a start that has just been watched can soon say how many seconds are left.
fn settles(timeline: &Timeline, verdict: &Verdict, now: Stamp) -> bool {
    let restart = verdict.restart.and_then(|id| timeline.restart(id));
    restart.is_some_and(|restart| {
        verdict.question == Question::Root
            && restart.known_from() == KnownFrom::Observed
            && restart.tracking().ended.is_some()
            && restart.in_grace()
            && restart.planned_end(timeline.hz()).is_none()
            && now < verdict.since.plus(SETTLES_WITHIN)
    })
}

impl Diagnosis {
    /// Takes note of what one event changed, and says which conclusions change with it.
    pub fn follow(&mut self, timeline: &Timeline, changes: &[Change], now: Stamp) -> Vec<Revision> {
        self.follow_every(JUDGE_EVERY, timeline, changes, now)
    }

    /// Takes note of what one event changed, where nobody looks at how the conclusions change.
    pub fn follow_unseen(&mut self, timeline: &Timeline, changes: &[Change], now: Stamp) {
        self.follow_every(JUDGE_UNSEEN_EVERY, timeline, changes, now);
    }

    fn follow_every(
        &mut self,
        interval: Duration,
        timeline: &Timeline,
        changes: &[Change],
        now: Stamp,
    ) -> Vec<Revision> {
        let mut revisions = Vec::new();
        // Lines of the kernel log from before watching began come all at once: judged when they are all in.
        let all_in = now >= timeline.host().started;
        for change in changes {
            match urgency(change, timeline) {
                Urgency::Now(id) if !all_in => {
                    self.dirty.insert(id);
                }
                Urgency::Now(id) => self.judge(timeline, id, now, &mut revisions),
                Urgency::Soon(id) => {
                    self.dirty.insert(id);
                }
                Urgency::Never => {}
            }
        }
        let due = now.since(self.judged) >= interval || self.due.is_some_and(|due| now >= due);
        if !self.dirty.is_empty() && all_in && due {
            self.judge_dirty(timeline, now, &mut revisions);
        }
        revisions
    }

    /// Time has passed.
    pub fn tick(&mut self, timeline: &Timeline, now: Stamp) -> Vec<Revision> {
        let mut revisions = Vec::new();
        if now < timeline.host().started {
            return revisions;
        }
        self.dirty.extend(timeline.restarts().rev().take(JUDGED_BY_TIME).map(|restart| Some(restart.id())));
        self.dirty.insert(None);
        self.judge_dirty(timeline, now, &mut revisions);
        revisions
    }

    /// The session is over: nothing is held back any more.
    pub fn finish(&mut self, timeline: &Timeline, now: Stamp) -> Vec<Revision> {
        self.over = true;
        self.tick(timeline, now)
    }

    /// Drops what was concluded about restarts that the timeline does not keep.
    pub fn narrow(&mut self, timeline: &Timeline) {
        self.verdicts.retain(|(id, _), _| id.is_none_or(|id| timeline.restart(id).is_some()));
        self.had_problem = false;
    }

    /// All conclusions, by restart; the one about the root comes first.
    pub fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.values()
    }

    /// Why a restart held clients up, or that it did not.
    #[must_use]
    pub fn root(&self, restart: RestartId) -> Option<&Verdict> {
        self.verdicts.get(&(Some(restart), Question::Root))
    }

    /// Whether a problem was diagnosed.
    #[must_use]
    pub fn has_problem(&self) -> bool {
        self.had_problem || self.verdicts().any(|verdict| verdict.severity() == Severity::Problem)
    }

    /// Forgets the oldest, to bound memory.
    fn forget(&mut self) {
        while self.verdicts.len() > MAX_VERDICTS {
            let first = (Some(RestartId(0)), Question::Root);
            let Some((&oldest, verdict)) = self.verdicts.range(first..).next() else { return };
            self.had_problem |= verdict.severity() == Severity::Problem;
            self.verdicts.remove(&oldest);
        }
    }

    fn judge_dirty(&mut self, timeline: &Timeline, now: Stamp, revisions: &mut Vec<Revision>) {
        self.judged = now;
        self.due = None;
        for id in std::mem::take(&mut self.dirty) {
            self.judge(timeline, id, now, revisions);
        }
    }

    /// Judges one restart, or the stalls whose server is not seen, and compares with what was said before.
    fn judge(&mut self, timeline: &Timeline, id: Option<RestartId>, now: Stamp, revisions: &mut Vec<Revision>) {
        let restart = id.map(|id| timeline.restart(id));
        let verdicts = match restart {
            Some(Some(restart)) => root::judge(timeline, restart, now),
            // Forgotten to bound memory: what was said about it stays said.
            Some(None) => return,
            None => side::unseen_server(timeline, now).into_iter().collect(),
        };
        self.withdraw(id, &verdicts, revisions);
        for mut verdict in verdicts {
            doubt::doubt(&mut verdict, timeline);
            verdict.situation = restart.flatten().map(|it| Situation::of(it, timeline, now)).unwrap_or_default();
            revisions.extend(self.say(timeline, id, verdict, now));
        }
        self.forget();
    }

    /// Takes back what is not concluded any more.
    fn withdraw(&mut self, id: Option<RestartId>, verdicts: &[Verdict], revisions: &mut Vec<Revision>) {
        let said = (id, Question::Root)..=(id, Question::Length);
        let holds = |key: &Key| verdicts.iter().any(|verdict| verdict.question == key.1);
        let gone: Vec<_> = self.verdicts.range(said).map(|(key, _)| *key).filter(|key| !holds(key)).collect();
        revisions.extend(gone.iter().filter_map(|key| self.verdicts.remove(key)).map(Revision::Withdrawn));
    }

    /// Says what is concluded, unless it was said before, or will soon be complete.
    fn say(
        &mut self,
        timeline: &Timeline,
        id: Option<RestartId>,
        mut verdict: Verdict,
        now: Stamp,
    ) -> Option<Revision> {
        let key = (id, verdict.question);
        let revision = match self.verdicts.get(&key) {
            None if !self.over && settles(timeline, &verdict, now) => {
                self.dirty.insert(id);
                self.due = Some(verdict.since.plus(SETTLES_WITHIN));
                return None;
            }
            None => Revision::New(verdict.clone()),
            Some(before) if before.says_the_same(&verdict) => return None,
            Some(before) => {
                if before.finding == verdict.finding && before.certainty == verdict.certainty {
                    verdict.since = before.since;
                }
                Revision::Revised { verdict: verdict.clone(), before: before.clone() }
            }
        };
        self.verdicts.insert(key, verdict);
        Some(revision)
    }
}
