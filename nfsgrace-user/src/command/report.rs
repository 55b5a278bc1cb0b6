//! `nfsgrace report`: what recorded sessions come to.

use std::{
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Result;
use jiff::tz::TimeZone;

use super::{exit_code, paired::Paired, replay::stop_by_signal, screen::Screen};
use crate::{
    cli::{Report as Arguments, ReportFormat},
    outcome,
    record::Line,
    replay::{Follower, Nobody, Replayed},
    session::{Session, Update},
    view::{
        self, Style, Wall,
        report::{self, Report},
    },
};

pub(super) fn run(args: &Arguments) -> Result<ExitCode> {
    let selection = args.part.selection(&args.filters);
    let read = |follower: &mut dyn Follower| Paired::read(&args.files, &selection, args.clock.into(), follower);
    let read = if args.files.iter().any(|file| file == Path::new("-")) {
        // Ctrl-C ends whoever writes into the pipe; what came until then is worth a report.
        read(&mut UntilStopped(stop_by_signal()?))?
    } else {
        read(&mut Nobody)?
    };
    let mut screen = Screen::stdout();
    if args.format == ReportFormat::Json {
        screen.print(&read.json())?;
        return Ok(exit_code(&read.sessions));
    }
    let markdown = args.format == ReportFormat::Markdown;
    let width = usize::from(screen.size().width);
    let paired = read.summary();
    if let Some(paired) = &paired {
        let lines =
            if markdown { view::paired::markdown(paired) } else { view::paired::text(paired, width, style(&screen)) };
        screen.print(&lines)?;
    }
    if paired.is_some() && args.together {
        return Ok(exit_code(&read.sessions));
    }
    for (nth, replayed) in read.sessions.iter().enumerate() {
        if nth > 0 || paired.is_some() {
            screen.print(&[""])?;
        }
        let report = report(replayed);
        let lines = if markdown { report::markdown(&report) } else { report::text(&report, width, style(&screen)) };
        screen.print(&lines)?;
    }
    Ok(exit_code(&read.sessions))
}

fn style(screen: &Screen) -> Style {
    Style { color: screen.colours(), unicode: screen.unicode() }
}

/// Nobody looks on, but a signal ends the reading.
struct UntilStopped(Arc<AtomicBool>);

impl Follower for UntilStopped {
    fn took(&mut self, _line: &Line, _update: &Update, _session: &Session) -> Result<()> {
        Ok(())
    }

    fn has_enough(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn is_somebody(&self) -> bool {
        false
    }
}

fn report(replayed: &Replayed) -> Report<'_> {
    let Replayed { session, now, files, notes, last: _ } = replayed;
    Report {
        session,
        summary: outcome::summary(session.timeline(), *now),
        wall: Wall::new(session.clock(), TimeZone::system()),
        files,
        notes,
    }
}
