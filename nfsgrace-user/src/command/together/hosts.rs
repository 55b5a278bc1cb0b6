//! The hosts of a paired session: each with a session on its own clock, all tied by what passes between them.

use std::{collections::BTreeMap, time::Instant};

use super::show::Show;
use crate::{
    clock::HostId,
    outcome,
    paired::{Clocks, HostSession, Paired, Towards},
    record::{Filter, Header, Line, Loss, PairedSummary, Stamp},
    session::{Item, Session, Update},
    source::{
        heard::{Clock, FromSource, Skipped},
        live::clock,
        several::SourceId,
    },
    view::Placed,
};

/// One host, or more exactly one boot of it.
pub(super) struct Host {
    pub(super) id: HostId,
    pub(super) name: String,
    pub(super) session: Session,
    /// How far its clock is ahead of the monotonic one here, as far as its records tell: they come late, never early.
    ahead_ns: i128,
    /// Since when it is lost, on its own clock, and why.
    pub(super) lost: Option<(Stamp, String)>,
    local: bool,
}

/// What the clocks of hosts are compared with.
enum Time {
    /// The clock here, from this moment on.
    Passes(Instant),
    /// A moment that is said, nanoseconds.
    Stands(i128),
}

/// All of them.
pub(super) struct Hosts {
    paired: Paired,
    filter: Filter,
    list: Vec<Host>,
    /// Which host a source tells of now: after a reboot, another one.
    by_source: BTreeMap<SourceId, usize>,
    time: Time,
    /// The clock that all times are shown on, and ways to it.
    reference: Option<(usize, Towards)>,
}

