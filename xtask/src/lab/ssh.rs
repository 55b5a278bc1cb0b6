//! sshd and ssh for guests, in an archive of their own: only scenarios that ask for it (`# ssh: yes`) take the time.
//!
//! Every guest has the same host key, knows it, and lets in the same key of root's: they are made with the archive, and
//! open nothing but guests.

use std::{
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{
    apt::Apt,
    cache::{Cache, RunDirectory},
    cpio::Archive,
    program::Program,
    userspace,
};
use crate::tool;

const PACKAGES: [&str; 2] = ["openssh-server", "openssh-client"];
const PROGRAMS: [&str; 3] = ["sshd", "ssh", "ssh-keygen"];
const DIRECTORIES: [&str; 3] = ["etc/ssh", "root/.ssh", "var/empty"];

/// sshd has an account for what it does before somebody is let in.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n\
                      sshd:x:100:65534::/run/sshd:/bin/false\n";
const SSHD_CONFIG: &str = "HostKey /etc/ssh/host_key\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
                           UsePAM no\nUseDNS no\nStrictModes no\n";

/// Changes when this file makes something else of the same packages.
const RECIPE: &str = "recipe 1\n";

/// The archive, made when it is not cached.
pub fn archive(cache: &Cache) -> Result<PathBuf> {
    let _lock = cache.lock()?;
    let (archive, stamp) = (cache.path("ssh.cpio"), cache.path("ssh.stamp"));
    if archive.is_file() && fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == RECIPE) {
        return Ok(archive);
    }
    eprintln!("lab: fetching ssh for guests …");
    let unpacked = RunDirectory::create(cache)?;
    let apt = Apt::prepare(cache, false)?;
    let needed = apt.closure(&PACKAGES)?;
    let wanted: Vec<&String> =
        needed.iter().filter(|name| PACKAGES.contains(&name.as_str()) || userspace::is_library(name)).collect();
    apt.unpack(&wanted, &unpacked.path(""))?;
    make(&unpacked.path(""), &archive).context("cannot make the guests' ssh of Debian's packages")?;
    fs::write(stamp, RECIPE)?;
    Ok(archive)
}

fn make(unpacked: &Path, archive: &Path) -> Result<()> {
    let mut archive = Archive::new(BufWriter::new(File::create(archive)?));
    for directory in DIRECTORIES {
        archive.directory(directory)?;
    }
    let mut libraries = Vec::new();
    for name in PROGRAMS {
        let program = Program::find(unpacked, name)?;
        archive.copy(&format!("usr/sbin/{name}"), program.path())?;
        libraries.extend(program.libraries()?);
    }
    libraries.sort();
    libraries.dedup();
    for path in libraries {
        let name = path.file_name().context("a library without a name")?.to_string_lossy().into_owned();
        archive.copy(&format!("usr/lib/x86_64-linux-gnu/{name}"), &path)?;
    }
    archive.file("etc/passwd", 0o644, PASSWD.as_bytes())?;
    archive.file("etc/ssh/sshd_config", 0o644, SSHD_CONFIG.as_bytes())?;

    let keygen = Program::find(unpacked, "ssh-keygen")?;
    let key = |name: &str| -> Result<(Vec<u8>, String)> {
        let path = unpacked.join(name);
        let mut command = keygen.command();
        tool::capture(command.args(["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f"]).arg(&path))?;
        Ok((fs::read(&path)?, fs::read_to_string(path.with_extension("pub"))?))
    };
    let (host, host_public) = key("host_key")?;
    let (root, root_public) = key("root_key")?;
    archive.file("etc/ssh/host_key", 0o600, &host)?;
    archive.file("root/.ssh/id_ed25519", 0o600, &root)?;
    archive.file("root/.ssh/authorized_keys", 0o600, root_public.as_bytes())?;
    archive.file("root/.ssh/known_hosts", 0o644, format!("* {host_public}").as_bytes())?;
    archive.finish()?;
    Ok(())
}
