//! A trace of the timeline that Perfetto's UI and its trace processor open.
//!
//! ```
//! # use nfsgrace::{record::Line, session::Session, view::perfetto::{Host, Trace}};
//! # fn export(lines: Vec<Line>, mut out: impl std::io::Write) -> std::io::Result<()> {
//! let (mut trace, mut host, mut session) = (Trace::new(), Host::alone(), Session::new());
//! for line in lines {
//!     let update = session.record(line.clone());
//!     host.record(&mut trace, &line, &update, &session);
//!     trace.write_to(&mut out)?;                  // what is ready: memory does not grow with the session
//! }
//! let now = session.timeline().now();
//! let update = session.finish(now);
//! host.finish(&mut trace, &update, &session, now);
//! trace.write_to(&mut out)
//! # }
//! ```
//!
//! Several hosts share one [`Trace`]: one [`Host`] and one session for each, and an [`Axis`] that puts a host's clock on the
//! axis that they share.

mod args;
mod pen;
mod proto;
mod server;
mod stall;
mod trace;
mod track;

use std::collections::BTreeSet;

use args::Args;
use pen::Pen;
pub use trace::Trace;
use track::Track;

use super::{Axis, joined, plural};
use crate::{
    outcome::Conclusion,
    record::{Header, Line, Loss, Stamp, VerdictRecord},
    session::{Session, Update},
    timeline::{Change, RestartId, Timeline},
};

/// Restarts that are written later, when all about them is known. Less than the timeline keeps.
const MAX_OPEN: usize = crate::timeline::MAX_RESTARTS / 2;

/// Writes what one host saw into a trace.
#[derive(Debug)]
pub struct Host<'axis> {
    number: u32,
    axis: Axis<'axis>,
    name: Option<String>,
    /// Restarts that are not written yet.
    open: BTreeSet<RestartId>,
    refused: server::Refusals,
    lost: u64,
}

impl Host<'static> {
    /// The only host of a trace.
    #[must_use]
    pub fn alone() -> Self {
        Self::new(0, Axis::own())
    }
}

impl<'axis> Host<'axis> {
    /// The host with this number, counted from 0. The wall clock of the trace is that of number 0.
    #[must_use]
    pub fn new(number: u32, axis: Axis<'axis>) -> Self {
        Self { number, axis, name: None, open: BTreeSet::new(), refused: server::Refusals::default(), lost: 0 }
    }

    /// A line of the session, and what it changed.
    pub fn record(&mut self, trace: &mut Trace, line: &Line, update: &Update, session: &Session) {
        let timeline = session.timeline();
        match line {
            Line::Header(header) => self.header(trace, header),
            Line::Event(event) => {
                self.restarts(trace, &update.changes, timeline);
                let mut refused = std::mem::take(&mut self.refused);
                let mut pen = self.pen(trace);
                server::event(&mut pen, &mut refused, event, &update.changes, timeline);
                for change in &update.changes {
                    stall::change(&mut pen, event.at, change, session);
                }
                self.refused = refused;
            }
            Line::Clock(sample) => self.pen(trace).clock(sample.at, sample.realtime_minus_boottime_ns),
            Line::Loss(loss) => self.loss(trace, loss),
            Line::Verdict(_) | Line::Summary(_) | Line::Paired(_) => {}
        }
        self.told(trace, update, session);
    }

    /// Verdicts that time alone changed: of [`Session::tick`].
    pub fn told(&mut self, trace: &mut Trace, update: &Update, session: &Session) {
        for conclusion in Conclusion::all(update, session.timeline()) {
            verdict(&mut self.pen(trace), &conclusion.verdict);
        }
    }

    /// The session is over: what has not ended is written as far as it came.
    pub fn finish(&mut self, trace: &mut Trace, update: &Update, session: &Session, now: Stamp) {
        let timeline = session.timeline();
        let now = now.max(timeline.now());
        for id in std::mem::take(&mut self.open) {
            self.write_restart(trace, id, timeline, now);
        }
        let mut pen = self.pen(trace);
        stall::finish(&mut pen, session, now);
        let not_followed = timeline.stalls().totals.not_followed;
        if not_followed > 0 {
            let name = format!("{} not followed: too many at a time", plural(not_followed, "stall"));
            pen.instant(Track::Losses, now, &name, "loss", Args::new().with("count", not_followed));
        }
        self.told(trace, update, session);
    }

    fn pen<'a>(&'a mut self, trace: &'a mut Trace) -> Pen<'a, 'axis> {
        let name = self.name.get_or_insert_with(|| "a host without a name".to_owned());
        Pen { trace, host: self.number, name, axis: &self.axis }
    }

    fn header(&mut self, trace: &mut Trace, header: &Header) {
        let (host, kernel) = (super::clean(&header.host), super::clean(&header.kernel));
        if !host.is_empty() {
            let name = if kernel.is_empty() { host.to_string() } else { format!("{host} (Linux {kernel})") };
            self.name.get_or_insert(name);
        }
        let mut pen = self.pen(trace);
        pen.clock(header.started, header.realtime_minus_boottime_ns);
        if pen.host == 0 {
            pen.trace.system_info(header.started, &host, &kernel);
        }
    }

    /// A restart is written when the next one in its namespace begins: till then something about it may still change.
    fn restarts(&mut self, trace: &mut Trace, changes: &[Change], timeline: &Timeline) {
        for change in changes {
            let (Change::RestartBegan(new) | Change::History(new)) = change else { continue };
            let netns = timeline.restart(*new).and_then(|restart| restart.netns());
            let is_over = |id: &RestartId| {
                if id == new {
                    return false;
                }
                let of = timeline.restart(*id).and_then(|restart| restart.netns());
                netns.is_none() || of.is_none() || of == netns
            };
            let over: Vec<_> = self.open.extract_if(.., is_over).collect();
            let oldest = (self.open.len() >= MAX_OPEN).then(|| self.open.pop_first()).flatten();
            for id in over.into_iter().chain(oldest) {
                self.write_restart(trace, id, timeline, timeline.now());
            }
            self.open.insert(*new);
        }
    }

    fn write_restart(&mut self, trace: &mut Trace, id: RestartId, timeline: &Timeline, now: Stamp) {
        if let Some(restart) = timeline.restart(id) {
            server::restart(&mut self.pen(trace), timeline, restart, now);
        }
    }

    fn loss(&mut self, trace: &mut Trace, loss: &Loss) {
        let Loss { at, cause, count, hides } = loss;
        self.lost = self.lost.saturating_add(*count);
        let lost = self.lost;
        let args = Args::new().with("cause", cause).with("count", *count).with("hides", hides);
        let mut pen = self.pen(trace);
        pen.instant(Track::Losses, *at, &format!("{cause}: {} lost", plural(*count, "record")), "loss", args);
        pen.count(Track::Lost, *at, lost);
    }
}

fn verdict(pen: &mut Pen<'_, '_>, verdict: &VerdictRecord) {
    let state = verdict.state.as_str();
    let args = Args::new()
        .with("headline", &verdict.headline)
        .with("state", state)
        .with("severity", verdict.severity.as_str())
        .with("question", verdict.question.as_str())
        .with("restart", verdict.restart)
        .with("evidence", joined(verdict.evidence.iter().map(|it| &it.text), "; ").as_str())
        .with("remedy", verdict.remedy.join("; ").as_str())
        .with("avoid", verdict.avoid.join("; ").as_str());
    let name = format!("{} ({state})", joined(verdict.causes(), " or "));
    pen.instant(Track::Diagnosis, verdict.t, &name, "verdict", args);
}
