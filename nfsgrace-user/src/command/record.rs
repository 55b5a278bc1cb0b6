//! `nfsgrace record`: hosts that are live, or recordings, into files, with nobody looking on.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::Result;
use bytesize::ByteSize;
use sd_notify::NotifyState;
use tokio::{runtime, time::Instant};

use super::{
    follow::Following,
    input::{How, only_once},
    show::{Began, Closing, Show},
    stop::Stop,
};
use crate::{
    cli::{Record, Speed},
    conductor::Conductor,
    outcome::{Conclusion, SessionOutcome},
    record::{Filter, Header, Line, Selection, Severity, VerdictRecord, VerdictState},
    session::Update,
    source::{
        file::{Store, Written},
        spec::Spec,
    },
    view,
};

/// How often what only time can tell is looked at; the kernel is asked for its losses as often.
const TICK: Duration = Duration::from_secs(1);

pub(super) fn run(args: &Record) -> Result<ExitCode> {
    let specs = args.specs()?;
    only_once(&specs)?;
    if args.verbose {
        env_logger::builder().filter_level(log::LevelFilter::Debug).init();
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(record(args, &specs))
}

async fn record(args: &Record, specs: &[Spec]) -> Result<ExitCode> {
    let (stop, began) = (Stop::new()?, Instant::now());
    let store = Store::create(args.output()?, args.rotation()?, began.into_std())?;
    let selection = Selection { filter: Filter::from(&args.filters), ..Selection::default() };
    let how = How {
        role: args.role.into(),
        verbose: args.verbose,
        remote_path: args.remote_path.clone(),
        tick: TICK,
        speed: Speed::Max,
        clocks: args.clock.into(),
    };
    let (input, conductor) = how.open(specs, selection).await?;
    let several = conductor.several();
    let following = Following {
        names: input.names(),
        input,
        conductor,
        store: Some(store),
        keep_all: false,
        began,
        duration: args.duration,
        to_stdout: args.output()? == Path::new("-"),
        show: Log { hosts: several.then(BTreeMap::new) },
    };
    Ok(ExitCode::from(following.run(stop).await?.exit_status()))
}

/// Standard error, which is the journal where systemd runs it: a line when it begins, when something is wrong, and at the
/// end.
struct Log {
    /// What the hosts are called, where there are several.
    hosts: Option<BTreeMap<usize, String>>,
}

impl Log {
    fn say(text: &str) {
        // Nobody may read it; that is no reason to stop.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("nfsgrace: {text}\n").as_bytes());
    }
}

impl Show for Log {
    fn began(&mut self, began: &Began<'_>) -> Result<()> {
        let Began { sources, live, took, recorded_to } = began;
        let probes =
            live.map(|live| format!(", {} probes in {:.1} s", live.attached() + live.to_follow(), took.as_secs_f64()));
        let several = self.hosts.as_ref().filter(|_| !sources.is_empty()).map(|_| format!("{} ", sources.join(", ")));
        let to = recorded_to.as_deref().unwrap_or_default();
        let text = format!("recording {}to {to}{}", several.unwrap_or_default(), probes.unwrap_or_default());
        Self::say(&view::clean(&text));
        tell_systemd(&[NotifyState::Ready, NotifyState::Status(&text)]);
        Ok(())
    }

    fn joined(&mut self, source: &str, nth: usize, header: &Header) {
        if let Some(hosts) = &mut self.hosts {
            hosts.insert(nth, if header.host.is_empty() { source } else { &header.host }.to_owned());
        }
    }

    fn line(&mut self, _source: &str, _line: &Line) {}

    fn update(&mut self, _conductor: &mut Conductor, nth: usize, _update: &Update, conclusions: &[Conclusion]) {
        let host = self.hosts.as_ref().and_then(|hosts| hosts.get(&nth)).map(|name| format!("{}: ", view::clean(name)));
        let host = host.unwrap_or_default();
        let problems = conclusions.iter().filter_map(problem);
        problems.for_each(|text| Self::say(&format!("{host}{text}")));
    }

    fn notice(&mut self, source: Option<&str>, text: &str) {
        let about = source.map(|name| format!("{name}: ")).unwrap_or_default();
        Self::say(&view::clean(&format!("{about}{text}")));
    }

    fn flush(&mut self, _at_once: bool) -> Result<()> {
        Ok(())
    }

    fn tick(&mut self, _conductor: &Conductor) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, conductor: &Conductor, closing: &Closing, written: Option<Written>) -> Result<()> {
        tell_systemd(&[NotifyState::Stopping]);
        for note in conductor.members().iter().flat_map(|member| &member.notes) {
            Self::say(&view::clean(note));
        }
        Self::say(&closing_line(closing, written.unwrap_or_default()));
        Ok(())
    }
}

/// A problem that was not said before.
fn problem(conclusion: &Conclusion) -> Option<String> {
    let verdict = &conclusion.verdict;
    if verdict.severity != Severity::Problem || !conclusion.says_more() {
        return None;
    }
    let restart = verdict.restart.map_or_else(String::new, |number| format!("restart {number}: "));
    let sure = match verdict.state.known() {
        Some(VerdictState::Certain) => String::new(),
        _ => format!("{}: ", verdict.state),
    };
    Some(format!("{restart}{sure}{} [{}]", view::clean(&verdict.headline), ids(verdict)))
}

fn ids(verdict: &VerdictRecord) -> String {
    view::joined(verdict.causes(), " or ")
}

fn closing_line(closing: &Closing, written: Written) -> String {
    let Written { files, lines, bytes, lost } = written;
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let size = ByteSize::b(bytes).display().iec();
    let lost = if lost == 0 { String::new() } else { format!(" ({lost} could not be written)") };
    let problems: BTreeSet<_> = closing.hosts.iter().flat_map(SessionOutcome::problems).map(ids).collect();
    let verdict = if problems.is_empty() {
        "no problem was diagnosed".to_owned()
    } else {
        format!("diagnosed: {}", problems.into_iter().collect::<Vec<_>>().join(", "))
    };
    format!("recorded {lines} line{}{lost} in {files} file{}, {size}; {verdict}", plural(lines), plural(files))
}

/// Where systemd waits to hear: the server starts only when all is attached.
fn tell_systemd(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        log::warn!("cannot tell systemd: {error}");
    }
}
