//! Fetches a kernel and makes it bootable: an image, and a cpio archive of the modules that the lab uses.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::{
    apt::Apt,
    cache::{Cache, RunDirectory},
    cpio::Archive,
    image,
    series::{Series, compare_versions},
};
use crate::tool;

/// Modules that the guests use, without what these need in turn.
const MODULES: [&str; 12] = [
    "nfsd",
    "nfs",
    "nfsv4",
    "lockd",
    "auth_rpcgss",
    "rpcsec_gss_krb5",
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "qemu_fw_cfg",
    "veth",
    "dummy",
];

/// Changes when this file makes something else of the same package.
const RECIPE: &str = "3";

/// A bootable kernel in the cache.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// What `uname -r` says in it.
    pub release: String,
    /// The image that qemu starts.
    pub image: PathBuf,
    /// Its modules and its configuration, as a cpio archive.
    pub modules: PathBuf,
}

impl Kernel {
    /// The cached kernel, when there is one.
    pub fn cached(cache: &Cache, series: Series) -> Option<Self> {
        let directory = directory(cache, series);
        let release = fs::read_to_string(directory.join("release")).ok()?;
        let kernel = Self { release, image: directory.join("image"), modules: directory.join("modules.cpio") };
        (kernel.image.is_file() && kernel.modules.is_file()).then_some(kernel)
    }

    /// Fetches the newest kernel of `series` that `apt` knows, unless it is cached already.
    pub fn fetch(cache: &Cache, apt: &Apt, series: Series) -> Result<Self> {
        let release = newest(apt, series)?;
        if let Some(kernel) = Self::cached(cache, series).filter(|kernel| kernel.release == release) {
            return Ok(kernel);
        }
        eprintln!("lab: fetching kernel {release} …");
        let unpacked = RunDirectory::create(cache)?;
        apt.unpack(&packages(apt, &release)?, &unpacked.path(""))?;
        let directory = directory(cache, series);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory)?;
        make(&unpacked, &release, &directory).with_context(|| format!("cannot make kernel {release} bootable"))?;
        fs::write(directory.join("release"), release)?;
        Self::cached(cache, series).context("the kernel was made, and is not there")
    }
}

/// One for each recipe: another checkout may have guests that boot from what it has made.
fn directory(cache: &Cache, series: Series) -> PathBuf {
    cache.path(format!("kernels/{series}-{RECIPE}"))
}

/// `6.18.15+deb13-cloud-amd64`: the cloud flavour is small and has everything that the lab needs.
fn newest(apt: &Apt, series: Series) -> Result<String> {
    let names = apt.names("linux-image-")?;
    let releases = names.iter().filter_map(|name| name.strip_prefix("linux-image-"));
    let versions = releases.filter_map(|release| release.strip_suffix("-cloud-amd64"));
    let newest = versions
        .filter(|version| series.includes(version))
        // `linux-image-6.1-cloud-amd64` and its like would be empty packages that depend on a real one.
        .filter(|version| version.matches('.').count() >= 2)
        .max_by(|a, b| compare_versions(a, b));
    match newest {
        Some(version) => Ok(format!("{version}-cloud-amd64")),
        None => bail!("Debian's archives have no cloud kernel of series {series}"),
    }
}

/// From 7.x on, linux-image-… only depends on the packages that have the files.
fn packages(apt: &Apt, release: &str) -> Result<Vec<String>> {
    let image = format!("linux-image-{release}");
    let part = |name: &str| format!("linux-{name}-{release}");
    let is_split = apt.depends(&image)?.contains(&part("binary"));
    Ok(if is_split { ["base", "binary", "modules"].map(part).into() } else { vec![image] })
}

