//! The server's side: its error path as a tree, its grace period, whom it refuses.

use std::time::Duration;

use super::{
    super::{Paint, clean, clean_tail, names, plural, rough, span},
    Page, is_milestone,
};
use crate::{
    record::{EndedBy, Errno, Manager, NfsStatus, Stamp, Surroundings},
    timeline::{Change, ClientSeen, KnownFrom, Restart, RestartId, Timeline, restart::TrackerAttempt},
};

/// Clients up to this many are named one by one as they come and go.
const FEW: usize = 8;
/// Trackers that took less before the timer was set are not worth a word.
const NOTICEABLE: Duration = Duration::from_millis(100);

pub(super) fn lines(page: Page, at: Stamp, change: &Change, timeline: &Timeline) -> Vec<String> {
    let find = |id: &RestartId| timeline.restart(*id);
    let tree = |first: (&'static str, &'static str), then: (&'static str, &'static str), paint, text: &str| {
        page.hanging(at, page.style.pick(first.0, first.1), page.style.pick(then.0, then.1), paint, text)
    };
    let inner = |paint, text: &str| tree(("   │  ├─ ", "   |  +- "), ("   │  │  ", "   |  |  "), paint, text);
    match change {
        Change::RestartBegan(id) => find(id).map_or(vec![], |restart| began(page, at, restart)),
        Change::TrackingBegan(_) => tree(("└─ ", "`- "), ("   ", "   "), Paint::Plain, "nfsd4_client_tracking_init"),
        Change::GraceGoesOn(id) => {
            page.plain(at, &format!("the grace period of restart {} is on after all: it refuses opens", id.0))
        }
        Change::History(id) => find(id).map_or(vec![], |restart| history(page, restart)),
        Change::TrackerBegan(id, place) => attempt(find(id), *place).map_or(vec![], |attempt| {
            tree(("   ├─ ", "   +- "), ("   │  ", "   |  "), Paint::Plain, attempt.tracker.init_function())
        }),
        Change::Polled(id, place) => attempt(find(id), *place).map_or(vec![], |attempt| match attempt.polls.last() {
            Some(poll) if poll.running => inner(Paint::Good, "cld_running() = true"),
            Some(poll) if attempt.polls_false == 1 => {
                inner(Paint::Plain, &format!("cld_running() = false{}", if poll.inferred { " (inferred)" } else { "" }))
            }
            _ => vec![],
        }),
        Change::TrackerEnded(id, place) => attempt(find(id), *place).map_or(vec![], |attempt| {
            let mut lines = polls(attempt).map_or(vec![], |text| inner(Paint::Plain, &text));
            let (paint, text) = returned(attempt);
            let (first, then) = if attempt.began_seen {
                (("   │  └─ ", "   |  `- "), ("   │     ", "   |     "))
            } else {
                (("   ├─ ", "   +- "), ("   │  ", "   |  "))
            };
            lines.extend(tree(first, then, paint, &text));
            lines
        }),
        Change::TrackingEnded(id) => find(id).map_or(vec![], |restart| tracked(page, at, restart)),
        Change::Started(id) => find(id).map_or(vec![], |restart| started(page, at, restart, timeline)),
        Change::GraceBegan(id, manager) => find(id).map_or(vec![], |restart| grace_began(page, at, restart, *manager)),
        Change::LengthKnown(id) => find(id)
            // A watched start tells its length when it is up.
            .filter(|restart| restart.length().is_some_and(|(_, from)| from == KnownFrom::KernelLog))
            .filter(|restart| restart.known_from() != KnownFrom::Observed || restart.started().is_some())
            .map_or(vec![], |restart| page.plain(at, &planned(page, restart, timeline))),
        Change::GraceEnded(id, manager) => find(id).map_or(vec![], |restart| grace_ended(page, at, restart, *manager)),
        Change::AnswerChanged(id) => find(id).map_or(vec![], |restart| answer(page, at, restart)),
        Change::Stopped(id) => page.plain(at, &format!("restart {}: nfsd stops", id.0)),
        Change::EndGraceWritten(id) => find(id).map_or(vec![], |restart| written(page, at, restart)),
        Change::Surroundings(id) => find(id)
            .and_then(|restart| restart.surroundings())
            .map_or(vec![], |(_, seen)| page.plain(at, &surroundings(seen))),
        Change::Logged { at, text, .. } => page.block(*at, Paint::Dim, &format!("kernel log: {}", clean(text))),
        Change::Recorded(id, client)
        | Change::Refused(id, client)
        | Change::Reclaimed(id, client)
        | Change::Completed(id, client)
        | Change::Confirmed(id, client) => find(id).map_or(vec![], |restart| {
            let client = client.and_then(|place| restart.clients().list().get(place));
            client.map_or(vec![], |client| about(page, at, change, restart, client))
        }),
        // Of a stall its own lines are told, of a stack its call path; totals show in the status block.
        Change::StallBegan(_)
        | Change::RefusedAgain(_)
        | Change::StallEnded(_)
        | Change::Woke(_)
        | Change::Retried(_)
        | Change::StackNamed(_)
        | Change::StallStackNamed(_)
        | Change::Counted => vec![],
    }
}

