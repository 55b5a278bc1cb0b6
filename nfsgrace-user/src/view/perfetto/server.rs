//! The server's side: its starts with the trackers that it tries, its grace periods, and whom it refuses.

use std::collections::BTreeMap;

use super::{
    args::Args,
    pen::{Pen, Slice},
    track::Track,
};
use crate::{
    outcome,
    record::{Client, EndedBy, Errno, Event, Kind, Manager, Netns, NfsStatus, Stamp, Surroundings, frame_function},
    timeline::{
        Change, KnownFrom, Restart, Timeline,
        restart::{Grace, TrackerAttempt},
    },
    view::names,
};

/// Namespaces whose refusals are counted.
const MAX_COUNTED: usize = 4_096;

/// How many operations were refused so far, by namespace.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<Option<Netns>, u64>);

impl Refusals {
    fn one_more(&mut self, netns: Option<Netns>) -> Option<u64> {
        if self.0.len() >= MAX_COUNTED && !self.0.contains_key(&netns) {
            return None;
        }
        let count = self.0.entry(netns).or_default();
        *count += 1;
        Some(*count)
    }
}

/// What is a moment of its own.
pub(super) fn event(
    pen: &mut Pen<'_, '_>,
    refusals: &mut Refusals,
    event: &Event,
    changes: &[Change],
    timeline: &Timeline,
) {
    let at = event.at;
    let restart = changes.iter().find_map(|change| match change {
        Change::Refused(id, _) | Change::Reclaimed(id, _) | Change::Completed(id, _) | Change::Confirmed(id, _) => {
            timeline.restart(*id)
        }
        _ => None,
    });
    let netns = event.netns.or_else(|| restart?.netns());
    let args = Args::new().with("restart", restart.map(|restart| restart.id().0));
    let clients = Track::Clients(netns);
    match &event.kind {
        Kind::Refused { op, .. } => {
            let name = format!("{}: {}", names::op(*op), NfsStatus::GRACE);
            pen.instant(Track::Refusals(netns), at, &name, "refusal", refused(event, args));
            if let Some(count) = refusals.one_more(netns) {
                pen.count(Track::Refused(netns), at, count);
            }
        }
        Kind::Reclaim { op, client, xid, status } => {
            let outcome = match *status {
                0 => "reclaimed".to_owned(),
                status => format!("reclaim FAILED: {}", NfsStatus(status)),
            };
            let args = of_client(client, args).with("xid", *xid).with("nfs_status", *status);
            pen.instant(clients, at, &format!("{} {outcome}", names::op(*op)), "reclaim", args);
        }
        Kind::ReclaimComplete { client, status } => {
            let args = of_client(client, args).with("nfs_status", *status);
            pen.instant(clients, at, "RECLAIM_COMPLETE", "reclaim", args);
        }
        Kind::ClientConfirmed { client, status } => {
            let args = of_client(client, args).with("nfs_status", *status);
            pen.instant(clients, at, "client confirmed", "reclaim", args);
        }
        Kind::ReclaimRecord { name } => {
            pen.instant(clients, at, "client may reclaim", "reclaim", args.with("client_name", name));
        }
        Kind::EndGraceWrite { status } => {
            let outcome = if *status < 0 { names::status(Errno(*status)) } else { "ok".to_owned() };
            let args = args.with("comm", &event.task.comm).with("pid", event.task.pid).with("status", *status);
            pen.instant(Track::Happenings(netns), at, &format!("write to v4_end_grace: {outcome}"), "server", args);
        }
        Kind::ServerStop => pen.instant(Track::Happenings(netns), at, "nfsd stops", "server", args),
        Kind::GraceAnswer { for_open, in_grace } => {
            let asked = if *for_open { "opens_in_grace" } else { "locks_in_grace" };
            pen.instant(Track::Happenings(netns), at, &format!("{asked} answers {in_grace}"), "server", args);
        }
        Kind::Surroundings(seen) => {
            pen.instant(Track::Happenings(netns), at, "what /proc shows", "server", surroundings(seen));
        }
        Kind::KernelLog { text } => pen.instant(Track::KernelLog, at, text, "kernel_log", args),
        Kind::Counts(counts) if counts.opens > 0 || counts.others_refused > 0 => {
            pen.count(Track::Counted(netns), at, counts.opens_refused.saturating_add(counts.others_refused));
        }
        _ => {}
    }
}