impl Hosts {
    pub(super) fn new(clocks: Clocks, filter: Filter) -> Self {
        Self {
            paired: Paired::new(clocks),
            filter,
            list: Vec::new(),
            by_source: BTreeMap::new(),
            time: Time::Passes(Instant::now()),
            reference: None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Host> {
        self.list.iter()
    }

    pub(super) fn exit_status(&self) -> u8 {
        u8::from(self.list.iter().any(|host| host.session.exit_status() != 0))
    }

    /// Of recordings: time is what the caller says that it is.
    pub(super) fn replayed(clocks: Clocks, filter: Filter) -> Self {
        Self { time: Time::Stands(0), ..Self::new(clocks, filter) }
    }

    /// It is now so late, nanoseconds.
    pub(super) fn at(&mut self, now_ns: i128) {
        self.time = Time::Stands(now_ns);
    }

    fn elapsed_ns(&self) -> i128 {
        match self.time {
            Time::Passes(began) => i128::try_from(began.elapsed().as_nanos()).unwrap_or(i128::MAX),
            Time::Stands(now_ns) => now_ns,
        }
    }

    /// What a host's clock shows now, as nearly as its records tell.
    pub(super) fn now(&self, host: &Host) -> Stamp {
        if host.local {
            return clock::now();
        }
        // A host that is lost stands still.
        if let Some((at, _)) = &host.lost {
            return *at;
        }
        let now = Stamp(u64::try_from(self.elapsed_ns() + host.ahead_ns).unwrap_or(0));
        now.max(host.session.timeline().now())
    }

    /// Takes what was heard from a source.
    pub(super) fn take(&mut self, source: SourceId, what: FromSource, show: &mut Show) {
        match what {
            FromSource::Line(line) => self.line(source, line, show),
            FromSource::Skipped(Skipped { count, why, .. }) => {
                show.notice(source, &format!("{count} of its lines left out: {why}"));
                // What was left out may hide refusals and stalls: a loss like any other.
                if let Some(&nth) = self.by_source.get(&source) {
                    let at = self.list.get(nth).map(|host| self.now(host)).unwrap_or_default();
                    let hides = "events of any kind".to_owned();
                    let cause = "line_left_out".to_owned();
                    self.line(source, Line::Loss(Loss { at, cause, count, hides }), show);
                }
            }
            FromSource::Newer { schema, program } => show.notice(
                source,
                &format!("it runs nfsgrace {program} with the newer schema {schema}: what is new in it is not shown"),
            ),
            FromSource::Lost { why, retry_in } => {
                show.notice(source, &format!("LOST: {why}; next try in {} s", retry_in.as_secs()));
                if let Some(&nth) = self.by_source.get(&source)
                    && let Some(at) = self.list.get(nth).map(|host| self.now(host))
                    && let Some(host) = self.list.get_mut(nth)
                {
                    host.lost.get_or_insert((at, why));
                }
            }
            FromSource::Back { away, clock } => {
                let boot = if clock == Clock::Other { ", rebooted meanwhile" } else { "" };
                show.notice(source, &format!("is back after {} s{boot}", away.as_secs()));
                if let Some(&nth) = self.by_source.get(&source)
                    && let Some(host) = self.list.get_mut(nth)
                {
                    host.lost = None;
                }
            }
            FromSource::Ended { why } => {
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                show.notice(source, &format!("no more records come{why}"));
            }
        }
    }

    fn line(&mut self, source: SourceId, line: Line, show: &mut Show) {
        if let Line::Header(header) = &line {
            self.header(source, header, show);
        }
        let Some(&nth) = self.by_source.get(&source) else { return };
        let ahead_ns = i128::from(line.at().0) - self.elapsed_ns();
        let Some(host) = self.list.get_mut(nth) else { return };
        // A summary or an old line of the kernel log may be late; nothing comes early.
        host.ahead_ns = host.ahead_ns.max(ahead_ns);
        if matches!(&line, Line::Event(event) if !self.filter.admits(event)) {
            return;
        }
        show.line(source, &line);
        let update = host.session.record(line.clone());
        let tied = self.paired.observe(host.id, &line, &host.session);
        if !tied.is_empty() {
            self.reference = None;
            self.foretell();
        }
        self.show(nth, &update, show);
    }

    fn header(&mut self, source: SourceId, header: &Header, show: &mut Show) {
        let Some(id) = self.paired.host(header) else {
            show.notice(source, "too many hosts: it is left out");
            self.by_source.remove(&source);
            return;
        };
        self.reference = None;
        if let Some(nth) = self.list.iter().position(|host| host.id == id) {
            self.by_source.insert(source, nth);
            return;
        }
        let ahead_ns = i128::from(header.started.0) - self.elapsed_ns();
        let name = show.name(source, header);
        self.by_source.insert(source, self.list.len());
        let local = show.is_local(source);
        self.list.push(Host { id, name, session: Session::new(), ahead_ns, lost: None, local });
        show.watching(source, header);
    }

    /// What changes with time alone.
    pub(super) fn tick(&mut self, show: &mut Show) {
        self.foretell();
        for nth in 0..self.list.len() {
            let Some(now) = self.list.get(nth).map(|host| self.now(host)) else { continue };
            let Some(host) = self.list.get_mut(nth) else { continue };
            let update = host.session.tick(now);
            self.show(nth, &update, show);
        }
    }

    pub(super) fn finish(&mut self, show: &mut Show) {
        self.paired.finish();
        self.foretell();
        for nth in 0..self.list.len() {
            let Some(now) = self.list.get(nth).map(|host| self.now(host)) else { continue };
            let Some(host) = self.list.get_mut(nth) else { continue };
            let update = host.session.finish(now);
            self.show(nth, &update, show);
        }
    }

    /// Tells each client what its servers on other hosts know: when their grace periods end.
    fn foretell(&mut self) {
        let views = self.views();
        let told: Vec<_> = views
            .iter()
            .map(|host| {
                let stalls = host.session.timeline().stalls();
                let unseen = stalls.ended().into_iter().chain(stalls.live()).filter(|stall| stall.restart.is_none());
                let foreign = self.paired.foreign(&views, host, unseen.map(|stall| stall.id));
                (foreign, self.paired.knows_servers(host.id, host.session))
            })
            .collect();
        for (host, (foreign, known)) in self.list.iter_mut().zip(told) {
            host.session.know_servers(known);
            host.session.know_foreign(foreign);
        }
    }

    fn views(&self) -> Vec<HostSession<'_>> {
        let view = |host| -> HostSession<'_> { self.view(host) };
        self.list.iter().map(view).collect()
    }

    fn view<'a>(&self, host: &'a Host) -> HostSession<'a> {
        HostSession {
            id: host.id,
            session: &host.session,
            now: self.now(host),
            lost_contact: host.lost.as_ref().map(|(at, _)| *at),
        }
    }

    /// What the hosts' sessions come to together.
    pub(super) fn summary(&self) -> PairedSummary {
        outcome::paired(&self.paired, &self.views())
    }

    /// Where a host's time lies on the clock that all are shown on; `None` where the clocks are not tied.
    fn place(&mut self, nth: usize, at: Stamp) -> Option<Placed> {
        if self.reference.is_none() {
            let id = self.paired.reference();
            let place = self.list.iter().position(|host| host.id == id)?;
            self.reference = Some((place, self.paired.towards(id)));
        }
        let (_, towards) = self.reference.as_ref()?;
        let mapped = self.paired.at(towards, self.list.get(nth)?.id, at);
        Some(Placed { at_ns: mapped.nanoseconds()?, error: mapped.error() })
    }

    fn show(&mut self, nth: usize, update: &Update, show: &mut Show) {
        if update.items.is_empty() {
            return;
        }
        let now = self.list.get(nth).map(|host| host.session.timeline().now()).unwrap_or_default();
        let placed = self.place(nth, now);
        let ahead_ns = placed.map(|placed| placed.at_ns.saturating_sub(i64::try_from(now.0).unwrap_or(i64::MAX)));
        let Some(host) = self.list.get(nth) else { return };
        let tied = |item: &Item| match item {
            // What the client alone cannot know, its server tells.
            Item::Verdict { revision, .. } if revision.verdict().restart.is_none() => {
                let mut live = host.session.timeline().stalls().live();
                !live.any(|stall| self.paired.root(host.id, stall.id, stall.restart).is_some())
            }
            _ => true,
        };
        let items: Vec<_> = update.items.iter().filter(|item| tied(item)).collect();
        show.items(host, &items, ahead_ns);
    }
}