fn make(unpacked: &RunDirectory, release: &str, directory: &Path) -> Result<()> {
    // depmod looks for lib/modules below its base directory; newer packages have all their files in usr/lib/modules.
    let modules = unpacked.path("lib/modules").join(release);
    let newer = unpacked.path("usr/lib/modules").join(release);
    if newer.exists() {
        fs::create_dir_all(unpacked.path("lib/modules"))?;
        fs::rename(newer, &modules)?;
    }
    let find = |name: &str| {
        let candidates = [unpacked.path(format!("boot/{name}-{release}")), modules.join(name)];
        candidates.into_iter().find(|path| path.exists()).with_context(|| format!("the packages have no {name}"))
    };
    let image = find("vmlinuz")?;
    let image = fs::read(&image).with_context(|| format!("cannot read {}", image.display()))?;
    // qemu starts an unpacked kernel directly, which saves some seconds of emulation at every boot.
    fs::write(directory.join("image"), image::unpack(&image).unwrap_or(image))?;
    tool::capture(tool::command("depmod").arg("--basedir").arg(unpacked.path("")).arg(release))?;
    archive(&modules, &find("config")?, release, &directory.join("modules.cpio"))
}

fn archive(modules: &Path, config: &Path, release: &str, into: &Path) -> Result<()> {
    let dependencies = fs::read_to_string(modules.join("modules.dep")).context("depmod wrote no modules.dep")?;
    let mut archive = Archive::new(BufWriter::new(File::create(into)?));
    archive.directory("boot")?;
    archive.copy(&format!("boot/config-{release}"), config)?;
    let root = format!("usr/lib/modules/{release}");
    for directory in ["usr", "usr/lib", "usr/lib/modules", &root] {
        archive.directory(directory)?;
    }
    let mut directories = BTreeSet::new();
    for module in with_dependencies(&dependencies, &MODULES) {
        let plain = module.trim_end_matches(".xz").trim_end_matches(".zst");
        for (end, _) in plain.match_indices('/') {
            if directories.insert(plain[..end].to_owned()) {
                archive.directory(&format!("{root}/{}", &plain[..end]))?;
            }
        }
        archive.file(&format!("{root}/{plain}"), 0o644, &decompressed(&modules.join(module))?)?;
    }
    archive.file(&format!("{root}/modules.dep"), 0o644, without_compression(&dependencies).as_bytes())?;
    for index in ["modules.order", "modules.builtin", "modules.builtin.modinfo", "modules.alias", "modules.softdep"] {
        let path = modules.join(index);
        if path.is_file() {
            archive.copy(&format!("{root}/{index}"), &path)?;
        }
    }
    archive.finish()?;
    Ok(())
}

/// Paths of `wanted` modules and of all that they need, as `modules.dep` (`path: needed needed …`) lists them.
fn with_dependencies<'a>(dependencies: &'a str, wanted: &[&str]) -> BTreeSet<&'a str> {
    let name = |path: &'a str| {
        let file = path.rsplit('/').next().unwrap_or(path);
        file.split('.').next().unwrap_or(file)
    };
    dependencies
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(path, _)| wanted.contains(&name(path)))
        .flat_map(|(path, needed)| std::iter::once(path).chain(needed.split_whitespace()))
        .collect()
}

fn without_compression(dependencies: &str) -> String {
    dependencies.replace(".ko.xz", ".ko").replace(".ko.zst", ".ko")
}

fn decompressed(path: &Path) -> Result<Vec<u8>> {
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => return fs::read(path).with_context(|| format!("cannot read {}", path.display())),
    };
    tool::capture(tool::command(program).args(["--decompress", "--stdout", "--quiet"]).arg(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_with_what_they_need() {
        let dependencies = "kernel/fs/nfs/nfsv4.ko.xz: kernel/fs/nfs/nfs.ko.xz kernel/net/sunrpc/sunrpc.ko.xz\n\
            kernel/fs/nfs/nfs.ko.xz: kernel/net/sunrpc/sunrpc.ko.xz\nkernel/fs/xfs/xfs.ko.xz:\n";
        let found: Vec<_> = with_dependencies(dependencies, &["nfsv4"]).into_iter().collect();
        assert_eq!(found, ["kernel/fs/nfs/nfs.ko.xz", "kernel/fs/nfs/nfsv4.ko.xz", "kernel/net/sunrpc/sunrpc.ko.xz"]);
    }
}