fn attempt(restart: Option<&Restart>, place: usize) -> Option<&TrackerAttempt> {
    restart?.tracking().attempts.get(place)
}

fn began(page: Page, at: Stamp, restart: &Restart) -> Vec<String> {
    let net = restart.netns().map(|netns| format!(" in net:[{}]", netns.0)).unwrap_or_default();
    let who = format!("{}, pid {}", clean(&restart.task().comm), restart.task().pid);
    let text = match restart.known_from() {
        KnownFrom::Observed => format!("restart {}: nfsd starts{net} ({who})", restart.id().0),
        KnownFrom::KernelLog => {
            format!("restart {}: nfsd started{net}, known from the kernel log only", restart.id().0)
        }
        KnownFrom::GraceOnly => {
            format!("restart {}: nfsd{net} is in a grace period that nobody saw begin", restart.id().0)
        }
    };
    page.block(at, Paint::Bold, &text)
}

/// A start whose grace period was over before anybody watched.
fn history(page: Page, restart: &Restart) -> Vec<String> {
    let tracker = match restart.tracking_result() {
        Some((_, Errno::OK)) => match &restart.heard().tracker {
            Some((_, name)) => format!("client tracking by {}", clean(&name.to_string())),
            None => "client tracking works".to_owned(),
        },
        Some((_, status)) => format!("no client tracker: {}", status),
        None => "client tracker unknown".to_owned(),
    };
    let length = restart.length().map(|(length, _)| format!("{} ", rough(length))).unwrap_or_default();
    let over = match restart.grace_end().map(|end| end.by) {
        Some(EndedBy::Skipped) => "its grace period was skipped".to_owned(),
        Some(EndedBy::AllReclaimed) => format!("its {length}grace period ended early"),
        _ => format!("its {length}grace period is over (computed)"),
    };
    let text = format!("earlier restart ({}), from the kernel log: {tracker}; {over}", restart.id().0);
    page.block(restart.began(), Paint::Dim, &text)
}

fn polls(attempt: &TrackerAttempt) -> Option<String> {
    let gap = attempt.mean_poll_gap()?;
    let inferred = attempt.polls.iter().any(|poll| poll.inferred);
    let how = if inferred { " (inferred from msleep)" } else { "" };
    Some(format!("{} × cld_running() = false, every {}{how}", attempt.polls_false, span(gap)))
}

fn returned(attempt: &TrackerAttempt) -> (Paint, String) {
    let Some((_, status)) = attempt.ended else { return (Paint::Plain, String::new()) };
    let took = attempt.took().map_or("; its start was not seen".to_owned(), |took| format!(" after {}", span(took)));
    let paint = if !status.is_error() { Paint::Good } else { Paint::Bad };
    (paint, format!("{} = {}{took}", attempt.tracker.init_function(), status))
}

fn tracked(page: Page, at: Stamp, restart: &Restart) -> Vec<String> {
    let tracking = restart.tracking();
    let Some((ended, status)) = tracking.ended else {
        return vec![];
    };
    let took = tracking.began.map(|began| format!(" after {}", span(ended.since(began)))).unwrap_or_default();
    let paint = if !status.is_error() { Paint::Good } else { Paint::Bad };
    let text = format!("nfsd4_client_tracking_init = {}{took}", status);
    page.hanging(at, page.style.pick("   └─ ", "   `- "), "      ", paint, &text)
}

