//! `nfsgrace report`: what recorded sessions come to.

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use jiff::tz::TimeZone;

use super::{progress::Meter, reading, recorded, screen::Screen};
use crate::{
    cli::{Report as Arguments, ReportFormat},
    conductor::{Conductor, Member},
    outcome::{self, SessionOutcome},
    record::{self, Line, PairedSummary},
    view::{
        self, Style, Wall,
        report::{self, Report},
    },
};

pub(super) fn run(args: &Arguments) -> Result<ExitCode> {
    let selection = args.part.selection(&args.filters);
    let read = if args.files.iter().any(|file| file == Path::new("-")) {
        // Ctrl-C ends whoever writes into the pipe; what came until then is worth a report.
        recorded::read_until_stopped(&args.files, &selection, args.clock.into())?
    } else {
        let mut meter = Meter::new();
        reading::read(&args.files, &selection, args.clock.into(), &mut |progress| meter.tell(progress))?
    };
    print(args, &read)?;
    Ok(ExitCode::from(read.exit_status()))
}

fn print(args: &Arguments, read: &Conductor) -> Result<()> {
    let mut screen = Screen::stdout();
    if args.format == ReportFormat::Json {
        screen.print(&lines(read))?;
        return Ok(());
    }
    let markdown = args.format == ReportFormat::Markdown;
    let width = usize::from(screen.size().width);
    let style = Style { color: screen.colours(), unicode: screen.unicode() };
    let paired = summary(read);
    if let Some(paired) = &paired {
        let lines = if markdown { view::paired::markdown(paired) } else { view::paired::text(paired, width, style) };
        screen.print(&lines)?;
    }
    let members = if paired.is_some() && args.together { &[] } else { read.members() };
    for (nth, member) in members.iter().enumerate() {
        if nth > 0 || paired.is_some() {
            screen.print(&[""])?;
        }
        let report = report(read, member);
        let lines = if markdown { report::markdown(&report) } else { report::text(&report, width, style) };
        screen.print(&lines)?;
    }
    Ok(())
}

fn report<'a>(read: &Conductor, member: &'a Member) -> Report<'a> {
    let Member { session, files, notes, .. } = member;
    Report {
        session,
        outcome: SessionOutcome::of(session, read.now(member)),
        wall: Wall::new(session.clock(), TimeZone::system()),
        files,
        notes,
    }
}

/// What several hosts come to together.
pub(super) fn summary(read: &Conductor) -> Option<PairedSummary> {
    let hosts = read.hosts().filter(|hosts| hosts.len() > 1)?;
    Some(outcome::paired(read.paired(), &hosts))
}

/// All of it as lines of the session format: of each host who recorded, where the wall clock stood, the verdicts and the
/// summary; then what several hosts come to together.
pub(super) fn lines(read: &Conductor) -> Vec<String> {
    let mut lines: Vec<Line> = Vec::new();
    for member in read.members() {
        let Member { session, notes, .. } = member;
        lines.extend(session.header().cloned().map(|header| Line::Header(Box::new(header))));
        lines.extend(session.clock().map(Line::Clock));
        let mut outcome = SessionOutcome::of(session, read.now(member));
        outcome.summary.notes.clone_from(notes);
        lines.extend(outcome.into_lines());
    }
    lines.extend(summary(read).map(|paired| Line::Paired(Box::new(paired))));
    lines.iter().map(record::text).collect()
}
