//! The command line. One definition of each flag makes the parser, `--help`, the man page and the completions.

mod export;
mod record;
mod report;

use std::{fmt::Display, net::IpAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
pub use export::{Export, ExportFormat};
use jiff::{Span, SpanRelativeTo};
pub use report::{ClockChoice, Part, Report, ReportFormat, Speed};

pub use self::record::{Files, Record};
use crate::{
    record::{Filter, Netns, Role},
    source::spec::Spec,
};

const AFTER_HELP: &str = "\
Exit status:
  0  nothing is wrong
  1  a problem was diagnosed
  2  the command could not do its work, and says what to do about it";

const EXPORT_STATUS: &str = "\
Exit status:
  0  it is written
  2  the command could not do its work, and says what to do about it";

const WATCH_EXAMPLES: &str = "\
Examples:
  nfsgrace watch                              until Ctrl-C, then a summary
  nfsgrace watch --duration 2m                for two minutes
  nfsgrace watch --role client --comm make    only tasks of make, on an NFS client
  nfsgrace watch --record incident.ndjson     and keep what was seen
  nfsgrace watch incident.ndjson --speed 10   what was seen, ten times as fast
  nfsgrace watch local ssh://root@client1     server and client on one timeline
  nfsgrace watch --format json | jq 'select(.type == \"verdict\")'";

const RECORD_EXAMPLES: &str = "\
Examples:
  nfsgrace record -o incident.ndjson.zst      until Ctrl-C, compressed
  ssh server nfsgrace record -o - >here.ndjson
                                              on another host, each line as it comes
  nfsgrace record -o /var/tmp/session.ndjson.zst --retain 1GiB
                                              for ever, in at most 1 GiB of files";

/// Explains why NFS clients hang after a server restart: why, for whom, and for how many more seconds.
#[derive(Debug, Parser)]
#[command(name = "nfsgrace", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch this kernel, and explain hangs while they last
    ///
    /// Shows the server's way through its client trackers, the grace period and its end, whom it refuses, and each task
    /// that is stalled by it: how long it still sleeps, and for how many more seconds it is stuck. A verdict with the
    /// cause and the remedy appears as soon as the evidence is there.
    #[command(after_help = format!("{WATCH_EXAMPLES}\n\n{AFTER_HELP}"))]
    Watch(Watch),
    /// Record this kernel for ever, with nobody looking on
    ///
    /// Writes what `watch` would show to a file, which can be watched, reported and exported later. Each line is in the
    /// file as soon as it came, and a crash, a kill or a power cut lose what came in the last moments at most; a full disk
    /// ends nothing. On standard error it says when it records, what problems it diagnoses, and what it recorded.
    #[command(after_help = format!("{RECORD_EXAMPLES}\n\n{AFTER_HELP}"))]
    Record(Record),
    /// Explain what a recorded session saw: why clients hung, for how long, and what to do about it
    #[command(after_help = format!("{}\n\n{AFTER_HELP}", report::EXAMPLES))]
    Report(Report),
    /// Make a page, a picture or a table of recorded sessions, to attach to a ticket or to open elsewhere
    #[command(after_help = format!("{}\n\n{EXPORT_STATUS}", export::EXAMPLES))]
    Export(Export),
    /// Show which kernel functions can be probed here, and what is lost where they cannot
    #[command(after_help = AFTER_HELP)]
    Probes(Probes),
    /// Print a completion script for a shell
    #[command(hide = true)]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the man page
    #[command(hide = true)]
    Man,
}

/// `nfsgrace watch`
#[derive(Debug, Args)]
pub struct Watch {
    /// What to watch: `local`, `ssh://[user@]host[:port]`, session files, or `-` for standard input
    ///
    /// `local` is this kernel. Other hosts are watched over the system's own ssh, and need nfsgrace. Several sources are put
    /// on one timeline: which requests a server refused to which client is found out, and so are the clocks.
    #[arg(value_name = "SOURCE", default_value = "local", value_hint = ValueHint::FilePath)]
    pub sources: Vec<PathBuf>,
    /// Where nfsgrace is on other hosts
    #[arg(long, value_name = "PATH", default_value = "nfsgrace")]
    pub remote_path: String,
    /// What puts several hosts on one timeline
    #[arg(long, default_value = "rpc")]
    pub clock: ClockChoice,
    /// How fast a recorded session is shown: a number of times as fast as it happened, or max
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = report::speed)]
    pub speed: Speed,
    /// Which side of NFS to watch
    ///
    /// With `auto`, both: a machine that does not serve has nothing to show for the server.
    #[arg(long, value_name = "SIDE", default_value = "auto")]
    pub role: RoleChoice,
    /// End after this time
    ///
    /// A number of seconds, or a time such as 90s, 5m, 1h.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Keep all that is seen in a session file as well
    ///
    /// A name that ends in .zst is compressed. A file that is there already is not overwritten.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// How to print
    #[arg(long, default_value = "text")]
    pub format: Format,
    /// Which events to follow.
    #[command(flatten)]
    pub filters: Filters,
    /// Show the debug messages of the eBPF programs, on standard error
    #[arg(short, long)]
    pub verbose: bool,
}

