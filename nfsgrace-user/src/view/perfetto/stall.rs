//! The client's side: a slice for each stall, in it one for each refusal, in that the sleep; the tail beneath.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use super::{
    args::Args,
    pen::{Pen, Slice},
    track::Track,
};
use crate::{
    outcome::{attempt as attempt_row, stall_without_attempts},
    record::{AttemptRow, StallRow, Stamp, Word, frame_function, span_text},
    session::Session,
    timeline::{Attempt, Change, Stall, Timeline, stall::Slept},
    view::{joined, names},
};

/// What changed for a stalled task.
pub(super) fn change(pen: &mut Pen<'_, '_>, at: Stamp, change: &Change, session: &Session) {
    let timeline = session.timeline();
    match change {
        Change::StallBegan(id) => {
            if let Some(stall) = timeline.stalls().get(*id) {
                begin(pen, stall, &stall_without_attempts(session, stall, at));
            }
            waiting(pen, at, timeline);
        }
        Change::RefusedAgain(id) => {
            // The attempt before this one is over.
            let stall = timeline.stalls().get(*id);
            if let Some((stall, attempt)) = stall.and_then(|stall| Some((stall, stall.attempts().rev().nth(1)?))) {
                attempt_over(pen, stall, attempt, at, timeline);
            }
        }
        Change::StallEnded(stall) => {
            end(pen, stall, at, session);
            waiting(pen, at, timeline);
        }
        _ => {}
    }
}

/// Stalls that have not ended are shown as far as they came.
pub(super) fn finish(pen: &mut Pen<'_, '_>, session: &Session, now: Stamp) {
    let mut live: Vec<_> = session.timeline().stalls().live().collect();
    live.sort_by_key(|stall| stall.id);
    for stall in live {
        end(pen, stall, now, session);
    }
}

fn waiting(pen: &mut Pen<'_, '_>, at: Stamp, timeline: &Timeline) {
    pen.count(Track::Waiting, at, timeline.stalls().live().len() as u64);
}

fn begin(pen: &mut Pen<'_, '_>, stall: &Stall, row: &StallRow) {
    let name = match (&row.op, &row.path) {
        (Some(op), Some(path)) => format!("{op} {path}"),
        (Some(name), None) | (None, Some(name)) => name.clone(),
        (None, None) => "an operation".to_owned(),
    };
    let args = Args::new()
        .with("pid", row.pid)
        .with("tid", row.tid)
        .with("comm", &row.comm)
        .with("op", row.op.as_ref())
        .with("path", row.path.as_ref())
        .with("server", row.server.as_ref())
        .with("restart", row.restart)
        .with("began_ns", row.began)
        .with("began_seen", row.began_seen);
    pen.begin(Track::Task(&stall.task), row.began, &name, "stall", args);
}

/// Its last attempt, its end and its tail; up to `now` where it lasts.
fn end(pen: &mut Pen<'_, '_>, stall: &Stall, now: Stamp, session: &Session) {
    let row = stall_without_attempts(session, stall, now);
    let at = row.ended.unwrap_or(now);
    if let Some(attempt) = stall.latest() {
        attempt_over(pen, stall, attempt, at, session.timeline());
    }
    let outcome = match (row.ended, row.status) {
        (None, _) => "not ended when the session did".to_owned(),
        (Some(_), None) => "not seen".to_owned(),
        (Some(_), Some(status)) => names::status(status),
    };
    let stack: Vec<_> = stall.stack.iter().rev().filter_map(|frame| frame_function(frame)).collect();
    let args = Args::new()
        .with("state", row.state.as_str())
        .with("status", row.status.map(|status| status.0))
        .with("outcome", &outcome)
        .with("total_ns", row.total_ns)
        .with("grace_ns", row.grace_ns)
        .with("tail_ns", row.tail_ns)
        .with("error_ns", row.error_ns)
        .with("free_by_ns", row.free_by)
        .with("refused", row.refused)
        .with("refused_delay", row.refused_delay)
        .with("stack", (!stack.is_empty()).then(|| stack.join(" > ")).as_ref());
    pen.end(Track::Task(&stall.task), at, &waited_for(args, &row));
    tail(pen, stall, &row, at);
}

/// What it waited for.
fn waited_for(args: Args, row: &StallRow) -> Args {
    let causes = (!row.causes.is_empty()).then(|| joined(&row.causes, "|"));
    args.with("server_host", row.server_host.as_ref())
        .with("server_restart", row.server_restart)
        .with("causes", causes.as_ref())
}

fn tail(pen: &mut Pen<'_, '_>, stall: &Stall, row: &StallRow, at: Stamp) {
    let Some(tail_ns) = row.tail_ns.filter(|tail_ns| *tail_ns > 0) else { return };
    let args = Args::new().with("tail_ns", tail_ns).with("restart", row.restart);
    let slice = Slice {
        name: "tail after the grace period's end".to_owned(),
        category: "tail",
        begin: Stamp(at.0.saturating_sub(tail_ns)),
        end: at,
        flow: None,
        args: waited_for(args, row),
        within: Vec::new(),
    };
    pen.slice(Track::Tail(&stall.task), &slice);
}

/// One refusal and the sleep after it, which lasted until `until`.
fn attempt_over(pen: &mut Pen<'_, '_>, stall: &Stall, attempt: &Attempt, until: Stamp, timeline: &Timeline) {
    let row = attempt_row(timeline, attempt);
    let AttemptRow { attempt: number, refused, refusal, xid, asked_ns, asked_computed, slept_ns, gap_ns, excess } =
        &row;
    let computed = if *asked_computed { " (computed)" } else { "" };
    let asked = asked_ns.map(|ns| format!(", asked for {}{computed}", span_text(Duration::from_nanos(ns))));
    let (woke, end_seen, seen) = match attempt.slept() {
        Some(Slept::Exactly(span)) => (refused.plus(span), true, ""),
        Some(Slept::AtMost(span)) => (refused.plus(span), false, ", end not seen"),
        None => (until, false, ", not over"),
    };
    let sleep = Slice {
        name: format!("sleep{}{seen}", asked.unwrap_or_default()),
        category: "sleep",
        begin: *refused,
        end: woke,
        flow: None,
        args: Args::new().with("asked_ns", *asked_ns).with("slept_ns", *slept_ns).with("end_seen", end_seen),
        within: Vec::new(),
    };
    let args = Args::new()
        .with("attempt", *number)
        .with("refused_ns", *refused)
        .with("xid", *xid)
        .with("asked_ns", *asked_ns)
        .with("asked_computed", *asked_computed)
        .with("slept_ns", *slept_ns)
        .with("gap_ns", *gap_ns)
        .with("excess", excess.as_ref().map(Word::as_str));
    let slice = Slice {
        name: format!("refusal {number}: {}", refusal),
        category: "attempt",
        begin: *refused,
        end: until,
        flow: Some(flow(pen.host, stall)),
        args,
        within: vec![sleep],
    };
    pen.slice(Track::Task(&stall.task), &slice);
}

/// Joins the refusals of one stall.
fn flow(host: u32, stall: &Stall) -> u64 {
    let mut hasher = DefaultHasher::new();
    ("refusals of a stall", host, stall.id).hash(&mut hasher);
    hasher.finish().max(1)
}
