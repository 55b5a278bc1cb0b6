//! What is watched or recorded: hosts that are live, or recordings.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Result, anyhow, bail};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{
    progress::Meter,
    reading,
    recorded::{Passed, Recorded},
};
use crate::{
    cli::Speed,
    conductor::{Axes, Conductor},
    paired::Clocks,
    record::{Role, Selection},
    replay::{Next, Told},
    source::{
        heard::FromSource,
        live::{Live, clock},
        several::{Heard, Sources},
        spec::Spec,
        ssh::Ssh,
        stream::Feed,
    },
};

/// How sources are opened.
pub(super) struct How {
    pub(super) role: Role,
    pub(super) verbose: bool,
    /// Where nfsgrace is on other hosts.
    pub(super) remote_path: String,
    /// How often what only time can tell is looked at, live.
    pub(super) tick: Duration,
    /// How fast recordings are passed on.
    pub(super) speed: Speed,
    pub(super) clocks: Clocks,
}

/// What lines come from.
pub(super) enum Input {
    /// Hosts that are live, and what a pipe or a file tells meanwhile.
    Live { sources: Box<Sources>, tick: Interval },
    /// Recordings only.
    Recorded { recorded: Box<Recorded>, names: Vec<String> },
}

/// What happened.
pub(super) enum Beat {
    /// Something was heard from sources.
    Heard(Vec<(usize, FromSource)>),
    /// A line was read; whether somebody looks on.
    Line { next: Box<Next>, looked_at: bool },
    /// Only time passed.
    Time { looked_at: bool },
}

/// What is left at the end.
pub(super) enum Rest {
    /// What hosts still had to say, and when that was, nanoseconds.
    Heard(i64, Beat),
    /// What must be said about the files of each host.
    Files(Vec<Told>),
}

impl How {
    /// Opens sources, and finds who conducts them. Needs a tokio runtime with I/O and time.
    pub(super) async fn open(&self, specs: &[Spec], selection: Selection) -> Result<(Input, Conductor)> {
        if specs.iter().all(|spec| matches!(spec, Spec::File(_) | Spec::Stdin)) {
            let files: Vec<_> = specs.iter().map(|spec| PathBuf::from(spec.to_string())).collect();
            return self.recorded(&files, &selection);
        }
        let input = self.live(specs).await?;
        let own = input.kernel().map(|(number, _)| number);
        let conductor = Conductor::new(self.clocks, specs.len() > 1, selection);
        Ok((input, conductor.standing_at(own)))
    }

    async fn live(&self, specs: &[Spec]) -> Result<Input> {
        let Self { role, verbose, remote_path, .. } = self;
        let mut sources = Sources::new();
        for spec in specs {
            match spec {
                Spec::Local => {
                    sources.add_local(Live::start(*role, *verbose, std::env::args().collect())?);
                }
                Spec::Stdin => {
                    sources.add_stdin()?;
                }
                Spec::Ssh(target) => {
                    let remote_path = remote_path.clone();
                    sources.add_ssh(Ssh { role: *role, remote_path, ..Ssh::new(target.clone()) });
                }
                Spec::File(path) => {
                    let file = tokio::fs::File::open(path).await;
                    let file = file.map_err(|error| anyhow!("cannot open {}: {error}", path.display()))?;
                    sources.add_stream(path.display().to_string(), file, Feed::Pipe);
                }
            }
        }
        let mut tick = interval(self.tick);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Ok(Input::Live { sources: Box::new(sources), tick })
    }

    fn recorded(&self, files: &[PathBuf], selection: &Selection) -> Result<(Input, Conductor)> {
        let (mut recordings, conductor) = reading::begin(files, selection, self.clocks)?;
        let mut speed = self.speed;
        if recordings.several() && recordings.is_pipe() {
            // What comes first is told by the pipe; what time it is there is not known.
            speed = Speed::Max;
        } else if recordings.several() {
            // What comes first is told by the clocks, which must be known before.
            let mut meter = Meter::new();
            let known = reading::know(files, self.clocks, &mut |progress| meter.tell(progress))?;
            let axes = Axes::of(Arc::new(known));
            recordings = recordings.ordered_by(move |host, at| axes.order(host, at));
        }
        let names = recordings.names();
        let recorded = Box::new(Recorded::start(recordings, speed)?);
        Ok((Input::Recorded { recorded, names }, conductor))
    }
}

impl Input {
    /// What the user called the sources, as far as that is known before the first line.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Live { sources, .. } => sources.names().to_vec(),
            Self::Recorded { names, .. } => names.clone(),
        }
    }

    /// This machine's kernel, if it is watched, and its number among the sources.
    pub(super) fn kernel(&self) -> Option<(usize, &Live)> {
        match self {
            Self::Live { sources, .. } => sources.local().map(|(id, live)| (id.0, live)),
            Self::Recorded { .. } => None,
        }
    }

    /// What comes next, and when, nanoseconds; `None` at the end. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<Option<(i64, Beat)>> {
        match self {
            Self::Live { sources, tick } => {
                let beat = tokio::select! {
                    biased;
                    _ = tick.tick() => Some(Beat::Time { looked_at: true }),
                    heard = sources.next() => heard.map(heard_from),
                };
                Ok(beat.map(|beat| (here(), beat)))
            }
            Self::Recorded { recorded, .. } => Ok(recorded.next().await?.map(|passed| match passed {
                Passed::Line { next, looked_at } => (next.at, Beat::Line { next, looked_at }),
                Passed::Time { at, looked_at } => (at, Beat::Time { looked_at }),
            })),
        }
    }

    /// Ends all sources.
    pub(super) async fn finish(self) -> Rest {
        match self {
            Self::Live { sources, .. } => {
                let heard = sources.finish().await;
                Rest::Heard(here(), heard_from(heard))
            }
            Self::Recorded { recorded, .. } => Rest::Files(recorded.finish()),
        }
    }
}

fn heard_from(heard: Heard) -> Beat {
    Beat::Heard(heard.into_iter().map(|(id, what)| (id.0, what)).collect())
}

/// What time it is here: the clock that this machine's records have.
fn here() -> i64 {
    i64::try_from(clock::now().0).unwrap_or(i64::MAX)
}

/// Each source can be given once.
pub(super) fn only_once(specs: &[Spec]) -> Result<()> {
    let twice = |spec: &Spec| specs.iter().filter(|it| *it == spec).count() > 1;
    match specs.iter().find(|spec| twice(spec)) {
        Some(spec) => bail!("{spec} is named twice"),
        None => Ok(()),
    }
}
