//! `cargo xtask generate-session`: long sessions to measure and to try readers with.
//!
//! They are written by hand and not by nfsgrace's own encoder: this crate must build before the BPF tools are there. The
//! tests of the session format read what it writes.

mod incident;
mod random;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::Args;

use incident::Incident;
use random::Random;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;
/// The wall clock is ahead of the session's by this: 2026-11-24 00:00:00 UTC is its beginning.
const REALTIME_MINUS_BOOTTIME: u64 = 1_795_478_400 * SECOND;

/// `cargo xtask generate-session`
#[derive(Debug, Clone, Args)]
pub struct GenerateSession {
    /// How many events
    #[arg(long, default_value_t = 1_000_000)]
    pub events: u64,
    /// Clients of the server
    #[arg(long, default_value_t = 100)]
    pub clients: u32,
    /// Tasks on the server's own host that wait for it
    #[arg(long, default_value_t = 40)]
    pub tasks: u32,
    /// Another seed makes another session
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where to write; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

impl GenerateSession {
    /// Writes the session.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn run(self) -> Result<ExitCode> {
        if self.output == Path::new("-") {
            self.write(BufWriter::with_capacity(1 << 20, io::stdout().lock()))?;
        } else {
            let name = self.output.display();
            let file = File::create(&self.output).with_context(|| format!("cannot create {name}"))?;
            self.write(BufWriter::with_capacity(1 << 20, file)).with_context(|| format!("cannot write {name}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// One incident after the other, with quiet in between, until there are enough events.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        let mut random = Random::new(self.seed);
        let begin = 5 * SECOND;
        writeln!(
            out,
            "{{\"type\":\"header\",\"schema\":1,\"program\":\"0.1.0\",\"command\":[\"nfsgrace\",\"record\",\"-o\",\"generated.ndjson\"],\
             \"host\":\"server\",\"boot_id\":\"{:08x}-7c1b-4f0e-9d53-1f2f3b1a7c55\",\"kernel\":\"6.18.15+deb13-amd64\",\"hz\":250,\
             \"clock\":\"boottime\",\"realtime_minus_boottime_ns\":{REALTIME_MINUS_BOOTTIME},\"role\":\"both\",\
             \"initial_netns\":4026531833,\"probes\":[],\"t\":{begin}}}",
            random.number()
        )?;
        let (mut at, mut written, mut clock) = (begin + SECOND, 0, begin);
        let mut nth = 0;
        while written < self.events {
            let incident = Incident { nth, began: at, clients: self.clients, tasks: self.tasks };
            let lines = incident.lines(&mut random);
            let end = lines.last().map_or(at, |(at, _)| *at);
            for (at, line) in lines {
                while clock + 60 * SECOND <= at {
                    clock += 60 * SECOND;
                    writeln!(
                        out,
                        "{{\"type\":\"clock\",\"t\":{clock},\"realtime_minus_boottime_ns\":{REALTIME_MINUS_BOOTTIME}}}"
                    )?;
                }
                if written < self.events {
                    writeln!(out, "{line}")?;
                    written += 1;
                }
            }
            at = end + (300 + random.below(600)) * SECOND;
            nth += 1;
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;

    use super::*;
    use crate::artifact;

    fn session(seed: u64) -> String {
        let generate = GenerateSession { events: 12_000, clients: 30, tasks: 10, seed, output: PathBuf::new() };
        let mut out = Vec::new();
        generate.write(&mut out).expect("memory takes it");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn what_is_generated_fits_the_published_schema() {
        let schema =
            fs::read_to_string(artifact::workspace().join("docs/schema/session-1.schema.json")).expect("there");
        let mut schema: Value = serde_json::from_str(&schema).expect("JSON");
        // Nothing else may be there.
        for definition in schema["$defs"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
            if definition["properties"]["type"].is_object() {
                definition["unevaluatedProperties"] = Value::Bool(false);
            }
        }
        let schema = jsonschema::validator_for(&schema).expect("a schema");
        let text = session(1);
        let mut before = 0;
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).expect("JSON");
            assert!(schema.is_valid(&value), "{line}");
            let at = value["t"].as_u64().expect("a time");
            assert!(before <= at, "{line}");
            before = at;
        }
        assert_eq!(text.lines().filter(|line| line.contains("\"type\":\"event\"")).count(), 12_000);
    }

    #[test]
    fn a_seed_makes_the_same_session_each_time() {
        assert!(session(7) == session(7));
        assert!(session(7) != session(8));
    }
}
