//! Why a grace period runs its full length, or does not: the verdict about the root.

use std::time::Duration;

use super::{Cause, Certainty, Evidence, Finding, Question, Verdict, clients, side, tracker};
use crate::{
    record::{EndedBy, Errno, Stamp, Tracker, span_text},
    timeline::{
        Hz, KnownFrom, Restart, Timeline,
        restart::{GraceEnd, TrackerAttempt},
    },
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

fn root(timeline: &Timeline, restart: &Restart, now: Stamp) -> Option<Verdict> {
    if let Some(verdict) = hangs(restart, now) {
        return Some(verdict);
    }
    if restart.is_trying_trackers() {
        // It is being watched: the kernel log, whose clock differs a little, must not run ahead of what is seen.
        return None;
    }
    let mut verdict = match restart.tracking_result() {
        None => return unwatched(timeline, restart),
        Some((at, Errno::OK)) => works(timeline, restart, at, now)?,
        Some((at, status)) => tracker::failed(timeline, restart, at, status),
    };
    verdict.evidence.splice(0..0, chain(restart));
    verdict.evidence.extend(grace_end(restart, timeline.hz()));
    verdict.evidence.dedup();
    Some(verdict)
}

/// nfsdcld was called and does not answer.
fn hangs(restart: &Restart, now: Stamp) -> Option<Verdict> {
    let attempt = restart.tracking().running()?;
    let daemon = matches!(attempt.tracker, Tracker::Cld | Tracker::CldV0);
    if !daemon || !attempt.began_seen || now.since(attempt.began) < HUNG {
        return None;
    }
    let verdict = Verdict::about(
        restart,
        Question::Root,
        Cause::NfsdcldHung,
        Certainty::Certain,
        attempt.began.plus(HUNG),
        "nfsd waits for nfsdcld, which was called and does not answer. nfsd is not up yet: every client waits.",
    );
    let function = attempt.tracker.init_function();
    Some(verdict.proved_by([Evidence::new(
        Some(attempt.began),
        format!("{function}() was entered and has not returned for more than 5 s"),
    )]))
}

/// Nobody saw how this server started, only that it refuses.
fn unwatched(timeline: &Timeline, restart: &Restart) -> Option<Verdict> {
    let clients = restart.clients();
    let refused = clients.refused > clients.list().iter().map(|it| it.refused_outside).sum();
    let makes_wait = || timeline.stalls().live().any(|stall| stall.restart == Some(restart.id()));
    if restart.known_from() == KnownFrom::Observed || !(refused || makes_wait()) {
        return None;
    }
    let trackers = [Cause::NfsdcldNotRunning, Cause::RpcPipefsMissing, Cause::UmhHelperFailed, Cause::LegacyDirMissing];
    let others = [Cause::ClientMinorVersion0, Cause::ClientNeverReturned];
    let (causes, why) = match restart.state().tracking {
        Some(false) => (trackers.to_vec(), "nfsd has no client tracker; how it failed was not seen"),
        Some(true) => (others.to_vec(), "nfsd has a client tracker; whom it waits for was not seen"),
        None => ([&trackers[..], &others[..]].concat(), "how it looked for a client tracker was not seen"),
    };
    let verdict = Verdict::about(
        restart,
        Question::Root,
        Finding::OneOf(causes),
        Certainty::Suspected,
        restart.began(),
        "nfsd is in a grace period that began before nfsgrace watched. The kernel log of the server tells more.",
    );
    let first = Evidence::new(Some(restart.began()), "first sign of the grace period");
    Some(verdict.proved_by([first, Evidence::new(None, why)]))
}

/// The tracker works. Did the grace period end early, then?
fn works(timeline: &Timeline, restart: &Restart, at: Stamp, now: Stamp) -> Option<Verdict> {
    if restart.tracker() == Some(Tracker::CldV0) {
        return Some(tracker::old_protocol(restart, at));
    }
    if let Some((at, status)) = restart.heard().end_failure {
        return Some(tracker::cannot_write(restart, at, status));
    }
    let held_up = || timeline.held_up(restart, now);
    match restart.grace_end() {
        Some(end) if is_early(restart, end, timeline.hz()) => match held_up() {
            true => clients::ended_by_hand(restart, end),
            // Somebody cut the wait short for clients that had not come back.
            false if end.by == EndedBy::V4EndGrace && restart.clients().missing().next().is_some() => None,
            false => Some(healthy(restart, end.at)),
        },
        Some(end) if end.by == EndedBy::Shutdown => None,
        _ if restart.tracker() == Some(Tracker::Legacy) => Some(tracker::legacy(restart, at)),
        _ => {
            clients::kept_waiting(timeline, restart, now).or_else(|| ran_out_unnoticed(restart).filter(|_| !held_up()))
        }
    }
}

fn is_early(restart: &Restart, end: GraceEnd, hz: Option<Hz>) -> bool {
    match end.by {
        EndedBy::Skipped | EndedBy::AllReclaimed | EndedBy::V4EndGrace => true,
        EndedBy::Unknown => restart.planned_end(hz).is_some_and(|planned| end.at < planned.earliest),
        EndedBy::Timer | EndedBy::Shutdown => false,
    }
}

/// The time ran out and nobody waited for it: no client is known to be missing, and none was refused.
fn ran_out_unnoticed(restart: &Restart) -> Option<Verdict> {
    let end = restart.grace_end().filter(|end| end.by == EndedBy::Timer && restart.clients().refused == 0)?;
    let verdict = Verdict::about(
        restart,
        Question::Root,
        Cause::Healthy,
        Certainty::Certain,
        end.at,
        "Client tracking works. The grace period ran its full length, but nobody was refused because of it.",
    );
    Some(verdict.proved_by(asked_too_early(restart)))
}

/// nfsdcltrack found nobody on record and asked nfsd to end the grace period, which was still starting and refused: seen
/// on 5.10.262, where `nfsd4_force_end_grace` answers no until the trackers have been tried. The helper asks only once.
pub(super) fn asked_too_early(restart: &Restart) -> Option<Evidence> {
    let (tried, status) = restart.tracking().ended?;
    let write = restart.end_grace_writes().iter().find(|write| write.status.is_error() && write.at <= tried)?;
    let text = format!(
        "{} (pid {}) asked for the end of the grace period while nfsd was still starting, and got {}",
        write.task.comm, write.task.pid, write.status
    );
    (!status.is_error()).then(|| Evidence::new(Some(write.at), text))
}

fn healthy(restart: &Restart, since: Stamp) -> Verdict {
    let nfsdcld_failed = restart.tracking().status_of(Tracker::Cld).is_some_and(|status| status.is_error());
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
    Verdict::about(restart, Question::Root, Cause::Healthy, Certainty::Certain, since, headline)
}

/// The trackers that were tried, one line each.
fn chain(restart: &Restart) -> Vec<Evidence> {
    let tracking = restart.tracking();
    let mut evidence: Vec<_> = tracking.attempts.iter().flat_map(attempt).collect();
    if let Some((at, status)) = tracking.ended {
        evidence.push(Evidence::new(Some(at), format!("nfsd4_client_tracking_init() = {}", status)).into_detail());
        return evidence;
    }
    if let Some((at, status)) = restart.heard().failure {
        evidence.push(Evidence::new(
            Some(at),
            format!("kernel log: Unable to initialize client recovery tracking! {}", status),
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
        let so = if status == Errno::OK {
            ", before somebody opened the pipe"
        } else {
            ": nobody holds the pipe nfsd/cld open"
        };
        let how = if inferred { " (inferred from msleep)" } else { "" };
        let first = attempt.polls.first().map(|poll| poll.at);
        evidence.push(Evidence::new(first, format!("cld_running() said no {times}{how}{so}")).into_detail());
    }
    let took = attempt.took().map(|took| format!(" after {}", span_text(took))).unwrap_or_default();
    let function = attempt.tracker.init_function();
    evidence.push(Evidence::new(Some(at), format!("{function}() = {}{took}", status)));
    evidence
}

fn grace_end(restart: &Restart, hz: Option<Hz>) -> Option<Evidence> {
    let end = restart.grace_end()?;
    let how = match end.by {
        EndedBy::Skipped => "the grace period was skipped: nobody had anything to reclaim".to_owned(),
        EndedBy::AllReclaimed => "the last expected client finished reclaiming and ended the grace period".to_owned(),
        EndedBy::V4EndGrace => {
            let write =
                restart.end_grace_writes().iter().rev().find(|write| !write.status.is_error() && write.at <= end.at);
            let who = write.map(|write| format!(" by {}", write.task.comm)).unwrap_or_default();
            format!("a write to v4_end_grace{who} ended the grace period")
        }
        EndedBy::Timer => "the timer ended the grace period".to_owned(),
        EndedBy::Shutdown => "the server was stopped".to_owned(),
        EndedBy::Unknown => {
            let early = if is_early(restart, end, hz) { " early" } else { "" };
            format!("the grace period ended{early}, for a reason that was not seen")
        }
    };
    let proof = Evidence::new(Some(end.at), how);
    // That the time ran out proves nothing about why it had to.
    Some(if matches!(end.by, EndedBy::Timer | EndedBy::Shutdown) { proof.into_detail() } else { proof })
}
