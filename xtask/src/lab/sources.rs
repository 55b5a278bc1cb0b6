//! apt's sources, in both spellings (`sources.list(5)`): read from the machine, written for the lab.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};

/// One place that packages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Base addresses of the archive.
    pub uris: Vec<String>,
    /// Releases taken from it (`bookworm`, `bookworm-security`).
    pub suites: Vec<String>,
    /// The keys that must have signed it, as the machine's source says; `None` leaves it to apt's trusted keys.
    pub signed_by: Option<String>,
}

impl Source {
    /// This archive, another of its suites.
    #[must_use]
    pub fn with_suite(&self, suite: &str) -> Self {
        Self { suites: vec![suite.to_owned()], ..self.clone() }
    }

    /// As a deb822 paragraph, binary packages of `main` only.
    #[must_use]
    pub fn paragraph(&self) -> String {
        let Self { uris, suites, signed_by } = self;
        let mut text =
            format!("Types: deb\nURIs: {}\nSuites: {}\nComponents: main\n", uris.join(" "), suites.join(" "));
        if let Some(signed_by) = signed_by {
            // A key may be given in full, over several lines.
            let signed_by = signed_by.lines().collect::<Vec<_>>().join("\n ");
            let _ = writeln!(text, "Signed-By: {signed_by}");
        }
        text
    }
}

/// The enabled binary sources under `etc_apt` (normally `/etc/apt`).
pub fn read(etc_apt: &Path) -> Result<Vec<Source>> {
    let mut files = vec![etc_apt.join("sources.list")];
    if let Ok(entries) = fs::read_dir(etc_apt.join("sources.list.d")) {
        files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    files.sort();
    let mut sources = Vec::new();
    for file in files.iter().filter(|file| file.is_file()) {
        let parse: fn(&str) -> Vec<Source> = match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => one_line,
            Some("sources") => deb822,
            _ => continue,
        };
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        sources.extend(parse(&text));
    }
    Ok(sources)
}

/// `deb [signed-by=KEY] URI SUITE COMPONENT…`
fn one_line(text: &str) -> Vec<Source> {
    text.lines().filter_map(one_line_source).collect()
}

fn one_line_source(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace();
    let (uri, suite) = (words.next()?, words.next()?);
    let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
    Some(Source {
        uris: vec![uri.to_owned()],
        suites: vec![suite.to_owned()],
        signed_by: signed_by.map(|keys| keys.replace(',', " ")),
    })
}

/// Paragraphs of `Field: value`, a value going on in lines that begin with a blank.
fn deb822(text: &str) -> Vec<Source> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.split(|line| line.trim().is_empty()).filter_map(deb822_source).collect()
}

fn deb822_source(paragraph: &[&str]) -> Option<Source> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in paragraph {
        if line.starts_with([' ', '\t']) {
            let (_, value) = fields.last_mut()?;
            value.push('\n');
            value.push_str(line.trim());
        } else {
            let (name, value) = line.split_once(':')?;
            fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let field = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim());
    let words = |name: &str| field(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let enabled = !field("enabled").is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "no" | "false"));
    let (uris, suites) = (words("uris"), words("suites"));
    let usable = enabled && words("types").iter().any(|kind| kind == "deb") && !uris.is_empty() && !suites.is_empty();
    usable.then(|| Source { uris, suites, signed_by: field("signed-by").map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(uri: &str, suites: &[&str], signed_by: Option<&str>) -> Source {
        Source {
            uris: vec![uri.to_owned()],
            suites: suites.iter().map(|&suite| suite.to_owned()).collect(),
            signed_by: signed_by.map(str::to_owned),
        }
    }

    #[test]
    fn one_line_sources_keep_their_keys() {
        let text = "# a comment\n\
            deb http://archive.example/debian bookworm main contrib # the archive\n\
            deb-src http://archive.example/debian bookworm main\n\
            deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://archive.example/security bookworm-security main\n";
        assert_eq!(
            one_line(text),
            [
                source("http://archive.example/debian", &["bookworm"], None),
                source("http://archive.example/security", &["bookworm-security"], Some("/usr/share/keyrings/a.gpg")),
            ]
        );
    }

    #[test]
    fn deb822_sources_with_comments_disabled_ones_and_an_embedded_key() {
        let text = "Types: deb deb-src\n# an older address\nURIs: http://archive.example/debian\n\
            Suites: bookworm bookworm-updates\nComponents: main\nSigned-By: /usr/share/keyrings/a.gpg\n\n\
            Types: deb\nURIs: http://off.example\nSuites: x\nComponents: main\nEnabled: no\n\n\
            Types: deb\nURIs: http://key.example\nSuites: y\nComponents: main\nSigned-By:\n -----BEGIN\n .\n abc\n";
        assert_eq!(
            deb822(text),
            [
                source(
                    "http://archive.example/debian",
                    &["bookworm", "bookworm-updates"],
                    Some("/usr/share/keyrings/a.gpg")
                ),
                source("http://key.example", &["y"], Some("-----BEGIN\n.\nabc")),
            ]
        );
    }

    #[test]
    fn a_paragraph_reads_back_as_it_was_written() {
        for keys in [None, Some("/usr/share/keyrings/a.gpg"), Some("-----BEGIN\n.\nabc")] {
            let written = source("http://archive.example/debian", &["bookworm"], keys).with_suite("trixie-backports");
            assert_eq!(deb822(&written.paragraph()), [written]);
        }
    }
}
