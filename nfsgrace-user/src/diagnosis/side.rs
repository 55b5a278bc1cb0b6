//! What else goes on beside the root: writes that were refused, clients that sleep on, locks that hang.

use std::time::Duration;

use super::{Cause, Certainty, Evidence, Finding, Question, Situation, Verdict};
use crate::{
    record::{EndedBy, Stamp},
    timeline::{Restart, Stall, State, Timeline, restart::TAIL},
};

/// Refusals outside a grace period before they are called a pattern.
const PATTERN: u64 = 3;
/// A stall whose server is not seen is worth a verdict after this time.
const NOTICEABLE: Duration = Duration::from_secs(1);

pub(super) fn judge(timeline: &Timeline, restart: &Restart, now: Stamp) -> Vec<Verdict> {
    [end_grace(restart), tail(timeline, restart, now), locks(restart), outside_grace(restart), length(restart)]
        .into_iter()
        .flatten()
        .collect()
}

fn end_grace(restart: &Restart) -> Option<Verdict> {
    // With a tracker in place a refused write has another reason: nfsdcltrack asks while nfsd is still starting, and asks
    // again later; and once the grace period is over there is nothing left to end.
    let tracking = restart.tracking();
    if tracking.goes_on() || tracking.ended.is_some_and(|(_, status)| !status.is_error()) {
        return None;
    }
    let over = |at: Stamp| restart.grace_end().is_some_and(|end| end.at <= at);
    let first = restart.end_grace_writes().iter().find(|write| write.status.is_error() && !over(write.at))?;
    let verdict = Verdict::about(
        restart,
        Question::EndGrace,
        Cause::EndGraceRefused,
        Certainty::Certain,
        first.at,
        "Somebody tried to end the grace period by hand. The kernel refused, as it does while there is no client tracker.",
    );
    let (comm, pid, status) = (&first.task.comm, first.task.pid, first.status);
    let text = format!("{comm} (pid {pid}) wrote to /proc/fs/nfsd/v4_end_grace and got {status}");
    Some(verdict.proved_by([Evidence::new(Some(first.at), text)]))
}

/// The server is out of grace and a client of this host sleeps on: said at once, since its sleep can be computed.
fn tail(timeline: &Timeline, restart: &Restart, now: Stamp) -> Option<Verdict> {
    let end = restart.grace_end().filter(|end| end.by != EndedBy::Shutdown)?;
    // Also while the first try after the sleep is under way: it is over when they are free.
    let will_sleep_on = |stall: &Stall| match stall.state {
        State::Trying { since } => since.since(end.at) >= TAIL,
        State::Asleep { .. } | State::Ended { .. } => {
            let forecast = timeline.stall_forecast(stall, now);
            forecast.next_try.and_then(Result::ok).is_some_and(|next| next.earliest.since(end.at) >= TAIL)
        }
    };
    let sleepers = timeline.stalls().live().filter(|stall| stall.restart == Some(restart.id())).any(will_sleep_on);
    if restart.slept_on() == 0 && restart.cost().longest_tail < TAIL && !sleepers {
        return None;
    }
    let verdict = Verdict::about(
        restart,
        Question::Tail,
        Cause::BackoffTail,
        Certainty::Certain,
        end.at,
        "The grace period ended while tasks slept between two tries. Nobody wakes them: each goes on when its sleep, of up \
         to 15 s, is over.",
    );
    let text = match restart.slept_on() {
        0 => "the grace period ended while tasks slept".to_owned(),
        1 => "the grace period ended while 1 task slept for another second or more (computed)".to_owned(),
        count => format!("the grace period ended while {count} tasks slept for another second or more (computed)"),
    };
    Some(verdict.proved_by([Evidence::new(Some(end.at), text)]))
}

