//! The arguments of `nfsgrace record`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail};
use bytesize::ByteSize;
use clap::{Args, ValueHint};

use super::{ClockChoice, Filters, RoleChoice, duration, specs};
use crate::source::{
    file::{Retain, Rotation},
    spec::Spec,
};

/// Smaller files would hold little else than what each repeats of the one before.
const SMALLEST: ByteSize = ByteSize::kib(256);

/// `nfsgrace record`
#[derive(Debug, Args)]
pub struct Record {
    /// What to record: `local`, `ssh://[user@]host[:port]`, session files, or `-` for standard input
    ///
    /// `local` is this kernel. Other hosts are recorded over the system's own ssh, and need nfsgrace. What several sources
    /// tell stands in one file, which `report`, `watch` and `export` read as a session of all of them. A lone `-` without
    /// --output records this kernel to standard output.
    #[arg(value_name = "SOURCE", default_value = "local", value_hint = ValueHint::FilePath)]
    pub sources: Vec<PathBuf>,
    /// Write the session here; a name that ends in .zst is compressed, - is standard output
    ///
    /// With --rotate-size, --rotate-age or --retain it is the pattern of many files: session.ndjson.zst becomes
    /// session-000001-20251124T145503Z.ndjson.zst, and so on; session-*.ndjson.zst names them all, in order. Each can be
    /// read alone.
    ///
    /// What was recorded is never overwritten: a file that is there already is an error, and numbered files go on after
    /// the newest one that is there.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where nfsgrace is on other hosts
    #[arg(long, value_name = "PATH", default_value = "nfsgrace")]
    pub remote_path: String,
    /// What puts several hosts on one timeline
    #[arg(long, default_value = "rpc")]
    pub clock: ClockChoice,
    /// Which side of NFS to record
    #[arg(long, value_name = "SIDE", default_value = "auto")]
    pub role: RoleChoice,
    /// End after this time
    ///
    /// A number of seconds, or a time such as 90s, 5m, 1h.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Which files to keep.
    #[command(flatten)]
    pub files: Files,
    /// Which events to record.
    #[command(flatten)]
    pub filters: Filters,
    /// Show the debug messages of the eBPF programs, on standard error
    #[arg(short, long)]
    pub verbose: bool,
}

/// When a new file is begun, and what is kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flight recorder")]
pub struct Files {
    /// Begin a new file when one has this size: 64MiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub rotate_size: Option<ByteSize>,
    /// Begin a new file when one is this old: 1d, 12h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub rotate_age: Option<Duration>,
    /// Keep so many files, or so much of them (10, or 1GiB); the oldest are removed
    ///
    /// The file that is being written counts. Only files with names of this recording's pattern are ever removed. With
    /// nothing but a size here, a new file is begun at an eighth of it.
    #[arg(long, value_name = "N|SIZE", value_parser = retain)]
    pub retain: Option<Retain>,
}

impl Record {
    /// Where the session is written.
    ///
    /// # Errors
    ///
    /// Where that was not said.
    pub fn output(&self) -> Result<&Path> {
        match &self.output {
            Some(file) => Ok(file),
            None if self.is_lone_dash() => Ok(Path::new("-")),
            None => bail!("say where to write the session: -o FILE, or -o - for standard output"),
        }
    }

    /// What is to be recorded.
    ///
    /// # Errors
    ///
    /// Where one is no source: what a source is.
    pub fn specs(&self) -> Result<Vec<Spec>> {
        let to_stdout = self.output.as_ref().is_none_or(|file| file == Path::new("-"));
        if self.is_lone_dash() && to_stdout { Ok(vec![Spec::Local]) } else { specs(&self.sources) }
    }

    fn is_lone_dash(&self) -> bool {
        matches!(&self.sources[..], [only] if only == Path::new("-"))
    }

