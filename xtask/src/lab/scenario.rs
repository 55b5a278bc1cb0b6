//! What the head of a scenario file says. The language is documented in `docs/adding-a-scenario.md`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};

use super::{
    guests::{Guest, Role},
    prepared::Lab,
    series::Series,
    steps::Steps,
};

/// A scenario: steps for a guest's shell, and what nfsgrace should make of them.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Name of its file without `.sh`.
    pub name: String,
    /// One line.
    pub about: String,
    /// What happens.
    pub steps: Steps,
    /// What is expected of each kernel.
    pub expectations: BTreeMap<Series, Expectation>,
    /// How many guests: from 2 on the server has one of its own, the others are clients.
    pub guests: u8,
    /// By how many hours the wall clocks of the server's, the client's and the second client's guests are wrong.
    pub hours: [i32; 3],
    /// Whether so many tasks run that they wait for the processor, and times are less exact.
    pub crowd: bool,
    /// Whether guests have sshd and ssh.
    pub ssh: bool,
    /// With several guests: the server's kernel for each of the client's, where none is asked for.
    pub server_kernels: BTreeMap<Series, Series>,
    /// With three guests: the second client's kernel, where it is not the first one's.
    pub second_kernel: Option<Series>,
}

/// What is expected on one kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// The scenario makes no sense there, for this reason.
    Skip(String),
    /// It runs, and ends so.
    Run {
        /// What nfsgrace concludes.
        verdicts: Vec<Verdict>,
        /// Whether an open is blocked by the grace period; `None` when it may or may not.
        stall: Option<bool>,
    },
}

/// A verdict that is expected, or (`id?`) allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The cause's stable id.
    pub id: String,
    /// Whether it need only be one of several that cannot be told apart (`id|…`).
    pub one_of_several: bool,
    /// Whether it may be missing.
    pub optional: bool,
}

impl Scenario {
    /// The directory of the scenarios; its parent has the guests' other files.
    pub fn directory() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/scenarios")
    }

    /// All scenarios, by name.
    pub fn all() -> Result<Vec<Self>> {
        let directory = Self::directory();
        let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
        let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "sh"));
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// The scenario called `name`.
    pub fn named(name: &str) -> Result<Self> {
        let all = Self::all()?;
        let names: Vec<String> = all.iter().map(|scenario| scenario.name.clone()).collect();
        let found = all.into_iter().find(|scenario| scenario.name == name);
        found.ok_or_else(|| anyhow!("there is no scenario {name}; there are {}", names.join(", ")))
    }

    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&name, &text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(name: &str, text: &str) -> Result<Self> {
        let mut head = Head { guests: 1, ..Head::default() };
        for field in text.lines().take_while(|line| line.starts_with('#')).filter_map(Field::parse) {
            head.take(field?)?;
        }
        let expectations = Series::ALL.into_iter().map(|series| Ok((series, head.expectation(series)?)));
        let expectations = expectations.collect::<Result<_>>()?;
        let server = |client| head.servers.get(client).map(|server| Ok((client, server.parse()?)));
        let server_kernels = Series::ALL.into_iter().filter_map(server).collect::<Result<_, String>>();
        Ok(Self {
            name: name.to_owned(),
            about: head.about.context("there is no `# about:` line")?,
            steps: Steps::parse(text),
            expectations,
            guests: head.guests,
            hours: head.hours,
            crowd: head.crowd,
            ssh: head.ssh,
            server_kernels: server_kernels.map_err(|error| anyhow!(error))?,
            second_kernel: head.second,
        })
    }

    /// The kernels that it asks for itself.
    pub fn own_kernels(&self) -> impl Iterator<Item = Series> {
        self.server_kernels.values().copied().chain(self.second_kernel)
    }

    /// Its guests, with these kernels of the server's and the client's; an only guest is the server's.
    pub fn guests(&self, lab: &Lab, server: Series, client: Series) -> Result<Vec<Guest>> {
        if self.guests == 1 {
            return Ok(vec![Guest::alone(lab.kernel(server)?)]);
        }
        let second = self.second_kernel.unwrap_or(client);
        let all = [(Role::Server, server), (Role::Client, client), (Role::Second, second)];
        let guests = all.into_iter().zip(self.hours).take(self.guests.into());
        guests.map(|((role, series), hours)| Ok(Guest { role, kernel: lab.kernel(series)?, hours })).collect()
    }
}

fn three(value: &str) -> Option<[i32; 3]> {
    let numbers: Option<Vec<i32>> = value.split_whitespace().map(|word| word.parse().ok()).collect();
    numbers?.try_into().ok()
}

/// Whether `value` is the second of `words`; an error when it is neither.
fn one_of(value: &str, words: [&str; 2]) -> Result<bool> {
    match words.iter().position(|word| *word == value) {
        Some(position) => Ok(position == 1),
        None => bail!("`{value}` is neither `{}` nor `{}`", words[0], words[1]),
    }
}

impl Verdict {
    fn parse(word: &str) -> Self {
        let (id, optional) = word.strip_suffix('?').map_or((word, false), |id| (id, true));
        let (id, one_of_several) = id.strip_suffix("|…").map_or((id, false), |id| (id, true));
        Self { id: id.to_owned(), one_of_several, optional }
    }

    /// Whether nfsgrace's `concluded` (an id, or several with `|` between them) is this verdict.
    pub fn is_met_by(&self, concluded: &str) -> bool {
        match self.one_of_several {
            true => concluded.split('|').any(|id| id == self.id),
            false => concluded == self.id,
        }
    }
}

/// `# key: value` or `# key SERIES…: value`
struct Field {
    key: String,
    series: Vec<Series>,
    value: String,
}

