//! Why a grace period runs its full length, or does not: the verdict about the root.

use std::time::Duration;

use super::{Cause, Certainty, Evidence, Finding, Question, Situation, Verdict, clients, side, tracker};
use crate::{
    record::{EndedBy, Errno, Stamp, Tracker, span_text},
    timeline::{Hz, KnownFrom, Restart, Timeline, restart::TrackerAttempt},
};

/// A tracker asks for a second at most, unless its daemon hangs.
pub(super) const HUNG: Duration = Duration::from_secs(5);

/// All verdicts about one restart.
pub(super) fn judge(timeline: &Timeline, restart: &Restart, now: Stamp) -> Vec<Verdict> {
    if restart.is_history() {
        return Vec::new();
    }
    let root = root(timeline, restart, now);
    root.into_iter().chain(side::judge(timeline, restart, now)).collect()
}

/// A verdict about `restart` whose evidence is to be added.
pub(super) fn verdict(
    restart: &Restart,
    question: Question,
    finding: Finding,
    certainty: Certainty,
    since: Stamp,
    headline: impl Into<String>,
) -> Verdict {
    Verdict {
        question,
        restart: Some(restart.id()),
        netns: restart.netns(),
        finding,
        certainty,
        since,
        headline: headline.into(),
        evidence: Vec::new(),
        situation: Situation::default(),
    }
}

fn root(timeline: &Timeline, restart: &Restart, now: Stamp) -> Option<Verdict> {
    if let Some(verdict) = hangs(restart, now) {
        return Some(verdict);
    }
    if restart.is_trying_trackers() {
        // It is being watched: the kernel log, whose clock differs a little, must not run ahead of what is seen.
        return None;
    }
    let Some((at, status)) = restart.tracking_result() else { return unwatched(timeline, restart) };
    let mut verdict =
        if status != 0 { tracker::failed(timeline, restart, at, status) } else { works(timeline, restart, at, now)? };
    let mut evidence = chain(restart);
    evidence.append(&mut verdict.evidence);
    if let Some(end) = grace_end(restart, timeline.hz()) {
        evidence.push(end);
    }
    evidence.dedup();
    verdict.evidence = evidence;
    Some(verdict)
}

/// nfsdcld was called and does not answer.
fn hangs(restart: &Restart, now: Stamp) -> Option<Verdict> {
    let attempt = restart.tracking().running()?;
    let daemon = matches!(attempt.tracker, Tracker::Cld | Tracker::CldV0);
    if !daemon || !attempt.began_seen || now.since(attempt.began) < HUNG {
        return None;
    }
    let mut verdict = verdict(
        restart,
        Question::Root,
        Finding::One(Cause::NfsdcldHung),
        Certainty::Certain,
        attempt.began.plus(HUNG),
        "nfsd waits for nfsdcld, which was called and does not answer. nfsd is not up yet: every client waits.",
    );
    verdict.evidence.push(Evidence::new(
        Some(attempt.began),
        format!("{}() was entered and has not returned for more than 5 s", attempt.tracker.init_function()),
    ));
    Some(verdict)
}

/// Nobody saw how this server started, only that it refuses.
fn unwatched(timeline: &Timeline, restart: &Restart) -> Option<Verdict> {
    let refused =
        restart.clients().refused.total() > restart.clients().list().iter().map(|it| it.refused_outside).sum();
    let unseen_start = restart.known_from() != KnownFrom::Observed;
    if !unseen_start || !(refused || timeline.stalls().live().any(|stall| stall.restart == Some(restart.id()))) {
        return None;
    }
    let trackers = [Cause::NfsdcldNotRunning, Cause::RpcPipefsMissing, Cause::UmhHelperFailed, Cause::LegacyDirMissing];
    let others = [Cause::ClientMinorVersion0, Cause::ClientNeverReturned];
    let (causes, why) = match restart.state().tracking {
        Some(false) => (trackers.to_vec(), "nfsd has no client tracker, and how it failed was not seen"),
        Some(true) => (others.to_vec(), "nfsd has a client tracker, and whom it waits for was not seen"),
        None => ([&trackers[..], &others[..]].concat(), "how it looked for a client tracker was not seen"),
    };
    let mut verdict = verdict(
        restart,
        Question::Root,
        Finding::OneOf(causes),
        Certainty::Suspected,
        restart.began(),
        "nfsd is in a grace period that began before anybody watched. Its kernel log tells more.",
    );
    verdict.evidence.push(Evidence::new(Some(restart.began()), "first sign of the grace period".to_owned()));
    verdict.evidence.push(Evidence::new(None, why.to_owned()));
    Some(verdict)
}

