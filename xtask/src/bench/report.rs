//! `cargo xtask bench report`

use std::{fs, path::Path, path::PathBuf, process::Command, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use comfy_table::{CellAlignment, LineStyle, Table, presets};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::measure::{Run, median, run};
use crate::{artifact, generate::GenerateSession, interrupt, tool};

/// Events per second that a report must read.
const ENOUGH: f64 = 1e6;
/// Memory that it may have, KiB.
const LIMIT_KIB: u64 = 64 << 10;

/// `cargo xtask bench report`
#[derive(Debug, Args)]
pub struct Report {
    /// Events of the session
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Runs of each program, of which the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Measures this nfsgrace instead of this checkout's
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Fails where nfsgrace reads fewer than a million events a second of processor time, or takes more than 64 MiB
    #[arg(long)]
    strict: bool,
}

impl Report {
    /// Generates a session, lets each program read it on one processor, and prints a table.
    pub(super) fn run(self) -> Result<ExitCode> {
        let Self { events, runs, binary, strict } = self;
        let nfsgrace = match binary {
            Some(binary) => binary,
            None => artifact::nfsgrace()?,
        };
        let file = artifact::workspace().join("target").join(format!("bench-{events}.ndjson"));
        let generate = GenerateSession { events, clients: 100, tasks: 40, seed: 1, output: file.clone() };
        generate.run()?;
        let size = fs::metadata(&file).with_context(|| format!("cannot read {}", file.display()))?.len();
        println!("{events} events, {} MB; median of {runs} runs on one processor", size / 1_000_000);
        // Children inherit it.
        let mut first = CpuSet::new();
        first.set(0);
        sched_setaffinity(None, &first).context("cannot keep to one processor")?;

        let (table, enough) = measure(&nfsgrace, &file, events, runs)?;
        println!("{table}");
        fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        if strict && !enough {
            println!("nfsgrace is too slow, or too large");
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What each program takes to read `file`, and whether nfsgrace is good enough.
fn measure(nfsgrace: &Path, file: &Path, events: u64, runs: usize) -> Result<(Table, bool)> {
    let programs: [(&str, &[&str]); 3] =
        [("nfsgrace", &["report"]), ("jq", &["-c", "select(.type == \"loss\")"]), ("wc", &["-l"])];
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_header(["", "seconds", "events/s", "CPU seconds", "events/CPU s", "peak memory"]);
    let mut enough = true;
    for (name, arguments) in programs {
        let is_ours = name == "nfsgrace";
        if !is_ours && !tool::exists(name) {
            println!("{name} is not installed: left out");
            continue;
        }
        let program = if is_ours { nfsgrace } else { Path::new(name) };
        let fine: &[i32] = if is_ours { &[0, 1] } else { &[0] };
        let mut all = Vec::new();
        for _ in 0..runs {
            interrupt::check()?;
            all.push(run(Command::new(program).args(arguments).arg(file), fine)?);
        }
        let Some(Run { wall, cpu, peak_kib }) = median(&all) else { bail!("no run was asked for") };
        let rate = |seconds: f64| events as f64 / seconds.max(1e-9);
        let (by_wall, by_cpu) = (rate(wall.as_secs_f64()), rate(cpu.as_secs_f64()));
        table.add_row([
            [&[name], arguments].concat().join(" "),
            format!("{:.2}", wall.as_secs_f64()),
            format!("{by_wall:.0}"),
            format!("{:.2}", cpu.as_secs_f64()),
            format!("{by_cpu:.0}"),
            format!("{:.1} MiB", peak_kib as f64 / 1024.0),
        ]);
        enough &= !is_ours || by_cpu >= ENOUGH && peak_kib <= LIMIT_KIB;
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Ok((table, enough))
}
