//! `nfsgrace probes`: what can be probed on a kernel, for people and for programs.

use std::{collections::BTreeMap, fmt::Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::{
    kernel::Kernel,
    probe::{
        At, Attachment, Inspection, PlannedHook, Reason, Resolution, Side,
        layout::{Detail, FieldPlace, NotFound},
    },
    record::{ProbeRow, ProbeStatus, Word},
};

/// The plan as text, in lines of at most `width` columns (80 at least).
#[must_use]
pub fn text(inspection: &Inspection, kernel: &Kernel, width: u16) -> String {
    let width = width.max(80);
    let mut text = about(kernel);
    let rows = inspection.plan.rows();
    for (side, title) in [(Side::Server, "SERVER HOOK"), (Side::Client, "CLIENT HOOK")] {
        let of_side = inspection.plan.hooks.iter().zip(&rows).filter(|(it, _)| it.hook.side == side);
        let mut cells = of_side.map(|(it, row)| [row.hook.to_string(), status(&row.status), place(it, row)]).peekable();
        if cells.peek().is_some() {
            section(&mut text, width, [title, "STATUS", "WHERE"], cells);
        }
    }
    section(&mut text, width, ["DETAIL", "KNOWN", "FROM"], by_gain(&inspection.layout.details).into_iter().map(known));
    text
}

/// Which kernel it is, and why nothing can be probed, if nothing can.
fn about(kernel: &Kernel) -> String {
    let mut text = format!("kernel {}\n", kernel.release());
    // Writing to a string cannot fail.
    let _ = match kernel.hz() {
        Ok(hz) => writeln!(text, "HZ {} ({})", hz.value, hz.source),
        Err(error) => writeln!(text, "HZ unknown: {error:#}"),
    };
    for unmet in kernel.prerequisites() {
        let _ = writeln!(text, "cannot trace: {unmet}");
    }
    text
}

/// The cells for what one thing to know is made of.
fn known((gives, details): (&str, Vec<Detail>)) -> [String; 3] {
    let missing = details.iter().find_map(|detail| match detail.found {
        FieldPlace::Missing(why) => Some((why, format!("{}.{}", detail.structure, detail.member))),
        FieldPlace::Btf(_) | FieldPlace::Constant(_) | FieldPlace::Record(_) | FieldPlace::NotNeeded => None,
    });
    let (known, from) = match missing {
        Some((NotFound::NotLoaded, member)) => ("later", member),
        Some((why, member)) => ("no", format!("{member}: {why}")),
        None => ("yes", places(&details)),
    };
    [gives.to_owned(), known.to_owned(), from]
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

fn status(status: &Word<ProbeStatus>) -> String {
    status.as_str().replace('_', " ")
}

fn place(planned: &PlannedHook, row: &ProbeRow) -> String {
    match &planned.resolution {
        Resolution::Ready { attachments, inferred } => {
            let mut place = sites(planned.hook.id.word(), attachments);
            for (symbol, reason) in &planned.passed_over {
                let _ = write!(place, "\n{symbol}: {reason}");
            }
            if let Some(how) = inferred {
                let _ = write!(place, "\ninferred: {how}");
            }
            place
        }
        Resolution::Waiting { attachments } => {
            let module = attachments.iter().filter(|it| !it.ready).find_map(|it| it.module.as_deref());
            format!("for module {}", module.unwrap_or_default())
        }
        Resolution::NotNeeded => "BTF gives it".into(),
        Resolution::Missing(reason) if row.lost.is_empty() => format!("{reason}: nothing is lost"),
        Resolution::Missing(reason) => format!("{reason}\nlost: {}", row.lost),
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
            FieldPlace::Btf(offset) | FieldPlace::Record(offset) => format!("{} {offset}", detail.member),
            FieldPlace::Constant(offset) => format!("{} {offset} (never moved)", detail.member),
            FieldPlace::Missing(_) | FieldPlace::NotNeeded => continue,
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

fn hooks_json(inspection: &Inspection) -> Value {
    inspection.plan.hooks.iter().zip(inspection.plan.rows()).map(|(it, row)| hook_json(it, &row)).collect()
}

/// The row as a session's header has it, and what only a plan can tell.
fn hook_json(planned: &PlannedHook, row: &ProbeRow) -> Value {
    let inferred = match planned.resolution {
        Resolution::Ready { inferred, .. } => inferred,
        Resolution::Waiting { .. } | Resolution::NotNeeded | Resolution::Missing(_) => None,
    };
    json!({
        "hook": row.hook,
        "side": match planned.hook.side {
            Side::Server => "server",
            Side::Client => "client",
        },
        "essential": planned.hook.essential,
        "status": row.status,
        "absence": row.absence,
        "why": row.why,
        "lost": row.lost,
        "inferred": inferred,
        "attachments": planned.attachments().iter().map(attachment_json).collect::<Vec<_>>(),
        "passed_over": planned.passed_over.iter().map(passed_over_json).collect::<Vec<_>>(),
    })
}

fn passed_over_json((symbol, reason): &(&str, Reason)) -> Value {
    json!({ "symbol": symbol, "absence": reason.absence(), "why": reason.to_string() })
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

fn detail_json(detail: &Detail) -> Value {
    let (place, from, missing) = match detail.found {
        FieldPlace::Btf(place) => (Some(place), Some("btf"), None),
        FieldPlace::Constant(place) => (Some(place), Some("constant"), None),
        FieldPlace::Record(place) => (Some(place), Some("record"), None),
        FieldPlace::Missing(why) => (None, None, Some(why.to_string())),
        FieldPlace::NotNeeded => (None, None, None),
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
