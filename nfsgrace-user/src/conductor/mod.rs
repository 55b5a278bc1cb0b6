//! Conducts the sessions of all hosts: one of them or many, live or recorded.
//!
//! Each host has a session of its own, on its own clock. The conductor gives each its lines, ties what passed between them,
//! tells each what only its servers on other hosts know, and says what time it is there. With one host it does nothing but
//! hand on. It has no clock: what time it is where it stands is handed in, and so are the lines.

mod axes;
mod member;
mod part;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::{Result, bail};
pub use axes::Axes;
pub use member::Member;
use part::{Part, Wanted};

use crate::{
    clock::{HostId, Placed},
    diagnosis::Revision,
    paired::{Clocks, HostSession, Paired, Towards},
    record::{Header, Line, Manager, Moment, RestartId, Selection, Stamp, Window},
    session::{Item, Update},
    timeline::{Change, Stall, StallId},
};

/// Conducts the sessions of all hosts.
#[derive(Debug)]
pub struct Conductor {
    paired: Paired,
    /// Whether there may be several hosts: whether it is worth looking for what passed between them.
    several: bool,
    selection: Selection,
    /// End of the session, where the selection asks for it.
    end: Stamp,
    members: Vec<Member>,
    /// Which host a source tells of now: after a reboot, another one.
    by_source: BTreeMap<usize, usize>,
    here_ns: Option<i64>,
    /// The source whose clock is that of where the conductor stands.
    own: Option<usize>,
    /// Ways to the clock that all times are shown on.
    towards: Option<Towards>,
    /// The same hosts, conducted to their end before: what they come to together is known from there.
    known: Option<Arc<Conductor>>,
}

impl Conductor {
    /// No host yet.
    #[must_use]
    pub fn new(clocks: Clocks, several: bool, selection: Selection) -> Self {
        Self {
            paired: Paired::new(clocks),
            several,
            selection,
            end: Stamp(0),
            members: Vec::new(),
            by_source: BTreeMap::new(),
            here_ns: None,
            own: None,
            towards: None,
            known: None,
        }
    }

    /// The same recordings are conducted once more, for another selection: what they come to together is known.
    #[must_use]
    pub fn again(known: Arc<Self>, selection: Selection) -> Self {
        Self { known: Some(known), ..Self::new(Clocks::default(), true, selection) }
    }

    /// The same hosts, conducted to their end before.
    #[must_use]
    pub fn known(&self) -> Option<&Arc<Self>> {
        self.known.as_ref()
    }

    /// The only host's session ends at `end`, which the selection asks for.
    #[must_use]
    pub fn ending_at(self, end: Stamp) -> Self {
        Self { end, ..self }
    }

    /// The conductor stands where this source is: they have the same clock.
    #[must_use]
    pub fn standing_at(self, source: Option<usize>) -> Self {
        Self { own: source, ..self }
    }

    /// It is now so late where the conductor stands, nanoseconds. Never goes back.
    pub fn pass(&mut self, here_ns: i64) {
        self.here_ns = self.here_ns.max(Some(here_ns));
    }

    /// Time passes no more: each host stands where its latest record was made.
    pub fn stand_still(&mut self) {
        self.here_ns = None;
    }

    /// A source tells of the host of this header from now on: which one that is. `None` where there are too many.
    pub fn join(&mut self, source: usize, header: &Header) -> Option<usize> {
        let Some(id) = self.id(source, header) else {
            self.by_source.remove(&source);
            return None;
        };
        let nth = self.members.iter().position(|member| member.id == id).unwrap_or_else(|| {
            let part = self.part(id);
            let here_ns = self.here_ns.filter(|_| self.own != Some(source));
            self.members.push(Member::new(id, source, &self.selection, part, header.started, here_ns));
            self.towards = None;
            self.members.len() - 1
        });
        if let Some((known, member)) = self.knows_servers(id).zip(self.members.get_mut(nth)) {
            member.session.know_servers(known);
        }
        self.by_source.insert(source, nth);
        Some(nth)
    }

    /// Takes a line of a source: of which host it is, and what it changed, where it is asked for.
    pub fn take(&mut self, source: usize, line: &Line) -> Option<(usize, Update)> {
        let nth = self.place(source, line)?;
        let member = self.members.get_mut(nth)?;
        let wanted = member.hear(line, &self.selection, self.here_ns);
        if wanted == Wanted::No {
            return None;
        }
        let mut update = member.session.record(line);
        if self.several {
            self.follow(nth, line, &mut update);
        }
        (wanted != Wanted::Unseen).then_some((nth, update))
    }

