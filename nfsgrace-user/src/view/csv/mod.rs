//! Two tables: every attempt of every stall, and every operation that the server refused.
//!
//! Written as the session goes by, so nothing of a row is known later than the row. What is about a whole stall stands in the
//! row of its last attempt only: its columns can be added up. The columns are described in `docs/exports.md`; new ones are
//! added at the end.

mod cell;
mod row;

use std::io;

use ::csv::{Writer, WriterBuilder};
use row::{AttemptCells, PlaceCells, RefusalCells, ServerCells, StallCells};

use super::Axis;

use crate::{
    outcome,
    record::{Event, Line, Stamp},
    session::{Session, Update},
    timeline::{Attempt, Change, RestartId, Stall},
};

/// The two tables.
#[derive(Debug)]
pub struct Tables<'axis, W: io::Write> {
    axis: Axis<'axis>,
    attempts: Writer<W>,
    refusals: Writer<W>,
}

impl<'axis, W: io::Write> Tables<'axis, W> {
    /// Writes the names of the columns.
    ///
    /// # Errors
    ///
    /// Those of the writers, here and below.
    pub fn new(attempts: W, refusals: W) -> io::Result<Self> {
        let mut builder = WriterBuilder::new();
        builder.has_headers(false);
        let (mut attempts, mut refusals) = (builder.from_writer(attempts), builder.from_writer(refusals));
        attempts.write_record(row::ATTEMPT_COLUMNS)?;
        refusals.write_record(row::REFUSAL_COLUMNS)?;
        Ok(Self { axis: Axis::own(), attempts, refusals })
    }

    /// What comes next is of a host whose times are put on the common axis like this.
    pub fn place(&mut self, axis: Axis<'axis>) {
        self.axis = axis;
    }

    /// A line of the session, and what it changed.
    pub fn record(&mut self, line: &Line, update: &Update, session: &Session) -> io::Result<()> {
        let Line::Event(event) = line else { return Ok(()) };
        self.refusal(event, &update.changes, session)?;
        for change in &update.changes {
            match change {
                Change::RefusedAgain(id) => {
                    let stall = session.timeline().stalls().get(*id);
                    let before = stall.and_then(|stall| Some((stall, stall.attempts().rev().nth(1)?)));
                    if let Some((stall, attempt)) = before {
                        self.attempt(session, stall, attempt, (StallCells::default(), ServerCells::default()))?;
                    }
                }
                Change::StallEnded(stall) => self.last_attempt(session, stall, event.at)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The session is over: the stalls that have not ended get their last rows.
    pub fn finish(&mut self, session: &Session, now: Stamp) -> io::Result<()> {
        let timeline = session.timeline();
        let now = now.max(timeline.now());
        let mut live: Vec<_> = timeline.stalls().live().collect();
        live.sort_by_key(|stall| stall.id);
        live.into_iter().try_for_each(|stall| self.last_attempt(session, stall, now))?;
        self.attempts.flush()?;
        self.refusals.flush()
    }

    /// The row that is about the whole stall as well.
    fn last_attempt(&mut self, session: &Session, stall: &Stall, now: Stamp) -> io::Result<()> {
        let Some(attempt) = stall.latest() else { return Ok(()) };
        let row = outcome::stall_without_attempts(session, stall, now);
        self.attempt(session, stall, attempt, (StallCells::new(&row), ServerCells::new(&row)))
    }

    fn attempt(
        &mut self,
        session: &Session,
        stall: &Stall,
        attempt: &Attempt,
        (whole, server): (StallCells, ServerCells<'_>),
    ) -> io::Result<()> {
        let place = PlaceCells::new(&self.axis, attempt.refused);
        let attempt = AttemptCells::new(session, stall, outcome::attempt(session.timeline(), attempt));
        Ok(self.attempts.serialize((attempt, whole, place, server))?)
    }

    fn refusal(&mut self, event: &Event, changes: &[Change], session: &Session) -> io::Result<()> {
        let restart = changes.iter().find_map(|change| match change {
            Change::Refused(RestartId(number), _) => Some(*number),
            _ => None,
        });
        match RefusalCells::new(session, event, restart) {
            Some(cells) => Ok(self.refusals.serialize((cells, PlaceCells::new(&self.axis, event.at)))?),
            None => Ok(()),
        }
    }
}
