//! What is said in words.

use std::{net::IpAddr, time::Duration};

use super::super::{clean, clean_tail, joined, plural, span};
use crate::record::{Cause, CauseRow, ClientCostRow, ClockOutcome, CostRow, HostRow, PairedSummary, WorstRow};

/// What one server start cost, in words.
pub(super) struct Said {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    /// What to do, a step each; commands stand in back quotes.
    pub(super) steps: Vec<String>,
    pub(super) healthy: bool,
}

pub(super) fn ns(nanoseconds: u64) -> String {
    span(Duration::from_nanos(nanoseconds))
}

/// A host's name, with its boot where another host of the session has the same name.
pub(super) fn name(paired: &PairedSummary, nth: usize) -> String {
    let Some(host) = paired.hosts.get(nth) else { return "a host that is not known".to_owned() };
    let same = |other: &HostRow| other.host == host.host;
    let shown = if host.host.is_empty() { format!("host {}", nth + 1) } else { clean(&host.host).into_owned() };
    if paired.hosts.iter().filter(|other| same(other)).count() < 2 {
        return shown;
    }
    let before = paired.hosts.iter().take(nth).filter(|other| same(other)).count();
    format!("{shown} ({})", before + 1)
}

pub(super) fn heading(paired: &PairedSummary) -> String {
    let reference = name(paired, paired.reference);
    format!(
        "{} on one timeline; times are seconds since boot of {reference}",
        plural(paired.hosts.len() as u64, "host")
    )
}

pub(super) fn cause(paired: &PairedSummary, cause: &CauseRow) -> Said {
    let CauseRow { server, restart, ids, headline, remedy, cost, clients, .. } = cause;
    let ids_shown = if ids.is_empty() { "a grace period".to_owned() } else { joined(ids, " | ") };
    let on = clients.iter().filter(|client| client.cost.tasks > 0).count() as u64;
    let title = format!(
        "{ids_shown} on {} (restart {restart}) cost {} on {}: {} task-seconds",
        name(paired, *server),
        plural(cost.tasks, "task"),
        plural(on, "host"),
        tenths(cost.lost_ns)
    );
    let mut lines: Vec<_> = (!headline.is_empty()).then(|| clean(headline).into_owned()).into_iter().collect();
    lines.push(root(cause));
    lines.push(parts(cost));
    lines.extend(worst(paired, clients));
    lines.extend(blocked(paired, clients));
    if !remedy.is_empty() {
        lines.push(format!("To do on {}:", name(paired, *server)));
    }
    Said { title, lines, steps: remedy.clone(), healthy: ids.iter().all(|id| *id == Cause::Healthy) && !ids.is_empty() }
}

/// What each server start cost all hosts, a line for each.
#[must_use]
pub fn costs(paired: &PairedSummary) -> Vec<String> {
    paired.causes.iter().map(|row| format!("{}. {}", cause(paired, row).title, parts(&row.cost))).collect()
}

/// Seconds, roughly.
pub(super) fn tenths(nanoseconds: u64) -> String {
    format!("{:.1}", Duration::from_nanos(nanoseconds).as_secs_f64())
}

/// Seconds with milliseconds, for a column that names the unit.
pub(super) fn seconds(nanoseconds: u64) -> String {
    format!("{:.3}", Duration::from_nanos(nanoseconds).as_secs_f64())
}

/// Where and what it was on the server.
fn root(cause: &CauseRow) -> String {
    let netns = cause.netns.map(|netns| format!(" in net:[{}]", netns.0)).unwrap_or_default();
    let tracking = match cause.tracking_status {
        Some(status) => format!("nfsd4_client_tracking_init() = {status}"),
        None => "how it looked for a client tracker was not seen".to_owned(),
    };
    let ended = match cause.grace_ended {
        Some(at) => format!("its grace period ended at {}", at_seconds(at)),
        None => "the end of its grace period was not seen".to_owned(),
    };
    format!("Restart {}{netns}: {tracking}; {ended}.", cause.restart)
}

fn parts(cost: &CostRow) -> String {
    let CostRow { grace_ns, tail_ns, other_ns, .. } = *cost;
    let other = match other_ns {
        0 => String::new(),
        other => format!(", {} elsewhere (the network, the server's start)", ns(other)),
    };
    format!("Of the time lost, {} lie in the grace period, {} after its end{other}.", ns(grace_ns), ns(tail_ns))
}

fn worst(paired: &PairedSummary, clients: &[ClientCostRow]) -> Option<String> {
    let longest = |row: &&ClientCostRow| row.worst.as_ref().map_or(0, |it| it.lost_ns);
    let row = clients.iter().max_by_key(longest)?;
    let WorstRow { comm, pid, path, lost_ns } = row.worst.as_ref()?;
    let file = path.as_deref().map(|path| format!(" for {}", clean_tail(path, 40))).unwrap_or_default();
    Some(format!("Longest: {} (pid {pid}) on {}, {}{file}.", clean(comm), name(paired, row.host), ns(*lost_ns)))
}

