//! The one loop of `watch` and `record`: lines come from one host or several, live or recorded, go into the recording, to
//! whoever conducts the hosts' sessions, and to whoever looks on.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep_until};

use super::{
    input::{Beat, Input, Rest},
    reader::Reader,
    reading,
    show::{Began, Closing, Show},
    stop::Stop,
};
use crate::{
    conductor::{Conductor, Member},
    outcome::{self, Conclusion, SessionOutcome},
    record::{Line, Loss, MAX_LINE},
    session::Update,
    source::{
        file::{Store, Written},
        heard::{Clock, FromSource, Skipped},
        live::header,
    },
};

/// Bytes of a line that is kept: with the source that it is from, it can be read back.
const LONGEST: usize = MAX_LINE - 1024;

/// What is followed, and what becomes of it.
pub(super) struct Following<S> {
    pub(super) input: Input,
    pub(super) conductor: Conductor,
    /// What the user called the sources.
    pub(super) names: Vec<String>,
    /// Where it is kept.
    pub(super) store: Option<Store>,
    /// Whether what the filter does not admit is kept as well.
    pub(super) keep_all: bool,
    /// When it began.
    pub(super) began: Instant,
    /// How long to follow at most.
    pub(super) duration: Option<Duration>,
    /// Whether it is for whoever reads standard output: it ends when nobody does any more.
    pub(super) to_stdout: bool,
    /// Who is shown what.
    pub(super) show: S,
}

impl<S: Show> Following<S> {
    /// Follows until the end, or until the time is over or a signal comes; what is concluded then.
    pub(super) async fn run(self, mut stop: Stop) -> Result<Conductor> {
        let Self { mut input, conductor, names, store, keep_all, began, duration, to_stdout, mut show } = self;
        let recorded_to = store.as_ref().map(|store| store.path().display().to_string());
        show.began(&Began {
            sources: &names,
            live: input.kernel().map(|(_, live)| live),
            took: began.elapsed(),
            recorded_to,
        })?;
        let mut flow =
            Flow { conductor, names: Vec::new(), store, keep_all, show, told: BTreeSet::new(), failed: None };
        flow.begin(names)?;
        let reader = to_stdout.then(Reader::of_stdout).unwrap_or_default();
        let deadline = duration.map(|duration| Instant::now() + duration);
        loop {
            tokio::select! {
                biased;
                () = stop.asked() => break,
                () = reader.gone() => break,
                () = until(deadline) => break,
                () = until(flow.settle_due()) => flow.settle()?,
                next = input.next() => match next? {
                    Some((at, beat)) => flow.beat(at, beat)?,
                    None => break,
                },
            }
        }
        match input.finish().await {
            Rest::Heard(at, beat) => flow.beat(at, beat)?,
            Rest::Files(told) => {
                reading::know_files(&mut flow.conductor, &told);
                flow.conductor.stand_still();
            }
        }
        flow.finish()
    }
}

/// Lines on their way into the recording, the sessions and the view.
struct Flow<S> {
    conductor: Conductor,
    names: Vec<String>,
    store: Option<Store>,
    keep_all: bool,
    show: S,
    /// Hosts that it was told of that they are there.
    told: BTreeSet<usize>,
    /// Why the only source ended.
    failed: Option<anyhow::Error>,
}

impl<S: Show> Flow<S> {
    /// A recording of several hosts says first who records.
    fn begin(&mut self, names: Vec<String>) -> Result<()> {
        if let Some(store) = self.store.as_mut().filter(|_| self.conductor.several()) {
            // That there are sources says that there are several hosts.
            let sources = if names.is_empty() { vec!["-".to_owned()] } else { names.clone() };
            let header = header::of_several(std::env::args().collect(), sources);
            store.write(&Line::Header(Box::new(header)), now())?;
        }
        self.names = names;
        Ok(())
    }

    fn beat(&mut self, at: i64, beat: Beat) -> Result<()> {
        self.conductor.pass(at);
        match beat {
            Beat::Heard(heard) => {
                for (source, what) in heard {
                    self.heard(source, what)?;
                }
                self.flush(true)
            }
            Beat::Line { next, looked_at } => {
                if let Some(name) = next.name {
                    self.name(next.host, name);
                }
                self.line(next.host, &next.line)?;
                self.flush(looked_at)
            }
            Beat::Time { looked_at } => {
                for (nth, update) in self.conductor.tick() {
                    self.follow(nth, &update)?;
                }
                if looked_at {
                    self.show.tick(&self.conductor)?;
                }
                self.flush(looked_at)
            }
        }
    }

    fn name(&mut self, source: usize, name: String) {
        if self.names.len() <= source {
            self.names.resize(source + 1, String::new());
        }
        if let Some(it) = self.names.get_mut(source) {
            *it = name;
        }
    }

    /// Takes what was heard from a source.
    fn heard(&mut self, source: usize, what: FromSource) -> Result<()> {
        match what {
            FromSource::Line(line) => return self.line(source, &line),
            FromSource::Skipped(Skipped { count, why, .. }) => {
                self.notice(source, &format!("{count} of its lines left out: {why}"));
                // What was left out may hide refusals and stalls: a loss like any other.
                if let Some(at) = self.conductor.now_of(source) {
                    let (cause, hides) = ("line_left_out".to_owned(), "events of any kind".to_owned());
                    return self.line(source, &Line::Loss(Loss { at, cause, count, hides }));
                }
            }
            FromSource::Newer { schema, program } => self.notice(
                source,
                &format!("it runs nfsgrace {program} with the newer schema {schema}: what is new in it is not shown"),
            ),
            FromSource::Lost { why, retry_in } => {
                self.notice(source, &format!("LOST: {why}; next try in {} s", retry_in.as_secs()));
                self.conductor.lose(source, why);
            }
            FromSource::Back { away, clock } => {
                let boot = if clock == Clock::Other { ", rebooted meanwhile" } else { "" };
                self.notice(source, &format!("is back after {} s{boot}", away.as_secs()));
                self.conductor.regain(source);
            }
            FromSource::Ended { why } => self.ended(source, why),
        }
        Ok(())
    }

