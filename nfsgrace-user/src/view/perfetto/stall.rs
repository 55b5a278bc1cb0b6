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
    outcome::attempt_row,
    record::{AttemptRow, Stamp, Word, frame_function, span_text},
    timeline::{Attempt, Change, Outcome, Stall, State, Timeline, stall::Slept},
    view::names,
};

/// What changed for a stalled task.
pub(super) fn change(pen: &mut Pen<'_, '_>, at: Stamp, change: &Change, timeline: &Timeline) {
    match change {
        Change::StallBegan(id) => {
            if let Some(stall) = timeline.stalls().get(*id) {
                begin(pen, stall);
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
            let State::Ended { at: ended, outcome } = stall.state else { return };
            if let Some(attempt) = stall.latest() {
                attempt_over(pen, stall, attempt, ended, timeline);
            }
            let (status, outcome) = match outcome {
                Outcome::Status(status) => (Some(status), names::status(status)),
                Outcome::Unknown => (None, "not seen".to_owned()),
            };
            let args = Args::new().with("state", "ended").with("status", status).with("outcome", &outcome);
            end(pen, stall, ended, stall.tail, args);
            waiting(pen, at, timeline);
        }
        _ => {}
    }
}

/// Stalls that have not ended are shown as far as they came.
pub(super) fn finish(pen: &mut Pen<'_, '_>, timeline: &Timeline, now: Stamp) {
    let mut live: Vec<_> = timeline.stalls().live().collect();
    live.sort_by_key(|stall| stall.id);
    for stall in live {
        if let Some(attempt) = stall.latest() {
            attempt_over(pen, stall, attempt, now, timeline);
        }
        let state = match stall.state {
            State::Asleep { .. } => "asleep",
            State::Trying { .. } => "trying",
            State::Ended { .. } => "ended",
        };
        let args = Args::new().with("state", state).with("outcome", "not ended when the session did");
        end(pen, stall, now, timeline.tail(stall, now), args);
    }
}

fn waiting(pen: &mut Pen<'_, '_>, at: Stamp, timeline: &Timeline) {
    pen.count(Track::Waiting, at, timeline.stalls().live().len() as u64);
}

fn begin(pen: &mut Pen<'_, '_>, stall: &Stall) {
    let name = match (&stall.op, &stall.path) {
        (Some(op), Some(path)) => format!("{op} {path}"),
        (Some(name), None) | (None, Some(name)) => name.clone(),
        (None, None) => "an operation".to_owned(),
    };
    let args = Args::new()
        .with("pid", stall.task.pid)
        .with("tid", stall.task.tid)
        .with("comm", &stall.task.comm)
        .with("op", stall.op.as_ref())
        .with("path", stall.path.as_ref())
        .with("server", stall.server.as_ref())
        .with("restart", stall.restart.map(|id| id.0))
        .with("began_ns", stall.id.began)
        .with("began_seen", stall.began_seen);
    pen.begin(Track::Task(&stall.task), stall.id.began, &name, "stall", args);
}

fn end(pen: &mut Pen<'_, '_>, stall: &Stall, at: Stamp, tail: Option<Duration>, args: Args) {
    let stack: Vec<_> = stall.stack.iter().rev().filter_map(|frame| frame_function(frame)).collect();
    let args = args
        .with("total_ns", stall.length(at))
        .with("tail_ns", tail)
        .with("refused", stall.refused)
        .with("refused_delay", stall.refused_delay)
        .with("stack", (!stack.is_empty()).then(|| stack.join(" > ")).as_ref());
    pen.end(Track::Task(&stall.task), at, &args);
    if let Some(tail) = tail.filter(|tail| !tail.is_zero()) {
        let begin = Stamp(at.0.saturating_sub(u64::try_from(tail.as_nanos()).unwrap_or(u64::MAX)));
        let args = Args::new().with("tail_ns", tail).with("restart", stall.restart.map(|id| id.0));
        let (name, category) = ("tail after the grace period's end".to_owned(), "tail");
        let slice = Slice { name, category, begin, end: at, flow: None, args, within: Vec::new() };
        pen.slice(Track::Tail(&stall.task), &slice);
    }
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