fn blocked(paired: &PairedSummary, clients: &[ClientCostRow]) -> Option<String> {
    let blocked: Vec<_> = clients
        .iter()
        .filter(|row| row.cost.blocked > 0)
        .map(|row| {
            let until = row.free_by.map(|at| format!(" until {} at the latest (computed)", at_seconds(at)));
            format!("{} on {}{}", row.cost.blocked, name(paired, row.host), until.unwrap_or_default())
        })
        .collect();
    (!blocked.is_empty()).then(|| format!("Still blocked: {}.", blocked.join(", ")))
}

/// A time of the common axis, in seconds.
pub(super) fn at_seconds(at: i64) -> String {
    let sign = if at < 0 { "-" } else { "" };
    let at = at.unsigned_abs();
    format!("{sign}{}.{:03}", at / 1_000_000_000, at % 1_000_000_000 / 1_000_000)
}

/// An amount of time with its direction: `+3:12:05.123` is more than three hours.
pub(super) fn offset(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { '-' } else { '+' };
    let all = nanoseconds.unsigned_abs() / 1_000_000;
    let (hours, minutes, seconds, milliseconds) = (all / 3_600_000, all / 60_000 % 60, all / 1_000 % 60, all % 1_000);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}.{milliseconds:03} s"),
        _ => format!("{sign}{hours}:{minutes:02}:{seconds:02}.{milliseconds:03}"),
    }
}

pub(super) fn addresses(addrs: &[IpAddr]) -> String {
    let shown: Vec<_> = addrs.iter().take(3).map(IpAddr::to_string).collect();
    let more = addrs.len().saturating_sub(shown.len());
    if more > 0 { format!("{} +{more}", shown.join(", ")) } else { shown.join(", ") }
}

/// What must be known to read the tables and the pictures right.
#[must_use]
pub fn notes(paired: &PairedSummary) -> Vec<String> {
    let mut notes = Vec::new();
    let rpcs = &paired.rpcs;
    let unmatched: u64 = rpcs.unmatched.values().sum();
    if rpcs.matched + unmatched > 0 {
        let reasons: Vec<_> = rpcs.unmatched.iter().map(|(why, count)| format!("{count} {why}")).collect();
        let of_them = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
        notes.push(format!(
            "Refused requests: {} found on both hosts, {unmatched} on the client only{of_them}.",
            rpcs.matched
        ));
    }
    for (nth, host) in paired.hosts.iter().enumerate() {
        let shown = name(paired, nth);
        match host.clock.outcome.known() {
            Some(ClockOutcome::Absent) => notes.push(format!(
                "{shown}: no refused request was seen on both hosts, so its clock is not tied to the others'; its times are \
                 its own, and what it waited for is not known."
            )),
            Some(ClockOutcome::Incomplete) => notes.push(format!(
                "{shown}: requests tie its clock in one direction only, so its times have no error bound."
            )),
            Some(ClockOutcome::WallClock) => {
                notes.push(format!("{shown}: placed by the wall clocks, as asked for: off by whatever they are off."));
            }
            _ => {}
        }
        for step in &host.clock.steps {
            notes.push(format!(
                "{shown}: a clock stepped by {} between {} and {} of its own time.",
                offset(step.jump_ns),
                at_seconds(i64::try_from(step.after).unwrap_or(i64::MAX)),
                at_seconds(i64::try_from(step.before).unwrap_or(i64::MAX))
            ));
        }
        if host.lost_records > 0 {
            notes.push(format!(
                "{shown}: {} lost; they may hide refusals and stalls.",
                plural(host.lost_records, "record")
            ));
        }
        if let Some(at) = host.lost_contact {
            let at = at_seconds(i64::try_from(at).unwrap_or(i64::MAX));
            notes.push(format!("{shown}: the connection to it was lost at {at} of its own time."));
        }
    }
    if paired.stalls_not_listed > 0 {
        notes.push(format!(
            "{} are only counted: more costly ones are listed.",
            plural(paired.stalls_not_listed, "stall")
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_can_be_hours() {
        assert_eq!(offset(-1_500_000_000), "-1.500 s");
        assert_eq!(offset(125_250_000_000), "+0:02:05.250");
        assert_eq!(offset(-11_525_123_000_000), "-3:12:05.123");
    }

    #[test]
    fn times_before_the_reference_was_booted_have_a_sign() {
        assert_eq!(at_seconds(-1_500_000_000), "-1.500");
        assert_eq!(at_seconds(12_034_000_000), "12.034");
    }
}