fn locks(restart: &Restart) -> Option<Verdict> {
    let ended = restart.grace_end().filter(|_| restart.locks_refused_after() > 0)?;
    let lockd_on = restart.lockd().is_some_and(|grace| grace.ended.is_none_or(|end| end.at > ended.at));
    let asked = restart.locks_in_grace().is_some_and(|(at, in_grace)| in_grace && at > ended.at);
    let verdict = Verdict::about(
        restart,
        Question::Locks,
        Cause::LockdGrace,
        if lockd_on || asked { Certainty::Certain } else { Certainty::Suspected },
        ended.at,
        "Opens work and locks hang: lockd, the lock server of NFSv3, has a grace period of its own, which NFSv4 locks wait for \
         as well.",
    );
    Some(verdict.proved_by([
        Evidence::new(Some(ended.at), "nfsd's own grace period ended"),
        Evidence::new(None, "a LOCK was refused with NFS4ERR_GRACE after that"),
    ]))
}

fn outside_grace(restart: &Restart) -> Option<Verdict> {
    let client = restart
        .clients()
        .list()
        .iter()
        .find(|client| client.refused_outside >= PATTERN && client.completed.is_none() && !client.is_minor_0())?;
    let verdict = Verdict::about(
        restart,
        Question::OutsideGrace,
        Cause::ReclaimCompleteMissing,
        Certainty::Certain,
        client.first_refused.unwrap_or(restart.began()),
        "One client is refused although no grace period is on: it never said RECLAIM_COMPLETE, and until it does, the server \
         refuses whatever it opens.",
    );
    let name =
        client.name.clone().or(client.addr.map(|addr| addr.to_string())).unwrap_or_else(|| "a client".to_owned());
    let text = format!("{name}: refused with NFS4ERR_GRACE while __state_in_grace() said no, without RECLAIM_COMPLETE");
    Some(verdict.proved_by([Evidence::new(client.first_refused, text)]))
}

fn length(restart: &Restart) -> Option<Verdict> {
    let (grace, lease) = restart.state().grace_s.zip(restart.state().lease_s)?;
    if grace * 2 >= lease {
        return None;
    }
    let verdict = Verdict::about(
        restart,
        Question::Length,
        Cause::GraceShortenedToZero,
        Certainty::Certain,
        restart.started().map_or(restart.began(), |(at, _)| at),
        "The grace period is much shorter than a lease: clients that notice the restart late can no longer reclaim, and lose \
         their locks without being told.",
    );
    let text = format!("nfsv4gracetime is {grace} s, nfsv4leasetime is {lease} s");
    Some(verdict.proved_by([Evidence::new(None, text)]))
}

/// A client of this host is refused by a server that is not seen from here.
pub(super) fn unseen_server(timeline: &Timeline, now: Stamp) -> Option<Verdict> {
    if timeline.servers_known() {
        return None;
    }
    let stalls = timeline.stalls();
    let live = stalls.live().filter(|stall| {
        stall.restart.is_none() && stall.refused > stall.refused_delay && stall.length(now) >= NOTICEABLE
    });
    let since = live.map(|stall| stall.id.began).chain(stalls.first_unseen).min()?;
    let causes = vec![
        Cause::NfsdcldNotRunning,
        Cause::RpcPipefsMissing,
        Cause::UmhHelperFailed,
        Cause::LegacyDirMissing,
        Cause::ClientMinorVersion0,
        Cause::ClientNeverReturned,
    ];
    Some(Verdict {
        question: Question::Root,
        restart: None,
        netns: None,
        finding: Finding::OneOf(causes),
        certainty: Certainty::Suspected,
        since,
        headline: "A server answers NFS4ERR_GRACE: it was restarted and is in its grace period. Why it takes so long, and how \
                   many seconds are left, only the server's side can tell; it is not seen from here."
            .to_owned(),
        evidence: vec![Evidence::new(Some(since), "tasks on this host sleep between tries that are refused with NFS4ERR_GRACE")],
        situation: Situation::default(),
    })
}
