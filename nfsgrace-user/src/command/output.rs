//! What a command prints: text for people or NDJSON for programs, from the same session.

use std::time::Duration;

use anyhow::Result;

use super::{live::Show, screen::Screen};
use crate::{
    cli::Format,
    record::{self, Header, Line, ProbeRow, Role, Stamp},
    session::{Item, Session, Update},
    source::{
        file::{Store, Written},
        live::Live,
    },
    timeline::{Change, Timeline},
    view::{self, Paint, Style, summary, text},
};

/// Standard output in one of its forms. What is to stay is gathered, and printed by [`Show::flush`].
pub(super) struct Output {
    screen: Screen,
    format: Format,
    style: Style,
    pending: Vec<String>,
}

impl Output {
    pub(super) fn new(format: Format) -> Self {
        let screen = Screen::stdout();
        let style = Style { color: screen.colours(), unicode: screen.unicode() };
        Self { screen, format, style, pending: Vec::new() }
    }

    /// Says who recorded what is shown again.
    pub(super) fn replaying(&mut self, header: &Header) {
        if self.format == Format::Text {
            let header = Item::Header(Box::new(header.clone()));
            self.pending.extend(text::lines(&header, &Timeline::default(), self.width(), self.style));
        }
    }

    /// What must be said about the files that a session was read from.
    pub(super) fn notes(&mut self, notes: &[String]) -> Result<()> {
        if self.format == Format::Text {
            self.pending.extend(notes.iter().map(|note| format!("note: {}", view::clean(note))));
        }
        self.flush()
    }

    /// Prints what has gathered, if that is much.
    pub(super) fn print_some(&mut self) -> Result<()> {
        if self.pending.len() < SOME { Ok(()) } else { self.flush() }
    }

    fn json(&mut self, line: &Line) {
        self.pending.push(record::text(line));
    }

    fn width(&self) -> usize {
        usize::from(self.screen.size().width)
    }
}

impl Show for Output {
    fn watching(&mut self, live: &Live, took: Duration, _store: Option<&Store>) {
        if self.format == Format::Json {
            return;
        }
        let (header, attached, to_follow) = (live.header(), live.attached(), live.to_follow());
        let side = match header.role {
            Role::Server => "server",
            Role::Client => "client",
            Role::Both => "server and client",
        };
        let host = view::clean(&header.host);
        let took = took.as_secs_f64();
        let follow = if to_follow == 0 { String::new() } else { format!(", {to_follow} for details follow") };
        self.pending.push(format!("watching {side} on {host}: {attached} probes in {took:.1} s{follow}"));
        let kernel = view::clean(&header.kernel);
        self.pending.push(format!("kernel {kernel}; times are seconds since boot; Ctrl-C ends with a summary"));
        for ProbeRow { hook, why, lost, .. } in header.probes.iter().filter(|row| row.leaves_gap()) {
            self.pending.push(format!("not seen on this kernel: {lost} ({hook}: {why})"));
        }
    }

    fn line(&mut self, line: &Line) {
        if self.format == Format::Json {
            self.json(line);
        }
    }

    fn update(&mut self, update: &Update, verdicts: &[Line], session: &Session) {
        match self.format {
            Format::Text => {
                let in_block = self.screen.is_terminal();
                let items = update.items.iter().filter(|item| match item {
                    // Who records was said before.
                    Item::Header(_) => false,
                    // On a terminal each stall has its line in the block, which grows in place.
                    Item::Change { change: Change::RefusedAgain(_), .. } => !in_block,
                    _ => true,
                });
                let (timeline, width, style) = (session.timeline(), self.width(), self.style);
                self.pending.extend(items.flat_map(|item| text::lines(item, timeline, width, style)));
            }
            Format::Json => verdicts.iter().for_each(|verdict| self.json(verdict)),
        }
    }

    fn notice(&mut self, text: String) {
        match self.format {
            Format::Text => {
                let text = view::clean(&text).into_owned();
                self.pending
                    .extend(view::wrap(&text, self.width()).iter().map(|line| self.style.paint(Paint::Warning, line)));
            }
            // Standard output is for the session's own lines.
            Format::Json => eprintln!("nfsgrace: {}", view::clean(&text)),
        }
    }

    /// Prints what has gathered.
    fn flush(&mut self) -> Result<()> {
        self.screen.print(&std::mem::take(&mut self.pending))?;
        Ok(())
    }

    /// Prints what has gathered, and draws anew what changes with time alone.
    fn tick(&mut self, session: &Session, now: Stamp) -> Result<()> {
        self.flush()?;
        if self.format == Format::Text && self.screen.is_terminal() {
            let size = self.screen.size();
            // The line below the block is the cursor's.
            let height = usize::from(size.height.saturating_sub(1)).min(BLOCK_LINES);
            let lines = text::status(session.timeline(), now, usize::from(size.width), height, self.style);
            self.screen.block(&lines)?;
        }
        Ok(())
    }

    fn finish(&mut self, session: &Session, closing: &[Line], _written: Option<Written>) -> Result<()> {
        match self.format {
            Format::Text => {
                let summary = closing.iter().find_map(|line| match line {
                    Line::Summary(summary) => Some(summary),
                    _ => None,
                });
                let lines = summary.map(|it| summary::text(session, it, self.width(), self.style));
                self.pending.extend(lines.into_iter().flatten());
            }
            Format::Json => closing.iter().for_each(|line| self.json(line)),
        }
        self.screen.block::<&str>(&[])?;
        self.flush()
    }
}

/// Lines that are printed at once where nobody waits for each.
const SOME: usize = 64;
/// The block leaves room for what happens above it.
const BLOCK_LINES: usize = 16;
