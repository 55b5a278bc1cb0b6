//! A kernel's tree of files, copied to where a test may change it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use nfsgrace::kernel::Kernel;
use tempfile::TempDir;

pub const SERIES: [&str; 5] = ["5.10", "6.1", "6.12", "6.18", "7.3"];

pub struct Fixture {
    directory: TempDir,
}

pub fn kernels() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels")
}

impl Fixture {
    pub fn of(series: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        unpack(&kernels().join(series), directory.path());
        Self { directory }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub fn kernel(&self) -> Kernel {
        Kernel::open(self.directory.path()).expect("a kernel's tree")
    }

    /// As it was before `module` was loaded.
    pub fn without_module(self, module: &str) -> Self {
        self.edit("proc/modules", |line| line.split_whitespace().next() != Some(module));
        self.edit("proc/kallsyms", |line| !line.ends_with(&format!("[{module}]")));
        self.without(&format!("sys/kernel/btf/{module}"))
    }

    /// Without a file, whether it was there or not.
    pub fn without(self, path: &str) -> Self {
        let _ = fs::remove_file(self.path(path));
        self
    }

    pub fn with(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(path, text).expect("written");
        self
    }

    /// With `from` replaced by `to` in a file.
    pub fn replaced(self, path: &str, from: &str, to: &str) -> Self {
        let text = fs::read_to_string(self.path(path)).expect("read");
        assert!(text.contains(from), "{from} is not in {path}");
        self.with(path, &text.replace(from, to))
    }

    fn edit(&self, path: &str, keep: impl Fn(&str) -> bool) {
        let text = fs::read_to_string(self.path(path)).expect("read");
        let kept: String = text.lines().filter(|line| keep(line)).flat_map(|line| [line, "\n"]).collect();
        fs::write(self.path(path), kept).expect("written");
    }
}

fn unpack(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("an entry").path();
        let target = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            fs::create_dir(&target).expect("made");
            unpack(&entry, &target);
        } else if entry.extension().is_some_and(|extension| extension == "gz") {
            let mut file = GzDecoder::new(File::open(&entry).expect("opened"));
            io::copy(&mut file, &mut File::create(target.with_extension("")).expect("made")).expect("unpacked");
        } else {
            fs::copy(&entry, &target).expect("copied");
        }
    }
}
