//! Recordings, as something to wait for: read by a thread of their own, which may wait for a pipe, and passed on at a pace.

use std::{
    path::PathBuf,
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Result;
use tokio::{
    runtime,
    sync::mpsc,
    task::yield_now,
    time::{Instant, sleep, sleep_until},
};

use super::{progress::Meter, reading, stop::Stop};
use crate::{
    cli::Speed,
    conductor::Conductor,
    paired::Clocks,
    record::Selection,
    replay::{Next, Recordings, Told},
};

/// Lines that wait to be taken.
const WAITING: usize = 1024;
/// How often what only time can tell is looked at, and a terminal is drawn anew.
const TICK: Duration = Duration::from_millis(250);
/// Such looks between two lines that are far apart, where nobody waits for the later one.
const LOOKS: u32 = 64;
/// Beats after which signals have their turn.
const TURN: u32 = 64;

/// Recordings that are being read.
pub(super) struct Recorded {
    lines: mpsc::Receiver<Result<Next>>,
    thread: JoinHandle<Vec<Told>>,
    /// The line that is next, from when it was read until its time comes.
    next: Option<Box<Next>>,
    is_pipe: bool,
    /// Whether all was read.
    ended: bool,
    pace: Pace,
}

/// What happened.
pub(super) enum Passed {
    /// A line was read; whether somebody looks on.
    Line { next: Box<Next>, looked_at: bool },
    /// Only time, until this moment, nanoseconds.
    Time { at: i64, looked_at: bool },
}

impl Recorded {
    /// Begins to read. Needs a tokio runtime with time.
    pub(super) fn start(recordings: Recordings, speed: Speed) -> Result<Self> {
        let is_pipe = recordings.is_pipe();
        let (send, lines) = mpsc::channel(WAITING);
        let thread = thread::Builder::new().name("recordings".to_owned()).spawn(move || read(recordings, &send))?;
        Ok(Self { lines, thread, next: None, is_pipe, ended: false, pace: Pace::new(speed) })
    }

    /// What comes next; `None` at the end. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<Option<Passed>> {
        loop {
            if let Some(at) = self.next.as_ref().map(|next| next.at) {
                let looked_at = self.pace.is_looked_at();
                return Ok(match self.pace.pass(at).await {
                    Some(at) => Some(Passed::Time { at, looked_at }),
                    None => self.next.take().map(|next| Passed::Line { next, looked_at }),
                });
            }
            if self.ended {
                return Ok(None);
            }
            // Who watches a pipe at its own pace may watch what happens now.
            let lasts = self.is_pipe && self.pace.speed == Speed::Times(1.0);
            tokio::select! {
                line = self.lines.recv() => match line.transpose()? {
                    Some(next) => self.next = Some(Box::new(next)),
                    None => self.ended = true,
                },
                now = self.pace.idle(), if lasts && self.pace.now.is_some() => {
                    return Ok(Some(Passed::Time { at: now, looked_at: true }));
                }
            }
        }
    }

    /// Ends reading: what must be said about the files of each host. Of a pipe that is not known before its end.
    pub(super) fn finish(self) -> Vec<Told> {
        let Self { lines, thread, is_pipe, ended, .. } = self;
        drop(lines);
        if is_pipe && !ended { Vec::new() } else { thread.join().unwrap_or_default() }
    }
}

/// Reads until the end, or until nobody wants more: what must be said about the files of each host.
fn read(mut recordings: Recordings, send: &mpsc::Sender<Result<Next>>) -> Vec<Told> {
    let (mut meter, mut breath) = (Meter::new(), 0_u32);
    while let Some(next) = recordings.next() {
        if send.blocking_send(next).is_err() {
            break;
        }
        breath = breath.wrapping_add(1);
        if breath.is_multiple_of(WAITING as u32) {
            meter.tell(recordings.progress());
        }
    }
    recordings.finish()
}

/// Lets time pass as it passed when it was recorded, or faster, or not at all.
struct Pace {
    speed: Speed,
    /// The moment that is shown, nanoseconds.
    now: Option<i64>,
    /// When the first moment was shown, and which that was.
    began: (Instant, i64),
    /// Looks since the last line.
    looks: u32,
    beats: u32,
}

impl Pace {
    fn new(speed: Speed) -> Self {
        Self { speed, now: None, began: (Instant::now(), 0), looks: 0, beats: 0 }
    }

    /// Whether somebody looks on while it passes.
    fn is_looked_at(&self) -> bool {
        self.speed != Speed::Max
    }

    /// Lets time pass towards a moment: how far it came on the way there; `None` when it is there. Safe to cancel.
    async fn pass(&mut self, to: i64) -> Option<i64> {
        self.beats = self.beats.wrapping_add(1);
        if self.beats.is_multiple_of(TURN) {
            yield_now().await;
        }
        let now = *self.now.get_or_insert_with(|| {
            self.began = (Instant::now(), to);
            to
        });
        if now >= to {
            self.looks = 0;
            return None;
        }
        let left = Duration::from_nanos(to.abs_diff(now));
        let step = match self.speed {
            // Very slow or very fast, a step is never nothing.
            Speed::Times(times) => left.min(TICK.mul_f64(times).max(Duration::from_micros(1))),
            Speed::Max if self.looks < LOOKS => left.min(TICK),
            Speed::Max => left,
        };
        let next = now.saturating_add(i64::try_from(step.as_nanos()).unwrap_or(i64::MAX));
        if let Speed::Times(times) = self.speed {
            let (began, first) = self.began;
            let due = Duration::from_nanos(next.abs_diff(first)).div_f64(times);
            sleep_until(began.checked_add(due).unwrap_or_else(Instant::now)).await;
        }
        self.looks += 1;
        self.now = Some(next);
        Some(next)
    }

    /// Lets time pass where no line has come: the moment that it is then.
    async fn idle(&mut self) -> i64 {
        sleep(TICK).await;
        let (began, first) = self.began;
        let passed = i64::try_from(began.elapsed().as_nanos()).unwrap_or(i64::MAX);
        let now = first.saturating_add(passed).max(self.now.unwrap_or(first));
        self.now = Some(now);
        now
    }
}

/// Reads recordings of which one is standard input, until their end or a signal.
pub(super) fn read_until_stopped(files: &[PathBuf], selection: &Selection, clocks: Clocks) -> Result<Conductor> {
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut stop = Stop::new()?;
        let (recordings, mut conductor) = reading::begin(files, selection, clocks)?;
        reading::join_all(&mut conductor, &recordings);
        let mut recorded = Recorded::start(recordings, Speed::Max)?;
        loop {
            tokio::select! {
                biased;
                () = stop.asked() => break,
                passed = recorded.next() => match passed? {
                    Some(Passed::Line { next, .. }) => conductor.take_unseen(next.host, &next.line),
                    Some(Passed::Time { .. }) => {}
                    None => break,
                },
            }
        }
        let told = recorded.finish();
        reading::know_files(&mut conductor, &told);
        conductor.finish_selected()?;
        conductor.order_by(|source| told.get(source).map(|told| told.place));
        Ok(conductor)
    })
}
