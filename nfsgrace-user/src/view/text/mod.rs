//! The live view: permanent lines as things happen, and a block of lines that is redrawn in place.
//!
//! Both are functions of what they are given: [`lines`] of one item and the session at that moment, [`status`] of the
//! timeline and a moment. Times are seconds of the session's clock (`CLOCK_BOOTTIME`), as in the kernel log.

mod path;
mod server;
mod stall;
mod status;
mod verdict;

pub use status::status;
pub(super) use verdict::{cost as verdict_cost, title as verdict_title};

use super::{Paint, Style, clean, moment, wrap};
use crate::{
    outcome::Conclusion,
    record::{Header, Loss, Role, Stamp, VerdictRecord},
    session::{Item, Session},
    timeline::{Change, Restart, Timeline},
};

/// Columns of the time stamp and the space after it.
const INDENT: usize = 11;

/// The lines to print for one item, each at most `width` columns wide. Empty where the item shows in the status block only.
#[must_use]
pub fn lines(item: &Item, session: &Session, width: usize, style: Style) -> Vec<String> {
    lines_on(item, session, 0, width, style)
}

/// The same, with times on another host's clock, which is this far ahead.
#[must_use]
pub fn lines_on(item: &Item, session: &Session, ahead_ns: i64, width: usize, style: Style) -> Vec<String> {
    let page = Page { width: width.max(40), style, ahead_ns };
    let timeline = session.timeline();
    match item {
        Item::Header(header) => page.plain(header.started, &head(header)),
        Item::Loss(loss) => page.block(loss.at, Paint::Warning, &lost(loss)),
        Item::Verdict { at, revision } => verdict::lines(page, &Conclusion::of(*at, revision, timeline)),
        Item::CallPath { at, functions } => call_path(page, *at, functions),
        Item::Others { at, others } => stall::others(page, *at, others),
        Item::Change { at, change } => match change {
            Change::StallBegan(_) | Change::RefusedAgain(_) | Change::StallEnded(_) => {
                stall::lines(page, *at, change, session)
            }
            change => server::lines(page, *at, change, timeline),
        },
    }
}

/// A verdict in short with what it cost, as the end of a session shows it.
pub(super) fn verdict_lines(verdict: &VerdictRecord, width: usize, alone: bool, style: Style) -> Vec<String> {
    verdict::short(Page { width, style, ahead_ns: 0 }, verdict, alone)
}

/// The server's way through one start: its trackers, its grace period, what ended it.
#[must_use]
pub fn path(restart: &Restart, timeline: &Timeline, width: usize, style: Style) -> Vec<String> {
    path::lines(Page { width: width.max(40), style, ahead_ns: 0 }, restart, timeline)
}

/// The way that led into a function, outermost first.
fn call_path(page: Page, at: Stamp, functions: &[String]) -> Vec<String> {
    let names: Vec<_> = functions.iter().map(|name| clean(name)).collect();
    let arrow = page.style.pick(" → ", " > ");
    page.hanging(at, "", "  ", Paint::Dim, &format!("call path: {}", names.join(arrow)))
}

fn head(header: &Header) -> String {
    let hz = header.hz.map_or("HZ unknown".to_owned(), |hz| format!("HZ {hz}"));
    let side = match header.role {
        Role::Server => "the server side",
        Role::Client => "the client side",
        Role::Both => "server and client side",
    };
    format!("watching {side} of {} (kernel {}, {hz})", clean(&header.host), clean(&header.kernel))
}

fn lost(loss: &Loss) -> String {
    format!("{} records LOST ({}); they may hide {}", loss.count, clean(&loss.cause), clean(&loss.hides))
}

/// Lays lines out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    pub(super) width: usize,
    pub(super) style: Style,
    /// What to add to the times, nanoseconds.
    pub(super) ahead_ns: i64,
}

impl Page {
    /// One paragraph with a time stamp; continuation lines are indented below its text.
    pub(super) fn plain(self, at: Stamp, text: &str) -> Vec<String> {
        self.block(at, Paint::Plain, text)
    }

    /// One coloured paragraph with a time stamp.
    pub(super) fn block(self, at: Stamp, paint: Paint, text: &str) -> Vec<String> {
        self.hanging(at, "", "", paint, text)
    }

    /// A paragraph behind a branch of a tree; `then` continues the tree on the lines after the first.
    pub(super) fn hanging(self, at: Stamp, first: &str, then: &str, paint: Paint, text: &str) -> Vec<String> {
        let room = self.width.saturating_sub(INDENT + super::width(first).max(super::width(then)));
        wrap(text, room)
            .into_iter()
            .enumerate()
            .map(|(index, line)| {
                let text = self.style.paint(paint, &line);
                if index == 0 {
                    format!("{}{first}{text}", self.stamp(at))
                } else {
                    format!("{}{then}{text}", " ".repeat(INDENT))
                }
            })
            .collect()
    }

    /// A paragraph without a time stamp behind a label.
    pub(super) fn labelled(self, indent: usize, label: &str, columns: usize, text: &str) -> Vec<String> {
        let room = self.width.saturating_sub(indent + columns);
        wrap(text, room)
            .into_iter()
            .enumerate()
            .map(|(index, line)| {
                let label = if index == 0 { label } else { "" };
                let pad = " ".repeat(columns.saturating_sub(super::width(label)));
                format!("{}{}{pad}{line}", " ".repeat(indent), self.style.paint(Paint::Bold, label))
            })
            .collect()
    }

    /// A moment, in seconds.
    pub(super) fn moment(self, at: Stamp) -> String {
        if self.ahead_ns == 0 {
            return moment(at);
        }
        let at = i128::from(at.0) + i128::from(self.ahead_ns);
        let sign = if at < 0 { "-" } else { "" };
        format!("{sign}{}", moment(Stamp(u64::try_from(at.unsigned_abs()).unwrap_or(u64::MAX))))
    }

    fn stamp(self, at: Stamp) -> String {
        self.style.paint(Paint::Dim, &format!("{:>width$} ", self.moment(at), width = INDENT - 1))
    }
}

/// Whether a count is worth a line: the first ones, and then each power of ten.
pub(super) fn is_milestone(count: u64) -> bool {
    let mut power = 1;
    while power < count {
        power *= 10;
    }
    count == power
}
