//! `nfsgrace report`: what recorded sessions come to.

use std::process::ExitCode;

use anyhow::Result;
use jiff::tz::TimeZone;

use super::{
    paired::Paired,
    replayed::{self, Nobody, Replayed},
    screen::Screen,
};
use crate::{
    cli::{Report as Arguments, ReportFormat},
    record::{Line, encode},
    view::{
        self, Style, Wall, json,
        report::{self, Report},
        summary,
    },
};

pub(super) fn run(args: &Arguments) -> Result<ExitCode> {
    let selection = args.part.selection(&args.filters);
    let read = Paired::read(&args.files, &selection, args.clock.into(), &mut Nobody)?;
    let paired = read.summary();
    let mut screen = Screen::stdout();
    if let Some(paired) = &paired {
        let lines = match args.format {
            ReportFormat::Markdown => view::paired::markdown(paired),
            ReportFormat::Text => view::paired::text(paired, usize::from(screen.size().width), style(&screen)),
            ReportFormat::Json => Vec::new(),
        };
        screen.print(&lines)?;
    }
    for (nth, replayed) in read.sessions.iter().enumerate() {
        if (nth > 0 || paired.is_some()) && args.format != ReportFormat::Json {
            screen.print(&[""])?;
        }
        let lines = lines(replayed, args.format, &screen);
        screen.print(&lines)?;
    }
    if let Some(paired) = paired.filter(|_| args.format == ReportFormat::Json) {
        screen.print(&[ndjson(&Line::Paired(Box::new(paired)))])?;
    }
    Ok(replayed::exit_code(&read.sessions))
}

fn style(screen: &Screen) -> Style {
    Style { color: screen.colours(), unicode: screen.unicode() }
}

fn lines(replayed: &Replayed, format: ReportFormat, screen: &Screen) -> Vec<String> {
    let Replayed { session, now, files, notes, last: _ } = replayed;
    if format == ReportFormat::Json {
        return json(replayed);
    }
    let report = Report {
        session,
        summary: summary::gather(session.timeline(), *now),
        wall: Wall::new(session.clock(), TimeZone::system()),
        files,
        notes,
    };
    match format {
        ReportFormat::Markdown => report::markdown(&report),
        ReportFormat::Text | ReportFormat::Json => {
            report::text(&report, usize::from(screen.size().width), style(screen))
        }
    }
}

/// Who recorded, where the wall clock stood, and what it comes to: lines of the session format.
fn json(replayed: &Replayed) -> Vec<String> {
    let session = &replayed.session;
    let header = session.header().cloned().map(|header| Line::Header(Box::new(header)));
    let lines = header.into_iter().chain(session.clock().map(Line::Clock)).chain(json::closing(session, replayed.now));
    lines.map(|line| ndjson(&line)).collect()
}

fn ndjson(line: &Line) -> String {
    let mut bytes = Vec::new();
    encode(line, &mut bytes);
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}
