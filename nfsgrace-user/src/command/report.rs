//! `nfsgrace report`: what recorded sessions come to.

use std::process::ExitCode;

use anyhow::Result;
use jiff::tz::TimeZone;

use super::{
    replayed::{self, Replayed},
    screen::Screen,
};
use crate::{
    cli::{Report as Arguments, ReportFormat},
    record::{Line, encode},
    view::{
        Style, Wall, json,
        report::{self, Report},
        summary,
    },
};

pub(super) fn run(args: &Arguments) -> Result<ExitCode> {
    let sessions = replayed::read(&args.files, &args.part.selection(&args.filters))?;
    let mut screen = Screen::stdout();
    for (nth, replayed) in sessions.iter().enumerate() {
        if nth > 0 && args.format != ReportFormat::Json {
            screen.print(&[""])?;
        }
        let lines = lines(replayed, args.format, &screen);
        screen.print(&lines)?;
    }
    Ok(replayed::exit_code(&sessions))
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
            let style = Style { color: screen.colours(), unicode: screen.unicode() };
            report::text(&report, usize::from(screen.size().width), style)
        }
    }
}

/// Who recorded, where the wall clock stood, and what it comes to: lines of the session format.
fn json(replayed: &Replayed) -> Vec<String> {
    let session = &replayed.session;
    let header = session.header().cloned().map(|header| Line::Header(Box::new(header)));
    let lines = header.into_iter().chain(session.clock().map(Line::Clock)).chain(json::closing(session, replayed.now));
    lines
        .map(|line| {
            let mut bytes = Vec::new();
            encode(&line, &mut bytes);
            String::from_utf8_lossy(&bytes).trim_end().to_owned()
        })
        .collect()
}