    /// The same where nobody looks at what changes, only at what all of it comes to. Takes less time.
    pub fn take_unseen(&mut self, source: usize, line: &Line) {
        let Some(nth) = self.place(source, line) else { return };
        let Some(member) = self.members.get_mut(nth) else { return };
        if member.hear(line, &self.selection, self.here_ns) == Wanted::No {
            return;
        }
        member.session.record_unseen(line);
        if self.several && self.known.is_none() {
            self.paired.observe(member.id, line, &member.session);
        }
    }

    /// Time has passed: what that changed, host by host.
    pub fn tick(&mut self) -> Vec<(usize, Update)> {
        if self.several {
            self.tell_all(false);
        }
        let here_ns = self.here_ns;
        let tick = |member: &mut Member| {
            let now = member.now(here_ns);
            member.session.tick(now)
        };
        let mut updates: Vec<_> = self.members.iter_mut().map(tick).enumerate().collect();
        updates.iter_mut().for_each(|(nth, update)| self.keep_to_oneself(*nth, update));
        updates
    }

    /// All is over: everything is judged once more. What is only known now stands in each [`Member::last`].
    fn finish(&mut self) {
        if self.several {
            if self.known.is_none() {
                self.paired.finish();
            }
            self.tell_all(true);
        }
        let mut waited_for = self.waited_for();
        let Self { members, selection, here_ns, .. } = self;
        for member in members {
            if member.part.is_empty() {
                member.session.begin_span();
                let end = crate::record::moment_text(member.now(None));
                member.notes.push(format!("nothing was recorded in that time; the session ends at {end}"));
            }
            if !selection.is_all() {
                let waited_for = waited_for.remove(&member.id).unwrap_or_default();
                member.session.narrow(member.part.span, selection.restart, &waited_for);
            }
            member.last = member.session.finish(member.now(*here_ns));
        }
        for nth in 0..self.members.len() {
            let mut last = self.members.get_mut(nth).map(|member| std::mem::take(&mut member.last)).unwrap_or_default();
            self.keep_to_oneself(nth, &mut last);
            if let Some(member) = self.members.get_mut(nth) {
                member.last = last;
            }
        }
    }

    /// Numbers the hosts anew, by this order of their sources.
    pub fn order_by<K: Ord>(&mut self, order: impl Fn(usize) -> K) {
        self.members.sort_by_key(|member| order(member.source));
        self.by_source = self.members.iter().enumerate().map(|(nth, member)| (member.source, nth)).collect();
    }

    /// Takes note of the files that a source was read from, and of what must be said about them.
    pub fn know_files(&mut self, source: usize, files: Vec<String>, notes: Vec<String>) {
        if let Some(member) = self.members.iter_mut().find(|member| member.source == source) {
            member.files = files;
            member.notes.splice(0..0, notes);
        }
    }

    /// All is over, if it has what was asked for.
    ///
    /// # Errors
    ///
    /// Where it has not: what to do.
    pub fn finish_selected(&mut self) -> Result<()> {
        if let Some(member) = self.members.iter().find(|member| member.part.cannot_be_placed()) {
            bail!(
                "{} does not say where the wall clock stood: give --since and --until in seconds since boot",
                member.files.join(", ")
            );
        }
        self.finish();
        if let Some(restart) = self.selection.restart
            && self.members.iter().all(|member| member.session.timeline().restart(restart).is_none())
        {
            bail!(
                "there is no restart {} in it, or not in that time: a report without --restart lists them",
                restart.0
            );
        }
        Ok(())
    }

    /// The host that a source tells of now.
    #[must_use]
    pub fn of(&self, source: usize) -> Option<usize> {
        self.by_source.get(&source).copied()
    }

    /// All hosts, by number.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What a host's clock shows now.
    #[must_use]
    pub fn now(&self, member: &Member) -> Stamp {
        member.now(self.here_ns)
    }

    /// What the clock of the host shows now that a source tells of.
    #[must_use]
    pub fn now_of(&self, source: usize) -> Option<Stamp> {
        Some(self.now(self.members.get(self.of(source)?)?))
    }

