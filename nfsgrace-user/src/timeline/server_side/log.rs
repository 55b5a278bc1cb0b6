//! What lines of the kernel log add, and the starts that only they tell of.

use std::{mem, time::Duration};

use crate::{
    record::{Errno, Event, Manager, Netns, Stamp, Tracker},
    timeline::{
        Change, Changes, KnownFrom, Restart, RestartId, Timeline, Told,
        kernel_log::{self, LogFact},
        restart::Heard,
    },
};

/// How far the kernel log's clock and order may be off the events'.
pub(super) const LOG_SLACK: Duration = Duration::from_secs(2);
/// Lines of the kernel log that wait for their start.
const MAX_LINES: usize = 32;

/// What the kernel log said about a start whose grace period has not begun yet.
#[derive(Debug, Default)]
pub(in crate::timeline) struct PendingLog {
    heard: Heard,
    /// Lines from before watching began: shown only if the start that they belong to may still matter.
    lines: Vec<(Stamp, String)>,
}

impl Timeline {
    pub(super) fn kernel_log(&mut self, event: &Event, text: &str, changes: &mut Changes) {
        let at = event.at;
        let place = changes.len();
        let told = match kernel_log::parse(text) {
            Some(fact) => self.log_fact(event, text, &fact, changes),
            None if text.contains("NFSD:") || text.contains("nfsd:") || text.contains("lockd:") => Told::NotUnderstood,
            None => return,
        };
        // The line first, then what follows from it.
        changes.insert(place, Change::Logged { at, text: text.to_owned(), told });
    }

    fn log_fact(&mut self, event: &Event, text: &str, fact: &LogFact, changes: &mut Changes) -> Told {
        let (at, netns) = (event.at, fact.netns().or(event.netns));
        if *fact == LogFact::Comment {
            return Told::Known;
        }
        if let Some(restart) = self.latest(netns).filter(|restart| restart.covers(at)) {
            return restart.hear_of_itself(at, fact, changes);
        }
        let before_watching = at < self.host.started;
        let starts = matches!(fact, LogFact::GraceStarts { .. } | LogFact::GraceSkipped(_));
        if before_watching && !starts && self.log.lines.len() < MAX_LINES {
            self.log.lines.push((at, text.to_owned()));
        }
        let told = match fact {
            LogFact::AllReclaimed(_) | LogFact::EndFailed(_) => return self.log_end(at, netns, fact, changes),
            LogFact::GraceStarts { .. } | LogFact::GraceSkipped(_) => {
                self.log_start(event, netns, fact, changes);
                Told::Known
            }
            _ => {
                self.log.heard.take(at, fact);
                Told::New
            }
        };
        if before_watching { Told::Known } else { told }
    }

    /// A grace period that nobody watched ended, or could not be ended.
    fn log_end(&mut self, at: Stamp, netns: Option<Netns>, fact: &LogFact, changes: &mut Changes) -> Told {
        let before_watching = at < self.host.started;
        let Some(restart) = self.latest(netns) else { return Told::New };
        let (was_on, told) = (restart.in_grace(), restart.told_by(fact));
        restart.hear(at, fact);
        if was_on && !restart.in_grace() {
            if restart.known_from == KnownFrom::KernelLog && before_watching {
                restart.becomes_history();
            }
            changes.push(Change::GraceEnded(restart.id(), Manager::Nfsd));
        }
        if before_watching { Told::Known } else { told }
    }

