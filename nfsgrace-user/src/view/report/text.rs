//! The report for a terminal or a pager.

use std::time::Duration;

use super::{
    super::{Paint, Style, clean, moment, plural, summary, text, wrap},
    Report, side,
};

/// The report as text, each line at most `width` columns wide.
#[must_use]
pub fn text(report: &Report<'_>, width: usize, style: Style) -> Vec<String> {
    let width = width.max(60);
    let mut out = heading(report, width, style);
    out.push(String::new());
    out.extend(summary::verdicts(&report.outcome, width, true, style));
    out.extend(paths(report, width, style));
    out.extend(summary::tables(&report.outcome.summary, width, style));
    out.extend(report.notes.iter().flat_map(|note| {
        let note = format!("note: {}", clean(note));
        wrap(&note, width).into_iter().map(|line| style.paint(Paint::Warning, &line)).collect::<Vec<_>>()
    }));
    out
}

fn heading(report: &Report<'_>, width: usize, style: Style) -> Vec<String> {
    let mut sentences = Vec::new();
    let title = match report.session.header() {
        Some(header) => {
            format!("{} (kernel {}), {}", clean(&header.host), clean(&header.kernel), side(header))
        }
        None => "a host that is not known: there is no header".to_owned(),
    };
    let length = report.outcome.summary.t.since(report.first());
    let events = plural(report.outcome.summary.events, "event");
    sentences.push(match report.when() {
        Some(when) => format!("{when}: {events} in {}", long(length)),
        None => format!("{events} in {}; the wall clock is not known", long(length)),
    });
    sentences.push(format!("from {}", clean(&report.files.join(", "))));
    sentences.push("times are seconds since boot".to_owned());
    let mut lines: Vec<_> = wrap(&title, width).iter().map(|line| style.paint(Paint::Bold, line)).collect();
    lines.extend(sentences.iter().flat_map(|sentence| wrap(sentence, width)));
    lines
}

/// How long a session is: nobody wants its milliseconds.
fn long(length: Duration) -> String {
    let seconds = (length.as_millis() + 500) / 1_000;
    match seconds {
        0..300 => format!("{seconds} s"),
        300..10_800 => format!("{} min", seconds / 60),
        10_800..259_200 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn paths(report: &Report<'_>, width: usize, style: Style) -> Vec<String> {
    let (restarts, more) = report.paths();
    let mut out = Vec::new();
    for restart in restarts {
        let when = report.time(restart.began()).map(|when| format!(", {when}")).unwrap_or_default();
        let title = format!("Restart {} at {}{when}", restart.id().0, moment(restart.began()));
        out.push(style.paint(Paint::Bold, &title));
        out.extend(text::path(restart, report.session.timeline(), width, style));
        out.push(String::new());
    }
    if more > 0 {
        let text = format!("… and {}: `nfsgrace report --restart N` shows one", plural(more as u64, "other restart"));
        out.extend(wrap(&text, width));
        out.push(String::new());
    }
    out
}
