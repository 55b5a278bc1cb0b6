//! `nfsgrace watch`: the running kernel, live; a recorded session; or several hosts together.

use std::{process::ExitCode, time::Duration};

use anyhow::{Result, bail};
use tokio::time::Instant;

use super::{live::Watching, output::Output, replay, together};
use crate::{
    cli::Watch,
    record::Filter,
    source::{file::Store, spec::Spec},
};

/// How often what only time can tell is looked at, and a terminal is drawn anew.
const REDRAW_EVERY: Duration = Duration::from_millis(250);

pub(super) fn run(args: &Watch) -> Result<ExitCode> {
    let specs = args.specs()?;
    let recorded = |spec: &Spec| matches!(spec, Spec::File(_) | Spec::Stdin);
    if specs.iter().all(recorded) {
        return replay::run(args);
    }
    if specs != [Spec::Local] {
        return together::run(args, &specs);
    }
    let store = match &args.record {
        Some(path) if path.as_os_str() == "-" => {
            bail!("standard output shows what happens: give --record a file, or use `nfsgrace record -o -`")
        }
        Some(path) => Some(Store::create(path, None, Instant::now().into_std())?),
        None => None,
    };
    let session = Watching {
        role: args.role.into(),
        verbose: args.verbose,
        duration: args.duration,
        filter: Filter::from(&args.filters),
        store,
        keep_all: true,
        tick: REDRAW_EVERY,
        to_stdout: true,
        show: Output::new(args.format),
    }
    .run()?;
    Ok(ExitCode::from(u8::try_from(session.exit_status()).unwrap_or(1)))
}
