//! Everything that a run needs, fetched and built.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context as _, Result};

use super::{
    accelerator,
    apt::Apt,
    cache::{Cache, RunDirectory},
    initramfs::Initramfses,
    kernel::Kernel,
    machine::Accelerator,
    series::Series,
    userspace,
};
use crate::{artifact, tool};

/// A lab that is ready to boot guests.
#[derive(Debug)]
pub struct Lab {
    /// Where everything is kept.
    pub cache: Cache,
    /// The guests' programs.
    pub userspace: PathBuf,
    /// The kernels that were asked for.
    pub kernels: BTreeMap<Series, Kernel>,
    /// How guests' processors are made.
    pub accelerator: Accelerator,
    /// Programs of ours that guests need.
    pub helpers: Vec<PathBuf>,
    /// The program under test.
    pub nfsgrace: PathBuf,
    /// What guests boot from.
    pub initramfses: Initramfses,
}

impl Lab {
    /// Makes the lab ready for kernels of `series`. Uses the network only for what is not cached.
    pub fn prepare(series: &[Series], nfsgrace: Option<PathBuf>) -> Result<Self> {
        if !tool::exists("qemu-system-x86_64") {
            anyhow::bail!("the lab needs qemu-system-x86_64 (Debian package qemu-system-x86): run `cargo xtask setup`");
        }
        let nfsgrace = match nfsgrace {
            Some(path) => path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?,
            None => artifact::nfsgrace()?,
        };
        let helpers = artifact::lab_helpers()?;
        let cache = Cache::open()?;
        let _lock = cache.lock()?;
        let (userspace, kernels) = fetch(&cache, series, false)?;
        let first = kernels.values().next().context("no kernel was asked for")?;
        let accelerator = accelerator::choose(&cache, first)?;
        let initramfses = Initramfses::new(RunDirectory::create(&cache)?);
        Ok(Self { userspace, kernels, accelerator, helpers, nfsgrace, initramfses, cache })
    }

    /// The kernel of a series that was asked for.
    pub fn kernel(&self, series: Series) -> Result<Kernel> {
        self.kernels.get(&series).cloned().with_context(|| format!("kernel {series} was not prepared"))
    }
}

/// What is cached, and the rest from Debian's archives; with `fresh`, all that is newer there.
pub fn fetch(cache: &Cache, series: &[Series], fresh: bool) -> Result<(PathBuf, BTreeMap<Series, Kernel>)> {
    let mut apt = LazyApt { cache, fresh, apt: None };
    let mut kernels = BTreeMap::new();
    for &series in series {
        let kernel = match Kernel::cached(cache, series) {
            Some(kernel) if !fresh => kernel,
            _ => Kernel::fetch(cache, apt.get()?, series)?,
        };
        kernels.insert(series, kernel);
    }
    let userspace = match userspace::cached(cache) {
        Some(archive) if !fresh => archive,
        _ => userspace::fetch(cache, apt.get()?)?,
    };
    Ok((userspace, kernels))
}

/// Does not touch the network before something is missing.
struct LazyApt<'a> {
    cache: &'a Cache,
    fresh: bool,
    apt: Option<Apt>,
}

impl LazyApt<'_> {
    fn get(&mut self) -> Result<&Apt> {
        let apt = match self.apt.take() {
            Some(apt) => apt,
            None => Apt::prepare(self.cache, self.fresh)?,
        };
        Ok(self.apt.insert(apt))
    }
}