    /// The connection to a host was lost.
    pub fn lose(&mut self, source: usize, why: String) {
        let at = self.now_of(source);
        let member = self.of(source).and_then(|nth| self.members.get_mut(nth));
        if let Some((member, at)) = member.zip(at) {
            member.lost.get_or_insert((at, why));
        }
    }

    /// The connection to a host is there again.
    pub fn regain(&mut self, source: usize) {
        if let Some(member) = self.of(source).and_then(|nth| self.members.get_mut(nth)) {
            member.lost = None;
        }
    }

    /// Whether a line is asked for by what it is of.
    #[must_use]
    pub fn admits(&self, line: &Line) -> bool {
        !matches!(line, Line::Event(event) if !self.selection.filter.admits(event))
    }

    /// Whether there may be several hosts.
    #[must_use]
    pub fn several(&self) -> bool {
        self.several
    }

    /// What ties them.
    #[must_use]
    pub fn paired(&self) -> &Paired {
        self.known.as_ref().map_or(&self.paired, |known| &known.paired)
    }

    /// All hosts as far as they go; none where one host is all there can be.
    #[must_use]
    pub fn hosts(&self) -> Option<Vec<HostSession<'_>>> {
        self.several.then(|| self.views())
    }

    /// The numbers of all hosts, the one first whose clock all times are shown on.
    #[must_use]
    pub fn reference_first(&self) -> Vec<usize> {
        let reference = self.paired().reference();
        let mut all: Vec<_> = (0..self.members.len()).collect();
        all.sort_by_key(|nth| self.members.get(*nth).is_none_or(|member| member.id != reference));
        all
    }

    /// Where a host's time lies on the clock that all are shown on; `None` where the clocks are not tied.
    pub fn placed(&mut self, nth: usize, at: Stamp) -> Option<Placed> {
        let member = self.members.get(nth)?;
        let paired = &self.paired;
        let towards = self.towards.get_or_insert_with(|| paired.towards(paired.reference()));
        paired.placed(towards, member.id, at)
    }

    /// 0 where nothing is wrong, 1 where a problem was diagnosed on any host.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        u8::from(self.members.iter().any(|member| member.session.exit_status() != 0))
    }

    /// The host that a line of a source is of.
    fn place(&mut self, source: usize, line: &Line) -> Option<usize> {
        match line {
            Line::Header(header) => self.join(source, header),
            _ => self.of(source).or_else(|| self.join(source, &Header::default())),
        }
    }

    fn id(&mut self, source: usize, header: &Header) -> Option<HostId> {
        if header.boot_id.is_empty()
            && let Some(nth) = self.of(source)
        {
            return self.members.get(nth).map(|member| member.id);
        }
        let Some(known) = &self.known else { return self.paired.host(header) };
        let boot = |member: &&Member| {
            !header.boot_id.is_empty() && member.session.header().is_some_and(|it| it.boot_id == header.boot_id)
        };
        let by_source = || known.of(source).and_then(|nth| known.members.get(nth));
        Some(known.members.iter().find(boot).or_else(by_source)?.id)
    }

    /// What of a host's session is asked for. Of several hosts, a time is one of the clock that all are shown on.
    fn part(&self, id: HostId) -> Part {
        let window = self.selection.window;
        let Some(known) = self.known.as_ref().filter(|_| !window.is_all()) else { return Part::new(window, self.end) };
        let reference = known.paired.reference();
        let of = |id| known.members.iter().find(|member| member.id == id);
        let Some((reference, member)) = of(reference).zip(of(id)) else { return Part::new(window, self.end) };
        let ahead_ns = reference.session.clock().map_or(0, |clock| clock.realtime_minus_boottime_ns);
        let towards = known.paired.towards(id);
        let there = |moment: Moment| {
            let at = moment.stamp(ahead_ns, known.now(reference));
            let mapped = known.paired.at(&towards, reference.id, at);
            mapped.time().map_or(moment, Moment::Boot)
        };
        let window = Window { since: window.since.map(there), until: window.until.map(there) };
        Part::new(window, known.now(member))
    }

    /// Whether it was known in the end what all stalls of a host waited for.
    fn knows_servers(&self, id: HostId) -> Option<bool> {
        let known = self.known.as_ref()?;
        let member = known.members.iter().find(|member| member.id == id)?;
        Some(known.paired.knows_servers(id, &member.session))
    }

    /// What one line of a host means for the others.
    fn follow(&mut self, nth: usize, line: &Line, update: &mut Update) {
        let stalls: Vec<StallId> = if self.known.is_some() {
            update.changes.iter().filter_map(refused).collect()
        } else {
            let Some(member) = self.members.get(nth) else { return };
            let tied = self.paired.observe(member.id, line, &member.session);
            if !tied.is_empty() {
                self.towards = None;
            }
            for (id, stall, _) in &tied {
                let of = self.members.iter().position(|member| member.id == *id);
                of.into_iter().for_each(|of| self.tell(of, [*stall]));
            }
            Vec::new()
        };
        self.tell(nth, stalls);
        if update.changes.iter().any(|change| matches!(change, Change::GraceEnded(_, Manager::Nfsd))) {
            self.tell_all(false);
        }
        self.keep_to_oneself(nth, update);
    }

    /// Tells a host what its servers on other hosts know of some of its stalls: when their grace periods end.
    fn tell(&mut self, nth: usize, stalls: impl IntoIterator<Item = StallId>) {
        let mut stalls = stalls.into_iter().peekable();
        if stalls.peek().is_none() {
            return;
        }
        let views = self.knowing();
        let host = self.members.get(nth).and_then(|member| views.iter().find(|view| view.id == member.id));
        let told = host.map(|host| self.paired().foreign(&views, host, stalls)).unwrap_or_default();
        if let Some(member) = self.members.get_mut(nth) {
            member.session.know_foreign(told);
        }
    }

    /// The same for all hosts and stalls, where asked for those that have ended too.
    fn tell_all(&mut self, ended: bool) {
        for nth in 0..self.members.len() {
            let Some(member) = self.members.get(nth) else { continue };
            let stalls = member.session.timeline().stalls();
            let unseen = |stall: &&Stall| stall.restart.is_none();
            let mut waiting: Vec<_> = stalls.live().filter(unseen).map(|stall| stall.id).collect();
            if ended {
                waiting.extend(stalls.ended().into_iter().filter(unseen).map(|stall| stall.id));
            }
            let known = self.paired().knows_servers(member.id, &member.session);
            self.tell(nth, waiting);
            if let Some(member) = self.members.get_mut(nth) {
                member.session.know_servers(known);
            }
        }
    }

    /// The restarts of each host that stalls of others which are asked for waited for.
    fn waited_for(&self) -> BTreeMap<HostId, BTreeSet<RestartId>> {
        let mut all: BTreeMap<HostId, BTreeSet<RestartId>> = BTreeMap::new();
        for member in self.members.iter().filter(|_| self.several && !self.selection.is_all()) {
            let stalls = member.session.timeline().stalls();
            for stall in stalls.ended().into_iter().chain(stalls.live()) {
                if let Some(root) = self.paired().root(member.id, stall.id, None) {
                    all.entry(root.server).or_default().insert(root.restart);
                }
            }
        }
        all
    }

    /// A client alone can only guess: where its server is seen, that is not said, nor taken back.
    fn keep_to_oneself(&mut self, nth: usize, update: &mut Update) {
        let guess =
            |item: &Item| matches!(item, Item::Verdict { revision, .. } if revision.verdict().restart.is_none());
        if !self.several || !update.items.iter().any(guess) {
            return;
        }
        let Some(member) = self.members.get(nth) else { return };
        let timeline = member.session.timeline();
        let is_tied = |stall: &Stall| self.paired().root(member.id, stall.id, stall.restart).is_some();
        let knows = timeline.servers_known() || timeline.stalls().live().any(is_tied);
        let Some(member) = self.members.get_mut(nth) else { return };
        let guessed = &mut member.has_guessed;
        update.items.retain(|item| match item {
            Item::Verdict { revision: Revision::Withdrawn(_), .. } if guess(item) => std::mem::take(guessed),
            item if guess(item) => {
                *guessed |= !knows;
                !knows
            }
            _ => true,
        });
    }

    fn views(&self) -> Vec<HostSession<'_>> {
        self.members.iter().map(|member| member.view(self.here_ns)).collect()
    }

    /// The hosts that know most.
    fn knowing(&self) -> Vec<HostSession<'_>> {
        self.known.as_ref().map_or_else(|| self.views(), |known| known.views())
    }
}

fn refused(change: &Change) -> Option<StallId> {
    match change {
        Change::StallBegan(id) | Change::RefusedAgain(id) => Some(*id),
        _ => None,
    }
}
