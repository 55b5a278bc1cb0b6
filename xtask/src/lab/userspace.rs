//! The guests' programs: busybox and the NFS tools with their libraries, taken from Debian packages.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{
    apt::Apt,
    cache::{Cache, RunDirectory},
    cpio::Archive,
    program::{self, Program},
};
use crate::tool;

/// Packages whose programs are wanted. Only their libraries come along of what they depend on.
const PACKAGES: [&str; 5] = ["busybox-static", "nfs-kernel-server", "nfs-common", "kmod", "bsdutils"];

/// Programs taken from them, by name.
const PROGRAMS: [&str; 12] = [
    "mount.nfs",
    "umount.nfs",
    "rpc.nfsd",
    "rpc.mountd",
    "exportfs",
    "nfsdcld",
    "nfsdcltrack",
    "nfsstat",
    "nfsconf",
    "rpcdebug",
    "kmod",
    "script",
];

/// Names that a program also goes by.
const ALIASES: [(&str, &str); 6] = [
    ("usr/sbin/mount.nfs4", "mount.nfs"),
    ("usr/sbin/umount.nfs4", "umount.nfs"),
    ("usr/sbin/modprobe", "kmod"),
    ("usr/sbin/insmod", "kmod"),
    ("usr/sbin/rmmod", "kmod"),
    ("usr/sbin/lsmod", "kmod"),
];

const DIRECTORIES: [&str; 33] = [
    "usr",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib64",
    "usr/lib/x86_64-linux-gnu",
    "etc",
    "etc/exports.d",
    "proc",
    "sys",
    "dev",
    "tmp",
    "run",
    "root",
    "mnt",
    "export",
    "lab",
    "lab/res",
    "var",
    "var/tmp",
    "var/lib",
    "var/lib/nfs",
    "var/lib/nfs/sm",
    "var/lib/nfs/sm.bak",
    "var/lib/nfs/v4recovery",
    "var/lib/nfs/rpc_pipefs",
    "var/lib/nfs/nfsdcld",
    "var/lib/nfs/nfsdcltrack",
    "boot",
    "mnt2",
    "export/d",
    "var/log",
    "var/cache",
];

const FILES: [(&str, &str); 9] = [
    ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    ("etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ("etc/hosts", "127.0.0.1 localhost\n"),
    ("etc/fstab", ""),
    ("etc/exports", ""),
    ("etc/nfs.conf", ""),
    ("var/lib/nfs/etab", ""),
    ("var/lib/nfs/rmtab", ""),
];

/// Changes when this file makes something else of the same packages.
const RECIPE: &str = "recipe 1\n";

/// The cached archive, when there is one.
pub fn cached(cache: &Cache) -> Option<PathBuf> {
    let archive = cache.path("userspace.cpio");
    let current = fs::read_to_string(cache.path("userspace.stamp")).is_ok_and(|stamp| stamp == RECIPE);
    (current && archive.is_file()).then_some(archive)
}

/// Fetches the packages and makes the archive.
pub fn fetch(cache: &Cache, apt: &Apt) -> Result<PathBuf> {
    eprintln!("lab: fetching the guests' programs …");
    let unpacked = RunDirectory::create(cache)?;
    let needed = apt.closure(&PACKAGES)?;
    let wanted: Vec<&String> = needed.iter().filter(|name| is_wanted(name)).collect();
    apt.unpack(&wanted, &unpacked.path(""))?;
    let archive = cache.path("userspace.cpio");
    make(&unpacked.path(""), &archive).context("cannot make the guests' programs of Debian's packages")?;
    fs::write(cache.path("userspace.stamp"), RECIPE)?;
    Ok(archive)
}

fn is_wanted(package: &str) -> bool {
    is_library(package) || package == "netbase" || PACKAGES.contains(&package)
}

/// Whether a package may have libraries that programs in C need.
pub fn is_library(package: &str) -> bool {
    let library = package.starts_with("lib") && !package.starts_with("libpython") && !package.starts_with("libperl");
    library || package == "zlib1g"
}

fn make(unpacked: &Path, archive: &Path) -> Result<()> {
    let mut archive = Archive::new(BufWriter::new(File::create(archive)?));
    for directory in DIRECTORIES {
        archive.directory(directory)?;
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        archive.symlink(name, &format!("usr/{name}"))?;
    }
    for (name, contents) in FILES {
        archive.file(name, 0o644, contents.as_bytes())?;
    }
    archive.symlink("etc/mtab", "/proc/mounts")?;
    for name in ["etc/netconfig", "etc/protocols", "etc/services"] {
        archive.copy(name, &unpacked.join(name))?;
    }

    busybox(unpacked, &mut archive)?;
    programs(unpacked, &mut archive)?;
    archive.copy("usr/lib64/ld-linux-x86-64.so.2", &program::loader(unpacked))?;
    archive.finish()?;
    Ok(())
}

/// busybox, and a link to it for everything that it can be.
fn busybox(unpacked: &Path, archive: &mut Archive<BufWriter<File>>) -> Result<()> {
    let busybox = Program::find(unpacked, "busybox")?;
    archive.copy("usr/bin/busybox", busybox.path())?;
    let applets = tool::capture_text(tool::command(busybox.path()).arg("--list"))?;
    let replaced = |applet: &str| {
        applet == "busybox"
            || PROGRAMS.contains(&applet)
            || ALIASES.iter().any(|(name, _)| name.ends_with(&format!("/{applet}")))
    };
    for applet in applets.lines().filter(|applet| !replaced(applet)) {
        archive.symlink(&format!("usr/bin/{applet}"), "busybox")?;
    }
    Ok(())
}

/// The other programs, with their libraries.
fn programs(unpacked: &Path, archive: &mut Archive<BufWriter<File>>) -> Result<()> {
    let mut libraries = BTreeMap::new();
    for name in PROGRAMS {
        let program = Program::find(unpacked, name)?;
        archive.copy(&format!("usr/sbin/{name}"), program.path())?;
        for library in program.libraries()? {
            let name = library.file_name().context("a library without a name")?.to_string_lossy().into_owned();
            libraries.insert(name, library);
        }
    }
    for (name, target) in ALIASES {
        archive.symlink(name, target)?;
    }
    for (name, path) in libraries {
        archive.copy(&format!("usr/lib/x86_64-linux-gnu/{name}"), &path)?;
    }
    Ok(())
}
