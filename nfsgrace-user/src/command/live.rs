//! The loop that watches the running kernel, whether somebody looks on or it is recorded only.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::reader::Reader;
use crate::{
    outcome,
    record::{Filter, Line, MAX_LINE, Role, Stamp},
    session::{Session, Update},
    source::{
        file::{Store, Written},
        live::{Live, clock},
    },
};

/// What is watched, and what becomes of it.
pub(super) struct Watching<S> {
    pub(super) role: Role,
    pub(super) verbose: bool,
    pub(super) duration: Option<Duration>,
    pub(super) filter: Filter,
    /// Where it is kept.
    pub(super) store: Option<Store>,
    /// Whether what the filter does not admit is kept as well.
    pub(super) keep_all: bool,
    /// How often what only time can tell is looked at.
    pub(super) tick: Duration,
    /// Whether it is for whoever reads standard output: it ends when nobody does any more.
    pub(super) to_stdout: bool,
    /// Who is shown what.
    pub(super) show: S,
}

/// Somebody who looks on.
pub(super) trait Show {
    /// All is attached; `took` since the start.
    fn watching(&mut self, live: &Live, took: Duration, store: Option<&Store>);
    /// A line of the session, as it came.
    fn line(&mut self, line: &Line);
    /// What follows from it; `verdicts` are those in `update`, as lines of the session.
    fn update(&mut self, update: &Update, verdicts: &[Line], session: &Session);
    /// Something happened to the recording.
    fn notice(&mut self, text: String);
    /// All of a batch was given.
    fn flush(&mut self) -> Result<()>;
    /// Time has passed.
    fn tick(&mut self, session: &Session, now: Stamp) -> Result<()>;
    /// The end; `closing` is the summary with the verdicts as they stand, `written` what was kept.
    fn finish(&mut self, session: &Session, closing: &[Line], written: Option<Written>) -> Result<()>;
}

impl<S: Show> Watching<S> {
    /// Watches until the time is over or a signal comes; what is concluded then.
    pub(super) fn run(self) -> Result<Session> {
        if self.verbose {
            env_logger::builder().filter_level(log::LevelFilter::Debug).init();
        }
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.watch())
    }

    async fn watch(self) -> Result<Session> {
        let Self { role, verbose, duration, filter, store, keep_all, tick, to_stdout, show } = self;
        let began = Instant::now();
        let mut stop = Stop::new()?;
        let reader = to_stdout.then(Reader::of_stdout).unwrap_or_default();
        let mut live = Live::start(role, verbose, std::env::args().collect())?;
        let mut flow = Flow { session: Session::new(), filter, store, keep_all, show };
        flow.show.watching(&live, began.elapsed(), flow.store.as_ref());
        flow.take(Line::Header(Box::new(live.header().clone())))?;
        flow.flush()?;

        let deadline = duration.map(|duration| began + duration);
        let mut tick = interval(tick);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut failed = None;
        loop {
            tokio::select! {
                biased;
                () = stop.asked() => break,
                () = reader.gone() => break,
                () = until(deadline) => break,
                lines = live.next() => match lines {
                    Ok(lines) => {
                        for line in lines {
                            flow.take(line)?;
                        }
                        flow.flush()?;
                    }
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                },
                () = until(flow.settle_due()) => flow.settle()?,
                _ = tick.tick() => flow.tick()?,
            }
        }
        for line in live.finish()? {
            flow.take(line)?;
        }
        let session = flow.finish()?;
        failed.map_or(Ok(session), Err)
    }
}

/// Lines on their way into the recording, the session and the view.
struct Flow<S> {
    session: Session,
    filter: Filter,
    store: Option<Store>,
    keep_all: bool,
    show: S,
}

impl<S: Show> Flow<S> {
    fn take(&mut self, line: Line) -> Result<()> {
        let admitted = !matches!(&line, Line::Event(event) if !self.filter.admits(event));
        if admitted || self.keep_all {
            self.keep(std::slice::from_ref(&line))?;
        }
        if admitted {
            self.show.line(&line);
            let update = self.session.record(line);
            self.follow(&update)?;
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<()> {
        let now = clock::now();
        let update = self.session.tick(now);
        self.follow(&update)?;
        self.show.tick(&self.session, now)?;
        self.flush()
    }

    /// What follows from a line, or from time that passed: the verdicts are a part of the recording.
    fn follow(&mut self, update: &Update) -> Result<()> {
        let verdicts = outcome::verdicts(update, self.session.timeline());
        self.show.update(update, &verdicts, &self.session);
        self.keep(&verdicts)
    }

    fn keep(&mut self, lines: &[Line]) -> Result<()> {
        if let Some(store) = &mut self.store {
            for line in lines {
                store.write(line, Instant::now().into_std())?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if let Some(store) = &mut self.store {
            store.flush(Instant::now().into_std())?;
        }
        self.notices();
        self.show.flush()
    }

    fn settle(&mut self) -> Result<()> {
        if let Some(store) = &mut self.store {
            store.settle(Instant::now().into_std())?;
        }
        self.notices();
        self.show.flush()
    }

    fn settle_due(&self) -> Option<Instant> {
        self.store.as_ref().and_then(Store::settle_due).map(Instant::from_std)
    }

    fn notices(&mut self) {
        if let Some(store) = &mut self.store {
            for notice in store.notices() {
                self.show.notice(notice.to_string());
            }
        }
    }

    fn finish(mut self) -> Result<Session> {
        let now = clock::now();
        let update = self.session.finish(now);
        self.follow(&update)?;
        let closing = outcome::closing(&self.session, now);
        let mut kept = closing.clone();
        for line in &mut kept {
            // A longer line could not be read back.
            if let Line::Summary(summary) = line {
                summary.fit(MAX_LINE);
            }
        }
        self.keep(&kept)?;
        let mut written = None;
        if let Some(store) = self.store.take() {
            let (total, notices) = store.finish(Instant::now().into_std())?;
            written = Some(total);
            for notice in notices {
                self.show.notice(notice.to_string());
            }
        }
        self.show.finish(&self.session, &closing, written)?;
        Ok(self.session)
    }
}

pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The signals that end a session as its user would.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Stop {
    pub(super) fn new() -> Result<Self> {
        let on = |kind| signal(kind).context("cannot handle signals");
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hang_up: on(SignalKind::hangup())?,
        })
    }

    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
