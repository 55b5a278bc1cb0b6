//! What to do about each cause, and what not: written for somebody who was just woken up. Commands stand in back quotes.
//!
//! What saves locks during a grace period steals them after it. nfsdcld's record is true as long as nobody has got a new
//! lock; once locks have been given out that are not on it, it lets clients reclaim what others hold. So each piece of
//! advice is for a moment.

use super::{Cause, Finding, Question};
use crate::{
    record::{EndedBy, Stamp},
    timeline::{Restart, Timeline},
};

const WAIT: &str = "Whoever waits goes on by itself when the grace period is over: nothing is stuck.";
const NO_ZERO_GRACE: &str =
    "Do not shorten nfsv4gracetime to get rid of the wait: clients lose their locks without being told.";
const NO_END_GRACE: &str =
    "Do not count on `echo Y > /proc/fs/nfsd/v4_end_grace`: without a tracker nearly all kernels answer EBUSY.";
const NO_RESTART: &str = "Do not restart nfs-server: it would wait for the same clients again, from the beginning.";
const NOT_LATER: &str = "Do not bring nfsdcld back like this once the grace period is over: its record is out of date then, \
                         and one lock can get two owners. Empty it first.";
const NOT_WITH_OLD_RECORD: &str =
    "Do not restart nfs-server, or reboot, while nfsdcld still has its old record: one lock can get two owners.";

const END_BY_HAND: &str = "Have all clients reclaimed what they had? `echo Y > /proc/fs/nfsd/v4_end_grace` ends the wait. Clients \
                           on record that have not reclaimed their locks by then lose them.";

/// nfsd has no tracker, and nobody has got a new lock yet. Each command fits on a line of a narrow terminal.
const NOW: [&str; 3] = [
    "Did nfsd use nfsdcld until this start? Then now, while the grace period is on: `systemctl restart nfsdcld && systemctl \
     restart nfs-server`",
    "That frees whoever waits as soon as the clients on nfsdcld's record are back, as a rule within seconds, and they keep their \
     locks. If the grace period ends by itself, they lose them.",
    "Did nfsd run without nfsdcld before this start, too? Then nfsdcld's record is out of date. Before that restart, \
     `systemctl stop nfsdcld` and empty it: `cd /var/lib/nfs/nfsdcld && mv main.sqlite main.sqlite.old`",
];
/// nfsd has given out locks that are not on nfsdcld's record.
const AFTERWARDS: [&str; 3] = [
    "At a time agreed with the users, since clients may lose the locks they hold then: `systemctl stop nfsdcld`",
    "Does nfsdcld have a record? It is out of date now, so empty it: `cd /var/lib/nfs/nfsdcld && mv main.sqlite \
     main.sqlite.old`",
    "Then `systemctl start nfsdcld && systemctl restart nfs-server`",
];
const WHICH_RESTART_HELPS: &str = "If nfsd has no client tracker, a restart with nfsdcld ends the wait. If it waits for a \
                                   client, a restart only begins the wait anew.";

/// What helps depends on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Situation {
    stage: Stage,
    /// Whether nfsd has a tracker; `None` where that is not known.
    tracked: Option<bool>,
}

impl Situation {
    pub(super) fn of(restart: &Restart, timeline: &Timeline, now: Stamp) -> Self {
        let seen = restart.tracking_result().map(|(_, status)| !status.is_error());
        Self { stage: Stage::of(restart, timeline, now), tracked: seen.or(restart.state().tracking) }
    }
}

/// How far the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// Nobody has got a new lock yet.
    #[default]
    During,
    /// Locks are given out again.
    After,
    /// nfsd was started again since.
    Superseded,
}

impl Stage {
    fn of(restart: &Restart, timeline: &Timeline, now: Stamp) -> Self {
        let same_netns = |other: &Restart| other.netns().zip(restart.netns()).is_none_or(|(other, this)| other == this);
        if timeline.restarts().rev().take_while(|it| it.id() > restart.id()).any(same_netns) {
            return Self::Superseded;
        }
        let ended = restart.grace_end().is_some_and(|end| end.by != EndedBy::Shutdown);
        // In the kernel log, nothing tells of an end by the timer.
        let ran_out = restart.planned_end(timeline.hz()).is_some_and(|planned| planned.latest < now);
        if ended || ran_out { Self::After } else { Self::During }
    }
}

