//! Programs of unpacked Debian packages, with the libraries that they need.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::tool;

/// Where Debian 12 keeps programs; the packages do not know of the merged /usr yet.
const PROGRAM_DIRECTORIES: [&str; 4] = ["usr/sbin", "sbin", "usr/bin", "bin"];

/// A program among unpacked packages.
#[derive(Debug)]
pub struct Program<'a> {
    unpacked: &'a Path,
    path: PathBuf,
}

impl<'a> Program<'a> {
    /// Finds it by its name.
    pub fn find(unpacked: &'a Path, name: &str) -> Result<Self> {
        let found =
            PROGRAM_DIRECTORIES.iter().map(|directory| unpacked.join(directory).join(name)).find(|path| path.exists());
        let path = found.with_context(|| format!("Debian's packages have no {name}"))?;
        Ok(Self { unpacked, path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A command that runs it with the libraries of its packages.
    pub fn command(&self) -> Command {
        let mut command = self.loader();
        command.arg(&self.path);
        command
    }

    /// The libraries that it needs. Asks the packages' own dynamic loader.
    pub fn libraries(&self) -> Result<Vec<PathBuf>> {
        let text = tool::capture_text(self.loader().arg("--list").arg(&self.path))?;
        let mut libraries = Vec::new();
        for line in text.lines() {
            // `name => path (address)`; the kernel's vdso and the loader itself have no arrow or no path of ours.
            let Some((name, path)) = line.split_once("=>") else { continue };
            let path = PathBuf::from(path.split(" (").next().unwrap_or(path).trim());
            if !path.starts_with(self.unpacked) {
                bail!("{} needs {}, which the packages do not have", self.path.display(), name.trim());
            }
            libraries.push(path);
        }
        Ok(libraries)
    }

    fn loader(&self) -> Command {
        let directories = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"];
        let search = directories.map(|directory| self.unpacked.join(directory).display().to_string()).join(":");
        let mut command = tool::command(loader(self.unpacked));
        command.args(["--library-path", &search]);
        command
    }
}

/// The packages' own dynamic loader.
pub fn loader(unpacked: &Path) -> PathBuf {
    unpacked.join("lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
}
