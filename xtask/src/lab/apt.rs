//! A private apt: the machine's own archives and keys, but other suites, and nothing installed.
//!
//! apt verifies what it downloads by the archive's signature, as always.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{
    cache::Cache,
    sources::{self, Source},
};
use crate::tool;

/// Suites of the main archive that the lab takes packages from.
const MAIN_SUITES: [&str; 2] = ["bookworm", "trixie-backports"];
/// Suites of the security archive.
const SECURITY_SUITES: [&str; 2] = ["bullseye-security", "bookworm-security"];
/// Names that a machine's source for the main archive may go by.
const MAIN_NAMES: [&str; 9] =
    ["bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"];

/// The private apt.
#[derive(Debug)]
pub struct Apt {
    configuration: PathBuf,
    debs: PathBuf,
    empty: PathBuf,
}

impl Apt {
    /// Writes its configuration, and fetches the package lists when there are none, or `fresh` ones are wanted.
    pub fn prepare(cache: &Cache, fresh: bool) -> Result<Self> {
        let root = cache.path("apt");
        for directory in ["lists/partial", "archives/partial", "sources.list.d", "empty"] {
            fs::create_dir_all(root.join(directory)).context("cannot write the lab's apt configuration")?;
        }
        let apt = Self { configuration: root.join("apt.conf"), debs: cache.path("debs"), empty: root.join("empty") };
        let wanted = lab_sources(&sources::read(Path::new("/etc/apt"))?)?;
        let paragraphs: Vec<String> = wanted.iter().map(Source::paragraph).collect();
        fs::write(root.join("sources.list.d/lab.sources"), paragraphs.join("\n"))?;
        fs::write(root.join("status"), "")?;
        fs::write(&apt.configuration, configuration(&root))?;
        let complete = root.join("lists/complete");
        if fresh || !complete.exists() {
            eprintln!("lab: fetching package lists …");
            let _ = fs::remove_file(&complete);
            tool::capture(apt.command("apt-get").args(["update", "--error-on=any"]))
                .context("the lab's kernels come from Debian's archives, which could not be read")?;
            fs::write(complete, "")?;
        }
        Ok(apt)
    }

    /// All package names that begin with `prefix`.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let text = tool::capture_text(self.command("apt-cache").args(["pkgnames", prefix]))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The names in the newest `package`'s `Depends` field.
    pub fn depends(&self, package: &str) -> Result<Vec<String>> {
        let text = tool::capture_text(self.command("apt-cache").args(["show", "--no-all-versions", package]))?;
        let depends = text.lines().find_map(|line| line.strip_prefix("Depends: ")).unwrap_or_default();
        let names = depends.split([',', '|']).filter_map(|alternative| alternative.split_whitespace().next());
        Ok(names.map(str::to_owned).collect())
    }

    /// All packages that an installation of `packages` on an empty machine would need.
    pub fn closure(&self, packages: &[&str]) -> Result<Vec<String>> {
        let mut command = self.command("apt-get");
        command.args(["install", "--simulate", "--no-install-recommends"]).args(packages);
        let text = tool::capture_text(&mut command)?;
        let installed = text.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next());
        Ok(installed.map(str::to_owned).collect())
    }

    /// Downloads `packages` and unpacks them into `target`.
    pub fn unpack(&self, packages: &[impl AsRef<str>], target: &Path) -> Result<()> {
        let download = |directory: &Path| {
            let mut command = self.command("apt-get");
            command.current_dir(directory).arg("download").args(packages.iter().map(AsRef::as_ref));
            command
        };
        // Files that are there already are not listed, so it is asked where there are none.
        let listed = tool::capture_text(download(&self.empty).arg("--print-uris"))?;
        tool::capture(&mut download(&self.debs))?;
        for deb in file_names(&listed) {
            let deb = self.debs.join(deb);
            tool::capture(tool::command("dpkg-deb").arg("--extract").arg(&deb).arg(target))?;
        }
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = tool::command(program);
        command.env("APT_CONFIG", &self.configuration);
        command
    }
}

