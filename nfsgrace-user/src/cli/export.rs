//! `nfsgrace export`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ClockChoice, Filters, Part};

/// Examples for `--help`.
pub(super) const EXAMPLES: &str = "\
Examples:
  nfsgrace export incident.ndjson -o incident.html            a page to attach to a ticket
  nfsgrace export server.ndjson client.ndjson.zst -o both.html    two hosts on one timeline
  nfsgrace export incident.ndjson -o incident.pftrace         to open at https://ui.perfetto.dev
  nfsgrace export incident.ndjson --format csv -o tables      attempts.csv and refusals.csv
  nfsgrace export incident.ndjson --format svg -o - | rsvg-convert > incident.png";

/// `nfsgrace export`
#[derive(Debug, Args)]
pub struct Export {
    /// Session files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// What to make [default: what the name of the output ends in]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ExportFormat>,
    /// Where to write it; `-` is standard output
    ///
    /// A file of this name is replaced when the new one is complete, and not touched before. With --format csv, a directory:
    /// it is made if need be.
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// What puts several hosts on one timeline
    #[arg(long, default_value = "rpc")]
    pub clock: ClockChoice,
    /// Which part of the sessions.
    #[command(flatten)]
    pub part: Part,
    /// Which events to follow.
    #[command(flatten)]
    pub filters: Filters,
}

/// What a session can be made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One self-contained page: verdicts, the timeline to zoom into, tables.
    Html,
    /// The timeline as a static picture.
    Svg,
    /// A trace that Perfetto's UI and trace processor open.
    #[value(alias = "pftrace")]
    Perfetto,
    /// Two tables in a directory: all attempts, and all refusals.
    Csv,
    /// What a report says, for programs: the lines of `report --format json`.
    #[value(alias = "ndjson")]
    Json,
}

impl Export {
    /// The format asked for, or else the one that the name of the output ends in.
    ///
    /// # Errors
    ///
    /// What to do where neither tells.
    pub fn format(&self) -> anyhow::Result<ExportFormat> {
        let ending = || self.output.extension().and_then(|ending| ending.to_str());
        let by_name = || ending().and_then(|ending| ExportFormat::from_str(ending, true).ok());
        self.format.or_else(by_name).ok_or_else(|| {
            let names = ExportFormat::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            let names: Vec<_> = names.map(|name| name.get_name().to_owned()).collect();
            anyhow::anyhow!("the name of the output does not tell what to make: give --format {}", names.join("|"))
        })
    }
}