/// The tracker works. Did the grace period end early, then?
fn works(timeline: &Timeline, restart: &Restart, at: Stamp, now: Stamp) -> Option<Verdict> {
    let tracking = restart.tracking();
    if restart.tracker() == Some(Tracker::CldV0) {
        let sure = tracking.status_of(Tracker::Cld) == Some(-95) || restart.heard().old_nfsdcld;
        return Some(verdict(
            restart,
            Question::Root,
            Finding::One(Cause::NfsdcldTooOld),
            if sure { Certainty::Certain } else { Certainty::Suspected },
            at,
            "nfsdcld is older than this kernel. nfsd fell back to its first protocol, which cannot end a grace period early.",
        ));
    }
    if let Some((at, status)) = restart.heard().end_failure {
        let mut verdict = verdict(
            restart,
            Question::Root,
            Finding::One(Cause::NfsdcldStorage),
            if status == -121 { Certainty::Certain } else { Certainty::Suspected },
            at,
            "nfsdcld could not write its database, so that the end of the grace period is not on record.",
        );
        let text = format!("kernel log: Unable to end grace period: {}", Errno(status));
        verdict.evidence.push(Evidence::new(Some(at), text));
        return Some(verdict);
    }
    let early = restart.grace_end().filter(|end| match end.by {
        EndedBy::Skipped | EndedBy::AllReclaimed | EndedBy::V4EndGrace => true,
        EndedBy::Unknown => restart.planned_end(timeline.hz()).is_some_and(|planned| end.at < planned.earliest),
        EndedBy::Timer | EndedBy::Shutdown => false,
    });
    match early {
        Some(end) if timeline.held_up(restart, now) => clients::ended_by_hand(restart, end),
        Some(end) if end.by == EndedBy::V4EndGrace && restart.clients().missing().next().is_some() => None,
        Some(end) => Some(healthy(restart, end.at)),
        None if restart.grace_end().is_some_and(|end| end.by == EndedBy::Shutdown) => None,
        None if restart.tracker() == Some(Tracker::Legacy) => Some(tracker::legacy(restart, at)),
        None => clients::kept_waiting(timeline, restart, now)
            .or_else(|| ran_out_unnoticed(restart).filter(|_| !timeline.held_up(restart, now))),
    }
}

/// The time ran out and nobody waited for it: no client is known to be missing, and none was refused.
fn ran_out_unnoticed(restart: &Restart) -> Option<Verdict> {
    let end = restart.grace_end().filter(|end| end.by == EndedBy::Timer && restart.clients().refused.total() == 0)?;
    let mut verdict = healthy(restart, end.at);
    verdict.headline =
        "Client tracking works. The grace period ran its full length, but nobody was refused because of it.".to_owned();
    verdict.evidence.extend(asked_too_early(restart));
    Some(verdict)
}

/// nfsdcltrack found nobody on record and asked nfsd to end the grace period, which was still starting and refused: seen
/// on 5.10.262, where `nfsd4_force_end_grace` answers no until the trackers have been tried. The helper asks only once.
pub(super) fn asked_too_early(restart: &Restart) -> Option<Evidence> {
    let (tried, status) = restart.tracking().ended?;
    let write = restart.end_grace_writes().iter().find(|write| write.status < 0 && write.at <= tried)?;
    let text = format!(
        "{} (pid {}) asked for the end of the grace period while nfsd was still starting, and got {}",
        write.task.comm,
        write.task.pid,
        Errno(write.status)
    );
    (status == 0).then(|| Evidence::new(Some(write.at), text))
}

