//! `cargo xtask lab fixtures`: what a kernel tells about its functions and types, as a small tree of files.
//!
//! `nfsgrace-user/tests/inspect` reads such trees, so that choosing probes is tested without a kernel.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Args;

use super::{
    command::{ended_well, print},
    guests::Guest,
    machine::Clock,
    prepared::Lab,
    run::Run,
    scenario::Scenario,
    series::Series,
    steps::Steps,
};
use crate::tool;

/// Modules whose functions are kept, all of them.
const MODULES: [&str; 6] = ["nfsd", "nfs", "nfsv4", "lockd", "grace", "sunrpc"];
/// Parts of the names of the kernel's own functions that are kept.
const NAMES: [&str; 8] = ["nfs", "grace", "locks_", "rpc_", "svc_", "msleep", "schedule_timeout", "cld"];

/// The arguments of `cargo xtask lab fixtures`.
#[derive(Debug, Args)]
pub struct Fixtures {
    /// Only this kernel series
    #[arg(long)]
    kernel: Option<Series>,
    /// Where to put the trees, one per kernel
    #[arg(long, value_name = "DIRECTORY")]
    into: PathBuf,
}

impl Fixtures {
    /// Boots each kernel and saves its tree.
    pub fn run(self) -> Result<()> {
        let Self { kernel, into } = self;
        let series = kernel.map_or(Series::ALL.to_vec(), |series| vec![series]);
        // nfsgrace itself is not needed, and may not even build without these trees.
        let lab = Lab::prepare(&series, Some("/bin/true".into()))?;
        for series in series {
            let tree = into.join(save(&lab, series, &into)?);
            println!("{series:<6}{}", tree.display());
        }
        Ok(())
    }
}

/// Saves one kernel's tree in `into`; the name of its directory there.
fn save(lab: &Lab, series: Series, into: &Path) -> Result<String> {
    let kernel = lab.kernel(series)?;
    let name = kernel.release.split('.').take(2).collect::<Vec<_>>().join(".");
    let steps = Scenario::directory().with_file_name("fixtures.sh");
    let steps = fs::read_to_string(&steps).with_context(|| format!("cannot read {}", steps.display()))?;
    let run = Run {
        steps: Steps::parse(&steps),
        guests: vec![Guest::alone(kernel)],
        ssh: false,
        grace_s: 10,
        clock: Clock::Host,
        arguments: Vec::new(),
        terminal: None,
    };
    let outcome = run.run(lab, &mut print)?;
    ended_well(&outcome)?;
    let tree = into.join(&name);
    fs::create_dir_all(&tree).with_context(|| format!("cannot create {}", tree.display()))?;
    tool::capture(tool::command("cp").arg("-rT").arg(outcome.results.path().join("tree")).arg(&tree))?;
    reduce(&tree.join("proc/kallsyms"), symbol)?;
    reduce(&tree.join("sys/kernel/tracing/available_filter_functions"), function)?;
    Ok(name)
}

/// Keeps the lines that `line` keeps, as it gives them back.
fn reduce(path: &Path, line: fn(&str) -> Option<String>) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let kept: Vec<String> = text.lines().filter_map(line).collect();
    fs::write(path, kept.join("\n") + "\n").with_context(|| format!("cannot write {}", path.display()))
}

/// `address type name [module]`; addresses differ from boot to boot.
fn symbol(line: &str) -> Option<String> {
    let (address, rest) = line.split_once(' ')?;
    let (_kind, function) = rest.split_once(' ')?;
    is_wanted(function).then(|| format!("{} {rest}", "0".repeat(address.len())))
}

/// `name [module]`
fn function(line: &str) -> Option<String> {
    is_wanted(line).then(|| line.to_owned())
}

fn is_wanted(function: &str) -> bool {
    let mut words = function.split_whitespace();
    let name = words.next().unwrap_or_default();
    match words.next() {
        Some(module) => MODULES.contains(&module.trim_matches(['[', ']'])),
        None => NAMES.iter().any(|part| name.contains(part)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_other_modules_are_left_out() {
        assert_eq!(
            symbol("ffffffffc0a1b2c0 t nfsd4_open\t[nfsd]").as_deref(),
            Some("0000000000000000 t nfsd4_open\t[nfsd]")
        );
        assert_eq!(symbol("ffffffff81000000 T msleep").as_deref(), Some("0000000000000000 T msleep"));
        assert_eq!(symbol("ffffffff81000000 T vfs_read"), None);
        assert_eq!(symbol("ffffffffc0a1b2c0 t nfs_something\t[other]"), None);
    }
}
