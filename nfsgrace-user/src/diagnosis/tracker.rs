//! Why nfsd has no tracker, or one that is of no use.

use super::{Cause, Certainty, Evidence, Finding, Question, Verdict, root::HUNG};
use crate::{
    record::{Errno, Stamp, Surroundings, Tracker},
    timeline::{Restart, Timeline},
};

/// What is concluded, how surely, and in which words.
type Conclusion = (Finding, Certainty, &'static str);

/// A verdict about a server without a tracker. What the consequence is, whatever the cause, is added to its headline.
fn without_tracker(restart: &Restart, since: Stamp, (finding, certainty, what): Conclusion) -> Verdict {
    let so = "So the grace period runs its full length, and every new open waits for its end.";
    Verdict::about(restart, Question::Root, finding, certainty, since, format!("{what} {so}"))
}

/// `nfsd4_client_tracking_init` failed with `status`.
pub(super) fn failed(timeline: &Timeline, restart: &Restart, at: Stamp, status: Errno) -> Verdict {
    let tried = |tracker| restart.tracking().status_of(tracker).is_some();
    let legacy_built_in = tried(Tracker::Umh) || tried(Tracker::Legacy);
    let initial = timeline.host().initial_netns.zip(restart.netns()).map(|(initial, here)| initial == here);
    if initial == Some(false) || restart.heard().container {
        return in_container(timeline, restart, at);
    }
    match status {
        Errno::ETIMEDOUT if !legacy_built_in => nobody_at_the_pipe(restart, at),
        Errno::EINVAL if initial.is_none() => without_tracker(
            restart,
            at,
            one_of(
                &[Cause::NetnsNoTracker, Cause::LegacyDirMissing],
                "No client tracker is left, and whether nfsd runs in a container is not known.",
            ),
        ),
        status => {
            let seen = if restart.tracking().attempts.is_empty() { Certainty::Suspected } else { Certainty::Certain };
            without_tracker(restart, at, by_status(status, seen, legacy_built_in))
        }
    }
}

fn one_of(causes: &[Cause], what: &'static str) -> Conclusion {
    (Finding::OneOf(causes.to_vec()), Certainty::Suspected, what)
}

fn in_container(timeline: &Timeline, restart: &Restart, at: Stamp) -> Verdict {
    let what = "nfsd runs in a network namespace of its own (a container), which has no client tracker of its own.";
    let conclusion = (Finding::One(Cause::NetnsNoTracker), Certainty::Certain, what);
    let text = match (restart.netns(), timeline.host().initial_netns) {
        (Some(here), Some(initial)) => format!("nfsd is in net:[{}], the host in net:[{}]", here.0, initial.0),
        _ => "kernel log: attempt to initialize client tracking in a container ignored".to_owned(),
    };
    without_tracker(restart, at, conclusion).proved_by([Evidence::new(None, text)])
}

/// What the status alone tells. It is `seen` so surely.
fn by_status(status: Errno, seen: Certainty, legacy_built_in: bool) -> Conclusion {
    let one = |cause, certainty, what| (Finding::One(cause), certainty, what);
    match status {
        Errno::EREMOTEIO => one(Cause::NfsdcldStorage, seen, "nfsdcld runs, but cannot use its database."),
        Errno::EOPNOTSUPP => one(Cause::NfsdcldTooOld, seen, "nfsdcld is too old for this kernel."),
        Errno::EACCES => one(Cause::UmhHelperFailed, seen, "The helper nfsdcltrack cannot use its database."),
        Errno::ENOENT | Errno::ENOTDIR if legacy_built_in => one(
            Cause::LegacyDirMissing,
            Certainty::Certain,
            "No client tracker is left: nfsdcld did not answer, the helper nfsdcltrack failed, and there is no recovery \
             directory.",
        ),
        Errno::ENOENT | Errno::ENOTDIR => one(
            Cause::LegacyDirMissing,
            Certainty::Suspected,
            "No client tracker is left: the last one, the recovery directory, is missing.",
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
    Verdict::about(
        restart,
        Question::Root,
        Cause::UmhHelperFailed,
        if helper.is_some_and(Errno::is_error) { Certainty::Certain } else { Certainty::Suspected },
        at,
        "Only the oldest client tracker is left, the recovery directory, which cannot end a grace period early: nfsdcld did \
         not answer and the helper nfsdcltrack failed. Every new open waits for the end of the grace period.",
    )
}

/// nfsdcld works, with the first version of the protocol.
pub(super) fn old_protocol(restart: &Restart, at: Stamp) -> Verdict {
    let answered = restart.tracking().status_of(Tracker::Cld);
    let sure = answered == Some(Errno::EOPNOTSUPP) || restart.heard().old_nfsdcld;
    Verdict::about(
        restart,
        Question::Root,
        Cause::NfsdcldTooOld,
        if sure { Certainty::Certain } else { Certainty::Suspected },
        at,
        "nfsdcld is older than this kernel. nfsd fell back to the first version of the protocol, which cannot end a grace \
         period early.",
    )
}

/// nfsdcld works, and the kernel log says that it could not end the grace period.
pub(super) fn cannot_write(restart: &Restart, at: Stamp, status: Errno) -> Verdict {
    let verdict = Verdict::about(
        restart,
        Question::Root,
        Cause::NfsdcldStorage,
        if status == Errno::EREMOTEIO { Certainty::Certain } else { Certainty::Suspected },
        at,
        "nfsdcld could not write its database: the end of the grace period is not on record.",
    );
    let text = format!("kernel log: Unable to end grace period: {status}");
    verdict.proved_by([Evidence::new(Some(at), text)])
}

/// nfsd asked for a second whether anybody has opened the pipe, and nobody had.
fn nobody_at_the_pipe(restart: &Restart, at: Stamp) -> Verdict {
    if restart.tracking().attempts.iter().any(|attempt| attempt.took().is_some_and(|took| took >= HUNG)) {
        let what = "nfsdcld was called and did not answer in time.";
        return without_tracker(restart, at, (Finding::One(Cause::NfsdcldHung), Certainty::Certain, what));
    }
    let Some((seen_at, seen)) = restart.surroundings() else {
        let what =
            "nfsd asked who its clients were, and nobody listened: nfsdcld does not run, or it cannot reach its pipe.";
        return without_tracker(restart, at, one_of(&[Cause::NfsdcldNotRunning, Cause::RpcPipefsMissing], what));
    };
    let (conclusion, proof) = around(seen);
    without_tracker(restart, at.max(seen_at), conclusion).proved_by([Evidence::new(Some(seen_at), proof)])
}

/// What `/proc` says about a pipe that nobody had opened, and what that proves.
fn around(seen: &Surroundings) -> (Conclusion, String) {
    let not_running = |certainty, what| (Finding::One(Cause::NfsdcldNotRunning), certainty, what);
    let no_pipefs = |certainty, what| (Finding::One(Cause::RpcPipefsMissing), certainty, what);
    let nobody = "nfsd asked who its clients were, and nobody listened: nfsdcld is not running.";
    match (&seen.rpc_pipefs, seen.nfsdcld_pid, &seen.nfsdcld_pipe) {
        (Some(mounts), _, _) if mounts.is_empty() => (
            no_pipefs(
                Certainty::Certain,
                "The file system over which nfsd talks to nfsdcld, rpc_pipefs, is not mounted.",
            ),
            "no rpc_pipefs is mounted where nfsd was started".to_owned(),
        ),
        (Some(mounts), None, _) => (
            not_running(Certainty::Certain, nobody),
            format!("rpc_pipefs is mounted at {}, and no process is called nfsdcld", mounts.join(", ")),
        ),
        (Some(mounts), Some(pid), None) => (
            no_pipefs(
                Certainty::Certain,
                "nfsdcld runs, but has not opened the pipe of this nfsd: it looks at another path, or in another namespace.",
            ),
            format!("nfsdcld (pid {pid}) holds no pipe nfsd/cld open; rpc_pipefs is mounted at {}", mounts.join(", ")),
        ),
        (Some(mounts), Some(pid), Some(pipe)) if !mounts.iter().any(|mount| is_below(pipe, mount)) => (
            no_pipefs(
                Certainty::Certain,
                "nfsdcld runs, but holds the pipe of another rpc_pipefs than the one that nfsd sees.",
            ),
            format!("nfsdcld (pid {pid}) holds {pipe}; rpc_pipefs is mounted at {}", mounts.join(", ")),
        ),
        (_, Some(pid), Some(pipe)) => (
            not_running(
                Certainty::Suspected,
                "nfsdcld runs now, but did not when nfsd asked: it was started too late.",
            ),
            format!("nfsdcld (pid {pid}) holds {pipe} now"),
        ),
        (None, None, _) => (
            one_of(&[Cause::NfsdcldNotRunning, Cause::RpcPipefsMissing], nobody),
            "no process is called nfsdcld; whether rpc_pipefs is mounted could not be read".to_owned(),
        ),
        (None, Some(pid), None) => (
            no_pipefs(Certainty::Suspected, "nfsdcld runs, but has not opened the pipe of this nfsd."),
            format!("nfsdcld (pid {pid}) holds no pipe nfsd/cld open"),
        ),
    }
}

fn is_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}