fn planned(page: Page, restart: &Restart, timeline: &Timeline) -> String {
    let Some((length, from)) = restart.length() else {
        return "grace period: of a length that is not known yet".to_owned();
    };
    let from = if from == KnownFrom::KernelLog { " (from the kernel log)" } else { "" };
    let Some(planned) = restart.planned_end(timeline.hz()) else {
        return format!("grace period: {}{from}", rough(length));
    };
    let early = match planned.can_end_early {
        Some(true) => "; ends early when all have reclaimed",
        Some(false) => "; cannot end early by itself",
        None => "",
    };
    format!(
        "grace period: {}{from}, until {} at the earliest and {} at the latest (computed){early}",
        rough(length),
        page.moment(planned.earliest),
        page.moment(planned.latest)
    )
}

fn started(page: Page, at: Stamp, restart: &Restart, timeline: &Timeline) -> Vec<String> {
    let status = restart.started().map_or(Errno::OK, |(_, status)| status);
    if status.is_error() {
        return page.block(at, Paint::Bad, &format!("nfs4_state_start_net = {}: nfsd does not start", status));
    }
    if restart.grace_end().is_some_and(|end| end.at <= at) {
        return page.plain(at, "nfsd is up, and grants everything");
    }
    let mut text = format!("nfsd is up; {}", planned(page, restart, timeline));
    if let Some(clients) = restart.to_reclaim() {
        let clients = if clients == 0 { "no client".to_owned() } else { plural(clients.into(), "client") };
        text.push_str(&format!("; {clients} may reclaim opens and locks"));
    }
    page.plain(at, &text)
}

fn grace_began(page: Page, at: Stamp, restart: &Restart, manager: Manager) -> Vec<String> {
    match manager {
        Manager::Lockd => page.plain(at, "lockd begins a grace period of its own, for NFSv3 locks"),
        Manager::Nfsd if restart.known_from() == KnownFrom::GraceOnly => page.plain(at, "its grace period is on"),
        Manager::Nfsd => vec![],
    }
}

fn grace_ended(page: Page, at: Stamp, restart: &Restart, manager: Manager) -> Vec<String> {
    let (grace, whose) = match manager {
        Manager::Nfsd => (restart.grace(), "grace period"),
        Manager::Lockd => (restart.lockd(), "lockd's grace period"),
    };
    let Some((grace, end)) = grace.and_then(|grace| grace.ended.map(|end| (grace, end))) else { return vec![] };
    let length = if grace.began_seen { format!(" after {}", span(end.at.since(grace.began))) } else { String::new() };
    let before = match manager {
        Manager::Nfsd => {
            restart.before_timer().filter(|before| *before >= NOTICEABLE && end.at.since(grace.began) > *before)
        }
        Manager::Lockd => None,
    };
    let before = before.map(|before| format!(" ({} of it spent on trackers)", span(before))).unwrap_or_default();
    if end.by == EndedBy::Skipped {
        let text = format!("{whose} of restart {} is skipped: nobody has anything to reclaim", restart.id().0);
        return page.block(at, Paint::Good, &text);
    }
    let by = match end.by {
        EndedBy::Skipped => "at once",
        EndedBy::Timer => "by its timer",
        EndedBy::AllReclaimed => "early, since all clients have reclaimed,",
        EndedBy::V4EndGrace => "early, since v4_end_grace was written,",
        EndedBy::Shutdown => "because nfsd stops",
        EndedBy::Unknown => "for a reason that was not seen",
    };
    let refused = restart.clients().refused;
    let refused = match manager {
        Manager::Nfsd if refused > 0 => format!("; refused {}", plural(refused, "operation")),
        _ => String::new(),
    };
    let paint = if matches!(end.by, EndedBy::Timer | EndedBy::Unknown) { Paint::Warning } else { Paint::Good };
    page.block(at, paint, &format!("{whose} of restart {} ends {by}{length}{before}{refused}", restart.id().0))
}

