//! Recorded sessions of several hosts, seen together as if they were live.

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow};

use super::{TICK, hosts::Hosts, show::Show};
use crate::{
    cli::{Part, Speed, Watch},
    command::{
        paired::{HostAxis, Paired},
        replay::stop_by_signal,
    },
    record::{Filter, Line, Selection},
    replay::{self, Follower},
    session::{Session, Update},
    source::{heard::FromSource, several::SourceId},
};

/// Lines of one host that wait to be shown.
const WAITING: usize = 256;
/// Looks at what only time can tell, between two records that are far apart, where nobody waits for it.
const LOOKS: u32 = 64;

/// Shows what `read` was read from, once more; `None` where it is of one host only.
pub(in crate::command) fn run(args: &Watch, read: &Paired) -> Result<Option<ExitCode>> {
    let Some(axes) = read.axes() else { return Ok(None) };
    let selection = Part::default().selection(&args.filters);
    let stop = stop_by_signal()?;
    let names = read.sessions.iter().map(|it| it.files.join(", ")).collect();
    let mut hosts = Hosts::replayed(args.clock.into(), Filter::from(&args.filters));
    let mut show = Show::new(args.format, names);
    show.began()?;
    thread::scope(|scope| -> Result<()> {
        let mut tracks = Vec::new();
        for (nth, replayed) in read.sessions.iter().enumerate() {
            let files: Vec<PathBuf> = replayed.files.iter().map(PathBuf::from).collect();
            let (send, lines) = sync_channel(WAITING);
            let (selection, stop) = (&selection, &*stop);
            scope.spawn(move || tell(&files, selection, stop, &send));
            let axis = axes.of(nth).map(|(_, axis)| axis).ok_or_else(|| anyhow!("a host without a clock"))?;
            tracks.push(Track { source: SourceId(nth), axis, lines, next: None });
        }
        play(args.speed, &mut tracks, &mut hosts, &mut show, &stop)
    })?;
    hosts.finish(&mut show);
    show.finish(&hosts)?;
    Ok(Some(ExitCode::from(hosts.exit_status())))
}

/// The lines of one host, and where they lie on the common axis.
struct Track<'a> {
    source: SourceId,
    axis: &'a HostAxis<'a>,
    lines: Receiver<Line>,
    next: Option<(i64, Line)>,
}

impl Track<'_> {
    /// When its next line comes, on the axis; `None` when there is none.
    fn next_at(&mut self) -> Option<i64> {
        if self.next.is_none() {
            self.next = self.lines.recv().ok().map(|line| (self.axis.place(line.at()).at_ns, line));
        }
        self.next.as_ref().map(|(at, _)| *at)
    }
}

/// All lines in order of the axis, at their own pace or at another one.
fn play(speed: Speed, tracks: &mut [Track<'_>], hosts: &mut Hosts, show: &mut Show, stop: &AtomicBool) -> Result<()> {
    let mut now: Option<i64> = None;
    while !stop.load(Ordering::Relaxed) {
        let times = tracks.iter_mut().enumerate().filter_map(|(nth, track)| Some((track.next_at()?, nth)));
        let Some((at, nth)) = times.min() else { break };
        let from = now.unwrap_or(at);
        pass(speed, from, at, hosts, show, stop)?;
        now = Some(from.max(at));
        let Some(track) = tracks.get_mut(nth) else { break };
        if let Some((_, line)) = track.next.take() {
            hosts.take(track.source, FromSource::Line(line), show);
        }
        if speed != Speed::Max {
            show.flush()?;
        }
    }
    // Whoever still reads files for this waits for nobody any more.
    tracks.iter_mut().for_each(|track| track.lines = sync_channel(0).1);
    Ok(())
}

/// Lets time pass up to a moment, as far as nobody stops it.
fn pass(speed: Speed, from: i64, to: i64, hosts: &mut Hosts, show: &mut Show, stop: &AtomicBool) -> Result<()> {
    let mut now = from;
    hosts.at(now.into());
    let mut looks = 0;
    while now < to && !stop.load(Ordering::Relaxed) {
        let left = Duration::from_nanos(to.abs_diff(now));
        let step = match speed {
            Speed::Times(times) => {
                // Very slow or very fast, a step is never nothing.
                let step = left.min(TICK.mul_f64(times).max(Duration::from_micros(1)));
                thread::sleep(step.div_f64(times));
                step
            }
            Speed::Max if looks < LOOKS => left.min(TICK),
            Speed::Max => left,
        };
        looks += 1;
        now = now.saturating_add(i64::try_from(step.as_nanos()).unwrap_or(i64::MAX));
        hosts.at(now.into());
        hosts.tick(show);
        if speed == Speed::Max { show.flush()? } else { show.tick(hosts)? }
    }
    Ok(())
}

/// Reads the files of one host; what it cannot say any more was said when they were read first.
fn tell(files: &[PathBuf], selection: &Selection, stop: &AtomicBool, lines: &SyncSender<Line>) {
    let mut telling = Telling { lines, stop, gone: false };
    let _ = replay::follow(files, selection, &mut telling);
}

struct Telling<'a> {
    lines: &'a SyncSender<Line>,
    stop: &'a AtomicBool,
    gone: bool,
}

impl Follower for Telling<'_> {
    fn took(&mut self, line: &Line, _update: &Update, _session: &Session) -> Result<()> {
        self.gone = self.lines.send(line.clone()).is_err();
        Ok(())
    }

    fn has_enough(&self) -> bool {
        self.gone || self.stop.load(Ordering::Relaxed)
    }
}
