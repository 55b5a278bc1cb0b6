//! Reads the files of one host into its session.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::{Each, Replayed, Selection, coverage::Coverage, progress::Meter, segments::Segment};
use crate::{
    record::{Item, Kind, Line, Loss, SCHEMA, Skipped, Span, Stamp, Why},
    session::Session,
    view::moment,
};

/// Lines read between two looks at the clock.
const BREATH: u32 = 4096;

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
    notes: Vec<String>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(selection: &'a Selection, end: Stamp) -> Self {
        let span = selection.window.on(0, end);
        Self {
            selection,
            end,
            span,
            begun: selection.window.since.is_none(),
            session: Session::new(),
            coverage: Coverage::new(),
            files: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Reads one file.
    pub(super) fn segment(&mut self, mut segment: Segment, mut each: Option<Each<'_>>, meter: &mut Meter) -> Result<()> {
        let mut file = segment.open()?;
        let name = file.name().to_owned();
        if let Some(schema) = file.newer_schema() {
            self.notes.push(format!(
                "{name} has schema {schema}, this program knows {SCHEMA}: what it does not understand is left out; a newer \
                 nfsgrace reads all of it"
            ));
        }
        let silent_since = self.coverage.next_file(segment.header.as_deref());
        if let Some(since) = silent_since {
            let loss = Loss {
                at: since,
                cause: "not_recorded".to_owned(),
                count: 1,
                hides: format!("all that happened from {} until {name} was begun", moment(since)),
            };
            self.take(Line::Loss(loss), &mut each);
        }
        let mut skipped = BTreeMap::new();
        let mut breath = 0;
        while let Some(item) = file.next() {
            breath += 1;
            if breath == BREATH {
                breath = 0;
                meter.tell(&name, || file.progress());
            }
            match item.with_context(|| format!("cannot read {name}"))? {
                Item::Line(line) => {
                    if !self.coverage.covers(&line) {
                        self.take(line, &mut each);
                    }
                }
                Item::Skipped(Skipped { why: Why::Torn, .. }) => self.notes.push(format!(
                    "{name} is cut off at its end: the recorder was stopped there, or still writes; the last record may be \
                     missing"
                )),
                Item::Skipped(skip) => {
                    let loss = unread(self.coverage.latest(), &skip);
                    let (count, _) = skipped.entry(loss.cause.clone()).or_insert((0_u64, skip));
                    *count += 1;
                    self.take(Line::Loss(loss), &mut each);
                }
            }
        }
        meter.done(file.progress());
        self.notes.extend(skipped.into_values().map(|(count, Skipped { line_no, why })| {
            let first = if count == 1 { String::new() } else { format!("{count} lines were not understood, the first is ") };
            format!("{name}: {first}line {line_no}: {why}")
        }));
        self.notes.extend(self.coverage.note(&name));
        self.files.push(name);
        Ok(())
    }

    /// Takes a line, if it is asked for.
    fn take(&mut self, line: Line, each: &mut Option<Each<'_>>) {
        let Selection { filter, window, .. } = self.selection;
        if let Line::Event(event) = &line {
            // What was counted in all of the time says nothing about a part of it.
            let counts = matches!(event.kind, Kind::Counts(_)) && !window.is_all();
            if counts || event.at > self.span.until || !filter.admits(event) {
                return;
            }
        }
        if matches!(&line, Line::Loss(loss) if loss.at > self.span.until) {
            return;
        }
        if !self.begun && line.at() >= self.span.since && matches!(line, Line::Event(_) | Line::Loss(_)) {
            self.begun = true;
            self.session.begin_span();
        }
        let moves_clock = matches!(line, Line::Header(_) | Line::Clock(_));
        match each {
            Some(each) => {
                let update = self.session.record(line.clone());
                if self.begun || matches!(line, Line::Header(_)) {
                    each(&line, &update, &self.session);
                }
            }
            None => {
                self.session.record(line);
            }
        }
        if moves_clock && let Some(clock) = self.session.clock() {
            self.span = window.on(clock.realtime_minus_boottime_ns, self.end);
        }
    }

    pub(super) fn finish(mut self) -> Replayed {
        if !self.begun {
            self.session.begin_span();
        }
        if !self.selection.is_all() {
            self.session.narrow(self.span, self.selection.restart);
        }
        let now = self.coverage.latest().min(self.span.until);
        self.session.finish(now);
        Replayed { session: self.session, now, files: self.files, notes: self.notes }
    }
}

/// A line that could not be read is a record that is missing.
fn unread(at: Stamp, skipped: &Skipped) -> Loss {
    let (cause, hides) = match skipped.why {
        Why::UnknownType(_) | Why::UnknownEvent(_) => ("not_understood", "what only a newer nfsgrace understands"),
        Why::TooLong => ("line_too_long", "anything"),
        Why::Damaged(_) => ("file_damaged", "anything"),
        Why::Torn | Why::NotJson(_) | Why::Missing(_) | Why::BadValue(..) => ("line_not_readable", "anything"),
    };
    Loss { at, cause: cause.to_owned(), count: 1, hides: hides.to_owned() }
}
