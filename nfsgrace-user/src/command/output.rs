//! What is printed on standard output: text for people or NDJSON for programs. Where there are several hosts, each line says
//! which it is of.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;

use super::{
    screen::Screen,
    show::{Began, Closing, Show},
};
use crate::{
    cli::Format,
    conductor::{Conductor, Member},
    outcome::{Conclusion, SessionOutcome},
    record::{self, Header, Line, ProbeRow, Role},
    session::{Item, Session, Update},
    source::{file::Written, live::Live},
    timeline::Change,
    view::{self, Paint, Style, paired, summary, text},
};

/// Lines that are printed at once where nobody waits for each.
const SOME: usize = 64;
/// Lines of the block that is drawn anew: it leaves room for what happens above it.
const BLOCK: usize = 16;
/// Columns for the name of a host.
const NAME: usize = 12;

/// Standard output in one of its forms. What is to stay is gathered, and printed by [`Show::flush`].
pub(super) struct Output {
    screen: Screen,
    format: Format,
    style: Style,
    several: bool,
    pending: Vec<String>,
    hosts: BTreeMap<usize, Host>,
    /// Whether the only host was named before its header came.
    was_named: bool,
}

/// What a host is called.
struct Host {
    /// In each of its lines.
    label: String,
    /// By the user.
    source: String,
}

impl Output {
    pub(super) fn new(format: Format, several: bool) -> Self {
        let screen = Screen::stdout();
        let style = Style { color: screen.colours(), unicode: screen.unicode() };
        Self { screen, format, style, several, pending: Vec::new(), hosts: BTreeMap::new(), was_named: false }
    }

    fn width(&self) -> usize {
        usize::from(self.screen.size().width)
    }

    /// Columns that are left where each line has its host.
    fn columns(&self) -> usize {
        self.width().saturating_sub(if self.several { NAME + 1 } else { 0 })
    }

    /// A line of the session: where there are several, with its source as the last field.
    fn json(&mut self, source: Option<&str>, line: &Line) {
        let text = record::text(line);
        self.pending.push(match (text.strip_suffix('}'), source.filter(|_| self.several)) {
            (Some(body), Some(source)) => format!("{body},\"source\":{}}}", serde_json::Value::from(source)),
            _ => text,
        });
    }

    fn label(&self, nth: usize) -> String {
        let name = self.hosts.get(&nth).map_or("", |host| host.label.as_str());
        let padding = " ".repeat(NAME.saturating_sub(view::width(name)));
        self.style.paint(Paint::Dim, &format!("{name}{padding}"))
    }

    /// Who watches what on this machine.
    fn watching(&mut self, live: &Live, took: Duration) {
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
        self.was_named = true;
    }

    /// The items of an update that are to be printed, as lines.
    fn items(&self, conductor: &mut Conductor, nth: usize, update: &Update) -> Vec<String> {
        let in_block = self.screen.is_terminal();
        let mut items = update.items.iter().filter(|item| match item {
            // Who records was said before.
            Item::Header(_) => false,
            // On a terminal each stall has its line in the block, which grows in place.
            Item::Change { change: Change::RefusedAgain(_), .. } => !in_block,
            _ => true,
        });
        let Some(first) = items.next() else { return Vec::new() };
        let now = conductor.members().get(nth).map(|it| it.session.timeline().now()).unwrap_or_default();
        let placed = if self.several { conductor.placed(nth, now) } else { None };
        let ahead_ns = placed.map(|placed| placed.at_ns.saturating_sub(i64::try_from(now.0).unwrap_or(i64::MAX)));
        let Some(member) = conductor.members().get(nth) else { return Vec::new() };
        let columns = self.columns();
        let text = |item: &Item| text::lines_on(item, &member.session, ahead_ns.unwrap_or(0), columns, self.style);
        let texts = [first].into_iter().chain(items).map(text);
        if !self.several {
            return texts.flatten().collect();
        }
        // Where the clocks are not tied yet, a host's times are its own.
        let (label, mark) = (self.label(nth), if ahead_ns.is_some() { ' ' } else { '~' });
        let line = |(nth, line): (usize, String)| match nth {
            0 => format!("{label}{mark}{line}"),
            _ => format!("{}{line}", " ".repeat(NAME + 1)),
        };
        texts.flat_map(|lines| lines.into_iter().enumerate().map(line).collect::<Vec<_>>()).collect()
    }

    fn status(&self, conductor: &Conductor, width: usize, height: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for (nth, member) in conductor.members().iter().enumerate() {
            let room = height.saturating_sub(lines.len()).max(1);
            let columns = width.min(self.columns());
            let status = text::status(member.session.timeline(), conductor.now(member), columns, room, self.style);
            let lost = member.lost.as_ref().map(|(_, why)| view::cut(&format!("LOST: {}", view::clean(why)), columns));
            let own = lost.into_iter().chain(status);
            let label = if self.several { format!("{} ", self.label(nth)) } else { String::new() };
            lines.extend(own.map(|line| format!("{label}{line}")));
        }
        lines.truncate(height.max(1));
        lines
    }

