//! Running other programs.

use std::{
    ffi::OsStr,
    io::{self, Write as _},
    process::{Command, Output, Stdio},
    thread,
};

use anyhow::{Context as _, Result, anyhow, bail};

/// Programs that the lab and the checks need, and the Debian package that has each.
const PACKAGES: [(&str, &str); 12] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("apt-get", "apt"),
    ("apt-cache", "apt"),
    ("dpkg", "dpkg"),
    ("dpkg-deb", "dpkg"),
    ("depmod", "kmod"),
    ("xz", "xz-utils"),
    ("zstd", "zstd"),
    ("lz4", "lz4"),
    ("tar", "tar"),
    ("setpriv", "util-linux"),
    ("python3", "python3-venv"),
];

/// Where Debian keeps tools that an ordinary user's `PATH` does not name.
const SYSTEM_PATHS: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// A command for `program`, which is also looked for where only root's `PATH` leads.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:{SYSTEM_PATHS}")).env("LC_ALL", "C");
    command
}

/// Whether `program` can be started at all.
pub fn exists(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:{SYSTEM_PATHS}").split(':').any(|directory| std::path::Path::new(directory).join(program).is_file())
}

/// Runs `command` to its end, output and all on the terminal.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    if !status.success() {
        bail!("{} failed ({status})", show(command));
    }
    Ok(())
}

/// Runs `command` quietly; what it printed is shown only when it fails.
pub fn capture(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, &error))?;
    let Output { status, stdout, stderr } = output;
    if !status.success() {
        bail!("{} failed ({status}):\n{}", show(command), String::from_utf8_lossy(&stderr).trim_end());
    }
    Ok(stdout)
}

/// Runs `command` on `input`; whatever it printed, however it ended.
pub fn filter(command: &mut Command, input: Vec<u8>) -> Result<Vec<u8>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let stdin = child.stdin.take();
    // A program that does not read all of it says so by its output.
    let writer = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
    let output = child.wait_with_output();
    let _ = writer.join();
    Ok(output?.stdout)
}

/// As [`capture`], for text.
pub fn capture_text(command: &mut Command) -> Result<String> {
    let stdout = capture(command)?;
    String::from_utf8(stdout).with_context(|| format!("{} printed something that is no text", show(command)))
}

/// Why `command` did not start, with the package to install when that is known.
pub fn cannot_start(command: &Command, error: &io::Error) -> anyhow::Error {
    let program = command.get_program().to_string_lossy();
    let package = PACKAGES.iter().find(|(name, _)| *name == program).map(|(_, package)| package);
    match package {
        Some(package) if error.kind() == io::ErrorKind::NotFound => {
            anyhow!("{program} is not installed (Debian package {package}): run `cargo xtask setup`")
        }
        _ => anyhow!("cannot start {program}: {error}"),
    }
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
