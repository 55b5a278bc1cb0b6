//! What may have been missed, and what that does to a verdict: lost records, hooks that this kernel lacks.

use super::{Cause, Certainty, Verdict};
use crate::{
    record::HookId,
    timeline::{MissingHook, Timeline},
};

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
        .filter(move |missing| causes.iter().any(|cause| rests_on(*cause).contains(&missing.hook)))
}

/// The hooks without which this cause may be taken for another one, or another one for it.
fn rests_on(cause: Cause) -> &'static [HookId] {
    match cause {
        Cause::NfsdcldNotRunning
        | Cause::RpcPipefsMissing
        | Cause::NfsdcldStorage
        | Cause::NfsdcldSchema
        | Cause::NfsdcldTooOld
        | Cause::NfsdcldHung
        | Cause::UmhHelperFailed
        | Cause::LegacyDirMissing
        | Cause::NetnsNoTracker => {
            &[HookId::TrackingInit, HookId::CldInit, HookId::CldV0Init, HookId::UmhInit, HookId::LegacyInit]
        }
        Cause::ClientNeverReturned | Cause::ClientMinorVersion0 => {
            &[HookId::ClientToReclaim, HookId::SetclientidConfirm, HookId::CreateSession, HookId::ReclaimComplete]
        }
        Cause::SlowReclaim => &[HookId::Open, HookId::Lock, HookId::GraceEnd],
        Cause::LockdGrace => &[HookId::Lock, HookId::GraceStart, HookId::GraceEnd],
        Cause::ReclaimCompleteMissing => &[HookId::StateInGrace, HookId::ReclaimComplete],
        Cause::ClientIdCollision => &[HookId::SetclientidConfirm, HookId::CreateSession],
        Cause::EndGraceRefused => &[HookId::EndGraceWrite],
        Cause::GraceShortenedToZero => &[],
        Cause::BackoffTail => &[HookId::GraceEnd, HookId::HandleException, HookId::Delay],
        Cause::Healthy => &[HookId::GraceEnd, HookId::Laundromat, HookId::TrackingInit],
    }
}
