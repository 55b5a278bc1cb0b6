//! `nfsgrace export`: makes something else of recorded sessions.

mod drawn;
mod streamed;
mod target;

use std::{io::Write as _, process::ExitCode};

use anyhow::Result;

use self::target::Target;
use super::paired::Paired;
use crate::{
    cli::{Export, ExportFormat},
    replay::{Follower, Nobody},
    view::picture::{html, svg},
};

pub(super) fn run(args: &Export) -> Result<ExitCode> {
    let format = args.format()?;
    let selection = args.part.selection(&args.filters);
    let read = |follower: &mut dyn Follower| Paired::read(&args.files, &selection, args.clock.into(), follower);
    match format {
        ExportFormat::Html | ExportFormat::Svg | ExportFormat::Json => {
            let target = Target::of(&args.output, &args.files)?;
            let read = read(&mut Nobody)?;
            let text = match format {
                ExportFormat::Html => html::page(&drawn::picture(&read)),
                ExportFormat::Svg => svg::draw(&drawn::picture(&read), svg::Head::Verdicts),
                _ => read.json().iter().map(|line| format!("{line}\n")).collect(),
            };
            let mut sink = target.open()?;
            sink.write_all(text.as_bytes())?;
            sink.complete()?;
        }
        ExportFormat::Perfetto => streamed::perfetto(args, &selection)?,
        ExportFormat::Csv => streamed::csv(args, &selection)?,
    }
    Ok(ExitCode::SUCCESS)
}
