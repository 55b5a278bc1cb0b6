//! The tracker works, and yet the grace period runs on: whom does it wait for?

use std::time::Duration;

use super::{Cause, Certainty, Evidence, Finding, Question, Verdict, root::asked_too_early};
use crate::{
    record::{EndedBy, Stamp, Tracker},
    timeline::{ClientSeen, Restart, Timeline, restart::GraceEnd},
};

/// Clients that are there reclaim within this time; who has not by then is suspected to be gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// Clients named in one verdict.
const NAMED: usize = 8;

/// Says whom the grace period waits for, or waited for until its timer.
pub(super) fn kept_waiting(timeline: &Timeline, restart: &Restart, now: Stamp) -> Option<Verdict> {
    let end = restart.grace_end();
    if end.is_none() && !restart.in_grace() {
        return None;
    }
    let ran_out = end.filter(|end| matches!(end.by, EndedBy::Timer | EndedBy::Unknown)).map(|end| end.at);
    let patient_until = restart.timer_set().map(|set| set.plus(PATIENCE));
    slow_reclaim(timeline, restart, ran_out.unwrap_or(now)).or_else(|| minor_version_0(restart, ran_out)).or_else(
        || {
            let suspected = ran_out.is_none();
            let since = ran_out.or(patient_until.filter(|until| now >= *until))?;
            never_returned(restart, since, suspected)
        },
    )
}

fn named(client: &ClientSeen) -> String {
    let name = client.name.as_deref().unwrap_or("a client without a name");
    match client.addr {
        Some(addr) => format!("{name} at {addr}"),
        None => name.to_owned(),
    }
}

fn list<'a>(clients: impl Iterator<Item = &'a ClientSeen>, what: &str) -> Vec<Evidence> {
    let all: Vec<_> = clients.collect();
    let mut evidence: Vec<_> = all
        .iter()
        .take(NAMED)
        .map(|client| Evidence::new(client.recorded.or(client.confirmed), format!("{}: {what}", named(client))))
        .collect();
    if all.len() > NAMED {
        evidence.push(Evidence::new(None, format!("and {} more", all.len() - NAMED)));
    }
    evidence
}

/// The timer was due, and clients went on reclaiming.
fn slow_reclaim(timeline: &Timeline, restart: &Restart, until: Stamp) -> Option<Verdict> {
    let planned = restart.planned_end(timeline.hz())?;
    let last = restart.clients().last_reclaim?;
    // The laundromat looks each second: what was reclaimed in the last moments before the time was up postpones the end.
    if until < planned.latest.plus(Duration::from_millis(500)) || last.plus(Duration::from_secs(30)) < planned.earliest
    {
        return None;
    }
    let slowest =
        restart.clients().list().iter().filter(|client| client.last_reclaim.is_some()).max_by_key(|it| it.last_reclaim);
    let verdict = Verdict::about(
        restart,
        Question::Root,
        Cause::SlowReclaim,
        Certainty::Certain,
        planned.latest,
        "The grace period is longer than configured, because clients still reclaim what they had open: the server is right \
         to wait for them.",
    );
    Some(verdict.proved_by(slowest.map(|client| {
        Evidence::new(
            Some(planned.latest),
            format!("the time was up, and the server still waited for {}", named(client)),
        )
    })))
}

/// A client that may keep the server waiting speaks NFSv4.0.
fn minor_version_0(restart: &Restart, ran_out: Option<Stamp>) -> Option<Verdict> {
    let missing: Vec<_> = restart.clients().missing().filter(|client| client.is_minor_0()).collect();
    if let Some(first) = missing.first() {
        let seen = missing.iter().any(|client| !client.is_minor_0_by_name()) || ran_out.is_some();
        let verdict = Verdict::about(
            restart,
            Question::Root,
            Cause::ClientMinorVersion0,
            if seen { Certainty::Certain } else { Certainty::Suspected },
            first.confirmed.or(first.first_refused).or(first.recorded).unwrap_or(restart.began()),
            "Client tracking works, but a client that the server waits for speaks NFSv4.0, which has no way to say that it \
             has finished reclaiming. So the grace period cannot end early.",
        );
        return Some(verdict.proved_by(list(missing.into_iter(), "is on record, and speaks NFSv4.0")));
    }
    // nfsdcltrack keeps the record outside the kernel: whom it waits for cannot be seen, only who is there.
    if restart.tracker() == Some(Tracker::Umh) { minor_version_0_without_record(restart, ran_out) } else { None }
}

