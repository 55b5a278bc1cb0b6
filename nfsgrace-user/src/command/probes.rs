//! `nfsgrace probes`: what can be probed on the running kernel.

use std::process::ExitCode;

use anyhow::Result;

use super::screen::Screen;
use crate::{
    cli::{Format, Probes},
    kernel::Kernel,
    probe::{self, Effort},
    view,
};

pub(super) fn run(args: &Probes) -> Result<ExitCode> {
    let kernel = Kernel::running()?;
    let inspection = probe::inspect(&kernel, args.role.into(), Effort::Thorough);
    let mut screen = Screen::stdout();
    match args.format {
        Format::Text => screen.print(&[view::probes::text(&inspection, &kernel, screen.size().width).trim_end()])?,
        Format::Json => screen.print(&[serde_json::to_string_pretty(&view::probes::json(&inspection, &kernel))?])?,
    }
    let able = kernel.prerequisites().is_empty();
    Ok(if able { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
