//! Where the lab keeps what it downloaded and unpacked. All checkouts of a user share it.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

/// The lab's directory.
///
/// ```text
/// apt/                     the private apt configuration and its package lists
/// debs/                    packages as downloaded
/// userspace.cpio           the guests' programs (userspace.stamp: what it was made by)
/// ssh.cpio                 sshd and ssh for guests (ssh.stamp: what it was made by)
/// kernels/SERIES-RECIPE/   image, modules.cpio, release
/// runs/PID-N/              files of a running guest, or a saved one
/// ```
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens the cache, and removes what runs that were killed have left in it.
    pub fn open() -> Result<Self> {
        let root = location()?;
        let cache = Self { root };
        for directory in ["apt", "debs", "kernels", "runs"] {
            let path = cache.root.join(directory);
            fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        }
        cache.sweep();
        Ok(cache)
    }

    /// A path in the cache.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// Waits until no other process changes the cache. Held until the returned file is dropped.
    pub fn lock(&self) -> Result<File> {
        let path = self.path("lock");
        let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        if file.try_lock().is_err() {
            eprintln!("lab: waiting for another process that prepares the lab …");
            file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        }
        Ok(file)
    }

    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(self.path("runs")) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.split('-').next());
            if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                // Another process may sweep too: what is gone is gone.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn location() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set("NFSGRACE_LAB_CACHE") {
        return Ok(path);
    }
    let caches = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    match caches {
        Some(caches) => Ok(caches.join("nfsgrace/lab")),
        None => bail!("no place for the lab's cache: set NFSGRACE_LAB_CACHE or HOME"),
    }
}

/// A directory that is removed when its owner is done, or killed.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Makes a new one.
    pub fn create(cache: &Cache) -> Result<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = cache.path(format!("runs/{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path })
    }

    /// A path in it.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.path.join(relative)
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
