//! The client's side: who is refused, how long each sleeps, when it is free.

use std::time::Duration;

use super::{
    super::{Paint, clean, clean_tail, plural, rough, rough_range, span, summary::waited_for},
    Page,
};
use crate::{
    outcome,
    record::{StallRow, Stamp},
    session::{Others, Session},
    timeline::{Change, Foretold, Stall, Unknown},
};

pub(super) fn lines(page: Page, at: Stamp, change: &Change, session: &Session) -> Vec<String> {
    let stalls = session.timeline().stalls();
    match change {
        Change::StallBegan(id) | Change::RefusedAgain(id) => {
            stalls.get(*id).map_or(vec![], |stall| page.plain(at, &refused(stall, at, session)))
        }
        Change::StallEnded(stall) => {
            let (paint, text) = ended(stall, at, session);
            page.block(at, paint, &text)
        }
        _ => vec![],
    }
}

/// Tasks that are too many to be told one by one.
pub(super) fn others(page: Page, at: Stamp, others: &Others) -> Vec<String> {
    let Others { waiting, free, longest, longest_tail, last_free, unknown } = *others;
    if waiting == 0 {
        let tail = match longest_tail {
            Duration::ZERO => String::new(),
            tail => format!(", up to {} of it after the grace period", span(tail)),
        };
        let were = if free == 1 { "task is" } else { "tasks are" };
        return page.block(at, Paint::Good, &format!("… {free} more {were} free after up to {}{tail}", span(longest)));
    }
    let wait = if waiting == 1 { "task waits" } else { "tasks wait" };
    let freed = match free {
        0 => String::new(),
        1 => ", 1 is free again".to_owned(),
        count => format!(", {count} are free again"),
    };
    let last = match last_free {
        Some(last) => format!("; the last one is free in about {} (computed)", rough(last.left(at).1)),
        None => String::new(),
    };
    let unknown = match unknown {
        0 => String::new(),
        1 => "; 1 task until an unknown time".to_owned(),
        count => format!("; {count} tasks until an unknown time"),
    };
    page.plain(at, &format!("… {waiting} more {wait}{freed}{last}{unknown}"))
}

/// Who a stall is about: `sh (pid 230) /mnt/first`.
pub(super) fn who(stall: &Stall, columns: usize) -> String {
    let file = stall.path.as_deref().map(|path| format!(" {}", clean_tail(path, columns))).unwrap_or_default();
    format!("{} (pid {}){file}", clean(&stall.task.comm), stall.task.pid)
}

fn refused(stall: &Stall, at: Stamp, session: &Session) -> String {
    let timeline = session.timeline();
    let Some(latest) = stall.latest().map(|latest| outcome::attempt(timeline, latest)) else { return who(stall, 40) };
    let sleep = match latest.asked_ns {
        None => "sleeps for an unknown time".to_owned(),
        Some(asked) => {
            let how = if latest.asked_computed { " (computed)" } else { "" };
            format!("sleeps {}{how}", span(Duration::from_nanos(asked)))
        }
    };
    let free = free(timeline.stall_forecast(stall, at).free, at);
    let server = elsewhere("waits", &outcome::stall_without_attempts(session, stall, at));
    format!("{}: {} at try {}, {sleep}; {free}{server}", who(stall, 40), latest.refusal, latest.attempt)
}

/// What it waits for on another host.
fn elsewhere(waits: &str, row: &StallRow) -> String {
    let server = waited_for(row).filter(|_| row.server_host.is_some());
    server.map(|server| format!("; {waits} for {server}")).unwrap_or_default()
}

/// When a task is free, in words.
pub(super) fn free(free: Foretold, now: Stamp) -> String {
    match free {
        Ok(between) => format!("free in {}", rough_range(between.left(now))),
        Err(Unknown::ServerNotSeen) => "free: unknown (the server is not seen from here)".to_owned(),
        Err(Unknown::GraceEnd) => "free: unknown (the end of the grace period is not known)".to_owned(),
        Err(Unknown::Overdue) => "free: overdue (the grace period should be over)".to_owned(),
        Err(Unknown::Delay) => "free: unknown (the server is busy)".to_owned(),
        Err(Unknown::Sleep) => "free: unknown (the length of its sleep is not known)".to_owned(),
    }
}

fn ended(stall: &Stall, at: Stamp, session: &Session) -> (Paint, String) {
    let row = outcome::stall_without_attempts(session, stall, at);
    let how = match row.status {
        Some(status) if status.is_error() => format!("failed with {status}"),
        Some(_) => "is free".to_owned(),
        None => "is over (its end was not seen)".to_owned(),
    };
    let ns = |ns| span(Duration::from_nanos(ns));
    let tail = match row.tail_ns {
        Some(tail) if tail > 0 => format!(", {} of it after the grace period", ns(tail)),
        _ => String::new(),
    };
    let seen = if row.began_seen { "" } else { "at least " };
    let (length, refusals) = (ns(row.total_ns), plural(row.refused, "refusal"));
    let server = elsewhere("waited", &row);
    (Paint::Good, format!("{} {how} after {seen}{length}, {refusals}{tail}{server}", who(stall, 40)))
}
