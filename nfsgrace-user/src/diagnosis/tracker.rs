//! Why nfsd has no tracker, or one that is of no use.

use super::{
    Cause, Certainty, Evidence, Finding, Question, Verdict,
    root::{HUNG, verdict},
};
use crate::{
    record::{Stamp, Surroundings, Tracker},
    timeline::{Restart, Timeline},
};

const ENOENT: i32 = -2;
const EACCES: i32 = -13;
const ENOTDIR: i32 = -20;
const EINVAL: i32 = -22;
const EOPNOTSUPP: i32 = -95;
const ETIMEDOUT: i32 = -110;
const EREMOTEIO: i32 = -121;

/// What the consequence is, whatever the cause.
const SO: &str = "So the grace period runs its full length, and every new open waits for its end.";

/// `nfsd4_client_tracking_init` failed with `status`.
pub(super) fn failed(timeline: &Timeline, restart: &Restart, at: Stamp, status: i32) -> Verdict {
    let tracking = restart.tracking();
    let helper = tracking.status_of(Tracker::Umh);
    let legacy_built_in = helper.is_some() || tracking.status_of(Tracker::Legacy).is_some();
    let initial = timeline.host().initial_netns.zip(restart.netns()).map(|(initial, here)| initial == here);
    let one = |cause, certainty, what: &str| {
        verdict(restart, Question::Root, Finding::One(cause), certainty, at, format!("{what} {SO}"))
    };
    let one_of = |causes: &[Cause], what: &str| {
        let finding = Finding::OneOf(causes.to_vec());
        verdict(restart, Question::Root, finding, Certainty::Suspected, at, format!("{what} {SO}"))
    };
    let seen = if tracking.attempts.is_empty() { Certainty::Suspected } else { Certainty::Certain };
    if initial == Some(false) || restart.heard().container {
        let mut verdict = one(
            Cause::NetnsNoTracker,
            Certainty::Certain,
            "nfsd runs in a network namespace of its own (a container), which has no client tracker of its own.",
        );
        let text = match (restart.netns(), timeline.host().initial_netns) {
            (Some(here), Some(initial)) => format!("nfsd is in net:[{}], the host in net:[{}]", here.0, initial.0),
            _ => "kernel log: attempt to initialize client tracking in a container ignored".to_owned(),
        };
        verdict.evidence.push(Evidence::new(None, text));
        return verdict;
    }
    match status {
        ETIMEDOUT if !legacy_built_in => nobody_at_the_pipe(restart, at),
        EREMOTEIO => one(Cause::NfsdcldStorage, seen, "nfsdcld runs, but cannot use its database."),
        EOPNOTSUPP => one(Cause::NfsdcldTooOld, seen, "nfsdcld is too old for this kernel."),
        EACCES => one(Cause::UmhHelperFailed, seen, "The helper nfsdcltrack cannot use its database."),
        ENOENT | ENOTDIR if legacy_built_in => one(
            Cause::LegacyDirMissing,
            Certainty::Certain,
            "No client tracker is left: nfsdcld did not answer, the helper nfsdcltrack failed, and there is no recovery \
             directory.",
        ),
        ENOENT | ENOTDIR => one(
            Cause::LegacyDirMissing,
            Certainty::Suspected,
            "No client tracker is left: the last one, the recovery directory, is missing.",
        ),
        EINVAL if initial.is_none() => one_of(
            &[Cause::NetnsNoTracker, Cause::LegacyDirMissing],
            "No client tracker is left, and whether nfsd runs in a container is not known.",
        ),
        _ if legacy_built_in => {
            one_of(&[Cause::UmhHelperFailed, Cause::LegacyDirMissing], "No client tracker is left.")
        }
        _ => one_of(
            &[Cause::NfsdcldStorage, Cause::NfsdcldSchema, Cause::NfsdcldTooOld],
            "nfsdcld was there, and setting it up failed.",
        ),
    }
}

/// Only the legacy tracker was left, and it cannot end a grace period early.
pub(super) fn legacy(restart: &Restart, at: Stamp) -> Verdict {
    let helper = restart.tracking().status_of(Tracker::Umh);
    verdict(
        restart,
        Question::Root,
        Finding::One(Cause::UmhHelperFailed),
        if helper.is_some_and(|status| status != 0) { Certainty::Certain } else { Certainty::Suspected },
        at,
        "Only the oldest client tracker is left, the recovery directory, which cannot end a grace period early: nfsdcld did \
         not answer and the helper nfsdcltrack failed. Every new open waits for the end of the grace period.",
    )
}