/// Whether it is this cause and nfsd has no tracker, so that a restart with nfsdcld is what helps.
fn lacks_tracker(cause: Cause, tracked: Option<bool>) -> bool {
    match cause {
        Cause::NfsdcldNotRunning
        | Cause::RpcPipefsMissing
        | Cause::NfsdcldStorage
        | Cause::NfsdcldSchema
        | Cause::LegacyDirMissing
        | Cause::NetnsNoTracker => true,
        // The recovery directory is a tracker, too.
        Cause::UmhHelperFailed => tracked != Some(true),
        // It may be in use all the same: with an old protocol, or as soon as it answers.
        Cause::NfsdcldTooOld | Cause::NfsdcldHung => tracked == Some(false),
        _ => false,
    }
}

/// What to do now.
pub(super) fn remedy(question: Question, finding: &Finding, situation: Situation) -> Vec<&'static str> {
    let Situation { stage, tracked } = situation;
    if stage == Stage::Superseded {
        return Vec::new();
    }
    let cause = match finding {
        Finding::One(cause) => *cause,
        Finding::OneOf(causes) => return any_of(causes, stage, tracked),
    };
    match cause {
        // The tracker works, and was only asked too early.
        Cause::EndGraceRefused if question == Question::Root => match stage {
            Stage::During => {
                vec!["Nobody is on record, so ask again, now that nfsd is up: `echo Y > /proc/fs/nfsd/v4_end_grace`"]
            }
            _ => Vec::new(),
        },
        Cause::NetnsNoTracker => inside_container(stage).to_vec(),
        Cause::NfsdcldNotRunning => [restart_with_nfsdcld(stage), cure(cause)].concat(),
        _ if lacks_tracker(cause, tracked) => [cure(cause), restart_with_nfsdcld(stage)].concat(),
        Cause::UmhHelperFailed | Cause::NfsdcldTooOld => {
            let by_hand: &[&str] = if stage == Stage::During { &[WAIT, END_BY_HAND] } else { &[] };
            let later: &[&str] = if cause == Cause::UmhHelperFailed { &AFTERWARDS } else { &[] };
            [by_hand, cure(cause), later].concat()
        }
        _ => [cure(cause), about_clients(cause, stage)].concat(),
    }
}

fn any_of(causes: &[Cause], stage: Stage, tracked: Option<bool>) -> Vec<&'static str> {
    let mut lines: Vec<_> = causes.iter().filter_map(|cause| to_find_out(*cause)).collect();
    if stage == Stage::During && !causes.iter().all(|cause| lacks_tracker(*cause, tracked)) {
        lines.insert(0, WAIT);
        lines.push(WHICH_RESTART_HELPS);
    }
    if causes.iter().any(|cause| lacks_tracker(*cause, tracked)) {
        lines.extend(restart_with_nfsdcld(stage));
    }
    lines.dedup();
    lines
}

fn restart_with_nfsdcld(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::During => &NOW,
        Stage::After => &AFTERWARDS,
        Stage::Superseded => &[],
    }
}

fn inside_container(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::During => &[
            "Run nfsdcld inside that container, with an rpc_pipefs mounted inside it, and with storage that outlives it.",
            "Does that storage hold a record, and did nfsd run without nfsdcld before this start, too? Then the record is out of \
             date: move `main.sqlite` away first.",
            "Then restart nfsd inside the container, now, while the grace period is on: that frees all within seconds.",
        ],
        Stage::After => &[
            "Run nfsdcld inside that container, with an rpc_pipefs mounted inside it, and with storage that outlives it.",
            "Does that storage hold a record? It is out of date now: move `main.sqlite` away first.",
            "Then restart nfsd inside the container, at a time agreed with the users: clients may lose the locks they hold then.",
        ],
        Stage::Superseded => &[],
    }
}

