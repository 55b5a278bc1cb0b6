//! Decides whether what `nfsgrace report` makes of the sessions of several guests is true.

mod clocks;
mod costs;
pub(super) mod report;

use std::path::{Path, PathBuf};

use serde_json::Value;

use self::report::Report;
use crate::{
    lab::scenario::Verdict,
    witness::{paired::Truth, session::Session},
};

/// A client, as it was recorded; read without nfsgrace.
#[derive(Debug)]
pub(super) struct Client<'a> {
    /// Its host name.
    pub host: &'static str,
    /// What it recorded.
    pub session: &'a Session,
    /// How far its clock truly was off.
    pub truth: Truth,
}

/// What is wrong with causes, stalls and sums of a report of several hosts.
pub(super) fn cause_and_cost(paired: &Value, expected: &[Verdict]) -> Vec<String> {
    costs::complaints(paired, expected)
}

/// What is wrong with the report over `sessions`.
pub(super) fn judge(
    nfsgrace: &Path,
    sessions: &[PathBuf],
    clients: &[Client<'_>],
    expected: &[Verdict],
) -> Vec<String> {
    let reversed: Vec<PathBuf> = sessions.iter().rev().cloned().collect();
    let reports = Report::of(nfsgrace, sessions).and_then(|one| Ok((one, Report::of(nfsgrace, &reversed)?)));
    let (report, other_order) = match reports {
        Ok(reports) => reports,
        Err(error) => return vec![format!("the paired report: {error:#}")],
    };
    let mut complaints = costs::complaints(&report.paired, expected);
    for client in clients {
        complaints.extend(costs::attempts(&report, client));
        complaints.extend(clocks::complaints(&report, client));
    }
    let (one, other) = (report.with_names(), other_order.with_names());
    if one != other {
        complaints.push(format!("the order of the sessions matters: {one}\nis in the other order: {other}"));
    }
    complaints
}
