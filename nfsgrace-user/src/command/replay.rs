//! `nfsgrace watch FILE`: a recorded session, seen as it was seen live.

use std::{
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

use super::{exit_code, live::Show as _, output::Output, paired::Paired, progress, together};
use crate::{
    cli::{Part, Speed, Watch},
    outcome,
    record::{Line, Stamp},
    replay::{Follower, Nobody, Replayed},
    session::{Session, Update},
};

/// How often a terminal is drawn anew, and what only time can tell is looked at.
const REDRAW_EVERY: Duration = Duration::from_millis(250);
/// Looks at what only time can tell, between two records that are far apart, where nobody waits for it.
const LOOKS: u32 = 64;

pub(super) fn run(args: &Watch) -> Result<ExitCode> {
    if args.sources.iter().any(|source| source == Path::new("local")) {
        bail!("a recorded session and this kernel cannot be watched together: name one of them");
    }
    if args.record.is_some() || args.duration.is_some() {
        bail!("--record and --duration are for this kernel: a recorded session is there already, and has its length");
    }
    if args.sources.len() > 1 && !args.sources.iter().any(|source| source == Path::new("-")) {
        // Of several hosts, the clocks must be known first.
        let selection = Part::default().selection(&args.filters);
        let read = Paired::read(&args.sources, &selection, args.clock.into(), &mut Nobody)?;
        if let Some(status) = together::replay::run(args, &read)? {
            return Ok(status);
        }
    }
    let mut replay = Replay { output: Output::new(args.format), speed: args.speed, now: None, stop: stop_by_signal()? };
    let sessions = progress::follow(&args.sources, &Part::default().selection(&args.filters), &mut replay)?;
    Ok(exit_code(&sessions))
}

/// Whether a signal came; a second one ends the program at once.
pub(super) fn stop_by_signal() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register_conditional_default(signal, Arc::clone(&stop)).context("cannot handle signals")?;
        flag::register(signal, Arc::clone(&stop)).context("cannot handle signals")?;
    }
    Ok(stop)
}

/// Shows a session at its own pace, or at another one.
struct Replay {
    output: Output,
    speed: Speed,
    /// The moment that is shown.
    now: Option<Stamp>,
    stop: Arc<AtomicBool>,
}

impl Replay {
    /// Lets time pass up to a moment, as far as nobody stops it.
    fn pass(&mut self, from: Stamp, to: Stamp, session: &mut Session) -> Result<()> {
        let mut now = from;
        let mut looks = 0;
        while now < to && !self.has_enough() {
            let left = to.since(now);
            let step = match self.speed {
                Speed::Times(times) => {
                    self.output.flush()?;
                    // Very slow or very fast, a step is never nothing.
                    let step = left.min(REDRAW_EVERY.mul_f64(times).max(Duration::from_micros(1)));
                    thread::sleep(step.div_f64(times));
                    step
                }
                Speed::Max if looks < LOOKS => left.min(REDRAW_EVERY),
                Speed::Max => left,
            };
            looks += 1;
            now = now.plus(step);
            let update = session.tick(now);
            self.output.update(&update, &outcome::verdicts(&update, session.timeline()), session);
            if self.speed != Speed::Max {
                self.output.tick(session, now)?;
            }
        }
        self.now = Some(now);
        Ok(())
    }
}

impl Follower for Replay {
    fn wait(&mut self, at: Stamp, session: &mut Session) -> Result<()> {
        match self.now {
            Some(now) => self.pass(now, at, session),
            None => {
                self.now = Some(at);
                Ok(())
            }
        }
    }

    fn took(&mut self, line: &Line, update: &Update, session: &Session) -> Result<()> {
        if let Line::Header(header) = line {
            self.output.replaying(header);
        }
        self.output.line(line);
        self.output.update(update, &outcome::verdicts(update, session.timeline()), session);
        self.output.print_some()
    }

    fn ended(&mut self, replayed: &Replayed) -> Result<()> {
        let Replayed { session, now, last, .. } = replayed;
        self.output.update(last, &outcome::verdicts(last, session.timeline()), session);
        self.output.finish(session, &outcome::closing(session, *now), None)?;
        self.output.notes(&replayed.notes)?;
        self.now = None;
        Ok(())
    }

    fn has_enough(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
