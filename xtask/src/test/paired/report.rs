//! Runs `nfsgrace report` and `export` over the sessions of several guests.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::tool;

/// A row of a table: cells by the names of their columns.
pub(super) type Row = BTreeMap<String, String>;

/// What nfsgrace makes of several sessions.
#[derive(Debug)]
pub(super) struct Report {
    /// What they come to together.
    pub paired: Value,
    /// The summary of each, in the order of the hosts.
    pub summaries: Vec<Value>,
    /// Every attempt of every client.
    pub attempts: Vec<Row>,
    /// Every refusal of the server.
    pub refusals: Vec<Row>,
}

impl Report {
    /// Over these sessions, in this order.
    pub(super) fn of(nfsgrace: &Path, sessions: &[PathBuf]) -> Result<Self> {
        let mut lines = json(nfsgrace, &[], sessions)?;
        let paired = lines.pop().filter(|line| line["type"] == "paired").context("it does not end with one")?;
        let summaries = lines.into_iter().filter(|line| line["type"] == "summary").collect();
        let directory = sessions.first().and_then(|path| path.parent()).context("no session")?.join("tables");
        let mut export = tool::command(nfsgrace);
        ended(export.args(["export", "--format", "csv", "-o"]).arg(&directory).args(sessions))?;
        let (attempts, refusals) = (table(&directory.join("attempts.csv"))?, table(&directory.join("refusals.csv"))?);
        fs::remove_dir_all(&directory)?;
        Ok(Self { paired, summaries, attempts, refusals })
    }

    /// Where a host stands among the hosts.
    pub(super) fn place(&self, host: &str) -> Option<usize> {
        self.paired["hosts"].as_array()?.iter().position(|row| row["host"] == host)
    }

    /// What they come to, with names for places among the hosts, and in an order that does not depend on these.
    pub(super) fn with_names(&self) -> Value {
        let hosts: Vec<Value> = rows(&self.paired["hosts"]).map(|row| row["host"].clone()).collect();
        let mut named = self.paired.clone();
        name(&mut named, &hosts);
        sort(&mut named);
        named
    }
}

/// `nfsgrace report --format json`, line by line.
pub(in crate::test) fn json(nfsgrace: &Path, options: &[&str], sessions: &[PathBuf]) -> Result<Vec<Value>> {
    let mut command = tool::command(nfsgrace);
    let text = ended(command.args(["report", "--format", "json"]).args(options).args(sessions))?;
    text.lines().map(|line| serde_json::from_str(line).context("it is no JSON")).collect()
}

/// The rows of a list, if it is one.
pub(in crate::test) fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// What a command printed that ends with 0 or, where there is a problem, 1.
fn ended(command: &mut std::process::Command) -> Result<String> {
    let output = command.output().map_err(|error| tool::cannot_start(command, &error))?;
    if !matches!(output.status.code(), Some(0 | 1)) {
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// No name in the lab has a comma.
fn table(path: &Path) -> Result<Vec<Row>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let columns = lines.next().unwrap_or_default();
    Ok(lines.map(|cells| columns.iter().cloned().zip(cells).collect()).collect())
}

fn name(value: &mut Value, hosts: &[Value]) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|it| name(it, hosts)),
        Value::Object(fields) => {
            for (key, field) in fields {
                let place = field.as_u64().and_then(|nth| hosts.get(usize::try_from(nth).ok()?));
                match place.filter(|_| matches!(key.as_str(), "host" | "server" | "reference")) {
                    Some(host) => *field = host.clone(),
                    None => name(field, hosts),
                }
            }
        }
        _ => {}
    }
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.iter_mut().for_each(sort);
            if list.iter().all(Value::is_object) {
                list.sort_by_cached_key(Value::to_string);
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(sort),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_names_whatever_the_order() {
        let report = |hosts: [&str; 2], host: u64, ns: u64| Report {
            paired: json!({"reference": host, "hosts": [{"host": hosts[0]}, {"host": hosts[1]}],
                "causes": [{"server": host, "cost": {"lost_ns": ns}}]}),
            summaries: Vec::new(),
            attempts: Vec::new(),
            refusals: Vec::new(),
        };
        let named = report(["server", "client"], 0, 7).with_names();
        assert_eq!(named, report(["client", "server"], 1, 7).with_names());
        assert_ne!(named, report(["client", "server"], 0, 7).with_names(), "another server");
        assert_ne!(named, report(["server", "client"], 0, 8).with_names(), "another cost");
    }
}
