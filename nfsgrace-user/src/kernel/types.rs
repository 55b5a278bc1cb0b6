//! The BTF of a kernel and some of its modules, held while it is needed.

use std::{collections::BTreeMap, fs, sync::Arc};

use super::{Btf, Kernel};

/// BTF read into memory: some 6 MB for a kernel. Meant to be dropped before anything else is set up.
#[derive(Debug)]
pub struct Types {
    kernel: Option<Arc<Btf>>,
    modules: BTreeMap<&'static str, Btf>,
}

impl Kernel {
    /// Reads `/sys/kernel/btf/vmlinux`, and of `modules` what is loaded and has BTF.
    ///
    /// What is missing or damaged is as if it were not there: modules have none before 5.11.
    #[must_use]
    pub fn types(&self, modules: &[&'static str]) -> Types {
        let read = |name: &str, base| {
            let bytes = fs::read(self.root.join("sys/kernel/btf").join(name)).ok()?;
            Btf::parse(bytes, base).ok()
        };
        let kernel = read("vmlinux", None).map(Arc::new);
        let modules = match &kernel {
            Some(kernel) => {
                modules.iter().filter_map(|&name| Some((name, read(name, Some(Arc::clone(kernel)))?))).collect()
            }
            None => BTreeMap::new(),
        };
        Types { kernel, modules }
    }
}

impl Types {
    /// The types of a module, or with `None` of the kernel image.
    #[must_use]
    pub fn of(&self, module: Option<&str>) -> Option<&Btf> {
        match module {
            Some(module) => self.modules.get(module),
            None => self.kernel.as_deref(),
        }
    }
}