    /// How the recording is divided into files; `None` where it is one.
    ///
    /// # Errors
    ///
    /// Where the arguments contradict each other: which, and what to do.
    pub fn rotation(&self) -> Result<Option<Rotation>> {
        let Files { rotate_size, rotate_age, retain } = self.files;
        if rotate_size.is_none() && rotate_age.is_none() && retain.is_none() {
            return Ok(None);
        }
        if self.output()?.as_os_str() == "-" {
            bail!(
                "standard output is one stream: leave out --rotate-size, --rotate-age and --retain, or give -o a file"
            );
        }
        match (retain, rotate_size) {
            (Some(Retain::Files(_)), None) if rotate_age.is_none() => {
                bail!("--retain counts files: say when to begin a new one, with --rotate-size or --rotate-age");
            }
            (Some(Retain::Bytes(bytes)), Some(size)) if bytes < size.as_u64().saturating_mul(2) => bail!(
                "--retain {} has no room for two files of --rotate-size {size}: make the files smaller, or keep more",
                ByteSize::b(bytes)
            ),
            (Some(Retain::Bytes(bytes)), None) if bytes / 8 < SMALLEST.as_u64() => {
                bail!(
                    "--retain {} is too little: keep at least {}",
                    ByteSize::b(bytes),
                    ByteSize::b(SMALLEST.as_u64() * 8)
                );
            }
            _ => {}
        }
        Ok(Some(Rotation { size: rotate_size.map(|size| size.as_u64()), age: rotate_age, retain }))
    }
}

fn size(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = text.parse().map_err(|_| format!("{text} is no size: give one such as 64MiB"))?;
    if size < SMALLEST { Err(format!("a file should have at least {SMALLEST}")) } else { Ok(size) }
}

fn retain(text: &str) -> Result<Retain, String> {
    if let Ok(files) = text.parse() {
        return if files == 0 { Err("at least 1 file is kept".to_owned()) } else { Ok(Retain::Files(files)) };
    }
    let size: ByteSize =
        text.parse().map_err(|_| format!("{text} is neither a number of files nor a size such as 1GiB"))?;
    Ok(Retain::Bytes(size.as_u64()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn rotation(arguments: &str) -> Result<Option<Rotation>, String> {
        let words = ["nfsgrace", "record"].into_iter().chain(arguments.split(' '));
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        let Command::Record(record) = cli.command else { panic!("{arguments} is no recording") };
        record.rotation().map_err(|error| error.to_string())
    }

    #[test]
    fn one_file_unless_something_else_is_asked_for() {
        assert_eq!(rotation("-o a.ndjson"), Ok(None));
        assert_eq!(
            rotation("-o a.ndjson --rotate-size 64MiB --rotate-age 1d --retain 10"),
            Ok(Some(Rotation {
                size: Some(64 << 20),
                age: Some(Duration::from_secs(86_400)),
                retain: Some(Retain::Files(10))
            }))
        );
        let all = Rotation { size: None, age: None, retain: Some(Retain::Bytes(1 << 30)) };
        assert_eq!(rotation("-o a.ndjson --retain 1GiB"), Ok(Some(all)));
    }

    #[test]
    fn a_lone_dash_is_standard_output() {
        let output = |arguments: &str| {
            let words = ["nfsgrace", "record"].into_iter().chain(arguments.split(' '));
            let Command::Record(record) = Cli::try_parse_from(words).expect(arguments).command else { panic!() };
            record.output().map(Path::to_owned).map_err(|error| error.to_string())
        };
        for arguments in ["-", "-o -", "local -o -", "- --role client"] {
            assert_eq!(output(arguments), Ok("-".into()), "{arguments}");
        }
        assert_eq!(output("-o a.ndjson"), Ok("a.ndjson".into()));
        assert!(output("local").expect_err("nowhere to write").contains("-o FILE"));
        let sources = |arguments: &str| {
            let words = ["nfsgrace", "record"].into_iter().chain(arguments.split(' '));
            let Command::Record(record) = Cli::try_parse_from(words).expect(arguments).command else { panic!() };
            record.specs().expect(arguments)
        };
        for arguments in ["-", "- -o -", "-o a"] {
            assert_eq!(sources(arguments), [Spec::Local], "{arguments}");
        }
        assert_eq!((sources("- -o a"), output("- -o a")), (vec![Spec::Stdin], Ok("a".into())), "a copy");
    }

    #[test]
    fn contradictions_are_named() {
        for (arguments, complaint) in [
            ("- --rotate-age 1d", "standard output is one stream"),
            ("-o - --rotate-age 1d", "standard output is one stream"),
            ("-o a --retain 10", "say when to begin a new one"),
            ("-o a --rotate-size 64MiB --retain 100MiB", "no room for two files"),
            ("-o a --retain 1MiB", "too little"),
            ("-o a --rotate-size 1KiB", "at least"),
            ("-o a --rotate-age 1d --retain 0", "at least 1 file"),
            ("-o a --rotate-age 1d --retain lots", "neither a number of files nor a size"),
        ] {
            let error = rotation(arguments).expect_err(arguments);
            assert!(error.contains(complaint), "{arguments}: {error}");
        }
    }
}