fn refused(event: &Event, args: Args) -> Args {
    let Kind::Refused { op: _, client, xid, claim, name, in_grace, took_ns } = &event.kind else { return args };
    of_client(client, args)
        .with("xid", *xid)
        .with("claim", claim.map(|claim| claim.word()))
        .with("name", name.as_ref())
        .with("in_grace", *in_grace)
        .with("took_ns", *took_ns)
}

fn of_client(client: &Client, args: Args) -> Args {
    let Client { addr, name, minor } = client;
    let addr = addr.map(|addr| addr.to_string());
    args.with("client_addr", addr.as_ref()).with("client_name", name.as_ref()).with("minor", *minor)
}

fn surroundings(seen: &Surroundings) -> Args {
    let Surroundings { rpc_pipefs, nfsdcld_pid, nfsdcld_pipe, nfsdcltrack, recovery_dir } = seen;
    let rpc_pipefs = rpc_pipefs.as_ref().map(|mounts| mounts.join(", "));
    Args::new()
        .with("rpc_pipefs", rpc_pipefs.as_ref())
        .with("nfsdcld_pid", *nfsdcld_pid)
        .with("nfsdcld_pipe", nfsdcld_pipe.as_ref())
        .with("nfsdcltrack", *nfsdcltrack)
        .with("recovery_dir", *recovery_dir)
}

/// All that took time about one restart.
pub(super) fn restart(pen: &mut Pen<'_, '_>, timeline: &Timeline, restart: &Restart, now: Stamp) {
    start(pen, restart);
    let grace_of = |manager| match manager {
        Manager::Nfsd => restart.grace(),
        Manager::Lockd => restart.lockd(),
    };
    for manager in [Manager::Nfsd, Manager::Lockd] {
        let Some(grace) = grace_of(manager) else { continue };
        let track = Track::Grace(restart.netns(), manager);
        let args = grace_args(timeline, restart, &grace, manager, now);
        if restart.is_history() && grace.ended.is_none() {
            pen.instant(track, grace.began, "grace period, over before watching", "grace", args);
            continue;
        }
        let end = grace.ended.map(|end| end.at).or(restart.stopped()).unwrap_or(now);
        let name = grace_name(restart, &grace);
        pen.slice(track, &slice(name, "grace", grace.began, end, args));
    }
}

fn slice(name: String, category: &'static str, begin: Stamp, end: Stamp, args: Args) -> Slice {
    Slice { name, category, begin, end, flow: None, args, within: Vec::new() }
}

fn grace_name(restart: &Restart, grace: &Grace) -> String {
    let outcome = match grace.ended.map(|end| end.by) {
        Some(EndedBy::Skipped) => "skipped",
        Some(EndedBy::Timer) => "ended by the timer",
        Some(EndedBy::AllReclaimed) => "ended: all reclaimed",
        Some(EndedBy::V4EndGrace) => "ended by v4_end_grace",
        Some(EndedBy::Shutdown) => "ended by shutdown",
        Some(EndedBy::Unknown) => "ended, not seen why",
        None if restart.stopped().is_some() => "nfsd was stopped",
        None => "not ended",
    };
    format!("grace period, {outcome}")
}

fn grace_args(timeline: &Timeline, restart: &Restart, grace: &Grace, manager: Manager, now: Stamp) -> Args {
    let Grace { began, began_seen, ended } = *grace;
    let args = Args::new()
        .with("restart", restart.id().0)
        .with("manager", manager.word())
        .with("began_seen", began_seen)
        .with("ended_by", ended.map(|end| end.by.word()))
        .with("end_known_from", ended.map(|end| end.known_from.word()))
        .with("grace_ns", ended.filter(|_| began_seen).map(|end| end.at.since(began)));
    if manager == Manager::Lockd {
        return args;
    }
    let row = outcome::restart(timeline, restart, now);
    args.with("planned_ns", row.grace_planned_ns)
        .with("planned_known_from", restart.length().map(|(_, from)| from.word()))
        .with("timer_set_ns", row.timer_set)
        .with("refused", row.refused)
        .with("to_reclaim", row.to_reclaim)
        .with("reclaimed", row.reclaimed)
        .with("stalls", row.stalls)
        .with("lost_ns", row.lost_ns)
        .with("tail_ns", row.tail_ns)
}