    fn closing(&mut self, nth: usize, member: &Member, closing: &SessionOutcome) {
        if self.format == Format::Json {
            let source = self.hosts.get(&nth).map(|host| host.source.clone());
            let lines = closing.clone().into_lines();
            lines.iter().for_each(|line| self.json(source.as_deref(), line));
            return;
        }
        if self.several {
            let name = self.hosts.get(&nth).map_or("", |host| host.label.as_str());
            let title = format!("On {name} alone, in seconds since its own boot:");
            self.pending.extend([String::new(), self.style.paint(Paint::Bold, &title), String::new()]);
        }
        self.pending.extend(summary::text(closing, self.width(), self.style));
        self.pending.extend(member.notes.iter().map(|note| format!("note: {}", view::clean(note))));
        self.pending.extend(self.several.then(String::new));
    }
}

impl Show for Output {
    fn began(&mut self, began: &Began<'_>) -> Result<()> {
        if self.format == Format::Json {
            return Ok(());
        }
        if self.several {
            let names: Vec<_> = began.sources.iter().map(|name| view::clean(name)).collect();
            let text = format!(
                "watching {} together: {}; times are seconds since boot of the server as soon as the clocks are tied, of each \
                 host (~) until then; Ctrl-C ends with a summary",
                view::plural(names.len() as u64, "source"),
                names.join(", ")
            );
            self.pending.extend(view::wrap(&text, self.width()));
        } else if let Some(live) = began.live {
            self.watching(live, began.took);
        }
        self.flush(true)
    }

    fn joined(&mut self, source: &str, nth: usize, header: &Header) {
        let name = if header.host.is_empty() { source } else { &header.host };
        let label = view::clean_tail(name, NAME);
        self.hosts.insert(nth, Host { label, source: source.to_owned() });
        if self.several {
            self.notice(Some(source), &format!("is {}, kernel {}", header.host, header.kernel));
        } else if self.format == Format::Text && !self.was_named {
            let item = Item::Header(Box::new(header.clone()));
            self.pending.extend(text::lines(&item, &Session::new(), self.width(), self.style));
        }
    }

    fn line(&mut self, source: &str, line: &Line) {
        if self.format == Format::Json {
            self.json(Some(source), line);
        }
    }

    fn update(&mut self, conductor: &mut Conductor, nth: usize, update: &Update, conclusions: &[Conclusion]) {
        match self.format {
            Format::Text => {
                let lines = self.items(conductor, nth, update);
                self.pending.extend(lines);
            }
            Format::Json => {
                let source = self.hosts.get(&nth).map(|host| host.source.clone());
                let lines = conclusions.iter().cloned().map(Conclusion::into_line);
                lines.for_each(|line| self.json(source.as_deref(), &line));
            }
        }
    }

    fn notice(&mut self, source: Option<&str>, text: &str) {
        let about = source.map(|name| format!("{}: ", view::clean(name))).unwrap_or_default();
        let text = format!("{about}{}", view::clean(text));
        match self.format {
            Format::Text => {
                let lines = view::wrap(&text, self.width());
                self.pending.extend(lines.iter().map(|line| self.style.paint(Paint::Warning, line)));
            }
            // Standard output is for the sessions' own lines.
            Format::Json => eprintln!("nfsgrace: {text}"),
        }
    }

    /// Prints what has gathered, if somebody waits for it or it is much.
    fn flush(&mut self, at_once: bool) -> Result<()> {
        if at_once || self.pending.len() >= SOME {
            self.screen.print(&std::mem::take(&mut self.pending))?;
        }
        Ok(())
    }

    /// Prints what has gathered, and draws anew what changes with time alone.
    fn tick(&mut self, conductor: &Conductor) -> Result<()> {
        self.flush(true)?;
        if self.format == Format::Text && self.screen.is_terminal() {
            let size = self.screen.size();
            // The line below the block is the cursor's.
            let height = usize::from(size.height.saturating_sub(1)).min(BLOCK);
            let lines = self.status(conductor, usize::from(size.width), height);
            self.screen.block(&lines)?;
        }
        Ok(())
    }

    fn finish(&mut self, conductor: &Conductor, closing: &Closing, _written: Option<Written>) -> Result<()> {
        for ((nth, member), lines) in conductor.members().iter().enumerate().zip(&closing.hosts) {
            self.closing(nth, member, lines);
        }
        if let Some(together) = &closing.together {
            match (self.format, together) {
                (Format::Json, line) => self.json(None, line),
                (Format::Text, Line::Paired(rows)) => {
                    self.pending.extend(paired::text(rows, self.width(), self.style));
                }
                (Format::Text, _) => {}
            }
        }
        self.screen.block::<&str>(&[])?;
        self.flush(true)
    }
}
