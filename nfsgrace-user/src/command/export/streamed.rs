//! Exports that are written while the sessions are read: memory does not grow with their length.
//!
//! Several hosts are read twice: their clocks, and what each stall waited for, must be known before the first line is
//! written.

use std::{cell::Cell, collections::BTreeMap, fs, path::Path, rc::Rc};

use anyhow::{Context as _, Result, bail};

use super::target::{Sink, Target};
use crate::{
    cli::Export,
    clock::HostId,
    command::{progress::Meter, reading::Reading},
    conductor::{Axes, Member},
    record::Selection,
    replay::Progress,
    view::{
        Axis,
        csv::Tables,
        perfetto::{self, Trace},
    },
};

pub(super) fn perfetto(args: &Export, selection: &Selection) -> Result<()> {
    let target = Target::of(&args.output, &args.files)?;
    let mut meter = Meter::new();
    let mut tell = |progress: Progress<'_>| meter.tell(progress);
    let reading = Reading::knowing(&args.files, selection, args.clock.into(), &mut tell)?;
    let axes = reading.conductor.known().cloned().map(Axes::of);
    let (mut trace, mut sink, mut hosts) = (Trace::new(), target.open()?, BTreeMap::new());
    let read = reading.each(|conductor, nth, line, update| {
        let Some(member) = conductor.members().get(nth) else { return Ok(()) };
        let host = hosts.entry(nth).or_insert_with(|| match &axes {
            Some(axes) => perfetto::Host::new(number(axes, member), axes.not_before_zero(member.id)),
            None => perfetto::Host::alone(),
        });
        host.record(&mut trace, line, update, &member.session);
        Ok(trace.write_to(&mut sink)?)
    })?;
    for (nth, mut host) in hosts {
        let Some(member) = read.members().get(nth) else { continue };
        host.finish(&mut trace, &member.last, &member.session, read.now(member));
        trace.write_to(&mut sink)?;
    }
    sink.complete()
}

fn number(axes: &Axes, member: &Member) -> u32 {
    u32::try_from(axes.number(member.id)).unwrap_or(u32::MAX)
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
    let mut meter = Meter::new();
    let mut tell = |progress: Progress<'_>| meter.tell(progress);
    let reading = Reading::knowing(&args.files, selection, args.clock.into(), &mut tell)?;
    let (mut attempts, mut refusals) = (Sink::beside(&attempts)?, Sink::beside(&refusals)?);
    let mut tables = Tables::new(&mut attempts, &mut refusals)?;
    // Rows have the clock of the host that the line is of.
    let host = Rc::new(Cell::new(HostId(0)));
    if let Some(axes) = reading.conductor.known().cloned().map(Axes::of) {
        let host = Rc::clone(&host);
        tables.place(Axis::new(move |at| axes.place(host.get(), at)));
    }
    let read = reading.each(|conductor, nth, line, update| {
        let Some(member) = conductor.members().get(nth) else { return Ok(()) };
        host.set(member.id);
        Ok(tables.record(line, update, &member.session)?)
    })?;
    for member in read.members() {
        host.set(member.id);
        tables.finish(&member.session, read.now(member))?;
    }
    drop(tables);
    attempts.complete()?;
    refusals.complete()
}
