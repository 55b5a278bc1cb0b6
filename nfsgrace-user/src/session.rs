//! One session, live or replayed: the same code makes the same view of both.
//!
//! ```no_run
//! # use nfsgrace::{record::{Line, Stamp}, session::Session};
//! # fn records() -> Vec<Line> { Vec::new() }
//! # fn print(_: &nfsgrace::session::Update, _: &Session) {}
//! # let now = Stamp(0);
//! let mut session = Session::new();
//! for line in records() {
//!     let update = session.record(line);   // the permanent lines: view::text::lines(&update.items, …)
//!     print(&update, &session);
//! }
//! let update = session.tick(now);          // every 250 ms when live: what only time can tell
//! print(&update, &session);                // then redraw view::text::status(…)
//! let update = session.finish(now);        // at the end; then view::summary
//! # print(&update, &session);
//! std::process::exit(session.exit_status());
//! ```
//!
//! The caller has the clock: `now` is [`Stamp`] of the host that the records come from, and never goes back. A replay
//! passes the time of the latest record.

mod editor;

use std::{borrow::Borrow, collections::BTreeSet, sync::Arc};

use editor::Editor;
pub use editor::Others;

use crate::{
    diagnosis::{Diagnosis, Revision},
    record::{ClockSample, Header, Line, Loss, Span, Stamp},
    timeline::{Change, Changes, Foreign, HostFacts, RestartId, StallId, Timeline},
};

/// One thing to show, in a form that no view has shaped yet.
#[derive(Debug, Clone)]
pub enum Item {
    /// Who recorded.
    Header(Box<Header>),
    /// Something happened.
    Change {
        /// When.
        at: Stamp,
        /// What.
        change: Change,
    },
    /// The way that led into a function of the kernel; each way is told once.
    CallPath {
        /// When it was taken.
        at: Stamp,
        /// Kernel functions, the outermost first.
        functions: Vec<String>,
    },
    /// How tasks fare that are too many to be told one by one.
    Others {
        /// When.
        at: Stamp,
        /// How they fare.
        others: Others,
    },
    /// Records are missing.
    Loss(Loss),
    /// A verdict is new, revised or withdrawn.
    Verdict {
        /// When.
        at: Stamp,
        /// What is concluded now.
        revision: Revision,
    },
}

/// What to show because of one record, or of time that passed.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// What a person is told, in order.
    pub items: Vec<Item>,
    /// All that the record changed, in order, told or not: what an export is made from.
    pub changes: Changes,
}

/// The state of one session: what happened, and what follows from it.
#[derive(Debug, Default)]
pub struct Session {
    header: Option<Box<Header>>,
    timeline: Timeline,
    diagnosis: Diagnosis,
    editor: Editor,
    clock: Option<ClockSample>,
    /// What the latest record changed; kept for its memory.
    changes: Changes,
}

impl Session {
    /// Nothing was recorded yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next record. Verdicts and summaries that another program wrote are passed over: this one draws its own.
    pub fn record(&mut self, line: impl Borrow<Line>) -> Update {
        let mut update = Update::default();
        match line.borrow() {
            Line::Header(header) => {
                self.timeline.set_host(HostFacts::from(header.as_ref()));
                self.clock = Some(ClockSample {
                    at: header.started,
                    realtime_minus_boottime_ns: header.realtime_minus_boottime_ns,
                });
                self.header = Some(header.clone());
                update.items.push(Item::Header(header.clone()));
            }
            Line::Event(event) => {
                let changes = self.timeline.apply(event);
                // Lines of the kernel log come late: what is concluded from them is concluded now.
                let now = self.timeline.now();
                let revisions = self.diagnosis.follow(&self.timeline, &changes, now);
                update.items.extend(self.editor.tell(event.at, &changes, &self.timeline));
                update.items.extend(self.verdicts(now, revisions).items);
                update.items.extend(self.editor.tick(now, &self.timeline));
                update.changes = changes;
            }
            Line::Clock(sample) => self.clock = Some(*sample),
            Line::Loss(loss) => {
                self.timeline.loss(loss);
                update.items.push(Item::Loss(loss.clone()));
            }
            Line::Verdict(_) | Line::Summary(_) | Line::Paired(_) => {}
        }
        update
    }

    /// Takes the next record where nobody looks at what it changes, only at what all of them come to. That is the same, and
    /// takes less time.
    pub fn record_unseen(&mut self, line: impl Borrow<Line>) {
        let line = line.borrow();
        let Line::Event(event) = line else {
            self.record(line);
            return;
        };
        self.changes.clear();
        self.timeline.apply_to(event, &mut self.changes);
        self.diagnosis.follow_unseen(&self.timeline, &self.changes, self.timeline.now());
    }

    /// Time has passed: a tracker may hang, a client may be overdue.
    pub fn tick(&mut self, now: Stamp) -> Update {
        let revisions = self.diagnosis.tick(&self.timeline, now);
        let mut update = self.verdicts(now, revisions);
        update.items.extend(self.editor.tick(now, &self.timeline));
        update
    }

    fn verdicts(&self, at: Stamp, revisions: Vec<Revision>) -> Update {
        let items = revisions.into_iter().map(|revision| Item::Verdict { at, revision }).collect();
        Update { items, changes: Changes::new() }
    }

    /// A span of time that is asked for begins: what was over before does not count.
    pub fn begin_span(&mut self) {
        self.timeline.begin_span();
    }

    /// Only one restart, which may be still to come, is asked for: it is kept, whatever comes later.
    pub fn keep_only(&mut self, id: RestartId) {
        self.timeline.keep_only(id);
    }

    /// Keeps what belongs to a span of time, or in it to `only` one restart. That somebody on another host waited for a
    /// restart then makes it belong there. To be followed by [`Session::finish`].
    pub fn narrow(&mut self, span: Span, only: Option<RestartId>, waited_for: &BTreeSet<RestartId>) {
        self.timeline.narrow(span, only, waited_for);
        self.diagnosis.narrow(&self.timeline);
    }

    /// The session is over: everything is judged once more.
    pub fn finish(&mut self, now: Stamp) -> Update {
        let now = now.max(self.timeline.now()).max(self.timeline.host().started);
        let revisions = self.diagnosis.finish(&self.timeline, now);
        let mut update = self.verdicts(now, revisions);
        update.items.splice(0..0, self.editor.finish(now, &self.timeline));
        update
    }

    /// Other hosts told what stalls of this one wait or waited for.
    pub fn know_foreign(&mut self, told: impl IntoIterator<Item = (StallId, Arc<Foreign>)>) {
        self.timeline.know_foreign(told);
    }

    /// Another host tells, or does not tell, what all stalls of this one waited for.
    pub fn know_servers(&mut self, known: bool) {
        self.timeline.know_servers(known);
    }

    /// What happened.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// What follows from it.
    #[must_use]
    pub fn diagnosis(&self) -> &Diagnosis {
        &self.diagnosis
    }

    /// Who recorded, once known.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.header.as_deref()
    }

    /// The latest tie between the session's clock and the wall clock.
    #[must_use]
    pub fn clock(&self) -> Option<ClockSample> {
        self.clock
    }

    /// 0 when nothing is wrong, 1 when a problem was diagnosed.
    #[must_use]
    pub fn exit_status(&self) -> i32 {
        i32::from(self.diagnosis.has_problem())
    }
}
