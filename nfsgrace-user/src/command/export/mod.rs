//! `nfsgrace export`: makes something else of recorded sessions.

mod drawn;
mod streamed;
mod target;

use std::{io::Write as _, process::ExitCode};

use anyhow::Result;

use self::target::Target;
use super::{progress::Meter, reading, report};
use crate::{
    cli::{Export, ExportFormat},
    view::picture::{html, svg},
};

pub(super) fn run(args: &Export) -> Result<ExitCode> {
    let format = args.format()?;
    let selection = args.part.selection(&args.filters);
    match format {
        ExportFormat::Html | ExportFormat::Svg | ExportFormat::Json => {
            let target = Target::of(&args.output, &args.files)?;
            let mut meter = Meter::new();
            let read = reading::read(&args.files, &selection, args.clock.into(), &mut |progress| meter.tell(progress))?;
            let text = match format {
                ExportFormat::Html => html::page(&drawn::picture(&read)),
                ExportFormat::Svg => svg::draw(&drawn::picture(&read), svg::Head::Verdicts),
                _ => report::lines(&read).iter().map(|line| format!("{line}\n")).collect(),
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
