//! What building and testing need, and whether it is there: found by looking, not by asking a package manager.

use std::{
    fmt,
    path::Path,
    process::{Command, Stdio},
};

use crate::tool;

/// Where Debian's package of LLVM 22 lives.
pub(super) const LLVM: &str = "/usr/lib/llvm-22";

/// Something that is needed.
#[derive(Debug)]
pub(super) struct Need {
    what: &'static str,
    why: &'static str,
    /// Debian packages that have it, or what it is built from.
    pub packages: &'static [&'static str],
    pub remedy: Remedy,
    there: fn() -> bool,
}

/// How it is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// From its packages.
    Packages,
    /// This crate, built with these arguments; the packages are installed first.
    Crate(&'static str, &'static [&'static str]),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.why)
    }
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Build, and run the lab.
    Work,
    /// Test pages in a browser.
    Browser,
    /// Feed nonsense to whatever reads sessions.
    Fuzzing,
}

impl Purpose {
    fn needs(self) -> &'static [Need] {
        match self {
            Self::Work => &WORK,
            Self::Browser => &BROWSER,
            Self::Fuzzing => &FUZZING,
        }
    }
}

/// What is not there.
pub(super) fn missing(purposes: &[Purpose]) -> Vec<&'static Need> {
    purposes.iter().flat_map(|purpose| purpose.needs()).filter(|need| !(need.there)()).collect()
}

const fn program(
    what: &'static str,
    why: &'static str,
    packages: &'static [&'static str],
    there: fn() -> bool,
) -> Need {
    Need { what, why, packages, remedy: Remedy::Packages, there }
}

static WORK: [Need; 15] = [
    program("a C linker", "Rust programs are linked with it", &["gcc", "libc6-dev"], || tool::exists("cc")),
    program(
        "a Rust compiler with its library source",
        "the BPF target has no prebuilt core; rustup's nightly with rust-src would do as well",
        &["rustc-web", "cargo-web", "rust-web-src"],
        bpf_compiler,
    ),
    Need {
        what: "bpf-linker",
        why: "links the eBPF programs",
        packages: &["llvm-22-dev", "libzstd-dev", "zlib1g-dev", "g++"],
        remedy: Remedy::Crate("bpf-linker", &["--no-default-features", "--features", "llvm-22"]),
        there: || runs(Command::new("bpf-linker").arg("--version")),
    },
    program("qemu", "the lab's virtual machines", &["qemu-system-x86"], || tool::exists("qemu-system-x86_64")),
    program("apt", "fetches the lab's kernels, and verifies them", &["apt"], || {
        tool::exists("apt-get") && tool::exists("apt-cache")
    }),
    program("dpkg", "unpacks the lab's kernels", &["dpkg"], || tool::exists("dpkg-deb")),
    program("depmod", "finds which kernel modules need which", &["kmod"], || tool::exists("depmod")),
    program("xz", "unpacks kernel modules", &["xz-utils"], || tool::exists("xz")),
    program("zstd", "unpacks kernel modules", &["zstd"], || tool::exists("zstd")),
    program("lz4", "unpacks kernels", &["lz4"], || tool::exists("lz4")),
    program("tar", "brings results back from guests", &["tar"], || tool::exists("tar")),
    program("systemd-analyze", "checks the unit of the flight recorder", &["systemd"], || {
        tool::exists("systemd-analyze")
    }),
    program("setpriv", "ends guests with their parent", &["util-linux"], || tool::exists("setpriv")),
    program("Python with venv", "reads exported traces by Perfetto's own schema", &["python3-venv"], || {
        runs(tool::command("python3").args(["-c", "import ensurepip, venv"]))
    }),
    program(
        "the keys of Debian's archive",
        "the lab's kernels come from several releases",
        &["debian-archive-keyring"],
        || Path::new("/usr/share/keyrings/debian-archive-keyring.gpg").exists(),
    ),
];

static BROWSER: [Need; 2] = [
    program("chromium", "exported pages are tested in it", &["chromium"], || tool::exists("chromium")),
    program("chromedriver", "leads chromium", &["chromium-driver"], || tool::exists("chromedriver")),
];

static FUZZING: [Need; 1] = [Need {
    what: "cargo-fuzz",
    why: "feeds nonsense to whatever reads sessions",
    packages: &["g++"],
    remedy: Remedy::Crate("cargo-fuzz", &[]),
    there: || runs(Command::new("cargo").args(["fuzz", "--version"])),
}];

/// As `nfsgrace-user/build.rs` looks for it.
fn bpf_compiler() -> bool {
    let candidates: [&[&str]; 2] = [&["rustup", "run", "nightly"], &["env", "PATH=/usr/bin:/bin"]];
    candidates.into_iter().any(|toolchain| {
        let mut rustc = Command::new(toolchain[0]);
        rustc.args(&toolchain[1..]).args(["rustc", "--print", "sysroot"]).env_remove("RUSTUP_TOOLCHAIN");
        rustc.stderr(Stdio::null()).output().is_ok_and(|output| {
            let sysroot = String::from_utf8_lossy(&output.stdout);
            output.status.success() && Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core").is_dir()
        })
    })
}

fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
