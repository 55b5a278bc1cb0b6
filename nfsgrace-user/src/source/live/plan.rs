//! The probe plan, and how carrying it out went, as rows of a session's header.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    probe::{At, Attachment, Plan, Row, State},
    record::{Absence, ProbeRow, ProbeStatus},
};

/// One row for each hook; `attached` and `refused` are programs.
pub(super) fn rows(
    plan: &Plan,
    attached: &BTreeSet<&'static str>,
    refused: &BTreeMap<&'static str, String>,
) -> Vec<ProbeRow> {
    plan.rows.iter().map(|row| one(row, attached, refused)).collect()
}

fn one(row: &Row, attached: &BTreeSet<&'static str>, refused: &BTreeMap<&'static str, String>) -> ProbeRow {
    let attachments = row.attachments();
    let failed = attachments.iter().find_map(|attachment| refused.get(attachment.program));
    let (status, absence, why) = match (&row.state, failed) {
        (_, Some(error)) => (ProbeStatus::Missing, Some(Absence::Refused), error.clone()),
        (State::Ready { inferred, .. }, None) => {
            (ProbeStatus::Attached, None, inferred.map(str::to_owned).unwrap_or_default())
        }
        (State::Deferred { .. }, None) => {
            (ProbeStatus::Waiting, Some(Absence::NotLoaded), "its module is not loaded yet".to_owned())
        }
        (State::NotNeeded, None) => (ProbeStatus::NotNeeded, None, String::new()),
        (State::Unavailable(reason), None) => (ProbeStatus::Missing, Some(reason.absence()), reason.to_string()),
    };
    let passed_over = row.passed_over.iter().map(|(symbol, reason)| format!("{symbol}: {reason}"));
    let why: Vec<String> = passed_over.chain((!why.is_empty()).then_some(why)).collect();
    let seen = attachments.iter().any(|attachment| attached.contains(attachment.program));
    let lost = if seen || status == ProbeStatus::NotNeeded { "" } else { row.hook.lost };
    ProbeRow {
        hook: row.hook.id.clone(),
        symbol: list(attachments, Attachment::target),
        method: list(attachments, |attachment| method(attachment).to_owned()),
        status,
        absence,
        why: why.join("; "),
        lost: lost.to_owned(),
    }
}

fn method(attachment: &Attachment) -> &'static str {
    match attachment.at {
        At::Entry => "kprobe",
        At::Return { .. } => "kretprobe",
        At::Event { .. } => "tracepoint",
    }
}

fn list(attachments: &[Attachment], of: impl Fn(&Attachment) -> String) -> String {
    let all: BTreeSet<String> = attachments.iter().map(of).collect();
    all.into_iter().collect::<Vec<_>>().join(" ")
}
