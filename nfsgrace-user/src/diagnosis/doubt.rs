//! What may have been missed, and what that does to a verdict: lost records, hooks that this kernel lacks.

use super::{Cause, Certainty, Verdict};
use crate::timeline::{MissingHook, Timeline};

/// Causes that are told by something that was not seen.
const REST_ON_ABSENCE: [Cause; 4] =
    [Cause::ClientNeverReturned, Cause::ClientMinorVersion0, Cause::ReclaimCompleteMissing, Cause::NfsdcldHung];

/// What was not seen proves nothing where records are missing, or where it could not have been seen.
pub(super) fn doubt(verdict: &mut Verdict, timeline: &Timeline) {
    let absence = verdict.finding.one().is_some_and(|cause| REST_ON_ABSENCE.contains(&cause));
    if absence && (timeline.losses().next().is_some() || missing(verdict, timeline).next().is_some()) {
        verdict.certainty = Certainty::Suspected;
    }
}

/// What may have been missed, and could make a verdict wrong or incomplete, a sentence each.
#[must_use]
pub fn caveats(verdict: &Verdict, timeline: &Timeline) -> Vec<String> {
    let lost = timeline.losses().map(|(cause, total)| {
        let (count, records) = (total.count, if total.count == 1 { "record was" } else { "records were" });
        match total.hides.as_str() {
            "" => format!("{count} {records} lost ({cause})."),
            hides => format!("{count} {records} lost ({cause}); they may hide {hides}."),
        }
    });
    let blind = missing(verdict, timeline)
        .map(|MissingHook { hook, lost }| format!("{hook} could not be probed; so this was not seen: {lost}."));
    lost.chain(blind).collect()
}

/// The hooks that this verdict rests on and that the kernel lacks.
fn missing<'a>(verdict: &Verdict, timeline: &'a Timeline) -> impl Iterator<Item = &'a MissingHook> {
    let causes = verdict.finding.causes().to_vec();
    timeline
        .host()
        .missing
        .iter()
        .filter(move |missing| causes.iter().any(|cause| rests_on(*cause).contains(&missing.hook.as_str())))
}

/// The hooks without which this cause may be taken for another one, or another one for it.
fn rests_on(cause: Cause) -> &'static [&'static str] {
    match cause {
        Cause::NfsdcldNotRunning
        | Cause::RpcPipefsMissing
        | Cause::NfsdcldStorage
        | Cause::NfsdcldSchema
        | Cause::NfsdcldTooOld
        | Cause::NfsdcldHung
        | Cause::UmhHelperFailed
        | Cause::LegacyDirMissing
        | Cause::NetnsNoTracker => &[
            "nfsd4_client_tracking_init",
            "nfsd4_cld_tracking_init",
            "nfsd4_init_cld_pipe",
            "nfsd4_umh_cltrack_init",
            "nfsd4_legacy_tracking_init",
        ],
        Cause::ClientNeverReturned | Cause::ClientMinorVersion0 => {
            &["nfs4_client_to_reclaim", "nfsd4_setclientid_confirm", "nfsd4_create_session", "nfsd4_reclaim_complete"]
        }
        Cause::SlowReclaim => &["nfsd4_open", "nfsd4_lock", "locks_end_grace"],
        Cause::LockdGrace => &["nfsd4_lock", "locks_start_grace", "locks_end_grace"],
        Cause::ReclaimCompleteMissing => &["__state_in_grace", "nfsd4_reclaim_complete"],
        Cause::ClientIdCollision => &["nfsd4_setclientid_confirm", "nfsd4_create_session"],
        Cause::EndGraceRefused => &["write_v4_end_grace"],
        Cause::GraceShortenedToZero => &[],
        Cause::BackoffTail => &["locks_end_grace", "nfs4_handle_exception", "nfs4_delay"],
        Cause::Healthy => &["locks_end_grace", "laundromat_main", "nfsd4_client_tracking_init"],
    }
}