impl Field {
    /// `None` for a comment that is no field.
    fn parse(line: &str) -> Option<Result<Self>> {
        let (left, value) = line.strip_prefix('#')?.split_once(": ")?;
        let mut words = left.split_whitespace();
        let key = words.next()?.to_owned();
        let series: Result<Vec<Series>, String> = words.map(str::parse).collect();
        Some(series.map(|series| Self { key, series, value: value.trim().to_owned() }).map_err(|error| anyhow!(error)))
    }
}

/// The fields of a head, as far as they are read.
#[derive(Default)]
struct Head {
    about: Option<String>,
    guests: u8,
    hours: [i32; 3],
    crowd: bool,
    ssh: bool,
    servers: PerSeries,
    second: Option<Series>,
    verdicts: PerSeries,
    stalls: PerSeries,
    skips: PerSeries,
}

impl Head {
    fn take(&mut self, Field { key, series, value }: Field) -> Result<()> {
        match key.as_str() {
            "about" => self.about = Some(value),
            "guests" => self.guests = value.parse().ok().filter(|it| (1..=3).contains(it)).context("1 to 3 guests")?,
            "hours" => self.hours = three(&value).context("`hours` takes three numbers")?,
            "crowd" => self.crowd = one_of(&value, ["no", "yes"])?,
            "ssh" => self.ssh = one_of(&value, ["no", "yes"])?,
            "server" => self.servers.set(&series, value),
            "second" => self.second = Some(value.parse().map_err(|error: String| anyhow!(error))?),
            "expect" => self.verdicts.set(&series, value),
            "stall" => self.stalls.set(&series, value),
            "skip" if series.is_empty() => bail!("`skip` must name the kernels to skip"),
            "skip" => self.skips.set(&series, value),
            other => bail!("`{other}` is not a field of a scenario's head"),
        }
        Ok(())
    }

    fn expectation(&self, series: Series) -> Result<Expectation> {
        if let Some(reason) = self.skips.get(series) {
            return Ok(Expectation::Skip(reason.to_owned()));
        }
        let verdicts = self.verdicts.get(series).with_context(|| format!("nothing is expected of {series}"))?;
        let stall = match self.stalls.get(series) {
            Some("maybe") => None,
            given => Some(one_of(given.unwrap_or("no"), ["no", "yes"])?),
        };
        Ok(Expectation::Run { verdicts: verdicts.split_whitespace().map(Verdict::parse).collect(), stall })
    }
}

/// A value for all series, and others for some.
#[derive(Default)]
struct PerSeries {
    general: Option<String>,
    special: BTreeMap<Series, String>,
}

impl PerSeries {
    fn set(&mut self, series: &[Series], value: String) {
        if series.is_empty() {
            self.general = Some(value);
        } else {
            self.special.extend(series.iter().map(|&series| (series, value.clone())));
        }
    }

    fn get(&self, series: Series) -> Option<&str> {
        self.special.get(&series).or(self.general.as_ref()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# about: nobody holds the pipe\n# expect: nfsdcld-not-running backoff-tail?\n\
        # expect 5.10 6.1: healthy\n# stall: yes\n# stall 5.10 6.1: no\n# skip 6.12: it has no such thing\n\nserver_start\n";

    fn verdict(id: &str, optional: bool) -> Verdict {
        Verdict { id: id.to_owned(), one_of_several: false, optional }
    }

    #[test]
    fn a_special_expectation_beats_the_general_one() {
        let scenario = Scenario::parse("x", HEAD).expect("a good head");
        assert_eq!(scenario.about, "nobody holds the pipe");
        let expected = |series| scenario.expectations[&series].clone();
        let healthy = Expectation::Run { verdicts: vec![verdict("healthy", false)], stall: Some(false) };
        assert_eq!(expected(Series::V5_10), healthy);
        assert_eq!(expected(Series::V6_12), Expectation::Skip("it has no such thing".to_owned()));
        let hang = vec![verdict("nfsdcld-not-running", false), verdict("backoff-tail", true)];
        assert_eq!(expected(Series::V7), Expectation::Run { verdicts: hang, stall: Some(true) });
    }

    #[test]
    fn a_client_may_have_a_server_of_another_kernel() {
        let head = format!("# guests: 2\n# server: 6.18\n# server 6.1: 7.x\n{HEAD}");
        let scenario = Scenario::parse("x", &head).expect("a good head");
        let server = |client| scenario.server_kernels.get(&client).copied();
        assert_eq!([server(Series::V6_1), server(Series::V5_10)], [Some(Series::V7), Some(Series::V6_18)]);
    }

    #[test]
    fn one_of_several_is_met_by_a_verdict_that_names_it() {
        let verdict = Verdict::parse("nfsdcld-not-running|…");
        assert!(verdict.is_met_by("nfsdcld-not-running|rpc-pipefs-missing") && !verdict.is_met_by("healthy"));
        assert!(!Verdict::parse("nfsdcld-not-running").is_met_by("nfsdcld-not-running|rpc-pipefs-missing"));
    }

    #[test]
    fn mistakes_are_named() {
        for (head, complaint) in [
            ("# expect: healthy\n", "about"),
            ("# about: x\n", "nothing is expected of 5.10"),
            ("# about: x\n# expext: healthy\n", "expext"),
            ("# about: x\n# expect 4.19: healthy\n", "no such kernel"),
        ] {
            let error = Scenario::parse("x", head).expect_err("a bad head");
            assert!(format!("{error:#}").contains(complaint), "{error:#}");
        }
    }

    #[test]
    fn every_scenario_of_the_lab_is_well_formed() {
        let scenarios = Scenario::all().expect("all heads are good");
        assert!(scenarios.len() >= 10);
    }
}