/// The start: from its entry to its return, with what it tried in between.
fn start(pen: &mut Pen<'_, '_>, restart: &Restart) {
    let args = Args::new()
        .with("restart", restart.id().0)
        .with("known_from", restart.known_from().word())
        .with("pid", (restart.task().pid > 0).then_some(restart.task().pid))
        .with("comm", (!restart.task().comm.is_empty()).then_some(&restart.task().comm))
        .with("tracking_status", restart.tracking_result().map(|(_, status)| status))
        .with("grace_s", restart.state().grace_s)
        .with("lease_s", restart.state().lease_s);
    let track = Track::Start(restart.netns());
    let number = restart.id().0;
    match restart.known_from() {
        KnownFrom::Observed => {
            let outcome = restart.started().map_or("end not seen".to_owned(), |(_, status)| names::status(status));
            let tracking = tracking(restart);
            let end =
                restart.started().map(|(at, _)| at).or(tracking.as_ref().map(|it| it.end)).unwrap_or(restart.began());
            let name = format!("restart {number}: nfsd starts, {outcome}");
            let mut start = slice(name, "server", restart.began(), end, args);
            start.within.extend(tracking);
            pen.slice(track, &start);
        }
        KnownFrom::KernelLog => {
            let tracking = restart.tracking_result().map(|(_, status)| names::status(status));
            let tracking = tracking.map(|it| format!(", client tracking: {it}")).unwrap_or_default();
            let name = format!("restart {number}, from the kernel log{tracking}");
            pen.instant(track, restart.began(), &name, "server", args);
        }
        KnownFrom::GraceOnly => {
            let name = format!("restart {number}, noticed by its grace period");
            pen.instant(track, restart.began(), &name, "server", args);
        }
    }
}

fn tracking(restart: &Restart) -> Option<Slice> {
    let tracking = restart.tracking();
    let attempts = &tracking.attempts;
    let returned = tracking.ended.map(|(at, _)| at);
    let begin = tracking.began.or(attempts.first().map(|attempt| attempt.began)).or(returned)?;
    let last = attempts.last().map(|attempt| attempt.ended.map_or(attempt.began, |(at, _)| at));
    let end = returned.or(restart.started().map(|(at, _)| at)).or(last).unwrap_or(begin);
    let outcome = tracking.ended.map_or("end not seen".to_owned(), |(_, status)| names::status(status));
    let stack: Vec<_> = tracking.stack.iter().rev().filter_map(|frame| frame_function(frame)).collect();
    let args = Args::new()
        .with("function", "nfsd4_client_tracking_init")
        .with("status", tracking.ended.map(|(_, status)| status))
        .with("began_seen", tracking.began.is_some())
        .with("stack", (!stack.is_empty()).then(|| stack.join(" > ")).as_ref());
    let mut slice = slice(format!("client tracking: {outcome}"), "server", begin, end, args);
    let nexts = attempts.iter().skip(1).map(|next| next.began).chain([end]);
    slice.within = attempts.iter().zip(nexts).map(|(attempt, next)| tracker(attempt, next)).collect();
    Some(slice)
}

fn tracker(attempt: &TrackerAttempt, next: Stamp) -> Slice {
    let end = attempt.ended.map_or(next, |(at, _)| at);
    let outcome = attempt.status().map_or("end not seen".to_owned(), names::status);
    let args = Args::new()
        .with("tracker", attempt.tracker.word())
        .with("function", attempt.tracker.init_function())
        .with("status", attempt.status())
        .with("began_seen", attempt.began_seen)
        .with("took_ns", attempt.took())
        .with("polls_false", attempt.polls_false);
    let name = format!("{}: {outcome}", attempt.tracker.word());
    let mut slice = slice(name, "tracker", attempt.began, end, args);
    // Of the last poll that is kept in detail only its beginning is known where more followed.
    let last = match attempt.polls.last() {
        Some(poll) if attempt.polls_false > attempt.polls.len() as u64 => poll.at,
        _ => end,
    };
    let ends = attempt.polls.iter().skip(1).map(|poll| poll.at).chain([last]);
    slice.within = attempt.polls.iter().zip(ends).map(|(poll, end)| one_poll(poll, end)).collect();
    slice
}

fn one_poll(poll: &crate::timeline::restart::Poll, end: Stamp) -> Slice {
    let answer = if poll.running { "yes" } else { "no" };
    let inferred = if poll.inferred { " (inferred)" } else { "" };
    let args = Args::new().with("running", poll.running).with("inferred", poll.inferred).with("gap_ns", poll.gap);
    slice(format!("cld_running: {answer}{inferred}"), "poll", poll.at, end, args)
}
