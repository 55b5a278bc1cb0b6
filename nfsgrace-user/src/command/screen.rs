//! Standard output: lines that stay, and on a terminal a block below them that is drawn anew.

use std::{
    io::{self, IsTerminal as _, StdoutLock, Write as _},
    os::fd::AsFd as _,
};

use rustix::termios::tcgetwinsize;

/// Where a view is drawn.
pub struct Screen {
    out: StdoutLock<'static>,
    terminal: bool,
    drawn: usize,
}

/// Columns and lines of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: u16,
    /// Lines; as many as one likes where it is not a terminal.
    pub height: u16,
}

impl Screen {
    /// Standard output.
    #[must_use]
    pub fn stdout() -> Self {
        let out = io::stdout().lock();
        let terminal = out.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { out, terminal, drawn: 0 }
    }

    /// Whether a block can be drawn anew.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether colours are wanted: on a terminal, unless `NO_COLOR` says otherwise (<https://no-color.org>).
    #[must_use]
    pub fn colours(&self) -> bool {
        self.terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    }

    /// Whether the locale can show more than ASCII; where no locale is set it is taken to.
    #[must_use]
    pub fn unicode(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty());
        locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
    }

    /// The size now; 80 columns, or what `COLUMNS` says, where it is not a terminal.
    #[must_use]
    pub fn size(&self) -> Size {
        if self.terminal
            && let Ok(size) = tcgetwinsize(self.out.as_fd())
            && size.ws_col > 0
            && size.ws_row > 0
        {
            return Size { width: size.ws_col, height: size.ws_row };
        }
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        Size { width: columns.unwrap_or(80), height: u16::MAX }
    }

    /// Prints lines that stay, above the block.
    ///
    /// # Errors
    ///
    /// Where standard output is closed.
    pub fn print<S: AsRef<str>>(&mut self, lines: &[S]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        self.erase()?;
        for line in lines {
            writeln!(self.out, "{}", line.as_ref())?;
        }
        self.out.flush()
    }

    /// Draws the block anew; does nothing where it is not a terminal. Each line must fit the width.
    ///
    /// # Errors
    ///
    /// Where standard output is closed.
    pub fn block<S: AsRef<str>>(&mut self, lines: &[S]) -> io::Result<()> {
        if !self.terminal {
            return Ok(());
        }
        self.erase()?;
        for line in lines {
            writeln!(self.out, "{}", line.as_ref())?;
        }
        self.drawn = lines.len();
        self.out.flush()
    }

    fn erase(&mut self) -> io::Result<()> {
        if self.drawn > 0 {
            // Up to its first line, and clear from there to the end of the screen.
            write!(self.out, "\x1b[{}A\r\x1b[J", self.drawn)?;
            self.drawn = 0;
        }
        Ok(())
    }
}