    /// A start that nobody watched, rebuilt from what the kernel log says.
    fn log_start(&mut self, event: &Event, netns: Option<Netns>, fact: &LogFact, changes: &mut Changes) {
        let (at, place) = (event.at, changes.len());
        let PendingLog { heard, lines } = mem::take(&mut self.log);
        let first = heard.tracking_result().map_or(at, |(first, _)| first.min(at));
        self.start_before_is_history(netns);
        // A grace period that was noticed before the log was read.
        let noticed = self
            .latest(netns)
            .filter(|it| it.known_from == KnownFrom::GraceOnly && it.began >= at && it.stopped().is_none())
            .map(|restart| restart.id());
        let id = noticed.unwrap_or_else(|| self.notice(KnownFrom::KernelLog, first, netns, &event.task, changes));
        let (watching_since, hz) = (self.host.started, self.host.hz);
        let Some(restart) = self.restart_mut(id) else { return };
        restart.known_from = KnownFrom::KernelLog;
        restart.began = restart.began.min(first);
        restart.begin_grace(at);
        restart.heard = Heard { end_failure: restart.heard.end_failure, ..heard };
        restart.hear(at, fact);
        let over = restart.grace_end().map(|end| end.at).or(restart.planned_end(hz).map(|planned| planned.latest));
        if noticed.is_none() && over.is_some_and(|over| over < watching_since) {
            restart.becomes_history();
            changes.truncate(place);
            changes.push(Change::History(id));
            return;
        }
        let lines = lines.into_iter().map(|(at, text)| Change::Logged { at, text, told: Told::New });
        changes.splice(place..place, lines);
        changes.extend(restart.changes_of_log_start(id));
    }

    /// nfsd was stopped before it started anew.
    fn start_before_is_history(&mut self, netns: Option<Netns>) {
        let watching_since = self.host.started;
        if let Some(before) = self.latest(netns).filter(|it| {
            it.known_from == KnownFrom::KernelLog && it.began < watching_since && it.netns == netns && netns.is_some()
        }) {
            before.becomes_history();
        }
    }
}

impl Restart {
    /// Whether a line of the kernel log with this time is about this start.
    fn covers(&self, at: Stamp) -> bool {
        let until = self.started().map_or(Stamp(u64::MAX), |(started, _)| started.plus(LOG_SLACK));
        self.known_from == KnownFrom::Observed && at.plus(LOG_SLACK) >= self.began && at <= until
            // The same line read twice.
            || self.known_from == KnownFrom::KernelLog
                && self.timer_set().is_some_and(|set| at >= self.began && at <= set)
    }

    /// A line about a start that was watched adds to it; what was seen is not overruled.
    fn hear_of_itself(&mut self, at: Stamp, fact: &LogFact, changes: &mut Changes) -> Told {
        let told = self.told_by(fact);
        self.hear(at, fact);
        if let LogFact::GraceStarts { .. } = fact {
            changes.push(Change::LengthKnown(self.id()));
        }
        if !self.tracking().was_seen() && matches!(fact, LogFact::TrackingFailed(_) | LogFact::Using(_)) {
            changes.push(Change::TrackingEnded(self.id()));
        }
        told
    }

    /// Whether a line tells something that was not seen.
    fn told_by(&self, fact: &LogFact) -> Told {
        let watched = self.tracking().was_seen();
        let is_new = match fact {
            LogFact::TrackingFailed(_) | LogFact::Using(_) => !watched,
            LogFact::NoRecoveryDir => !watched && self.tracking().status_of(Tracker::Legacy).is_none(),
            LogFact::OldNfsdcld => self.tracking().status_of(Tracker::Cld) != Some(Errno::EOPNOTSUPP),
            // What follows from it is said in a sentence of its own.
            LogFact::GraceStarts { .. } | LogFact::GraceSkipped(_) | LogFact::AllReclaimed(_) | LogFact::Comment => {
                false
            }
            LogFact::Container | LogFact::EndFailed(_) => true,
        };
        if is_new { Told::New } else { Told::Known }
    }

    /// What a start that was rebuilt from the kernel log changes, as if it had been watched.
    fn changes_of_log_start(&self, id: RestartId) -> Vec<Change> {
        let mut changes = Vec::new();
        changes.extend(self.tracking_result().map(|_| Change::TrackingEnded(id)));
        changes.extend([Change::GraceBegan(id, Manager::Nfsd), Change::LengthKnown(id)]);
        changes.extend(self.grace_end().map(|_| Change::GraceEnded(id, Manager::Nfsd)));
        changes
    }
}