/// nfsd asked for a second whether anybody has opened the pipe, and nobody had.
fn nobody_at_the_pipe(restart: &Restart, at: Stamp) -> Verdict {
    let make = |finding, certainty, since, what: &str| {
        verdict(restart, Question::Root, finding, certainty, since, format!("{what} {SO}"))
    };
    let slow = restart.tracking().attempts.iter().find(|it| it.took().is_some_and(|took| took >= HUNG));
    if slow.is_some() {
        return make(
            Finding::One(Cause::NfsdcldHung),
            Certainty::Certain,
            at,
            "nfsdcld was called and did not answer in time.",
        );
    }
    let Some((seen_at, seen)) = &restart.surroundings() else {
        return make(
            Finding::OneOf(vec![Cause::NfsdcldNotRunning, Cause::RpcPipefsMissing]),
            Certainty::Suspected,
            at,
            "nfsd asked who its clients were, and nobody listened: nfsdcld does not run, or it cannot reach its pipe.",
        );
    };
    let (finding, certainty, what, proof) = around(seen);
    let mut verdict = make(finding, certainty, at.max(*seen_at), what);
    verdict.evidence.push(Evidence::new(Some(*seen_at), proof));
    verdict
}

/// What `/proc` says about a pipe that nobody had opened.
fn around(seen: &Surroundings) -> (Finding, Certainty, &'static str, String) {
    let not_running = Finding::One(Cause::NfsdcldNotRunning);
    let no_pipefs = Finding::One(Cause::RpcPipefsMissing);
    match (&seen.rpc_pipefs, seen.nfsdcld_pid, &seen.nfsdcld_pipe) {
        (Some(mounts), _, _) if mounts.is_empty() => (
            no_pipefs,
            Certainty::Certain,
            "The file system over which nfsd talks to nfsdcld, rpc_pipefs, is not mounted.",
            "no rpc_pipefs is mounted where nfsd was started".to_owned(),
        ),
        (Some(mounts), None, _) => (
            not_running,
            Certainty::Certain,
            "nfsd asked who its clients were, and nobody listened: nfsdcld is not running.",
            format!("rpc_pipefs is mounted at {}, and no process is called nfsdcld", mounts.join(", ")),
        ),
        (Some(mounts), Some(pid), None) => (
            no_pipefs,
            Certainty::Certain,
            "nfsdcld runs, but has not opened the pipe of this nfsd: it looks at another path, or in another namespace.",
            format!("nfsdcld (pid {pid}) holds no pipe nfsd/cld open; rpc_pipefs is mounted at {}", mounts.join(", ")),
        ),
        (Some(mounts), Some(pid), Some(pipe)) if !mounts.iter().any(|mount| is_below(pipe, mount)) => (
            no_pipefs,
            Certainty::Certain,
            "nfsdcld runs, but holds the pipe of another rpc_pipefs than the one that nfsd sees.",
            format!("nfsdcld (pid {pid}) holds {pipe}; rpc_pipefs is mounted at {}", mounts.join(", ")),
        ),
        (_, Some(pid), Some(pipe)) => (
            not_running,
            Certainty::Suspected,
            "nfsdcld runs now, but did not when nfsd asked: it was started too late.",
            format!("nfsdcld (pid {pid}) holds {pipe} now"),
        ),
        (None, None, _) => (
            Finding::OneOf(vec![Cause::NfsdcldNotRunning, Cause::RpcPipefsMissing]),
            Certainty::Suspected,
            "nfsd asked who its clients were, and nobody listened: nfsdcld is not running.",
            "no process is called nfsdcld; whether rpc_pipefs is mounted could not be read".to_owned(),
        ),
        (None, Some(pid), None) => (
            no_pipefs,
            Certainty::Suspected,
            "nfsdcld runs, but has not opened the pipe of this nfsd.",
            format!("nfsdcld (pid {pid}) holds no pipe nfsd/cld open"),
        ),
    }
}

fn is_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}