    fn ended(&mut self, source: usize, why: Option<String>) {
        match why {
            // Where there is nothing else, that is the end of all.
            Some(why) if !self.conductor.several() => self.failed = Some(anyhow!(why)),
            Some(why) => self.notice(source, &format!("no more records come: {why}")),
            None if self.conductor.several() => self.notice(source, "no more records come"),
            None => {}
        }
    }

    fn line(&mut self, source: usize, line: &Line) -> Result<()> {
        if line.is_concluded() {
            // Conclusions are drawn anew; that it was so late when they were drawn is true.
            self.conductor.take(source, line);
            return Ok(());
        }
        let admitted = self.conductor.admits(line);
        if admitted || self.keep_all {
            self.keep(source, std::slice::from_ref(line))?;
        }
        if !admitted {
            return Ok(());
        }
        if let Line::Header(header) = line {
            match self.conductor.join(source, header) {
                None => self.notice(source, "too many hosts: it is left out"),
                Some(nth) if self.told.insert(nth) => self.show.joined(named(&self.names, source), nth, header),
                Some(_) => {}
            }
        }
        self.show.line(named(&self.names, source), line);
        match self.conductor.take(source, line) {
            Some((nth, update)) => self.follow(nth, &update),
            None => Ok(()),
        }
    }

    /// What follows from a line, or from time that passed: the verdicts are a part of the recording.
    fn follow(&mut self, nth: usize, update: &Update) -> Result<()> {
        let Some(member) = self.conductor.members().get(nth) else { return Ok(()) };
        let conclusions: Vec<_> = Conclusion::all(update, member.session.timeline()).collect();
        self.show.update(&mut self.conductor, nth, update, &conclusions);
        let lines: Vec<_> = conclusions.into_iter().map(Conclusion::into_line).collect();
        self.keep_of(nth, &lines)
    }

    fn keep_of(&mut self, nth: usize, lines: &[Line]) -> Result<()> {
        let source = self.conductor.members().get(nth).map(|member| member.source);
        source.map_or(Ok(()), |source| self.keep(source, lines))
    }

    fn keep(&mut self, source: usize, lines: &[Line]) -> Result<()> {
        if let Some(store) = &mut self.store {
            let source = self.conductor.several().then(|| named(&self.names, source));
            for line in lines {
                store.write_from(source, line, now())?;
            }
        }
        Ok(())
    }

    fn notice(&mut self, source: usize, text: &str) {
        self.show.notice(Some(named(&self.names, source)), text);
    }

    fn flush(&mut self, at_once: bool) -> Result<()> {
        if let Some(store) = &mut self.store {
            store.flush(now())?;
            for notice in store.notices() {
                self.show.notice(None, &notice.to_string());
            }
        }
        self.show.flush(at_once)
    }

    fn settle(&mut self) -> Result<()> {
        if let Some(store) = &mut self.store {
            store.settle(now())?;
        }
        self.flush(true)
    }

    fn settle_due(&self) -> Option<Instant> {
        self.store.as_ref().and_then(Store::settle_due).map(Instant::from_std)
    }

    fn finish(mut self) -> Result<Conductor> {
        self.conductor.finish_selected()?;
        for nth in 0..self.conductor.members().len() {
            if let Some(last) = self.conductor.members().get(nth).map(|member| member.last.clone()) {
                self.follow(nth, &last)?;
            }
        }
        let closing = self.closing();
        if self.store.is_some() {
            for (nth, outcome) in closing.hosts.iter().enumerate() {
                self.keep_of(nth, &fitting(&outcome.clone().into_lines()))?;
            }
        }
        let written = self.finish_store(closing.together.as_ref())?;
        self.show.finish(&self.conductor, &closing, written)?;
        self.failed.map_or(Ok(self.conductor), Err)
    }

    fn closing(&self) -> Closing {
        let conductor = &self.conductor;
        let of = |member: &Member| SessionOutcome::of(&member.session, conductor.now(member));
        Closing {
            hosts: conductor.members().iter().map(of).collect(),
            together: conductor
                .hosts()
                .map(|hosts| Line::Paired(Box::new(outcome::paired(conductor.paired(), &hosts)))),
        }
    }

    fn finish_store(&mut self, together: Option<&Line>) -> Result<Option<Written>> {
        let Some(mut store) = self.store.take() else { return Ok(None) };
        if let Some(line) = together {
            for line in fitting(std::slice::from_ref(line)) {
                store.write(&line, now())?;
            }
        }
        let (written, notices) = store.finish(now())?;
        for notice in notices {
            self.show.notice(None, &notice.to_string());
        }
        Ok(Some(written))
    }
}

/// These lines, as much of them as can be read back: a line has a longest length.
fn fitting(lines: &[Line]) -> Vec<Line> {
    let mut lines = lines.to_vec();
    for line in &mut lines {
        match line {
            Line::Summary(summary) => summary.fit(LONGEST),
            Line::Paired(paired) => paired.fit(LONGEST),
            _ => {}
        }
    }
    lines
}

fn named(names: &[String], source: usize) -> &str {
    names.get(source).map_or("", String::as_str)
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