fn minor_version_0_without_record(restart: &Restart, ran_out: Option<Stamp>) -> Option<Verdict> {
    let (old, others): (Vec<_>, Vec<_>) = restart.clients().list().iter().partition(|client| client.is_minor_0());
    let first = old.first()?;
    let others_done = others.iter().all(|client| client.completed.is_some());
    let verdict = Verdict::about(
        restart,
        Question::Root,
        Cause::ClientMinorVersion0,
        if ran_out.is_some() && others_done { Certainty::Certain } else { Certainty::Suspected },
        ran_out.or(first.confirmed).or(first.first_refused).unwrap_or(restart.began()),
        "Client tracking works, but a client speaks NFSv4.0, which has no way to say that it has finished reclaiming. So the \
         grace period cannot end early.",
    );
    Some(verdict.proved_by(list(old.into_iter(), "speaks NFSv4.0")))
}

/// Who is on record has not come back: while the grace period is on, that is only suspected.
fn never_returned(restart: &Restart, since: Stamp, suspected: bool) -> Option<Verdict> {
    let missing = restart.clients().missing().count();
    let counted = restart.to_reclaim().zip(restart.reclaimed()).map_or(0, |(all, done)| all.saturating_sub(done));
    if missing == 0 && counted == 0 {
        return somebody_is_missing(restart, since);
    }
    let (certainty, what) = if suspected {
        (Certainty::Suspected, "Client tracking works, but the server waits for clients that have not come back.")
    } else {
        (
            Certainty::Certain,
            "Client tracking works, but the server waited to the end for clients that never came back.",
        )
    };
    let proofs = match missing {
        0 => vec![Evidence::new(None, "nfsd counts more clients to reclaim than have said RECLAIM_COMPLETE")],
        _ => list(restart.clients().missing(), "is on record, and has not said RECLAIM_COMPLETE"),
    };
    let verdict = Verdict::about(restart, Question::Root, Cause::ClientNeverReturned, certainty, since, what);
    Some(verdict.proved_by(proofs))
}

/// Nobody is known to be missing. Who is refused is kept waiting by somebody all the same.
fn somebody_is_missing(restart: &Restart, since: Stamp) -> Option<Verdict> {
    if restart.clients().refused == 0 {
        return None;
    }
    if let Some(proof) = asked_too_early(restart) {
        return Some(refused_too_early(restart, proof, since));
    }
    let finding = Finding::OneOf(vec![Cause::ClientNeverReturned, Cause::ClientMinorVersion0]);
    let what = "Client tracking works, but somebody who is on record has not finished reclaiming; who it is could not be seen.";
    Some(Verdict::about(restart, Question::Root, finding, Certainty::Suspected, since, what))
}

/// Somebody ended the grace period, which waited for clients that had not come back.
pub(super) fn ended_by_hand(restart: &Restart, end: GraceEnd) -> Option<Verdict> {
    if end.by != EndedBy::V4EndGrace || restart.clients().missing().next().is_none() {
        return None;
    }
    let mut verdict = minor_version_0(restart, Some(end.at)).or_else(|| never_returned(restart, end.at, false))?;
    verdict.headline = match verdict.finding.one() {
        Some(Cause::ClientMinorVersion0) => {
            "Client tracking works, but the server waited for a client that speaks NFSv4.0, which has no way to say that it \
             has finished reclaiming, until a write to v4_end_grace ended the grace period."
        }
        _ => {
            "Client tracking works, but the server waited for clients that had not come back, until a write to v4_end_grace \
             ended the grace period. They have lost what they had not reclaimed by then."
        }
    }
    .to_owned();
    Some(verdict)
}

/// Nobody was on record, the helper asked nfsd to end the grace period for that, and nfsd refused.
fn refused_too_early(restart: &Restart, proof: Evidence, since: Stamp) -> Verdict {
    let verdict = Verdict::about(
        restart,
        Question::Root,
        Cause::EndGraceRefused,
        Certainty::Certain,
        proof.at.unwrap_or(since),
        "Client tracking works and nobody was on record. Yet nfsd refused to end the grace period: it was still starting when \
         its helper nfsdcltrack asked, and the helper asks only once. So the grace period runs its full length, and every new \
         open waits for its end.",
    );
    verdict.proved_by([proof])
}
