//! The plan for people, and for programs.

use std::{collections::BTreeMap, fmt::Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::{
    Inspection,
    hook::{At, Side},
    plan::{Attachment, Reason, Row, State},
};
use crate::kernel::{Detail, Found, Kernel, Why};

/// The plan as text, in lines of at most `width` columns (80 at least).
#[must_use]
pub fn text(inspection: &Inspection, kernel: &Kernel, width: u16) -> String {
    let width = width.max(80);
    let mut text = format!("kernel {}\n", kernel.release());
    // Writing to a string cannot fail.
    let _ = match kernel.hz() {
        Ok(hz) => writeln!(text, "HZ {} ({})", hz.value, hz.source),
        Err(error) => writeln!(text, "HZ unknown: {error:#}"),
    };
    for unmet in kernel.prerequisites() {
        let _ = writeln!(text, "cannot trace: {unmet}");
    }
    for (side, title) in [(Side::Server, "SERVER HOOK"), (Side::Client, "CLIENT HOOK")] {
        let rows: Vec<&Row> = inspection.plan.rows.iter().filter(|row| row.hook.side == side).collect();
        if !rows.is_empty() {
            let cells = rows.into_iter().map(|row| [row.hook.id.to_string(), state(row).to_owned(), place(row)]);
            section(&mut text, width, [title, "STATE", "WHERE"], cells);
        }
    }
    let details = by_gain(&inspection.layout.details).into_iter().map(|(gives, details)| {
        let missing = details.iter().find_map(|detail| match detail.found {
            Found::Missing(why) => Some((why, format!("{}.{}", detail.structure, detail.member))),
            Found::Btf(_) | Found::Constant(_) | Found::Record(_) | Found::NotNeeded => None,
        });
        let (known, from) = match missing {
            Some((Why::NotLoaded, member)) => ("later", member),
            Some((why, member)) => ("no", format!("{member}: {why}")),
            None => ("yes", places(&details)),
        };
        [gives.to_owned(), known.to_owned(), from]
    });
    section(&mut text, width, ["DETAIL", "KNOWN", "FROM"], details);
    text
}

fn section<const N: usize>(text: &mut String, width: u16, head: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(head).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(last) = table.column_mut(N - 1) {
        last.set_padding((0, 0));
    }
    text.push('\n');
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn state(row: &Row) -> &'static str {
    match &row.state {
        State::Ready { inferred: None, .. } => "ready",
        State::Ready { inferred: Some(_), .. } => "inferred",
        State::Deferred { .. } => "waits",
        State::NotNeeded => "not needed",
        State::Unavailable(Reason::NotBuilt(_)) => "not built",
        State::Unavailable(_) => "none",
    }
}

fn place(row: &Row) -> String {
    match &row.state {
        State::Ready { attachments, inferred } => {
            let mut place = sites(row.hook.id.word(), attachments);
            for (symbol, reason) in &row.passed_over {
                let _ = write!(place, "\n{symbol}: {reason}");
            }
            if let Some(how) = inferred {
                let _ = write!(place, "\n{how}");
            }
            place
        }
        State::Deferred { attachments } => {
            let module =
                attachments.iter().filter(|attachment| !attachment.ready).find_map(|late| late.module.as_deref());
            format!("for module {}", module.unwrap_or_default())
        }
        State::NotNeeded => "BTF gives it".into(),
        State::Unavailable(reason @ Reason::NotBuilt(_)) => reason.to_string(),
        State::Unavailable(reason) => format!("{reason}\nlost: {}", row.hook.lost),
    }
}

/// `msleep: entry`, a line for each function; without its name where that is the hook's.
fn sites(hook: &str, attachments: &[Attachment]) -> String {
    let mut functions: Vec<(&str, Vec<&str>)> = Vec::new();
    for attachment in attachments {
        let at = match attachment.at {
            At::Entry => "entry",
            At::Return { .. } => "return",
            At::Event { .. } => "trace event",
        };
        match functions.iter_mut().find(|(symbol, _)| *symbol == attachment.symbol) {
            Some((_, sites)) => sites.push(at),
            None => functions.push((&attachment.symbol, vec![at])),
        }
    }
    let line = |(symbol, sites): (&str, Vec<&str>)| {
        let sites = sites.join(", ");
        if symbol == hook { sites } else { format!("{symbol}: {sites}") }
    };
    functions.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Details that give the same thing together, in their order.
fn by_gain(details: &[Detail]) -> Vec<(&'static str, Vec<Detail>)> {
    let mut gains: Vec<(&'static str, Vec<Detail>)> = Vec::new();
    for &detail in details {
        match gains.iter_mut().find(|(gives, _)| *gives == detail.gives) {
            Some((_, details)) => details.push(detail),
            None => gains.push((detail.gives, vec![detail])),
        }
    }
    gains
}

/// `nfsd4_open: op_fname 8, op_fnamelen 4`
fn places(details: &[Detail]) -> String {
    let mut structures: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for detail in details {
        let place = match detail.found {
            Found::Btf(offset) | Found::Record(offset) => format!("{} {offset}", detail.member),
            Found::Constant(offset) => format!("{} {offset} (never moved)", detail.member),
            Found::Missing(_) | Found::NotNeeded => continue,
        };
        structures.entry(detail.structure).or_default().push(place);
    }
    let lines: Vec<String> =
        structures.into_iter().map(|(structure, places)| format!("{structure}: {}", places.join(", "))).collect();
    lines.join("\n")
}

/// The plan as one JSON object: `kernel`, `unmet`, `hooks`, `details`.
#[must_use]
pub fn json(inspection: &Inspection, kernel: &Kernel) -> Value {
    let hz = kernel.hz().ok();
    let unmet = kernel.prerequisites();
    json!({
        "kernel": {
            "release": kernel.release(),
            "hz": hz.as_ref().map(|hz| hz.value),
            "hz_source": hz.map(|hz| hz.source.to_string()),
        },
        "unmet": unmet
            .iter()
            .map(|unmet| json!({ "missing": unmet.missing, "remedy": unmet.remedy }))
            .collect::<Vec<_>>(),
        "hooks": hooks_json(inspection),
        "details": inspection.layout.details.iter().map(detail_json).collect::<Vec<_>>(),
    })
}

/// The hooks' part of [`json()`].
#[must_use]
pub fn hooks_json(inspection: &Inspection) -> Value {
    inspection.plan.rows.iter().map(row_json).collect()
}

fn row_json(row: &Row) -> Value {
    let (state, inferred, reason) = match &row.state {
        State::Ready { inferred, .. } => (if inferred.is_some() { "inferred" } else { "ready" }, *inferred, None),
        State::Deferred { .. } => ("deferred", None, None),
        State::NotNeeded => ("not_needed", None, None),
        State::Unavailable(reason) => ("unavailable", None, Some(reason_json(reason))),
    };
    let lost = matches!(&row.state, State::Unavailable(reason) if !matches!(reason, Reason::NotBuilt(_)));
    json!({
        "hook": row.hook.id,
        "side": match row.hook.side {
            Side::Server => "server",
            Side::Client => "client",
        },
        "essential": row.hook.essential,
        "state": state,
        "inferred": inferred,
        "reason": reason,
        "lost": lost.then_some(row.hook.lost),
        "attachments": row.attachments().iter().map(attachment_json).collect::<Vec<_>>(),
        "passed_over": row.passed_over
            .iter()
            .map(|(symbol, reason)| json!({ "symbol": symbol, "reason": reason_json(reason) }))
            .collect::<Vec<_>>(),
    })
}

fn attachment_json(attachment: &Attachment) -> Value {
    let Attachment { module, symbol, at, program, ready, later: _, address: _ } = attachment;
    let (at, max_active) = match at {
        At::Entry => ("entry", None),
        At::Return { max_active } => ("return", Some(*max_active)),
        At::Event { .. } => ("event", None),
    };
    json!({
        "module": module,
        "symbol": symbol,
        "at": at,
        "max_active": max_active,
        "program": program,
        "ready": ready,
    })
}

fn reason_json(reason: &Reason) -> Value {
    json!({ "id": reason.absence(), "text": reason.to_string() })
}

fn detail_json(detail: &Detail) -> Value {
    let (place, from, missing) = match detail.found {
        Found::Btf(place) => (Some(place), Some("btf"), None),
        Found::Constant(place) => (Some(place), Some("constant"), None),
        Found::Record(place) => (Some(place), Some("record"), None),
        Found::Missing(why) => (None, None, Some(why.to_string())),
        Found::NotNeeded => (None, None, None),
    };
    json!({
        "structure": detail.structure,
        "member": detail.member,
        "gives": detail.gives,
        "place": place,
        "from": from,
        "missing": missing,
    })
}