fn configuration(root: &Path) -> String {
    let root = root.display();
    format!(
        "Dir::State::Lists \"{root}/lists\";\n\
         Dir::State::status \"{root}/status\";\n\
         Dir::State::extended_states \"{root}/extended_states\";\n\
         Dir::Cache \"{root}\";\n\
         Dir::Cache::archives \"{root}/archives\";\n\
         Dir::Etc::SourceList \"/dev/null\";\n\
         Dir::Etc::SourceParts \"{root}/sources.list.d\";\n\
         Dir::Etc::Preferences \"/dev/null\";\n\
         Dir::Etc::PreferencesParts \"{root}/empty\";\n\
         Dir::Log \"{root}\";\n\
         APT::Sandbox::User \"root\";\n\
         APT::Architecture \"amd64\";\n\
         APT::Architectures {{ \"amd64\"; }};\n\
         Acquire::Languages \"none\";\n\
         Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
         Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled \"false\";\n"
    )
}

/// The files that `apt-get download --print-uris` lists: `'URI' file size hash` per line.
fn file_names(listed: &str) -> impl Iterator<Item = &str> {
    listed.lines().filter(|line| line.starts_with('\'')).filter_map(|line| line.split_whitespace().nth(1))
}

/// The lab's sources: the machine's archives with the lab's suites.
fn lab_sources(machine: &[Source]) -> Result<Vec<Source>> {
    let offers = |source: &&Source, wanted: fn(&str) -> bool| source.suites.iter().any(|suite| wanted(suite));
    let main = machine.iter().find(|source| offers(source, |suite| MAIN_NAMES.contains(&suite)));
    let security = machine.iter().find(|source| offers(source, is_debian_security));
    let (Some(main), Some(security)) = (main, security) else {
        let missing = if main.is_none() { "Debian's archive" } else { "Debian's security archive" };
        bail!("the lab boots Debian's kernels, but apt has no source for {missing} (see sources.list(5))");
    };
    let from =
        |source: &Source, suites: &[&str]| suites.iter().map(|suite| source.with_suite(suite)).collect::<Vec<_>>();
    Ok([from(main, &MAIN_SUITES), from(security, &SECURITY_SUITES)].concat())
}

fn is_debian_security(suite: &str) -> bool {
    suite.strip_suffix("-security").is_some_and(|release| MAIN_NAMES.contains(&release))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(uri: &str, suite: &str) -> Source {
        Source { uris: vec![uri.to_owned()], suites: vec![suite.to_owned()], signed_by: Some("k".to_owned()) }
    }

    #[test]
    fn downloads_are_known_by_their_file_names() {
        let listed = "'http://a.example/pool/n.deb' nfs-common_1%3a2.6.2-4_amd64.deb 260000 SHA256:00\nW: something\n";
        assert_eq!(file_names(listed).collect::<Vec<_>>(), ["nfs-common_1%3a2.6.2-4_amd64.deb"]);
    }

    #[test]
    fn only_the_suite_is_replaced() {
        let machine = [
            source("http://other.example", "nodistro"),
            source("http://a.example/debian", "bookworm"),
            source("http://a.example/security", "bookworm-security"),
        ];
        let wanted = lab_sources(&machine).expect("both archives are there");
        let pairs: Vec<_> = wanted.iter().map(|source| (source.uris[0].as_str(), source.suites[0].as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("http://a.example/debian", "bookworm"),
                ("http://a.example/debian", "trixie-backports"),
                ("http://a.example/security", "bullseye-security"),
                ("http://a.example/security", "bookworm-security"),
            ]
        );
        assert!(wanted.iter().all(|source| source.signed_by.as_deref() == Some("k")));
    }

    #[test]
    fn another_distribution_is_named_as_the_reason() {
        let error = lab_sources(&[source("http://ubuntu.example", "noble")]).expect_err("no Debian here");
        assert!(error.to_string().contains("Debian's archive"), "{error}");
    }
}
