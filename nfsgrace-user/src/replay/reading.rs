//! Reads the files of one host into its session.

use anyhow::{Result, bail};

use super::{Follower, Replayed, coverage::Coverage, notes::Notes, segments::Segment};
use crate::{
    record::{Item, Kind, Line, Loss, Moment, Selection, Span, Stamp, Window, moment_text},
    session::Session,
    source::file::SessionFile,
};

/// Lines read between two looks at the clock.
const BREATH: u32 = 4096;

/// How much has been read of all files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Amount {
    /// Bytes.
    pub read: u64,
    /// Of so many, where that is known.
    pub of: Option<u64>,
}

/// A session under construction.
pub(super) struct Reading<'a> {
    selection: &'a Selection,
    /// End of the session, where the selection asks for it.
    end: Stamp,
    span: Span,
    begun: bool,
    session: Session,
    coverage: Coverage,
    files: Vec<String>,
    notes: Notes,
}

impl<'a> Reading<'a> {
    pub(super) fn new(selection: &'a Selection, end: Stamp) -> Self {
        let span = selection.window.on(0, end);
        let mut session = Session::new();
        if let Some(only) = selection.restart {
            session.keep_only(only);
        }
        Self {
            selection,
            end,
            span,
            begun: selection.window.since.is_none(),
            session,
            coverage: Coverage::new(),
            files: Vec::new(),
            notes: Notes::default(),
        }
    }

    /// Reads one file.
    pub(super) fn segment(
        &mut self,
        mut segment: Segment,
        follower: &mut dyn Follower,
        amount: &mut Amount,
    ) -> Result<()> {
        let mut file = segment.open()?;
        let name = file.name().to_owned();
        self.notes.begin(&name, file.newer_schema());
        if let Some(loss) = self.coverage.next_file(&name, segment.header.as_deref()) {
            self.take(Line::Loss(loss), follower)?;
        }
        self.read(&mut file, &name, follower, amount)?;
        amount.read += file.progress().read;
        self.notes.end(&name, self.coverage.passed_over());
        self.files.push(name);
        Ok(())
    }

    fn read(
        &mut self,
        file: &mut SessionFile,
        name: &str,
        follower: &mut dyn Follower,
        amount: &mut Amount,
    ) -> Result<()> {
        let mut breath = 0;
        while let Some(item) = file.next() {
            if follower.has_enough() {
                break;
            }
            breath += 1;
            if breath == BREATH {
                breath = 0;
                follower.reading(name, Amount { read: amount.read + file.progress().read, ..*amount });
            }
            let missing = match item {
                Ok(Item::Line(line)) => {
                    if !self.coverage.covers(&line) {
                        self.take(line, follower)?;
                    }
                    continue;
                }
                Ok(Item::Skipped(skipped)) => self.notes.skipped(skipped),
                // What came before is worth a report all the same.
                Err(error) => Some(self.notes.unreadable(name, &error)),
            };
            if let Some((cause, hides)) = missing {
                let at = self.coverage.latest();
                let loss = Loss { at, cause: cause.to_owned(), count: 1, hides: hides.to_owned() };
                self.take(Line::Loss(loss), follower)?;
            }
        }
        Ok(())
    }

    /// Takes a line, if it is asked for.
    fn take(&mut self, line: Line, follower: &mut dyn Follower) -> Result<()> {
        if !self.wants(&line) {
            return Ok(());
        }
        let is_record = matches!(line, Line::Event(_) | Line::Loss(_));
        if !self.begun && is_record && line.at() >= self.span.since {
            self.begun = true;
            self.session.begin_span();
        }
        let moves_clock = matches!(line, Line::Header(_) | Line::Clock(_));
        if follower.is_somebody() {
            let shown = self.begun || !is_record;
            if shown {
                follower.wait(line.at(), &mut self.session)?;
            }
            let update = self.session.record(line.clone());
            if shown {
                follower.took(&line, &update, &self.session)?;
            }
        } else {
            self.session.record_unseen(line);
        }
        if moves_clock && let Some(clock) = self.session.clock() {
            self.span = self.selection.window.on(clock.realtime_minus_boottime_ns, self.end);
        }
        Ok(())
    }

    fn wants(&self, line: &Line) -> bool {
        let Selection { filter, window, .. } = self.selection;
        match line {
            // What was counted in all of the time says nothing about a part of it.
            Line::Event(event) if matches!(event.kind, Kind::Counts(_)) && !window.is_all() => false,
            Line::Event(event) => event.at <= self.span.until && filter.admits(event),
            Line::Loss(loss) => loss.at <= self.span.until,
            Line::Header(_) | Line::Clock(_) => true,
            // Conclusions are drawn anew.
            Line::Verdict(_) | Line::Summary(_) | Line::Paired(_) => false,
        }
    }

    pub(super) fn finish(mut self) -> Result<Replayed> {
        let Window { since, until } = self.selection.window;
        let wall_clock = self.session.clock().is_some_and(|clock| clock.realtime_minus_boottime_ns != 0);
        if !wall_clock && [since, until].iter().any(|it| matches!(it, Some(Moment::Wall(_)))) {
            bail!(
                "{} does not say where the wall clock stood: give --since and --until in seconds since boot",
                self.files.join(", ")
            );
        }
        if !self.begun {
            self.session.begin_span();
            self.notes.say(format!(
                "nothing was recorded in that time; the session ends at {}",
                moment_text(self.coverage.latest())
            ));
        }
        if !self.selection.is_all() {
            self.session.narrow(self.span, self.selection.restart);
        }
        let now = self.coverage.latest().min(self.span.until);
        let last = self.session.finish(now);
        Ok(Replayed { session: self.session, now, files: self.files, notes: self.notes.all(), last })
    }
}
