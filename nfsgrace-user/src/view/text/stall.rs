//! The client's side: who is refused, how long each sleeps, when it is free.

use super::{
    super::{Paint, clean, clean_tail, plural, rough_range, span},
    Page, is_milestone,
};
use crate::{
    record::{Refusal, Stamp, errno_name},
    timeline::{Change, Free, Outcome, Stall, Timeline, Unknown, stall::How},
};

/// Stalls up to this many are shown try by try; the status block shows more.
const FEW: usize = 8;

pub(super) fn lines(page: Page, at: Stamp, change: &Change, timeline: &Timeline) -> Vec<String> {
    let stalls = timeline.stalls();
    let few = stalls.live().len() <= FEW;
    match change {
        Change::StallBegan(id) | Change::RefusedAgain(id) => match stalls.get(*id) {
            Some(stall) if few || (stall.refused == 1 && is_milestone(stalls.live().len() as u64)) => {
                page.plain(at, &refused(stall, at, timeline))
            }
            _ => vec![],
        },
        Change::StallStackNamed(id) => match stalls.get(*id) {
            Some(stall) if stalls.totals.ended == 0 && stalls.live().len() == 1 => {
                let arrow = page.style.pick(" → ", " > ");
                let frames: Vec<_> = stall.stack.iter().rev().map(|frame| clean(frame)).collect();
                page.block(at, Paint::Dim, &format!("path: {}", frames.join(arrow)))
            }
            _ => vec![],
        },
        Change::StallEnded(stall) if few || is_milestone(stalls.totals.ended) || stalls.live().len() == 0 => {
            let (paint, text) = ended(stall, at);
            page.block(at, paint, &text)
        }
        _ => vec![],
    }
}

/// Who a stall is about: `sh (pid 230) /mnt/first`.
pub(super) fn who(stall: &Stall, columns: usize) -> String {
    let file = stall.path.as_deref().map(|path| format!(" {}", clean_tail(path, columns))).unwrap_or_default();
    format!("{} (pid {}){file}", clean(&stall.task.comm), stall.task.pid)
}

fn refused(stall: &Stall, at: Stamp, timeline: &Timeline) -> String {
    let Some(latest) = stall.latest() else { return who(stall, 40) };
    let error = match latest.refusal {
        Refusal::Grace => "NFS4ERR_GRACE",
        Refusal::Delay => "NFS4ERR_DELAY",
    };
    let sleep = match latest.asked {
        None => "sleeps for an unknown time".to_owned(),
        Some(asked) => {
            let how = if asked.how == How::Computed { " (computed)" } else { "" };
            format!("sleeps {}{how}", span(asked.span))
        }
    };
    let free = free(timeline.stall_forecast(stall, at).free, at);
    format!("{}: {error} at try {}, {sleep}; {free}", who(stall, 40), latest.number)
}

/// When a task is free, in words.
pub(super) fn free(free: Free, now: Stamp) -> String {
    match free {
        Ok(between) => format!("free in {}", rough_range(between.left(now))),
        Err(Unknown::ServerNotSeen) => "free: unknown (the server is not seen from here)".to_owned(),
        Err(Unknown::GraceEnd) => "free: unknown (the end of the grace period is not known)".to_owned(),
        Err(Unknown::Overdue) => "free: overdue (the grace period should be over)".to_owned(),
        Err(Unknown::Delay) => "free: unknown (the server is busy)".to_owned(),
        Err(Unknown::Sleep) => "free: unknown (the length of its sleep is not known)".to_owned(),
    }
}

fn ended(stall: &Stall, at: Stamp) -> (Paint, String) {
    use crate::timeline::State;
    let outcome = match stall.state {
        State::Ended { outcome: Outcome::Status(status), .. } if status < 0 => {
            let name = errno_name(status).map(|name| format!(" [-{name}]")).unwrap_or_default();
            format!("failed with {status}{name}")
        }
        State::Ended { outcome: Outcome::Status(_), .. } => "is free".to_owned(),
        _ => "is over (its end was not seen)".to_owned(),
    };
    let tail = match stall.tail {
        Some(tail) if !tail.is_zero() => format!(", {} of it after the grace period", span(tail)),
        _ => String::new(),
    };
    let seen = if stall.began_seen { "" } else { "at least " };
    let text = format!(
        "{} {outcome} after {seen}{}, {}{tail}",
        who(stall, 40),
        span(stall.length(at)),
        plural(stall.refused, "refusal")
    );
    (Paint::Good, text)
}
