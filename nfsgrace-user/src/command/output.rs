//! What a command prints: text for people or NDJSON for programs, from the same session.

use std::time::Duration;

use anyhow::Result;

use super::screen::Screen;
use crate::{
    cli::Format,
    record::{Header, Line, ProbeRow, Role, Stamp, encode},
    session::{Item, Session, Update},
    timeline::Change,
    view::{self, Style, summary, text},
};

/// Standard output in one of its forms. What is to stay is gathered, and printed by [`Output::flush`].
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

    /// Says that everything is attached.
    pub(super) fn watching(&mut self, header: &Header, [attached, to_follow]: [usize; 2], took: Duration) {
        if self.format == Format::Json {
            return;
        }
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
        let missing =
            |row: &&ProbeRow| row.status == "missing" && !row.lost.is_empty() && !row.why.contains("not built");
        for ProbeRow { hook, why, lost, .. } in header.probes.iter().filter(missing) {
            self.pending.push(format!("not seen on this kernel: {lost} ({hook}: {why})"));
        }
    }

    /// A line of the session, as it came.
    pub(super) fn line(&mut self, line: &Line) {
        if self.format == Format::Json {
            self.json(line);
        }
    }

    /// What follows from it; the verdicts in it, as lines of the session.
    pub(super) fn update(&mut self, update: &Update, session: &Session) -> Vec<Line> {
        let timeline = session.timeline();
        let verdicts: Vec<Line> = update
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Verdict { at, revision } => Some(view::json::verdict(*at, revision, timeline)),
                _ => None,
            })
            .collect();
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
                let (width, style) = (self.width(), self.style);
                self.pending.extend(items.flat_map(|item| text::lines(item, timeline, width, style)));
            }
            Format::Json => verdicts.iter().for_each(|verdict| self.json(verdict)),
        }
        verdicts
    }

    /// Prints what has gathered.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.screen.print(&std::mem::take(&mut self.pending))?;
        Ok(())
    }

    /// Prints what has gathered, and draws anew what changes with time alone.
    pub(super) fn status(&mut self, session: &Session, now: Stamp) -> Result<()> {
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

    /// The end: the summary; what it concludes, as lines of the session.
    pub(super) fn finish(&mut self, session: &Session, now: Stamp) -> Result<Vec<Line>> {
        let closing = view::json::closing(session, now);
        match self.format {
            Format::Text => {
                let summary = summary::gather(session.timeline(), now);
                let lines = summary::text(session, &summary, self.width(), self.style);
                self.pending.extend(lines);
            }
            Format::Json => {
                for line in &closing {
                    self.json(line);
                }
            }
        }
        self.screen.block::<&str>(&[])?;
        self.flush()?;
        Ok(closing)
    }

    fn json(&mut self, line: &Line) {
        let mut bytes = Vec::new();
        encode(line, &mut bytes);
        self.pending.push(String::from_utf8_lossy(&bytes).trim_end().to_owned());
    }

    fn width(&self) -> usize {
        usize::from(self.screen.size().width)
    }
}

/// The block leaves room for what happens above it.
const BLOCK_LINES: usize = 16;
