//! Several hosts on one timeline: how their clocks are tied, the cause on one host, the cost on the others.
//!
//! Both forms, [`text`] and [`markdown`], are made of the same sentences and tables. Below them each host's own report
//! follows.

mod sentences;
mod sheets;

pub use sentences::{costs, notes};

use super::{Paint, Style, report, summary, wrap};
use crate::record::PairedSummary;

/// What all hosts' sessions come to together, as text of at most `width` columns.
#[must_use]
pub fn text(paired: &PairedSummary, width: usize, style: Style) -> Vec<String> {
    let width = width.max(60);
    let mut out: Vec<_> =
        wrap(&sentences::heading(paired), width).iter().map(|line| style.paint(Paint::Bold, line)).collect();
    out.push(String::new());
    for cause in &paired.causes {
        let said = sentences::cause(paired, cause);
        let mark = style.pick("━━ ", "== ");
        let paint = if said.healthy { Paint::Good } else { Paint::Bad };
        let title = wrap(&said.title, width - 3);
        out.extend(title.iter().enumerate().map(|(nth, line)| {
            let mark = if nth == 0 { mark } else { "   " };
            format!("{}{}", style.paint(paint, mark), style.paint(paint, line))
        }));
        out.extend(said.lines.iter().flat_map(|line| wrap(line, width - 3)).map(|line| format!("   {line}")));
        for step in &said.steps {
            let lines = wrap(step, width - 5);
            let mark = |nth| if nth == 0 { "-" } else { " " };
            out.extend(lines.iter().enumerate().map(|(nth, line)| format!("   {} {line}", mark(nth))));
        }
        out.push(String::new());
    }
    for sheet in sheets::all(paired, width) {
        summary::table(&sheet, width, style, &mut out);
    }
    out.extend(sentences::notes(paired).iter().flat_map(|note| wrap(note, width)));
    out
}

/// The same for a ticket.
#[must_use]
pub fn markdown(paired: &PairedSummary) -> Vec<String> {
    let mut out = vec![format!("## nfsgrace: {}", report::escape(&sentences::heading(paired))), String::new()];
    for cause in &paired.causes {
        let said = sentences::cause(paired, cause);
        out.extend([format!("### {}", report::escape(&said.title)), String::new()]);
        out.extend(said.lines.iter().flat_map(|line| [report::escape(line), String::new()]));
        // The advice is Markdown already.
        out.extend(said.steps.iter().map(|step| format!("- {step}")));
        out.push(String::new());
    }
    for sheet in sheets::all(paired, usize::MAX) {
        out.extend(report::markdown_table(&sheet));
    }
    out.extend(sentences::notes(paired).iter().map(|note| format!("- {}", report::escape(note))));
    out
}
