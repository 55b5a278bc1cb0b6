//! Runs one scenario: in one guest, or in several with cables between them.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};

use super::{
    cache::RunDirectory,
    console::Console,
    cpio::Archive,
    guests::{Guest, Role},
    kernel::Kernel,
    machine::{Cable, Clock, Ending, Machine, wait_for_socket},
    prepared::Lab,
    scenario::Scenario,
    ssh,
};
use crate::tool;

/// Room for what a guest brings back.
const DISK: u64 = 256 << 20;

/// One run of a scenario.
#[derive(Debug, Clone)]
pub struct Run {
    /// What happens: a file of the lab's shell helpers.
    pub steps: PathBuf,
    /// The guests, one of which runs the steps.
    pub guests: Vec<Guest>,
    /// Whether guests have sshd and ssh.
    pub ssh: bool,
    /// Length of the grace period, seconds.
    pub grace_s: u32,
    /// What the guest's clock follows.
    pub clock: Clock,
    /// More arguments for nfsgrace.
    pub arguments: Vec<String>,
    /// Size of the terminal that nfsgrace gets, columns and rows; `None` gives it a pipe.
    pub terminal: Option<(u16, u16)>,
}

/// What a run left.
#[derive(Debug)]
pub struct Outcome {
    /// How the guest with nfsgrace ended.
    pub ending: Ending,
    /// Consoles of all guests.
    pub console: String,
    /// Files that the guest with nfsgrace brought back.
    pub results: Results,
}

/// Files that a guest saved in `/lab/res`; they go away with this value.
#[derive(Debug)]
pub struct Results {
    directory: RunDirectory,
}

impl Results {
    /// The directory.
    pub fn path(&self) -> PathBuf {
        self.directory.path("res")
    }

