//! What is printed of a paired session: each line with its host, all times on one clock.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{
    super::screen::Screen,
    hosts::{Host, Hosts},
};
use crate::{
    cli::Format,
    outcome,
    record::{self, Header, Line},
    session::{Item, Session},
    source::several::SourceId,
    timeline::Change,
    view::{self, Paint, Style, paired, summary, text},
};

/// Columns for the name of a host.
const NAME: usize = 12;
/// Lines of the block that is drawn anew.
const BLOCK: usize = 16;

pub(super) struct Show {
    screen: Screen,
    format: Format,
    style: Style,
    pending: Vec<String>,
    /// What the user called each source.
    sources: BTreeMap<SourceId, String>,
    local: Option<SourceId>,
}

impl Show {
    /// For sources that the user called so.
    pub(super) fn new(format: Format, sources: Vec<String>) -> Self {
        let screen = Screen::stdout();
        let style = Style { color: screen.colours(), unicode: screen.unicode() };
        let sources: BTreeMap<_, _> =
            sources.into_iter().enumerate().map(|(nth, name)| (SourceId(nth), name)).collect();
        let local = sources.iter().find(|(_, name)| *name == "local").map(|(id, _)| *id);
        Self { screen, format, style, pending: Vec::new(), sources, local }
    }

    pub(super) fn is_local(&self, source: SourceId) -> bool {
        self.local == Some(source)
    }

    fn width(&self) -> usize {
        usize::from(self.screen.size().width)
    }

    fn called(&self, source: SourceId) -> String {
        self.sources.get(&source).map(|name| view::clean(name).into_owned()).unwrap_or_default()
    }

    /// What a host is called in each of its lines.
    pub(super) fn name(&self, source: SourceId, header: &Header) -> String {
        let name = if header.host.is_empty() { self.called(source) } else { view::clean(&header.host).into_owned() };
        view::clean_tail(&name, NAME)
    }

    pub(super) fn began(&mut self) -> Result<()> {
        if self.format == Format::Text {
            let names: Vec<_> = self.sources.keys().map(|source| self.called(*source)).collect();
            let text = format!(
                "watching {} together: {}; times are seconds since boot of the server as soon as the clocks are tied, of each \
                 host (~) until then; Ctrl-C ends with a summary",
                view::plural(names.len() as u64, "source"),
                names.join(", ")
            );
            self.pending.extend(view::wrap(&text, self.width()));
        }
        self.flush()
    }

    pub(super) fn watching(&mut self, source: SourceId, header: &Header) {
        let kernel = view::clean(&header.kernel).into_owned();
        let host = view::clean(&header.host).into_owned();
        self.notice(source, &format!("is {host}, kernel {kernel}"));
    }

    /// Something to say about a source.
    pub(super) fn notice(&mut self, source: SourceId, text: &str) {
        let text = format!("{}: {}", self.called(source), view::clean(text));
        match self.format {
            Format::Text => {
                let width = self.width();
                self.pending.extend(view::wrap(&text, width).iter().map(|line| self.style.paint(Paint::Warning, line)));
            }
            // Standard output is for the sessions' own lines.
            Format::Json => eprintln!("nfsgrace: {text}"),
        }
    }

    /// A line of a session, as it came: in JSON with the name of its source at the end.
    pub(super) fn line(&mut self, source: SourceId, line: &Line) {
        if self.format == Format::Json {
            let text = tagged(line, self.sources.get(&source).map_or("", String::as_str));
            self.pending.push(text);
        }
    }

    pub(super) fn items(&mut self, host: &Host, items: &[&Item], ahead_ns: Option<i64>) {
        let timeline = host.session.timeline();
        if self.format == Format::Json {
            for item in items {
                if let Item::Verdict { at, revision } = item {
                    self.pending.push(tagged(&outcome::verdict(*at, revision, timeline), &host.name));
                }
            }
            return;
        }
        let in_block = self.screen.is_terminal();
        let width = self.width().saturating_sub(NAME + 1);
        let shown = items.iter().filter(|item| match item {
            // Who records was said before.
            Item::Header(_) => false,
            // On a terminal each stall has its line in the block, which grows in place.
            Item::Change { change: Change::RefusedAgain(_), .. } => !in_block,
            _ => true,
        });
        // Where the clocks are not tied yet, a host's times are its own.
        let mark = if ahead_ns.is_some() { ' ' } else { '~' };
        for item in shown {
            let lines = text::lines_on(item, timeline, ahead_ns.unwrap_or(0), width, self.style);
            let label = self.style.paint(Paint::Dim, &padded(&host.name));
            self.pending.extend(lines.iter().enumerate().map(|(nth, line)| match nth {
                0 => format!("{label}{mark}{line}"),
                _ => format!("{}{line}", " ".repeat(NAME + 1)),
            }));
        }
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.screen.print(&std::mem::take(&mut self.pending))?;
        Ok(())
    }

    /// Draws anew what changes with time alone.
    pub(super) fn tick(&mut self, hosts: &Hosts) -> Result<()> {
        self.flush()?;
        if self.format == Format::Text && self.screen.is_terminal() {
            let size = self.screen.size();
            let height = usize::from(size.height.saturating_sub(1)).min(BLOCK);
            let lines = self.status(hosts, usize::from(size.width), height);
            self.screen.block(&lines)?;
        }
        Ok(())
    }

    fn status(&self, hosts: &Hosts, width: usize, height: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for host in hosts.iter() {
            let label = self.style.paint(Paint::Dim, &padded(&host.name));
            if let Some((_, why)) = &host.lost {
                lines.push(view::cut(&format!("{} LOST: {}", padded(&host.name), view::clean(why)), width));
            }
            let room = height.saturating_sub(lines.len()).max(1);
            let (now, width) = (hosts.now(host), width.saturating_sub(NAME + 1));
            let status = text::status(host.session.timeline(), now, width, room, self.style);
            lines.extend(status.iter().map(|line| format!("{label} {line}")));
        }
        lines.truncate(height.max(1));
        lines
    }

    pub(super) fn finish(&mut self, hosts: &Hosts) -> Result<()> {
        self.screen.block::<&str>(&[])?;
        let width = self.width();
        let together = hosts.summary();
        for host in hosts.iter() {
            self.closing(host, hosts, width);
        }
        match self.format {
            Format::Text => self.pending.extend(paired::text(&together, width, self.style)),
            Format::Json => self.pending.push(tagged(&Line::Paired(Box::new(together)), "")),
        }
        self.flush()
    }

    fn closing(&mut self, host: &Host, hosts: &Hosts, width: usize) {
        let session: &Session = &host.session;
        let now = hosts.now(host);
        match self.format {
            Format::Json => {
                let closing = outcome::closing(session, now);
                self.pending.extend(closing.iter().map(|line| tagged(line, &host.name)));
            }
            Format::Text => {
                let title = format!("On {} alone, in seconds since its own boot:", host.name);
                self.pending.extend([String::new(), self.style.paint(Paint::Bold, &title), String::new()]);
                let rows = outcome::summary(session.timeline(), now);
                self.pending.extend(summary::text(session, &rows, width, self.style));
                self.pending.push(String::new());
            }
        }
    }
}

fn padded(name: &str) -> String {
    format!("{name}{}", " ".repeat(NAME.saturating_sub(view::width(name))))
}

/// A line of a session with where it comes from: `source`, the last field.
fn tagged(line: &Line, source: &str) -> String {
    let text = record::text(line);
    match (text.strip_suffix('}'), source) {
        (Some(body), source) if !source.is_empty() => {
            format!("{body},\"source\":{}}}", serde_json::Value::from(source))
        }
        _ => text,
    }
}