/// What not to do.
pub(super) fn avoid(finding: &Finding, situation: Situation) -> Vec<&'static str> {
    let Situation { stage, tracked } = situation;
    if stage == Stage::Superseded {
        return Vec::new();
    }
    let causes = finding.causes();
    let any = |of: &[Cause]| causes.iter().any(|cause| of.contains(cause));
    let during = stage == Stage::During;
    let mut lines = Vec::new();
    if causes.iter().any(|cause| lacks_tracker(*cause, tracked)) {
        lines.extend(if during { &[NOT_LATER, NO_END_GRACE][..] } else { &[NOT_WITH_OLD_RECORD] });
    }
    let client = [Cause::ClientNeverReturned, Cause::ClientMinorVersion0, Cause::SlowReclaim];
    if during && causes.iter().all(|cause| client.contains(cause)) {
        lines.push(NO_RESTART);
    }
    if !any(&[Cause::Healthy, Cause::BackoffTail, Cause::GraceShortenedToZero]) {
        lines.push(NO_ZERO_GRACE);
    }
    lines
}

/// What is wrong with a tracker, and how to put it right.
fn cure(cause: Cause) -> &'static [&'static str] {
    match cause {
        Cause::NfsdcldNotRunning => &[
            "Is nfsdcld masked? `systemctl unmask nfsdcld` comes first. From then on nfs-server.service starts it at each boot.",
        ],
        Cause::RpcPipefsMissing => &[
            "Is rpc_pipefs mounted? `findmnt -t rpc_pipefs` If not: `systemctl start rpc_pipefs.target`",
            "Do the paths agree? `nfsconf --get general pipefs-directory` must name that mount.",
        ],
        Cause::NfsdcldStorage => &[
            "What does nfsdcld say? `journalctl -b -u nfsdcld`",
            "Is its file system full, or read-only? `df /var/lib/nfs/nfsdcld; findmnt -T /var/lib/nfs/nfsdcld` Make room, or \
             remount it with the option `rw`.",
            "Its directory must be owned by root, mode 0700: `ls -ld /var/lib/nfs/nfsdcld`",
        ],
        Cause::NfsdcldSchema => &[
            "What does nfsdcld say? `journalctl -b -u nfsdcld`",
            "Upgrade nfs-utils, or with nfsdcld stopped: `nfsdclddb downgrade-schema`",
        ],
        Cause::NfsdcldTooOld => {
            &["Upgrade nfs-utils, then `systemctl restart nfsdcld`. nfsd uses the new protocol from its next start on."]
        }
        Cause::NfsdcldHung => &[
            "Restart it: `systemctl restart nfsdcld` If nfsd still waits for it, nfsd then goes on by itself.",
            "What did it do? `journalctl -b -u nfsdcld` If it happens again, upgrade nfs-utils.",
        ],
        Cause::UmhHelperFailed => {
            &["Better than repairing the helper is nfsdcld. To repair it: `ls -ld /sbin/nfsdcltrack \
              /var/lib/nfs/nfsdcltrack` must show both, the second writable for root."]
        }
        Cause::LegacyDirMissing => &["Better than a recovery directory is nfsdcld: the directory (`mkdir -p \
              /var/lib/nfs/v4recovery`) remembers clients, but cannot end a grace period early."],
        _ => &[],
    }
}

/// What to do where the tracker works, or is not what matters.
fn about_clients(cause: Cause, stage: Stage) -> &'static [&'static str] {
    let during = stage == Stage::During;
    match cause {
        Cause::ClientNeverReturned if during => &[
            WAIT,
            "Will that client come back? Then start it now. Is it only idle? `ls` on its mount brings it back at once.",
            "Is it gone for good? `echo Y > /proc/fs/nfsd/v4_end_grace` ends the wait. Clients on record that have not reclaimed \
             their locks by then lose them.",
        ],
        Cause::ClientNeverReturned => &[
            "The next restart does not wait for that client: it was taken off the record, unless it has come back since.",
        ],
        Cause::ClientMinorVersion0 if during => &[WAIT, END_BY_HAND, MOUNT_NEWER],
        Cause::ClientMinorVersion0 => &[MOUNT_NEWER],
        Cause::SlowReclaim if during => &[WAIT, SLOW_CLIENT],
        Cause::SlowReclaim => &[SLOW_CLIENT],
        Cause::LockdGrace => &[
            "It ends by itself. Nobody uses NFSv3 locks? `echo Y > /proc/fs/lockd/nlm_end_grace`",
            "For the next time: `sysctl fs.nfs.nlm_grace_period`, and see that sm-notify runs at boot.",
        ],
        Cause::ReclaimCompleteMissing => &[
            "On that client, remount; if that does not help, upgrade its kernel, or reboot it.",
            "What is its state? `nfsdclnts --type all` on the server",
        ],
        Cause::ClientIdCollision => &[
            "Give each client a name of its own: `nfs.nfs4_unique_id=$(uuidgen)` on the kernel command line, or another host \
             name.",
        ],
        Cause::EndGraceRefused => &["Give it up: the other verdict about this restart says how to end the wait."],
        Cause::GraceShortenedToZero => {
            &["Make it as long as a lease, from the next start on: `nfsconf --set nfsd grace-time 90`"]
        }
        Cause::BackoffTail => &[
            "The server is fine. Each task tries again by itself when its sleep is over, after 17 s at most.",
            "A task that opens a file tries at once when it is stopped and continued: `kill -STOP PID; kill -CONT PID`",
        ],
        _ => &[],
    }
}