    /// One file's text; `None` when the guest did not save it.
    pub fn text(&self, name: &str) -> Option<String> {
        fs::read(self.path().join(name)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The sessions of all guests that were recorded, the server's first.
    pub fn sessions(&self) -> Vec<PathBuf> {
        let names = ["session-server.ndjson", "session.ndjson", "session-second.ndjson"];
        names.into_iter().map(|name| self.path().join(name)).filter(|path| path.is_file()).collect()
    }

    /// nfsgrace's exit status.
    pub fn exit_status(&self) -> Option<u8> {
        self.text("exit")?.trim().parse().ok()
    }
}

impl Run {
    /// Runs it. `stream` gets what nfsgrace prints, as it prints it.
    pub fn run(&self, lab: &Lab, stream: &mut dyn FnMut(&[u8])) -> Result<Outcome> {
        let main = self.main_guest()?;
        let directory = RunDirectory::create(&lab.cache)?;
        let never = AtomicBool::new(false);
        let others: Vec<&Guest> = self.guests.iter().filter(|guest| !guest.role.runs_steps()).collect();
        if others.is_empty() {
            let (ending, console) = self.guest(lab, &directory, main, Vec::new(), stream, &never)?;
            return outcome(ending, console, directory);
        }
        let cables = RunDirectory::create(&lab.cache)?;
        let dismissed = AtomicBool::new(false);
        thread::scope(|scope| {
            let start = |guest| {
                let (cables, dismissed) = (self.cables(guest, &cables), &dismissed);
                scope.spawn(move || {
                    // The server makes the cables.
                    cables.iter().filter(|cable| !cable.makes_socket).try_for_each(|it| wait_for_socket(&it.socket))?;
                    let directory = RunDirectory::create(&lab.cache)?;
                    self.guest(lab, &directory, guest, cables, &mut |_| {}, dismissed)
                })
            };
            let others: Vec<_> = others.into_iter().map(|guest| (guest.role, start(guest))).collect();
            let cables = self.cables(main, &cables);
            let result = cables
                .iter()
                .try_for_each(|cable| wait_for_socket(&cable.socket))
                .and_then(|()| self.guest(lab, &directory, main, cables, stream, &never));
            dismissed.store(true, Ordering::Relaxed);
            let (mut crash, mut consoles) = (None, String::new());
            for (role, other) in others {
                let other = other.join().map_err(|_| anyhow!("the thread that ran a guest ({role}) panicked"))?;
                let (ending, console) = other.with_context(|| format!("a guest ({role})"))?;
                consoles += &format!("--- {role}\n{console}");
                // The main guest's trouble may be a consequence of it.
                if matches!(ending, Ending::Crashed(_) | Ending::Gone(_)) {
                    crash.get_or_insert(ending);
                }
            }
            let (ending, console) = result.with_context(|| format!("the main guest ({})", main.role))?;
            outcome(crash.unwrap_or(ending), format!("{consoles}--- {}\n{console}", main.role), directory)
        })
    }

    /// The guest that runs the steps.
    fn main_guest(&self) -> Result<&Guest> {
        self.guests.iter().find(|guest| guest.role.runs_steps()).context("no guest runs the steps")
    }

    /// The ends of cables that a guest has: one for each client, at the server.
    fn cables(&self, guest: &Guest, directory: &RunDirectory) -> Vec<Cable> {
        let to_client = |client: Role, number: u8| {
            let at_server = guest.role == Role::Server;
            let has_it = if at_server { self.guests.iter().any(|it| it.role == client) } else { guest.role == client };
            has_it.then(|| Cable {
                socket: directory.path(format!("cable{number}.sock")),
                makes_socket: at_server,
                card: 2 * number + u8::from(!at_server),
            })
        };
        to_client(Role::Client, 1).into_iter().chain(to_client(Role::Second, 2)).collect()
    }

    /// Starts a guest with the scenario's helpers at hand, and a shell instead of the scenario.
    pub fn shell(&self, lab: &Lab) -> Result<()> {
        let directory = RunDirectory::create(&lab.cache)?;
        let kernel = &self.main_guest()?.kernel;
        let initramfs = self.initramfs(lab, &directory, kernel, "shell")?;
        let disk = disk(&directory)?;
        let machine = Machine {
            accelerator: lab.accelerator,
            clock: self.clock,
            kernel: &kernel.image,
            initramfs: &initramfs,
            directory: &directory.path(""),
            disk: &disk,
            cables: Vec::new(),
            hours: 0,
        };
        machine.run_interactively()
    }

    fn guest(
        &self,
        lab: &Lab,
        directory: &RunDirectory,
        guest: &Guest,
        cables: Vec<Cable>,
        stream: &mut dyn FnMut(&[u8]),
        dismissed: &AtomicBool,
    ) -> Result<(Ending, String)> {
        let Guest { role, kernel, hours } = guest;
        let initramfs = self.initramfs(lab, directory, kernel, &role.to_string())?;
        let disk = disk(directory)?;
        let mut console = Console::default();
        let machine = Machine {
            accelerator: lab.accelerator,
            clock: self.clock,
            kernel: &kernel.image,
            initramfs: &initramfs,
            directory: &directory.path(""),
            disk: &disk,
            cables,
            hours: *hours,
        };
        let ending = machine.run(self.limit(), &mut console, stream, dismissed)?;
        if ending == Ending::Done && role.runs_steps() {
            tool::capture(tool::command("tar").arg("-xf").arg(&disk).arg("-C").arg(directory.path("")))
                .context("the guest brought back no results")?;
        }
        let _ = fs::remove_file(initramfs);
        let _ = fs::remove_file(disk);
        Ok((ending, console.text().to_owned()))
    }

    /// Scenarios have up to three grace periods, each of which may be prolonged to twice its length.
    fn limit(&self) -> Duration {
        Duration::from_secs(180 + 6 * u64::from(self.grace_s))
    }

    fn initramfs(&self, lab: &Lab, directory: &RunDirectory, kernel: &Kernel, role: &str) -> Result<PathBuf> {
        let path = directory.path("initramfs");
        let mut file = BufWriter::new(File::create(&path)?);
        let ssh = self.ssh.then(|| ssh::archive(&lab.cache)).transpose()?;
        for archive in [&lab.userspace, &kernel.modules].into_iter().chain(&ssh) {
            let mut archive = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
            std::io::copy(&mut archive, &mut file)?;
        }
        let mut archive = Archive::new(file);
        let guest_files = Scenario::directory();
        let guest_files = guest_files.parent().unwrap_or(Path::new("."));
        archive.copy("init", &guest_files.join("init"))?;
        for name in ["lib.sh", "witness.sh", "serve.sh", "probes"] {
            archive.copy(&format!("lab/{name}"), &guest_files.join(name))?;
        }
        archive.copy("lab/scenario.sh", &self.steps)?;
        archive.file("lab/settings.sh", 0o644, self.settings(role).as_bytes())?;
        for helper in &lab.helpers {
            let name = helper.file_name().unwrap_or_default().to_string_lossy();
            archive.copy(&format!("usr/bin/{name}"), helper)?;
        }
        archive.copy("usr/bin/nfsgrace", &lab.nfsgrace)?;
        archive.finish()?.flush()?;
        Ok(path)
    }

    fn settings(&self, role: &str) -> String {
        let (columns, rows) = self.terminal.unwrap_or_default();
        let arguments: Vec<String> = self.arguments.iter().map(|argument| quoted(argument)).collect();
        let grace_s = self.grace_s;
        // The whole list is one word here, which lib.sh takes apart again.
        let arguments = quoted(&arguments.join(" "));
        format!("ROLE={role}\nGRACE={grace_s}\nCOLUMNS={columns}\nROWS={rows}\nARGUMENTS={arguments}\n")
    }
}

fn outcome(ending: Ending, console: String, directory: RunDirectory) -> Result<Outcome> {
    Ok(Outcome { ending, console, results: Results { directory } })
}

fn disk(directory: &RunDirectory) -> Result<PathBuf> {
    let path = directory.path("disk");
    File::create(&path)?.set_len(DISK)?;
    Ok(path)
}

/// For a shell, in single quotes.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_survives_the_shell() {
        let word = r#"a 'b' "c" $d \"#;
        let command = format!("printf %s {}", quoted(word));
        let text = tool::capture_text(tool::command("sh").arg("-c").arg(command)).expect("a shell");
        assert_eq!(text, word);
    }
}
