//! `nfsgrace record`: the running kernel, into files, with nobody looking on.

use std::{collections::BTreeSet, path::Path, process::ExitCode, time::Duration};

use anyhow::Result;
use bytesize::ByteSize;
use sd_notify::NotifyState;
use tokio::time::Instant;

use super::live::{Show, Watching};
use crate::{
    cli::Record,
    diagnosis::{Certainty, Revision, Severity, Verdict},
    record::{Filter, Line, Stamp},
    session::{Item, Session, Update},
    source::{
        file::{Store, Written},
        live::Live,
    },
    view,
};

/// How often what only time can tell is looked at; the kernel is asked for its losses as often.
const TICK: Duration = Duration::from_secs(1);

pub(super) fn run(args: &Record) -> Result<ExitCode> {
    let store = Store::create(args.output()?, args.rotation()?, Instant::now().into_std())?;
    let session = Watching {
        role: args.role.into(),
        verbose: args.verbose,
        duration: args.duration,
        filter: Filter::from(&args.filters),
        store: Some(store),
        keep_all: false,
        tick: TICK,
        to_stdout: args.output()? == Path::new("-"),
        show: Log,
    }
    .run()?;
    Ok(ExitCode::from(u8::try_from(session.exit_status()).unwrap_or(1)))
}

/// Standard error, which is the journal where systemd runs it: a line when it begins, when something is wrong, and at the
/// end.
struct Log;

impl Log {
    fn say(text: &str) {
        // Nobody may read it; that is no reason to stop.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("nfsgrace: {text}\n").as_bytes());
    }
}

impl Show for Log {
    fn watching(&mut self, live: &Live, took: Duration, store: Option<&Store>) {
        let path = store.map(|store| store.path().display().to_string()).unwrap_or_default();
        let probes = live.attached() + live.to_follow();
        let text = format!("recording to {path}, {probes} probes in {:.1} s", took.as_secs_f64());
        Self::say(&text);
        tell_systemd(&[NotifyState::Ready, NotifyState::Status(&text)]);
    }

    fn line(&mut self, _line: &Line) {}

    fn update(&mut self, update: &Update, _verdicts: &[Line], _session: &Session) {
        let revisions = update.items.iter().filter_map(|item| match item {
            Item::Verdict { revision, .. } => problem(revision),
            _ => None,
        });
        revisions.for_each(|text| Self::say(&text));
    }

    fn notice(&mut self, text: String) {
        Self::say(&view::clean(&text));
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn tick(&mut self, _session: &Session, _now: Stamp) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, session: &Session, _closing: &[Line], written: Option<Written>) -> Result<()> {
        tell_systemd(&[NotifyState::Stopping]);
        Self::say(&closing_line(session, written.unwrap_or_default()));
        Ok(())
    }
}

/// A problem that was not said before.
fn problem(revision: &Revision) -> Option<String> {
    let verdict = revision.verdict();
    let says_more = match revision {
        Revision::New(_) | Revision::Withdrawn(_) => true,
        Revision::Revised { verdict, before } => {
            (&verdict.finding, verdict.certainty) != (&before.finding, before.certainty)
        }
    };
    if verdict.severity() != Severity::Problem || !says_more {
        return None;
    }
    let restart = verdict.restart.map_or_else(String::new, |id| format!("restart {}: ", id.0));
    let sure = match (revision, verdict.certainty) {
        (Revision::Withdrawn(_), _) => "withdrawn: ",
        (_, Certainty::Suspected) => "suspected: ",
        (_, Certainty::Certain) => "",
    };
    Some(format!("{restart}{sure}{} [{}]", view::clean(&verdict.headline), ids(verdict)))
}

fn ids(verdict: &Verdict) -> String {
    let ids: Vec<_> = verdict.finding.causes().iter().map(|cause| cause.id()).collect();
    ids.join(" or ")
}

fn closing_line(session: &Session, written: Written) -> String {
    let Written { files, lines, bytes, lost } = written;
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let size = ByteSize::b(bytes).display().iec();
    let lost = if lost == 0 { String::new() } else { format!(" ({lost} could not be written)") };
    let problems: BTreeSet<_> =
        session.diagnosis().verdicts().filter(|verdict| verdict.severity() == Severity::Problem).map(ids).collect();
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
