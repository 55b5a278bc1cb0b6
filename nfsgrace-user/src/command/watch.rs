//! `nfsgrace watch`: the running kernel, live.

use std::{fs::File, io::BufWriter, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{output::Output, probes::sides};
use crate::{
    cli::Watch,
    record::{Filter, Line, Writer},
    session::Session,
    source::live::{Live, clock},
};

/// How often what only time can tell is looked at, and a terminal is drawn anew.
const REDRAW_EVERY: Duration = Duration::from_millis(250);

pub(super) fn run(args: &Watch) -> Result<ExitCode> {
    if args.verbose {
        env_logger::builder().filter_level(log::LevelFilter::Debug).init();
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(watch(args))
}

async fn watch(args: &Watch) -> Result<ExitCode> {
    let began = Instant::now();
    let mut stop = Stop::new()?;
    let mut recorder = args.record.as_ref().map(Recorder::create).transpose()?;
    let mut live = Live::start(sides(args.role.into()), args.verbose, std::env::args().collect())?;
    let mut view =
        View { session: Session::new(), filter: Filter::from(&args.filters), output: Output::new(args.format) };

    let header = Line::Header(Box::new(live.header().clone()));
    view.output.watching(live.header(), [live.attached(), live.to_follow()], began.elapsed());
    take(header, recorder.as_mut(), &mut view)?;
    view.output.flush()?;

    let deadline = args.duration.map(|duration| began + duration);
    let mut redraw = interval(REDRAW_EVERY);
    redraw.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut failed = None;
    loop {
        tokio::select! {
            biased;
            () = stop.asked() => break,
            () = until(deadline) => break,
            lines = live.next() => match lines {
                Ok(lines) => {
                    for line in lines {
                        take(line, recorder.as_mut(), &mut view)?;
                    }
                    if let Some(recorder) = &mut recorder {
                        recorder.flush()?;
                    }
                    view.output.flush()?;
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            },
            _ = redraw.tick() => {
                let verdicts = view.tick()?;
                if let Some(recorder) = &mut recorder {
                    for verdict in &verdicts {
                        recorder.write(verdict)?;
                    }
                    recorder.flush()?;
                }
            }
        }
    }
    for line in live.finish()? {
        take(line, recorder.as_mut(), &mut view)?;
    }
    let conclusions = view.finish()?;
    if let Some(recorder) = &mut recorder {
        for line in &conclusions {
            recorder.write(line)?;
        }
        recorder.flush()?;
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(ExitCode::from(u8::try_from(view.session.exit_status()).unwrap_or(1))),
    }
}

/// A line goes into the recording, as it is, and into the view, if the filter admits it.
fn take(line: Line, recorder: Option<&mut Recorder>, view: &mut View) -> Result<()> {
    let Some(recorder) = recorder else {
        view.record(line);
        return Ok(());
    };
    recorder.write(&line)?;
    for verdict in view.record(line) {
        recorder.write(&verdict)?;
    }
    Ok(())
}

/// What is made of the lines, and where it is shown.
struct View {
    session: Session,
    filter: Filter,
    output: Output,
}

impl View {
    /// Takes a line if the filter admits it; the verdicts that it changes.
    fn record(&mut self, line: Line) -> Vec<Line> {
        if matches!(&line, Line::Event(event) if !self.filter.admits(event)) {
            return Vec::new();
        }
        self.output.line(&line);
        let update = self.session.record(line);
        self.output.update(&update, &self.session)
    }

    fn tick(&mut self) -> Result<Vec<Line>> {
        let now = clock::now();
        let update = self.session.tick(now);
        let verdicts = self.output.update(&update, &self.session);
        self.output.status(&self.session, now)?;
        Ok(verdicts)
    }

    /// The verdicts and the summary, as they stand at the end.
    fn finish(&mut self) -> Result<Vec<Line>> {
        let now = clock::now();
        let update = self.session.finish(now);
        let mut lines = self.output.update(&update, &self.session);
        lines.extend(self.output.finish(&self.session, now)?);
        Ok(lines)
    }
}

/// A session file being written.
struct Recorder {
    writer: Writer<BufWriter<File>>,
    name: String,
}

impl Recorder {
    fn create(path: &std::path::PathBuf) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::create(path).with_context(|| format!("cannot create {name}"))?;
        Ok(Self { writer: Writer::new(BufWriter::new(file)), name })
    }

    fn write(&mut self, line: &Line) -> Result<()> {
        self.writer.write(line).with_context(|| format!("cannot write {}", self.name))
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush().with_context(|| format!("cannot write {}", self.name))
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The signals that end a session as its user would.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Stop {
    fn new() -> Result<Self> {
        let on = |kind| signal(kind).context("cannot handle signals");
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hang_up: on(SignalKind::hangup())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