fn answer(page: Page, at: Stamp, restart: &Restart) -> Vec<String> {
    let latest = [(restart.opens_in_grace(), "opens"), (restart.locks_in_grace(), "locks")];
    let Some((in_grace, what)) =
        latest.into_iter().find_map(|(answer, what)| answer.filter(|(when, _)| *when == at).map(|(_, is)| (is, what)))
    else {
        return vec![];
    };
    page.block(at, Paint::Dim, &format!("__state_in_grace = {in_grace} (asked for {what})"))
}

fn written(page: Page, at: Stamp, restart: &Restart) -> Vec<String> {
    let Some(write) = restart.end_grace_writes().iter().rev().find(|write| write.at == at) else { return vec![] };
    let answer = if write.status.is_error() { write.status.to_string() } else { "accepted".to_owned() };
    let paint = if write.status.is_error() { Paint::Bad } else { Paint::Plain };
    let text = format!("{} (pid {}) writes to v4_end_grace: {answer}", clean(&write.task.comm), write.task.pid);
    page.block(at, paint, &text)
}

fn surroundings(seen: &Surroundings) -> String {
    let mounts = match &seen.rpc_pipefs {
        None => "whether rpc_pipefs is mounted could not be read".to_owned(),
        Some(mounts) if mounts.is_empty() => "rpc_pipefs is not mounted".to_owned(),
        Some(mounts) => format!("rpc_pipefs is mounted at {}", clean(&mounts.join(", "))),
    };
    let daemon = match (seen.nfsdcld_pid, &seen.nfsdcld_pipe) {
        (None, _) => "nfsdcld does not run".to_owned(),
        (Some(pid), None) => format!("nfsdcld runs (pid {pid}) and holds no pipe"),
        (Some(pid), Some(pipe)) => format!("nfsdcld runs (pid {pid}) and holds {}", clean(pipe)),
    };
    format!("/proc at this moment: {mounts}; {daemon}")
}

fn name(client: &ClientSeen) -> String {
    let name = client.name.as_deref().map(|name| clean_tail(name, 40));
    match (name, client.addr) {
        (Some(name), Some(addr)) => format!("{name} ({addr})"),
        (Some(name), None) => name,
        (None, Some(addr)) => addr.to_string(),
        (None, None) => "a client (address and name unknown)".to_owned(),
    }
}

/// One client's doings: each one while there are few, then only milestones.
fn about(page: Page, at: Stamp, change: &Change, restart: &Restart, client: &ClientSeen) -> Vec<String> {
    let few = restart.clients().list().len() <= FEW;
    let who = name(client);
    match change {
        Change::Recorded(..) if few || is_milestone(restart.clients().recorded.into()) => {
            page.plain(at, &format!("on record: {who} ({} so far)", restart.clients().recorded))
        }
        Change::Confirmed(..) if few => {
            // Linux says its version in its name.
            let minor = client.minor.filter(|_| client.name.is_none());
            let minor = minor.map(|minor| format!(" (NFSv4.{minor})")).unwrap_or_default();
            page.plain(at, &format!("client {who}{minor} is back"))
        }
        Change::Completed(..) if few || is_milestone(restart.clients().completed.into()) => {
            page.plain(at, &format!("client {who} says RECLAIM_COMPLETE"))
        }
        Change::Reclaimed(..) if few && is_milestone(client.reclaims) => {
            page.plain(at, &format!("client {who} reclaims ({} so far)", client.reclaims))
        }
        Change::Refused(..) if !few && is_milestone(restart.clients().refused) => {
            let (refused, clients) = (restart.clients().refused, restart.clients().list().len());
            page.plain(at, &format!("refused {refused} operations of {clients} clients so far: {}", NfsStatus::GRACE))
        }
        Change::Refused(..) if few && is_milestone(client.refused) => {
            let Some(latest) = restart.clients().latest_refusal() else { return vec![] };
            let op = names::op(latest.op);
            let file =
                latest.name.as_deref().map(|name| format!(" of \"{}\"", clean_tail(name, 30))).unwrap_or_default();
            let outside = if latest.in_grace == Some(false) { " outside any grace period" } else { "" };
            let count = client.refused;
            page.plain(at, &format!("refused {op}{file} from {who}{outside}: {}, {count} so far", NfsStatus::GRACE))
        }
        _ => vec![],
    }
}
