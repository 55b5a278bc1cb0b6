//! `nfsgrace watch` with several sources: other hosts, live, on one timeline.

mod hosts;
pub(super) mod replay;
mod show;

use std::{process::ExitCode, time::Duration};

use anyhow::{Result, bail};
use tokio::{
    runtime,
    time::{Instant, MissedTickBehavior, interval},
};

use self::{hosts::Hosts, show::Show};
use super::{
    live::{Stop, until},
    reader::Reader,
};
use crate::{
    cli::Watch,
    record::{Filter, Role},
    source::{
        live::Live,
        several::{SourceId, Sources},
        spec::Spec,
        ssh::Ssh,
        stream::Feed,
    },
};

/// How often what only time can tell is looked at, and a terminal is drawn anew.
const TICK: Duration = Duration::from_millis(250);

pub(super) fn run(args: &Watch, specs: &[Spec]) -> Result<ExitCode> {
    if args.record.is_some() {
        bail!("--record keeps what this kernel says: record on each host, and pair the files with `nfsgrace report`");
    }
    let twice = |spec: &Spec| specs.iter().filter(|it| *it == spec).count() > 1;
    if let Some(spec) = specs.iter().find(|spec| twice(spec)) {
        bail!("{spec} is named twice");
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(watch(args, specs))
}

async fn watch(args: &Watch, specs: &[Spec]) -> Result<ExitCode> {
    let mut stop = Stop::new()?;
    let mut sources = Sources::new();
    let role = Role::from(args.role);
    for spec in specs {
        match spec {
            Spec::Local => {
                let live = Live::start(role, args.verbose, std::env::args().collect())?;
                sources.add_local(live);
            }
            Spec::Stdin => {
                sources.add_stdin()?;
            }
            Spec::Ssh(target) => {
                let remote_path = args.remote_path.clone();
                sources.add_ssh(Ssh { role, remote_path, ..Ssh::new(target.clone()) });
            }
            Spec::File(path) => {
                let file = tokio::fs::File::open(path).await;
                let file = file.map_err(|error| anyhow::anyhow!("cannot open {}: {error}", path.display()))?;
                sources.add_stream(path.display().to_string(), file, Feed::Pipe);
            }
        }
    }
    let mut hosts = Hosts::new(args.clock.into(), Filter::from(&args.filters));
    let names = (0..sources.len()).map(|nth| sources.name(SourceId(nth)).to_owned()).collect();
    let mut show = Show::new(args.format, names);
    show.began()?;

    let deadline = args.duration.map(|duration| Instant::now() + duration);
    let reader = Reader::of_stdout();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = stop.asked() => break,
            () = reader.gone() => break,
            () = until(deadline) => break,
            _ = tick.tick() => {
                hosts.tick(&mut show);
                show.tick(&hosts)?;
            }
            heard = sources.next() => match heard {
                Some(heard) => {
                    for (source, what) in heard {
                        hosts.take(source, what, &mut show);
                    }
                    show.flush()?;
                }
                None => break,
            },
        }
    }
    for (source, what) in sources.finish().await {
        hosts.take(source, what, &mut show);
    }
    hosts.finish(&mut show);
    show.finish(&hosts)?;
    Ok(ExitCode::from(hosts.exit_status()))
}
