//! The report for a ticket: GitHub's and GitLab's Markdown, compact.
//!
//! Whatever came from a session stands in code spans or fences that it cannot leave, so that a file's name makes no link,
//! mentions nobody and breaks no table.

use super::{
    super::{Style, clean, moment, plural, summary, text, text::verdict_cost, text::verdict_title},
    Report, side,
};
use crate::{
    outcome::SessionOutcome,
    record::{Stamp, VerdictRecord},
};

/// Columns of preformatted text: what fits a ticket's page.
const COLUMNS: usize = 100;

/// The report as Markdown.
#[must_use]
pub fn markdown(report: &Report<'_>) -> Vec<String> {
    let mut out = heading(report);
    let SessionOutcome { verdicts, summary } = &report.outcome;
    let said = summary::in_order(verdicts, 2);
    for said in &said {
        out.extend(verdict(said.verdict));
        out.extend(said.also().into_iter().flat_map(|also| [format!("({also})"), String::new()]));
    }
    let more = if said.is_empty() { vec![summary::nothing(summary)] } else { summary::elsewhere(summary) };
    out.extend(more.iter().flat_map(|sentence| [escape(sentence), String::new()]));
    let (restarts, more) = report.paths();
    for restart in restarts {
        let when = report.time(restart.began()).map(|when| format!(", {when}")).unwrap_or_default();
        out.extend([format!("### Restart {} at {} s{when}", restart.id().0, moment(restart.began())), String::new()]);
        out.extend(fenced(&text::path(restart, report.session.timeline(), COLUMNS, Style::PLAIN)));
        out.push(String::new());
    }
    if more > 0 {
        out.extend([format!("… and {}", plural(more as u64, "other restart")), String::new()]);
    }
    for sheet in summary::sheets(summary, 60) {
        out.extend(table(&sheet));
    }
    if summary.losses.is_empty() {
        out.extend(["No record was lost.".to_owned(), String::new()]);
    }
    out.extend(report.notes.iter().map(|note| format!("- note: {}", escape(&clean(note)))));
    while out.last().is_some_and(String::is_empty) {
        out.pop();
    }
    out
}

fn heading(report: &Report<'_>) -> Vec<String> {
    let mut parts = Vec::new();
    let host = match report.session.header() {
        Some(header) => {
            parts.push(format!("kernel {}, {}", code(&header.kernel), side(header)));
            code(&header.host)
        }
        None => "a host that is not known".to_owned(),
    };
    parts.extend(report.when());
    parts.push(plural(report.outcome.summary.events, "event"));
    parts.push("times in seconds since boot".to_owned());
    vec![format!("## nfsgrace: {host}"), String::new(), parts.join("; "), String::new()]
}

fn verdict(verdict: &VerdictRecord) -> Vec<String> {
    let mut out = vec![format!("### Verdict: {}", escape(&verdict_title(verdict))), String::new()];
    out.extend([escape(&clean(&verdict.headline)), String::new()]);
    out.extend(verdict_cost(verdict).into_iter().flat_map(|cost| [format!("Cost: {cost}."), String::new()]));
    let proofs: Vec<_> = verdict.evidence.iter().map(|proof| said(proof.t, &proof.text)).collect();
    if !proofs.is_empty() {
        out.extend(["Proof:".to_owned(), String::new()]);
        out.extend(fenced(&proofs));
        out.push(String::new());
    }
    let caveats: Vec<_> = verdict.caveats.iter().map(|text| escape(&clean(text))).collect();
    // The advice is written here, with its commands in back quotes: it is Markdown already.
    list("Not seen", &caveats, &mut out);
    list("To do", &verdict.remedy, &mut out);
    list("Beware", &verdict.avoid, &mut out);
    out
}

fn said(at: Option<Stamp>, text: &str) -> String {
    let at = at.map(|at| format!("{} ", moment(at))).unwrap_or_default();
    format!("{at}{}", clean(text))
}

fn list(title: &str, items: &[String], out: &mut Vec<String>) {
    if !items.is_empty() {
        out.extend([format!("{title}:"), String::new()]);
        out.extend(items.iter().map(|item| format!("- {item}")));
        out.push(String::new());
    }
}

pub(in crate::view) fn table(sheet: &summary::Sheet) -> Vec<String> {
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let rule = (0..sheet.header.len()).map(|column| if column < sheet.words { "---" } else { "---:" }.to_owned());
    let mut out = vec![format!("**{}**", escape(&sheet.title)), String::new()];
    out.push(row(sheet.header.iter().map(|name| (*name).to_owned()).collect()));
    out.push(row(rule.collect()));
    out.extend(sheet.rows.iter().map(|cells| row(cells.iter().map(|cell| self::cell(cell)).collect())));
    if sheet.hidden > 0 {
        out.extend([String::new(), format!("… and {} more", sheet.hidden)]);
    }
    out.push(String::new());
    out
}

/// A cell: as it is where nothing in it can mean anything, else as code.
fn cell(text: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || " .,:()/%–…≥-".contains(c);
    if text.chars().all(harmless) || text.ends_with(" *") && text.trim_end_matches(" *").chars().all(harmless) {
        text.replace('*', "\\*")
    } else {
        code(text).replace('|', "\\|")
    }
}

/// A name as code.
fn code(text: &str) -> String {
    let text = clean(text);
    let ticks = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Lines that are shown as they are.
fn fenced(lines: &[String]) -> Vec<String> {
    let fence = "`".repeat(lines.iter().map(|line| longest_run(line)).max().unwrap_or(0).max(2) + 1);
    let mut out = vec![format!("{fence}text")];
    out.extend(lines.iter().cloned());
    out.push(fence);
    out
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Text in a sentence: nothing in it is markup.
pub(in crate::view) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            // A mention is told by its sign; there is no escape for it.
            '@' => out.push_str("(at)"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' | '&' | '$' => {
                out.extend(['\\', c]);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_code_span_nor_its_cell() {
        assert_eq!(code("plain"), "`plain`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`x"), "`` `x ``");
        assert_eq!(cell("/srv/a|b"), "`/srv/a\\|b`");
        assert_eq!(cell("<img src=x> @all #1"), "`<img src=x> @all #1`");
        assert_eq!(cell("6.400 s *"), "6.400 s \\*");
        assert_eq!(cell("line\nbreak"), "`line\\nbreak`");
        let fence = fenced(&["```".to_owned(), "x".to_owned()]);
        assert_eq!((fence[0].as_str(), fence[3].as_str()), ("````text", "````"));
        assert_eq!(escape("see @someone, *now* <b>"), "see (at)someone, \\*now\\* \\<b\\>");
    }
}