impl Watch {
    /// What is to be watched.
    ///
    /// # Errors
    ///
    /// Where one is no source: what a source is.
    pub fn specs(&self) -> anyhow::Result<Vec<Spec>> {
        specs(&self.sources)
    }
}

fn specs(sources: &[PathBuf]) -> anyhow::Result<Vec<Spec>> {
    let spec = |source: &PathBuf| match source.to_str() {
        Some(text) => Ok(text.parse()?),
        None => Ok(Spec::File(source.clone())),
    };
    sources.iter().map(spec).collect()
}

/// Which events to follow; several of one kind widen, different kinds narrow.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub struct Filters {
    /// Only stalls of this process or thread
    #[arg(long, value_name = "PID")]
    pub pid: Vec<u32>,
    /// Only stalls of tasks of this name
    #[arg(long, value_name = "NAME")]
    pub comm: Vec<String>,
    /// Only refusals of the client with this address
    #[arg(long, value_name = "ADDRESS")]
    pub client: Vec<IpAddr>,
    /// Only servers in this network namespace
    ///
    /// Its inode number, or a file that stands for it: /run/netns/NAME, /proc/PID/ns/net.
    #[arg(long, value_name = "NETNS", value_parser = netns)]
    pub netns: Vec<Netns>,
}

impl From<&Filters> for Filter {
    fn from(filters: &Filters) -> Self {
        let Filters { pid, comm, client, netns } = filters;
        Self {
            pids: pid.clone(),
            // The kernel keeps fifteen bytes of a name.
            comms: comm.iter().map(|name| name.chars().take(15).collect()).collect(),
            clients: client.iter().map(IpAddr::to_canonical).collect(),
            netns: netns.clone(),
        }
    }
}

/// `nfsgrace probes`
#[derive(Debug, Args)]
pub struct Probes {
    /// Which side of NFS to look at
    #[arg(long, value_name = "SIDE", default_value = "auto")]
    pub role: RoleChoice,
    /// How to print
    #[arg(long, default_value = "text")]
    pub format: Format,
}

/// A choice of sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleChoice {
    /// The NFS server.
    Server,
    /// The NFS client.
    Client,
    /// Whatever is there.
    Auto,
}

impl From<RoleChoice> for Role {
    fn from(choice: RoleChoice) -> Self {
        match choice {
            RoleChoice::Server => Self::Server,
            RoleChoice::Client => Self::Client,
            RoleChoice::Auto => Self::Both,
        }
    }
}

/// A way to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// A number of seconds, or as people write a time: 90s, 5m, 1h 30m, 2 days.
fn duration(text: &str) -> Result<Duration, String> {
    let help = |error: &dyn Display| format!("{error}: give seconds, or a time such as 90s, 5m, 1h");
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: Span = text.parse().map_err(|error| help(&error))?;
    // A month and a year have no length of their own: on average.
    let months = f64::from(span.get_months()) * 30.44 + f64::from(span.get_years()) * 365.25;
    let rest =
        span.years(0).months(0).to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| help(&error))?;
    let rest = Duration::try_from(rest).map_err(|_| help(&"a time that has passed is no length"))?;
    let months = Duration::try_from_secs_f64(months * 86_400.0).map_err(|error| help(&error))?;
    rest.checked_add(months).ok_or_else(|| help(&"too long"))
}

fn netns(text: &str) -> Result<Netns, String> {
    use std::os::unix::fs::MetadataExt as _;
    if let Ok(number) = text.parse() {
        return Ok(Netns(number));
    }
    let metadata = std::fs::metadata(text).map_err(|error| format!("{text}: {error}"))?;
    u32::try_from(metadata.ino()).map(Netns).map_err(|_| format!("{text} is not a network namespace"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_with_and_without_unit() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        let seconds = |text: &str| duration(text).map(|it| it.as_secs());
        for (text, length) in [
            ("5m", 300),
            ("90s", 90),
            ("1h30m", 5_400),
            ("1h 30m", 5_400),
            ("2days", 172_800),
            ("2 days 2min", 172_920),
            ("1d", 86_400),
            ("1w", 604_800),
            ("12hours", 43_200),
            ("1month", 2_630_016),
            ("1y", 31_557_600),
        ] {
            assert_eq!(seconds(text), Ok(length), "{text}");
        }
        assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("20us"), Ok(Duration::from_micros(20)));
        for nonsense in ["soon", "", "-5m", "5m ago", "-1", "1e9y", "99999999y"] {
            assert!(duration(nonsense).is_err(), "{nonsense}");
        }
    }
}
