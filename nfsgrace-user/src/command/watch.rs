//! `nfsgrace watch`: this kernel, other hosts, recordings: one or several, live or as they were.

use std::{process::ExitCode, time::Duration};

use anyhow::{Result, bail};
use tokio::{runtime, time::Instant};

use super::{
    follow::Following,
    input::{How, only_once},
    output::Output,
    stop::Stop,
};
use crate::{
    cli::{Part, Watch},
    source::{file::Store, spec::Spec},
};

/// How often what only time can tell is looked at, and a terminal is drawn anew.
const REDRAW_EVERY: Duration = Duration::from_millis(250);

pub(super) fn run(args: &Watch) -> Result<ExitCode> {
    let specs = args.specs()?;
    only_once(&specs)?;
    if args.verbose {
        env_logger::builder().filter_level(log::LevelFilter::Debug).init();
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(watch(args, &specs))
}

async fn watch(args: &Watch, specs: &[Spec]) -> Result<ExitCode> {
    let (stop, began) = (Stop::new()?, Instant::now());
    let store = match &args.record {
        Some(path) if path.as_os_str() == "-" => {
            bail!("standard output shows what happens: give --record a file, or use `nfsgrace record -o -`")
        }
        Some(path) => Some(Store::create(path, None, began.into_std())?),
        None => None,
    };
    let how = How {
        role: args.role.into(),
        verbose: args.verbose,
        remote_path: args.remote_path.clone(),
        tick: REDRAW_EVERY,
        speed: args.speed,
        clocks: args.clock.into(),
    };
    let (input, conductor) = how.open(specs, Part::default().selection(&args.filters)).await?;
    let show = Output::new(args.format, conductor.several());
    let following = Following {
        names: input.names(),
        input,
        conductor,
        store,
        keep_all: true,
        began,
        duration: args.duration,
        to_stdout: true,
        show,
    };
    Ok(ExitCode::from(following.run(stop).await?.exit_status()))
}
