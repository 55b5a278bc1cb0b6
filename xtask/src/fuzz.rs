//! `cargo xtask fuzz`: what comes from outside, whatever it is, must neither panic nor hang nor take more than a bounded
//! amount of memory.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::{artifact, interrupt, setup, tool};

/// The targets of `fuzz/`.
const TARGETS: [&str; 3] = ["decode_line", "read_session", "replay_events"];
/// Longest input: some dozens of lines.
const MAX_LEN: usize = 16 << 10;
/// Lines of a recording to begin with: long inputs are tried seldom.
const LINES: usize = 24;
/// One input that takes longer hangs.
const HANGS_AFTER: u32 = 20;

/// The arguments of `cargo xtask fuzz`.
#[derive(Debug, Args)]
pub struct Fuzz {
    /// How long to try each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only this target
    #[arg(long, value_parser = TARGETS)]
    target: Option<String>,
}

impl Fuzz {
    /// Tries each target; fails where one does.
    ///
    /// # Errors
    ///
    /// Where fuzzing is not possible here.
    pub fn run(self) -> Result<ExitCode> {
        setup::ensure_fuzzer()?;
        let place = artifact::workspace().join("target/fuzz");
        let words = place.join("session.dict");
        fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
        fs::write(&words, dictionary()?).with_context(|| format!("cannot write {}", words.display()))?;
        for target in TARGETS.into_iter().filter(|target| self.target.as_ref().is_none_or(|only| only == target)) {
            interrupt::check()?;
            let (seeds, corpus) = (place.join("seeds").join(target), place.join("corpus").join(target));
            for directory in [&seeds, &corpus] {
                fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
            }
            sow(target, &seeds)?;
            println!("fuzzing {target} for {} s", self.seconds);
            tool::run(cargo_fuzz("build", &place).arg(target))?;
            let mut cargo = cargo_fuzz("run", &place);
            cargo.arg(target).args([&corpus, &seeds]).arg("--").arg(format!("-dict={}", words.display()));
            cargo.arg(format!("-max_total_time={}", self.seconds)).arg(format!("-max_len={MAX_LEN}"));
            cargo.arg(format!("-timeout={HANGS_AFTER}")).args(["-rss_limit_mb=512", "-print_final_stats=1"]);
            if tool::run(&mut cargo).is_err() {
                bail!("{target} fails: the input lies in fuzz/artifacts/{target}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A command of cargo-fuzz, which builds in `place`.
fn cargo_fuzz(command: &str, place: &Path) -> Command {
    let mut cargo = artifact::cargo();
    // The fuzzer's instrumentation is not yet in stable Rust.
    cargo.env("RUSTC_BOOTSTRAP", "1");
    // Nothing that is fuzzed here is unsafe: sanitizers would only make it slower.
    cargo.args(["fuzz", command, "--sanitizer", "none", "--fuzz-dir", "fuzz", "--target-dir"]).arg(place);
    cargo
}

/// What an input may be put together from: `fuzz/session.dict`, and the names and words of the schema.
fn dictionary() -> Result<String> {
    let read = |name: &str| {
        let path = artifact::workspace().join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let schema: Value = serde_json::from_str(&read("docs/schema/session-1.schema.json")?)?;
    let mut words = BTreeSet::new();
    gather(&schema, &mut words);
    // A dictionary's entry is a quoted string itself.
    let words = words.into_iter().map(|word| format!("\"{}\"\n", word.replace('"', "\\\"")));
    Ok(words.fold(read("fuzz/session.dict")?, |all, word| all + &word))
}

/// The names of fields and the words that they may hold, as they stand in a line.
fn gather(schema: &Value, words: &mut BTreeSet<String>) {
    let choices = schema["enum"].as_array().into_iter().flatten().chain([&schema["const"]]);
    words.extend(choices.filter_map(Value::as_str).map(|word| format!("\"{word}\"")));
    let fields = schema["properties"].as_object();
    words.extend(fields.into_iter().flat_map(|fields| fields.keys()).map(|name| format!("\"{name}\":")));
    match schema {
        Value::Object(parts) => parts.values().for_each(|part| gather(part, words)),
        Value::Array(parts) => parts.iter().for_each(|part| gather(part, words)),
        _ => {}
    }
}

/// Writes what to begin with: the recordings that the tests use.
fn sow(target: &str, seeds: &Path) -> Result<()> {
    let recordings = recordings()?;
    if target == "decode_line" {
        let texts = recordings.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
        // One line of each shape is enough.
        let mut shapes = BTreeSet::new();
        let lines = texts.iter().flat_map(|text| text.lines()).filter(|line| shapes.insert(shape(line)));
        for (nth, line) in lines.enumerate() {
            fs::write(seeds.join(format!("{nth}")), line)?;
        }
        return Ok(());
    }
    if target == "replay_events" {
        return Ok(());
    }
    for recording in recordings {
        let Some(name) = recording.file_name() else { continue };
        let seed = seeds.join(name);
        let text = fs::read_to_string(&recording)?;
        fs::write(&seed, text.split_inclusive('\n').take(LINES).collect::<String>())?;
        let compressed = seeds.join(format!("{}.zst", name.to_string_lossy()));
        tool::capture(Command::new("zstd").args(["--quiet", "--force", "-o"]).arg(compressed).arg(&seed))?;
    }
    Ok(())
}

/// The names in a line, without its values.
fn shape(line: &str) -> String {
    line.split('"').filter(|part| !part.contains([':', ',', '{', '}'])).take(40).collect::<Vec<_>>().join(" ")
}

fn recordings() -> Result<Vec<PathBuf>> {
    let fixtures = artifact::workspace().join("nfsgrace-user/tests/fixtures");
    let mut found = Vec::new();
    for directory in [fixtures.clone(), fixtures.join("schema")] {
        for entry in fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "ndjson") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
