//! What guests boot from: Debian's programs, a kernel's modules, and the files of this checkout. One for all guests of a
//! kernel: what differs from run to run reaches a guest through its firmware.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result};

use super::{cache::RunDirectory, cpio::Archive, kernel::Kernel, prepared::Lab, scenario::Scenario, ssh};

/// Files of `xtask/lab` that guests have in `/lab`.
const GUEST_FILES: [&str; 5] = ["lib.sh", "witness.sh", "steps.sh", "serve.sh", "probes"];

/// Those that were made so far; they go away with this value.
#[derive(Debug)]
pub struct Initramfses {
    directory: RunDirectory,
    made: Mutex<BTreeMap<(String, bool), PathBuf>>,
}

impl Initramfses {
    /// None yet; those to come are kept in `directory`.
    pub fn new(directory: RunDirectory) -> Self {
        Self { directory, made: Mutex::default() }
    }

    /// The one for guests with this kernel, with or without ssh.
    pub fn get(&self, lab: &Lab, kernel: &Kernel, with_ssh: bool) -> Result<PathBuf> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kernel.release.clone(), with_ssh);
        if let Some(path) = made.get(&key) {
            return Ok(path.clone());
        }
        let path = self.directory.path(format!("initramfs-{}", made.len()));
        make(lab, kernel, with_ssh, &path).with_context(|| format!("cannot make {}", path.display()))?;
        made.insert(key, path.clone());
        Ok(path)
    }
}

fn make(lab: &Lab, kernel: &Kernel, with_ssh: bool, path: &Path) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let ssh = with_ssh.then(|| ssh::archive(&lab.cache)).transpose()?;
    for archive in [&lab.userspace, &kernel.modules].into_iter().chain(&ssh) {
        let mut archive = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
        io::copy(&mut archive, &mut file)?;
    }
    let mut archive = Archive::new(file);
    let guest_files = Scenario::directory();
    let guest_files = guest_files.parent().unwrap_or(Path::new("."));
    archive.copy("init", &guest_files.join("init"))?;
    for name in GUEST_FILES {
        archive.copy(&format!("lab/{name}"), &guest_files.join(name))?;
    }
    for helper in &lab.helpers {
        let name = helper.file_name().unwrap_or_default().to_string_lossy();
        archive.copy(&format!("usr/bin/{name}"), helper)?;
    }
    archive.copy("usr/bin/nfsgrace", &lab.nfsgrace)?;
    archive.finish()?.flush()?;
    Ok(())
}
