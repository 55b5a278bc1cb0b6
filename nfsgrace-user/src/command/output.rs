//! What a command prints: text for people or NDJSON for programs, from the same session.

use std::time::Duration;

use anyhow::Result;

use super::screen::Screen;
use crate::{
    cli::Format,
    record::{Header, Line, Stamp, encode},
    session::{Session, Update},
};

/// Standard output in one of its forms.
pub(super) struct Output {
    screen: Screen,
    format: Format,
    pending: Vec<String>,
}

impl Output {
    pub(super) fn new(format: Format) -> Self {
        Self { screen: Screen::stdout(), format, pending: Vec::new() }
    }

    /// Says that everything is attached.
    pub(super) fn watching(&mut self, header: &Header, attached: usize, took: Duration) -> Result<()> {
        if self.format == Format::Text {
            let line = format!(
                "watching {} (kernel {}): {attached} probes attached in {:.1} s; Ctrl-C ends with a summary",
                header.host,
                header.kernel,
                took.as_secs_f64()
            );
            self.pending.push(line);
        }
        Ok(())
    }

    /// A line of the session, as it came.
    pub(super) fn line(&mut self, line: &Line) -> Result<()> {
        if self.format == Format::Json {
            let mut bytes = Vec::new();
            encode(line, &mut bytes);
            self.pending.push(String::from_utf8_lossy(&bytes).trim_end().to_owned());
        }
        Ok(())
    }

    /// What follows from it.
    pub(super) fn update(&mut self, update: &Update, _session: &Session) -> Result<()> {
        if self.format == Format::Text {
            self.pending.extend(update.items.iter().map(|item| format!("{item:?}")));
        }
        Ok(())
    }

    /// Prints what has gathered.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.screen.print(&std::mem::take(&mut self.pending))?;
        Ok(())
    }

    /// What changes with time alone.
    pub(super) fn status(&mut self, _session: &Session, _now: Stamp) -> Result<()> {
        self.flush()
    }

    /// The end: the summary; what it concludes, for the recording.
    pub(super) fn finish(&mut self, _session: &Session, _now: Stamp) -> Result<Vec<Line>> {
        self.flush()?;
        Ok(Vec::new())
    }
}
