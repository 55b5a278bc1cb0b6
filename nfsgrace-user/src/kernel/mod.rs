//! The inspector: what the running kernel is and offers.
//!
//! Everything is read below a root directory. On a real machine that is `/`; in tests it is a tree of files taken from
//! a real kernel. Nothing here fails for want of a privilege: what cannot be read is absent, and said to be.

mod btf;
mod hz;
mod modules;
mod prerequisites;
mod stack;
mod symbols;
mod trace_event;
mod traceable;
mod types;

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

pub use btf::{Btf, BtfError, BtfKind, TypeId};
pub use hz::{HzSource, LearnedHz, hz_from_sample, hz_from_slope};
pub use modules::{Modules, Presence};
pub use prerequisites::Unmet;
pub use stack::Frame;
pub use symbols::{Lookup, Symbols, Wanted};
pub use trace_event::{EventName, TraceEvents};
pub use traceable::{Traceable, Untraceable};
pub use types::Types;

/// One kernel, read from a tree of files.
#[derive(Debug, Clone)]
pub struct Kernel {
    root: PathBuf,
    release: String,
    version: (u32, u32),
}

impl Kernel {
    /// The kernel that this program runs on.
    ///
    /// # Errors
    ///
    /// Where `/proc` is not mounted.
    pub fn running() -> Result<Self> {
        Self::open(Path::new("/"))
    }

    /// The kernel whose `proc`, `sys` and `boot` are below `root`.
    ///
    /// # Errors
    ///
    /// Where `proc/sys/kernel/osrelease` cannot be read, or holds no version.
    pub fn open(root: &Path) -> Result<Self> {
        let path = root.join("proc/sys/kernel/osrelease");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let release = text.trim().to_owned();
        let version = version(&release).with_context(|| format!("no kernel version in \"{release}\""))?;
        Ok(Self { root: root.into(), release, version })
    }

    /// As `uname -r` shows it.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Major and minor version.
    #[must_use]
    pub fn version(&self) -> (u32, u32) {
        self.version
    }

    /// The mounted tracefs that has `kprobe_events`, wherever it is mounted.
    #[must_use]
    pub fn tracefs(&self) -> Option<PathBuf> {
        ["sys/kernel/tracing", "sys/kernel/debug/tracing"]
            .map(|path| self.root.join(path))
            .into_iter()
            .find(|path| path.join("kprobe_events").exists())
    }

    /// The value of a build option: `CONFIG_HZ`; `None` where it is not set, or the configuration is not at hand.
    #[must_use]
    pub fn config(&self, option: &str) -> Option<String> {
        let (text, _) = self.config_text()?;
        config_value(&text, option).map(str::to_owned)
    }

    /// The kernel's configuration, and the file that it came from.
    fn config_text(&self) -> Option<(String, String)> {
        let plain = [
            format!("boot/config-{}", self.release),
            // Debian from 7.x, Fedora
            format!("usr/lib/modules/{}/config", self.release),
            format!("lib/modules/{}/config", self.release),
        ];
        plain.into_iter().find_map(|path| self.read(&path).ok().map(|text| (text, format!("/{path}")))).or_else(|| {
            let path = "proc/config.gz";
            let mut text = String::new();
            let file = fs::File::open(self.root.join(path)).ok()?;
            flate2::read::GzDecoder::new(file).read_to_string(&mut text).ok()?;
            Some((text, format!("/{path}")))
        })
    }

    fn read(&self, path: &str) -> io::Result<String> {
        fs::read(self.root.join(path)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn config_value<'a>(text: &'a str, option: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(option)?.strip_prefix('='))
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_distributions() {
        assert_eq!(version("6.18.15+deb13-cloud-amd64"), Some((6, 18)));
        assert_eq!(version("5.10.0-46-cloud-amd64"), Some((5, 10)));
        assert_eq!(version("7.0-rc1"), Some((7, 0)));
        assert_eq!(version("linux"), None);
    }

    #[test]
    fn options_are_matched_whole() {
        let text = "CONFIG_HZ_250=y\nCONFIG_HZ=250\n# CONFIG_NFSD_LEGACY_CLIENT_TRACKING is not set\n";
        assert_eq!(config_value(text, "CONFIG_HZ"), Some("250"));
        assert_eq!(config_value(text, "CONFIG_NFSD_LEGACY_CLIENT_TRACKING"), None);
    }
}