fn healthy(restart: &Restart, since: Stamp) -> Verdict {
    let nfsdcld_failed = restart.tracking().status_of(Tracker::Cld).is_some_and(|status| status != 0);
    let headline = match restart.tracker() {
        Some(Tracker::Umh) if nfsdcld_failed => {
            "Client tracking works and the grace period ended early, but only thanks to the deprecated helper nfsdcltrack: \
             nfsdcld did not answer, and newer kernels have no such helper to fall back to."
        }
        Some(Tracker::Umh) => {
            "Client tracking works, by the deprecated helper nfsdcltrack, and the grace period ended early."
        }
        _ => "Client tracking works, and the grace period ended as soon as nobody had anything left to reclaim.",
    };
    verdict(restart, Question::Root, Finding::One(Cause::Healthy), Certainty::Certain, since, headline)
}

/// The trackers that were tried, one line each.
fn chain(restart: &Restart) -> Vec<Evidence> {
    let tracking = restart.tracking();
    let mut evidence: Vec<_> = tracking.attempts.iter().flat_map(attempt).collect();
    if let Some((at, status)) = tracking.ended {
        evidence
            .push(Evidence::new(Some(at), format!("nfsd4_client_tracking_init() = {}", Errno(status))).into_detail());
        return evidence;
    }
    if let Some((at, status)) = restart.heard().failure {
        evidence.push(Evidence::new(
            Some(at),
            format!("kernel log: Unable to initialize client recovery tracking! {}", Errno(status)),
        ));
    } else if let Some((at, name)) = &restart.heard().tracker {
        evidence.push(Evidence::new(Some(*at), format!("kernel log: Using {name} client tracking operations")));
    }
    evidence
}

fn attempt(attempt: &TrackerAttempt) -> Vec<Evidence> {
    let Some((at, status)) = attempt.ended else { return Vec::new() };
    let mut evidence = Vec::new();
    if attempt.polls_false > 0 {
        let inferred = attempt.polls.iter().any(|poll| poll.inferred);
        let times = if attempt.polls_false == 1 { "once".to_owned() } else { format!("{} times", attempt.polls_false) };
        // A "no" is no failure where the daemon opened the pipe within the second.
        let so =
            if status == 0 { ", before somebody opened the pipe" } else { ": nobody holds the pipe nfsd/cld open" };
        let how = if inferred { " (inferred from msleep)" } else { "" };
        let first = attempt.polls.first().map(|poll| poll.at);
        evidence.push(Evidence::new(first, format!("cld_running() said no {times}{how}{so}")).into_detail());
    }
    let took = attempt.took().map(|took| format!(" after {}", span_text(took))).unwrap_or_default();
    let function = attempt.tracker.init_function();
    evidence.push(Evidence::new(Some(at), format!("{function}() = {}{took}", Errno(status))));
    evidence
}

fn grace_end(restart: &Restart, hz: Option<Hz>) -> Option<Evidence> {
    let end = restart.grace_end()?;
    let by = match end.by {
        EndedBy::Skipped => "the grace period was skipped: nobody had anything to reclaim".to_owned(),
        EndedBy::AllReclaimed => "the last expected client finished reclaiming and ended the grace period".to_owned(),
        EndedBy::V4EndGrace => {
            let write = restart.end_grace_writes().iter().rev().find(|write| write.status >= 0 && write.at <= end.at);
            let who = write.map(|write| format!(" by {}", write.task.comm)).unwrap_or_default();
            format!("a write to v4_end_grace{who} ended the grace period")
        }
        EndedBy::Timer => "the timer ended the grace period".to_owned(),
        EndedBy::Shutdown => "the server was stopped".to_owned(),
        EndedBy::Unknown => match restart.planned_end(hz) {
            Some(planned) if end.at < planned.earliest => {
                "the grace period ended early, by what was not seen".to_owned()
            }
            _ => "the grace period ended, by what was not seen".to_owned(),
        },
    };
    let proof = Evidence::new(Some(end.at), by);
    // That the time ran out proves nothing about why it had to.
    Some(if matches!(end.by, EndedBy::Timer | EndedBy::Shutdown) { proof.into_detail() } else { proof })
}
