//! Exports that are written while the sessions are read: memory does not grow with their length.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use super::target::{Sink, Target};
use crate::{
    cli::Export,
    command::{
        paired::{Axes, Paired},
        progress,
    },
    record::{Line, Selection},
    replay::{Follower, Nobody, Replayed},
    session::{Session, Update},
    view::{
        Axis, Placed,
        csv::Tables,
        perfetto::{self, Trace},
    },
};

/// Several hosts are read twice: their clocks must be known before the first line is written.
fn clocks(args: &Export, selection: &Selection) -> Result<Option<Paired>> {
    if args.files.len() < 2 {
        return Ok(None);
    }
    if args.files.iter().any(|file| file == Path::new("-")) {
        bail!("standard input cannot be read twice, as several hosts are: save it in a file first");
    }
    Paired::read(&args.files, selection, args.clock.into(), &mut Nobody).map(Some)
}

pub(super) fn perfetto(args: &Export, selection: &Selection) -> Result<()> {
    let target = Target::of(&args.output, &args.files)?;
    let known = clocks(args, selection)?;
    let axes = known.as_ref().and_then(Paired::axes);
    // What happened before the reference was booted would lie before the trace begins.
    let first = known.iter().flat_map(|known| known.first_on(axes.as_ref())).min().unwrap_or(0);
    let shift_ns = first.min(0).saturating_neg();
    let mut writing =
        Perfetto { trace: Trace::new(), axes: axes.as_ref(), shift_ns, nth: 0, host: None, sink: target.open()? };
    progress::follow(&args.files, selection, &mut writing)?;
    writing.sink.complete()
}

/// A trace that grows while sessions are read one after the other.
struct Perfetto<'a> {
    trace: Trace,
    axes: Option<&'a Axes<'a>>,
    shift_ns: i64,
    nth: usize,
    host: Option<perfetto::Host<'a>>,
    sink: Sink,
}

impl<'a> Perfetto<'a> {
    fn next_host(&self) -> perfetto::Host<'a> {
        let Some((number, axis)) = self.axes.and_then(|axes| axes.of(self.nth)) else { return perfetto::Host::alone() };
        let (own, shift_ns) = (axis.clone(), self.shift_ns);
        let axis = Axis::new(move |at| {
            let placed = own.place(at);
            Placed { at_ns: placed.at_ns.saturating_add(shift_ns), ..placed }
        });
        perfetto::Host::new(u32::try_from(number).unwrap_or(u32::MAX), axis)
    }
}

impl Follower for Perfetto<'_> {
    fn took(&mut self, line: &Line, update: &Update, session: &Session) -> Result<()> {
        let mut host = self.host.take().unwrap_or_else(|| self.next_host());
        host.record(&mut self.trace, line, update, session);
        self.host = Some(host);
        self.trace.write_to(&mut self.sink)?;
        Ok(())
    }

    fn ended(&mut self, replayed: &Replayed) -> Result<()> {
        if let Some(mut host) = self.host.take() {
            host.finish(&mut self.trace, &replayed.last, &replayed.session, replayed.now);
        }
        self.trace.write_to(&mut self.sink)?;
        self.nth += 1;
        Ok(())
    }
}

pub(super) fn csv(args: &Export, selection: &Selection) -> Result<()> {
    let directory = &args.output;
    if directory == Path::new("-") {
        bail!("these are two tables: give a directory with -o");
    }
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let [attempts, refusals] = ["attempts.csv", "refusals.csv"].map(|name| directory.join(name));
    for table in [&attempts, &refusals] {
        Target::of(table, &args.files)?;
    }
    let known = clocks(args, selection)?;
    let axes = known.as_ref().and_then(Paired::axes);
    let (mut attempts, mut refusals) = (Sink::beside(&attempts)?, Sink::beside(&refusals)?);
    let mut writing = Csv { tables: Tables::new(&mut attempts, &mut refusals)?, axes: axes.as_ref(), nth: 0 };
    progress::follow(&args.files, selection, &mut writing)?;
    drop(writing);
    attempts.complete()?;
    refusals.complete()
}

/// Tables that grow while sessions are read one after the other.
struct Csv<'a> {
    tables: Tables<'a, &'a mut Sink>,
    axes: Option<&'a Axes<'a>>,
    nth: usize,
}

impl Csv<'_> {
    /// The next host's rows have its clock.
    fn place(&mut self) {
        self.tables.place(self.axes.and_then(|axes| axes.of(self.nth)).map_or_else(Axis::own, |(_, axis)| axis.axis()));
    }
}

impl Follower for Csv<'_> {
    fn took(&mut self, line: &Line, update: &Update, session: &Session) -> Result<()> {
        if matches!(line, Line::Header(_)) {
            self.place();
        }
        Ok(self.tables.record(line, update, session)?)
    }

    fn ended(&mut self, replayed: &Replayed) -> Result<()> {
        self.tables.finish(&replayed.session, replayed.now)?;
        self.nth += 1;
        Ok(())
    }
}