const SLOW_CLIENT: &str = "Look at the client that is named: it is slow, or its network is.";
const MOUNT_NEWER: &str = "On that client, unmount, and mount with the option `vers=4.2` (4.1 will do). From the next restart on, \
                           the wait ends as soon as all have reclaimed.";

/// How to find out whether it is this one of several.
fn to_find_out(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::NfsdcldNotRunning => "On the server: does nfsdcld run? `systemctl status nfsdcld`",
        Cause::RpcPipefsMissing => {
            "On the server: is its pipe there? `findmnt -t rpc_pipefs` must show a mount; if not: `systemctl start \
             rpc_pipefs.target`"
        }
        Cause::NfsdcldStorage | Cause::NfsdcldSchema => {
            "On the server: what does nfsdcld say? `journalctl -b -u nfsdcld`"
        }
        Cause::UmhHelperFailed => "On the server: is the helper there? `ls -l /sbin/nfsdcltrack`",
        Cause::LegacyDirMissing => "On the server: is the recovery directory there? `ls -ld /var/lib/nfs/v4recovery`",
        Cause::ClientMinorVersion0 => "Does a client speak NFSv4.0? `nfsstat -m | grep vers=4.0` on the clients",
        Cause::ClientNeverReturned => {
            "Was a client taken out of service? `nfsdclnts --type all` on the server shows who is there."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const STAGES: [(Stage, &str); 2] = [(Stage::During, "while the grace period is on"), (Stage::After, "afterwards")];

    fn all() -> Vec<(String, Vec<&'static str>, Vec<&'static str>)> {
        let mut all = Vec::new();
        for &cause in Cause::ALL {
            for (stage, when) in STAGES {
                for (tracked, has) in [(false, "no tracker"), (true, "a tracker")] {
                    let situation = Situation { stage, tracked: Some(tracked) };
                    let finding = Finding::One(cause);
                    let (steps, warnings) = (remedy(Question::Root, &finding, situation), avoid(&finding, situation));
                    all.push((format!("{cause}, {when}, {has}"), steps, warnings));
                }
            }
        }
        all
    }

    #[test]
    fn every_sentence_can_be_read_at_once() {
        let mut text = String::new();
        let mut before = (Vec::new(), Vec::new());
        for (title, steps, warnings) in all() {
            if before == (steps.clone(), warnings.clone()) {
                continue;
            }
            writeln!(text, "{title}:").expect("written");
            for step in &steps {
                writeln!(text, "  - {step}").expect("written");
            }
            for warning in &warnings {
                writeln!(text, "  ! {warning}").expect("written");
            }
            before = (steps, warnings);
        }
        for &cause in Cause::ALL {
            writeln!(text, "is it {cause}? {}", to_find_out(cause).unwrap_or("-")).expect("written");
        }
        insta::with_settings!({ snapshot_path => "../../tests/snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("advice", text);
        });
    }

    #[test]
    fn a_command_is_never_cut_on_a_terminal_of_eighty_columns() {
        let questions = Cause::ALL.iter().copied().filter_map(to_find_out);
        let sentences = all().into_iter().flat_map(|(_, steps, warnings)| [steps, warnings].concat()).chain(questions);
        for sentence in sentences {
            assert_eq!(sentence.matches('`').count() % 2, 0, "{sentence}");
            for command in sentence.split('`').skip(1).step_by(2) {
                // 21 columns are indented, two are the quotes.
                assert!(command.len() <= 80 - 21 - 2, "{command}");
            }
        }
    }
}
