//! What to do about each cause, and what not: written for somebody who was just woken up. Commands stand in back quotes.

use super::{Cause, Finding, Question};

/// True as long as the grace period is on.
pub(super) const WAIT: &str = "Whoever waits goes on by itself when the grace period is over: nothing is stuck.";
const NO_ZERO_GRACE: &str =
    "Do not shorten nfsv4gracetime to get rid of the wait: clients lose their locks without being told.";
const NO_END_GRACE: &str =
    "Do not count on `echo Y > /proc/fs/nfsd/v4_end_grace`: without a tracker nearly all kernels answer EBUSY.";
const NO_RESTART_AGAIN: &str = "Do not restart nfs-server while clients wait: each restart begins the wait anew.";
const ONE_RESTART_COSTS: &str = "Over the one restart that brings nfsdcld in, clients that hold locks now are not on record and cannot reclaim them.";
/// nfsdcld.service has no `[Install]` section: there is nothing to enable, nfs-server.service wants it.
const START_NFSDCLD: &str = "Start nfsdcld: `systemctl start nfsdcld` (unmask it if it is masked)";
const THEN_RESTART: &str = "Then once, at a quiet moment: `systemctl restart nfs-server`";

/// What to do now.
pub(super) fn remedy(question: Question, finding: &Finding) -> Vec<&'static str> {
    match finding {
        // The tracker works, and only asked too early.
        Finding::One(Cause::EndGraceRefused) if question == Question::Root => vec![
            "Nobody is on record, so ask again, now that nfsd is up: `echo Y > /proc/fs/nfsd/v4_end_grace`",
            "For the next time: `systemctl start nfsdcld`, which needs no such help.",
        ],
        Finding::One(cause) => of(*cause).to_vec(),
        Finding::OneOf(causes) => {
            let mut lines = vec![WAIT];
            lines.extend(causes.iter().filter_map(|cause| to_find_out(*cause)));
            lines
        }
    }
}

/// What not to do.
pub(super) fn avoid(finding: &Finding) -> Vec<&'static str> {
    let causes = finding.causes();
    let any = |of: &[Cause]| causes.iter().any(|cause| of.contains(cause));
    let mut lines = Vec::new();
    if any(&[
        Cause::NfsdcldNotRunning,
        Cause::RpcPipefsMissing,
        Cause::NfsdcldStorage,
        Cause::NfsdcldSchema,
        Cause::UmhHelperFailed,
        Cause::LegacyDirMissing,
        Cause::NetnsNoTracker,
    ]) {
        lines.push(NO_RESTART_AGAIN);
        lines.push(NO_END_GRACE);
        lines.push(ONE_RESTART_COSTS);
    }
    if !any(&[Cause::Healthy, Cause::BackoffTail, Cause::GraceShortenedToZero]) {
        lines.push(NO_ZERO_GRACE);
    }
    lines
}

fn of(cause: Cause) -> &'static [&'static str] {
    match cause {
        Cause::NfsdcldNotRunning => {
            &[WAIT, START_NFSDCLD, THEN_RESTART, "At each boot, nfs-server.service starts it, unless it is masked."]
        }
        Cause::RpcPipefsMissing => &[
            WAIT,
            "Is it mounted? `findmnt -t rpc_pipefs` If not: `systemctl start rpc_pipefs.target`",
            "Do the paths agree? `nfsconf --get general pipefs-directory` must name that mount.",
            "Then `systemctl restart nfsdcld`, and once, at a quiet moment, `systemctl restart nfs-server`",
        ],
        Cause::NfsdcldStorage => &[
            WAIT,
            "What does it say? `journalctl -b -u nfsdcld`",
            "Its directory must be on a writable file system, owned by root, mode 0700: `ls -ld /var/lib/nfs/nfsdcld`",
            "Then `systemctl restart nfsdcld`, and once, at a quiet moment, `systemctl restart nfs-server`",
        ],
        Cause::NfsdcldSchema => &[
            WAIT,
            "What does it say? `journalctl -b -u nfsdcld`",
            "Upgrade nfs-utils, or with nfsdcld stopped: `nfsdclddb downgrade-schema`",
        ],
        Cause::NfsdcldTooOld => &[WAIT, "Upgrade nfs-utils, then `systemctl restart nfsdcld`"],
        Cause::NfsdcldHung => &[
            "Restart it; the server then goes on by itself: `systemctl restart nfsdcld`",
            "What did it do? `journalctl -b -u nfsdcld` If it happens again, upgrade nfs-utils.",
        ],
        Cause::UmhHelperFailed => &[
            WAIT,
            "Better than repairing the helper: `systemctl start nfsdcld`",
            THEN_RESTART,
            "Otherwise: `ls -ld /sbin/nfsdcltrack /var/lib/nfs/nfsdcltrack` must show both, the second writable for root.",
        ],
        Cause::LegacyDirMissing => &[
            WAIT,
            START_NFSDCLD,
            THEN_RESTART,
            "Otherwise: `mkdir -p /var/lib/nfs/v4recovery`, which remembers clients, but cannot end a grace period early.",
        ],
        Cause::NetnsNoTracker => &[
            WAIT,
            "Run nfsdcld inside that container, with an rpc_pipefs mounted inside it, and with storage that outlives it.",
        ],
        Cause::ClientNeverReturned => &[
            WAIT,
            "Is that client to come back? Then start it now. If not, there is nothing to do: who has not come back when the \
             grace period ends is taken off the record.",
        ],
        Cause::ClientMinorVersion0 => &[
            WAIT,
            "On that client, mount with a newer version: `mount -o vers=4.2` (4.1 will do). From the next restart on, the wait \
             ends as soon as all have reclaimed.",
        ],
        Cause::SlowReclaim => &[WAIT, "Look at the client that is named: it is slow, or its network is."],
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
        Cause::EndGraceRefused => &["Give it up, and repair the client tracker instead (see the other verdict)."],
        Cause::GraceShortenedToZero => {
            &["Make it as long as a lease, from the next start on: `nfsconf --set nfsd grace-time 90`"]
        }
        Cause::BackoffTail => &["Nothing to repair: they wake by themselves."],
        Cause::Healthy => &[],
    }
}

/// How to find out whether it is this one of several.
fn to_find_out(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::NfsdcldNotRunning => {
            "On the server: does nfsdcld run? `systemctl status nfsdcld` If not: `systemctl start nfsdcld`"
        }
        Cause::RpcPipefsMissing => "On the server: is its pipe there? `findmnt -t rpc_pipefs` must show a mount.",
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
