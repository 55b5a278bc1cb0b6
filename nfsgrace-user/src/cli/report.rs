//! `nfsgrace report`, and what it shares with other commands that read sessions.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum, ValueHint};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::Filters;
use crate::{
    paired::Clocks,
    record::{Filter, Moment, RestartId, Selection, Stamp, Window},
};

/// Examples for `--help`.
pub(super) const EXAMPLES: &str = "\
Examples:
  nfsgrace report incident.ndjson                                     what happened, and what to do about it
  nfsgrace report --format markdown incident.ndjson | xclip           what one pastes into a ticket
  nfsgrace report --since '2026-11-24 10:00' /var/lib/nfsgrace/*.zst  one incident of a flight recorder
  nfsgrace report server.ndjson client1.ndjson client2.ndjson         several hosts on one timeline
  ssh server cat incident.ndjson | nfsgrace report -";

/// `nfsgrace report`
#[derive(Debug, Args)]
pub struct Report {
    /// Session files, compressed by zstd or not; `-` is standard input
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// How to print
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    /// Of several hosts, only what they come to together
    #[arg(long)]
    pub together: bool,
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

/// What puts several hosts on one timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClockChoice {
    /// Requests that both a client and its server saw: no clock need be right.
    Rpc,
    /// The hosts' wall clocks, as far as they are right.
    Realtime,
}

impl From<ClockChoice> for Clocks {
    fn from(choice: ClockChoice) -> Self {
        match choice {
            ClockChoice::Rpc => Self::Rpc,
            ClockChoice::Realtime => Self::Realtime,
        }
    }
}

/// A way to print a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    Text,
    /// For programs: header, verdicts and summary as lines of the session format.
    Json,
    /// For a ticket.
    Markdown,
}

/// Which part of a session to look at.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Part of the session")]
pub struct Part {
    /// Only what was on after this time
    ///
    /// Seconds since boot, as they are printed (44.734); a time of this machine's time zone ('2026-11-24 10:00'); one with
    /// its own (2026-11-24T10:00:00+01:00); or a time before the end of the session (-10m, '3m ago').
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    pub since: Option<Moment>,
    /// Only what was on before this time
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    pub until: Option<Moment>,
    /// Only this restart, by the number that a report of the same files gives it
    #[arg(long, value_name = "N")]
    pub restart: Option<u32>,
}

impl Part {
    /// With the filters, what to read of session files.
    #[must_use]
    pub fn selection(&self, filters: &Filters) -> Selection {
        let Self { since, until, restart } = *self;
        Selection { filter: Filter::from(filters), window: Window { since, until }, restart: restart.map(RestartId) }
    }
}

/// How fast a session is replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many times as fast as it happened.
    Times(f64),
    /// Without waiting.
    Max,
}

/// Reads a speed: a number, with or without an `x`, or `max`.
pub(super) fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    let times = text.trim_end_matches('x').parse().ok().filter(|times| (0.001..=1e6).contains(times));
    times.map(Speed::Times).ok_or_else(|| "give a number such as 10, or max".to_owned())
}

fn moment(text: &str) -> Result<Moment, String> {
    let text = text.trim();
    let help = || {
        format!(
            "{text:?} is no time: give seconds since boot (44.734), '2026-11-24 10:00', 2026-11-24T10:00:00Z, or -10m"
        )
    };
    if let Some(seconds) = seconds(text) {
        return Ok(Moment::Boot(seconds));
    }
    let ago = text.strip_prefix('-').or_else(|| text.strip_suffix("ago"));
    if let Some(ago) = ago {
        return super::duration(ago.trim()).map(Moment::BeforeEnd);
    }
    let at = text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        Some(local.to_zoned_datetime(TimeZone::system()).ok()?.timestamp())
    });
    let at = at.and_then(|at| i64::try_from(at.as_nanosecond()).ok());
    at.map(Moment::Wall).ok_or_else(help)
}

/// Seconds since boot, as views print them.
fn seconds(text: &str) -> Option<Stamp> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = text.parse::<f64>().ok().filter(|_| plain)?;
    Duration::try_from_secs_f64(seconds).ok().map(|it| Stamp::default().plus(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_named_as_people_and_programs_name_them() {
        assert_eq!(moment("44.734"), Ok(Moment::Boot(Stamp(44_734_000_000))));
        assert_eq!(moment("-10m"), Ok(Moment::BeforeEnd(Duration::from_secs(600))));
        assert_eq!(moment("3m ago"), Ok(Moment::BeforeEnd(Duration::from_secs(180))));
        let at = Ok(Moment::Wall(1_795_510_800_000_000_000));
        assert_eq!(moment("2026-11-24T10:00:00+01:00"), at);
        assert_eq!(moment("2026-11-24T09:00:00Z"), at);
        let local = |text: &str| {
            text.parse::<DateTime>().expect("a time").to_zoned_datetime(TimeZone::system()).expect("there")
        };
        let local = i64::try_from(local("2026-11-24T10:00:00").timestamp().as_nanosecond()).expect("this century");
        assert_eq!(moment("2026-11-24 10:00"), Ok(Moment::Wall(local)));
        assert_eq!(moment("2026-11-24 10:00:00"), Ok(Moment::Wall(local)));
        for nonsense in ["", "soon", "10:00", "1e400", "-", "ago", "-1e9y", "2026-13-01 10:00"] {
            assert!(moment(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn speeds() {
        assert_eq!(speed("10"), Ok(Speed::Times(10.0)));
        assert_eq!(speed("0.5x"), Ok(Speed::Times(0.5)));
        assert_eq!(speed("max"), Ok(Speed::Max));
        assert!(speed("0").is_err() && speed("-1").is_err() && speed("NaN").is_err());
    }
}
