//! The lane of one stalled task.

use std::time::Duration;

use serde::Serialize;

use super::{Place, Span};
use crate::{
    record::{Refusal, StallRow, Stamp},
    view::{clean, errno, plural, span},
};

/// One stalled task: what it waited for, each of its tries, and what came after the end of the grace period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StallLane {
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Name of the thread.
    pub comm: String,
    /// Path of the file, as far as known.
    pub path: Option<String>,
    /// Kernel function that ran the operation.
    pub op: Option<String>,
    /// Server that refused.
    pub server: Option<String>,
    /// Number of the restart that caused it, where it is known.
    pub restart: Option<u32>,
    /// When it began.
    pub began: f64,
    /// False when that is the first refusal seen.
    pub began_seen: bool,
    /// Its end.
    pub end: StallEnd,
    /// Its length, nanoseconds.
    pub total_ns: u64,
    /// Refusals.
    pub refused: u64,
    /// Of these, NFS4ERR_DELAY.
    pub refused_delay: u64,
    /// How much of it lies after the end of the grace period; absent where that is not known.
    pub tail_ns: Option<u64>,
    /// Where that lies.
    pub tail: Option<Span>,
    /// What it cost, in words.
    pub label: String,
    /// The tries that are kept, in order; they do not overlap.
    pub attempts: Vec<AttemptBar>,
    /// Tries in the middle that are only counted.
    pub attempts_not_listed: u64,
}

/// The end of a stall.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StallEnd {
    /// Its operation returned; no `status` where the task died or its end was only inferred.
    Ended {
        /// When.
        at: f64,
        /// Zero or a negative errno.
        status: Option<i32>,
        /// In words.
        text: String,
    },
    /// It lasts, at the end of the session.
    Asleep {
        /// The end of the session.
        at: f64,
    },
    /// It lasts, and its request is on the way.
    Trying {
        /// The end of the session.
        at: f64,
    },
}

impl StallEnd {
    /// Where the lane ends.
    #[must_use]
    pub fn at(&self) -> f64 {
        match self {
            Self::Ended { at, .. } | Self::Asleep { at } | Self::Trying { at } => *at,
        }
    }
}

/// One refusal, the sleep after it, and the next try.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptBar {
    /// Counted from 1.
    pub attempt: u64,
    /// When it was refused, and the sleep began.
    pub at: f64,
    /// With what.
    pub refusal: Refusal,
    /// The end of the sleep; absent while it lasts, and where it was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub woke: Option<f64>,
    /// The next refusal, or the end of the stall; absent while the stall lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<f64>,
    /// The end of the sleep as it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<f64>,
    /// The sleep asked for, nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_ns: Option<u64>,
    /// Whether that was computed rather than seen.
    pub computed: bool,
    /// The time slept, nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slept_ns: Option<u64>,
    /// Time to the next refusal, or to the end, nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_ns: Option<u64>,
    /// Why it slept longer than asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excess: Option<String>,
}

impl StallLane {
    /// From its beginning to its end.
    #[must_use]
    pub fn span(&self) -> Span {
        Span::new(self.began, self.end.at())
    }

    /// From the first to the last that is drawn of it: a sleep may have been asked for that reaches beyond its end.
    #[must_use]
    pub fn extent(&self) -> Span {
        let dues = self.attempts.iter().filter_map(|attempt| attempt.due);
        dues.map(|due| Span::new(due, due)).fold(self.span(), Span::join)
    }

    /// Who waits for what, in short.
    #[must_use]
    pub fn who(&self) -> String {
        let path = self.path.as_ref().map(|path| format!(" {path}")).unwrap_or_default();
        format!("{} {}{path}", self.comm, self.tid)
    }
}

pub(super) fn lane(place: &Place<'_>, row: StallRow) -> StallLane {
    let cleaned = |text: Option<&String>| text.map(|text| clean(text).into_owned());
    let began = place.at(row.began);
    let last = row.ended.unwrap_or(place.now);
    let span = Span::new(began, place.at(last));
    let end = match row.state.as_str() {
        "ended" => StallEnd::Ended { at: span.to, status: row.status, text: outcome(row.status) },
        "trying" => StallEnd::Trying { at: span.to },
        _ => StallEnd::Asleep { at: span.to },
    };
    let tail = row.tail_ns.filter(|tail| *tail > 0).map(|tail| {
        let from = place.at(Stamp(row.began.0.saturating_add(row.total_ns).saturating_sub(tail)));
        Span::new(from.clamp(span.from, span.to), span.to)
    });
    StallLane {
        comm: clean(&row.comm).into_owned(),
        path: cleaned(row.path.as_ref()),
        op: cleaned(row.op.as_ref()),
        server: cleaned(row.server.as_ref()),
        label: label(&row),
        attempts: attempts(place, &row, span),
        pid: row.pid,
        tid: row.tid,
        restart: row.restart,
        began,
        began_seen: row.began_seen,
        end,
        total_ns: row.total_ns,
        refused: row.refused,
        refused_delay: row.refused_delay,
        tail_ns: row.tail_ns,
        tail,
        attempts_not_listed: row.attempts_not_listed,
    }
}

fn attempts(place: &Place<'_>, row: &StallRow, lane: Span) -> Vec<AttemptBar> {
    // Where times go backwards, bars end up empty rather than over one another.
    let mut earliest = lane.from;
    let mut bars = Vec::with_capacity(row.attempts.len());
    for attempt in &row.attempts {
        let at = place.at(attempt.refused).clamp(earliest, lane.to);
        let moment = |ns: Option<u64>| ns.map(|ns| place.at(attempt.refused.plus(Duration::from_nanos(ns))));
        let next = moment(attempt.gap_ns).map(|next| next.clamp(at, lane.to));
        let woke = moment(attempt.slept_ns).map(|woke| woke.clamp(at, next.unwrap_or(lane.to)));
        earliest = next.unwrap_or(at);
        bars.push(AttemptBar {
            attempt: attempt.attempt,
            at,
            refusal: attempt.refusal,
            woke,
            next,
            due: moment(attempt.asked_ns).map(|due| due.max(at)),
            asked_ns: attempt.asked_ns,
            computed: attempt.asked_computed,
            slept_ns: attempt.slept_ns,
            gap_ns: attempt.gap_ns,
            excess: attempt.excess.as_deref().map(|excess| clean(excess).into_owned()),
        });
    }
    bars
}

fn outcome(status: Option<i32>) -> String {
    match status {
        None => "its end was not seen".to_owned(),
        Some(0) => "free".to_owned(),
        Some(status) => format!("failed with {}", errno(status)),
    }
}

/// What it cost: `26.283 s lost, 6.929 s of it after the grace period`.
fn label(row: &StallRow) -> String {
    let ns = |ns| span(Duration::from_nanos(ns));
    let at_least = if row.began_seen { "" } else { "at least " };
    let lost = if row.ended.is_some() { "lost" } else { "so far" };
    let tail = match row.tail_ns {
        Some(tail) if tail > 0 => format!(", {} of it after the grace period", ns(tail)),
        _ => String::new(),
    };
    format!("{at_least}{} {lost}{tail}; {}", ns(row.total_ns), plural(row.refused, "refusal"))
}
