//! Runs one scenario: in one guest, or in several with cables between them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};

use super::{
    cache::RunDirectory,
    console::Console,
    guests::{Guest, Role},
    machine::{Accelerator, Attendant, Cable, Clock, Ending, Machine, wait_for_socket},
    monitor::Monitor,
    prepared::Lab,
    sharing::{Nobody, Parting, Sharing},
    steps::Steps,
};
use crate::tool;

/// Room for what a guest brings back.
const DISK: u64 = 256 << 20;

/// One run of a scenario.
#[derive(Debug, Clone)]
pub struct Run {
    /// What happens.
    pub steps: Steps,
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
        self.run_shared(lab, Sharing { from: None, stops: BTreeSet::new(), followers: &mut Nobody }, stream)
    }

    /// As [`Run::run`]; with one guest, which others share.
    pub fn run_shared(&self, lab: &Lab, sharing: Sharing<'_>, stream: &mut dyn FnMut(&[u8])) -> Result<Outcome> {
        let directory = RunDirectory::create(&lab.cache)?;
        if self.guests.len() > 1 {
            return self.run_several(lab, directory, stream);
        }
        let mut sharing = sharing;
        let never = AtomicBool::new(false);
        let place = Place { directory: &directory, cables: Vec::new(), dismissed: &never };
        let (ending, console) = self.guest(lab, self.main_guest()?, place, &mut sharing, stream)?;
        Ok(outcome(ending, console, directory))
    }

    fn run_several(&self, lab: &Lab, directory: RunDirectory, stream: &mut dyn FnMut(&[u8])) -> Result<Outcome> {
        let main = self.main_guest()?;
        // One that has still to be made would let the others wait too long.
        self.guests.iter().try_for_each(|guest| lab.initramfses.get(lab, &guest.kernel, self.ssh).map(drop))?;
        let cables = RunDirectory::create(&lab.cache)?;
        let (dismissed, never) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let others = self.guests.iter().filter(|guest| !guest.role.runs_steps()).map(|guest| {
                let (cables, dismissed) = (self.cables(guest, &cables), &dismissed);
                let run = scope.spawn(move || {
                    let directory = RunDirectory::create(&lab.cache)?;
                    let place = Place { directory: &directory, cables, dismissed };
                    self.connected_guest(lab, guest, place, &mut |_| {})
                });
                (guest.role, run)
            });
            let others: Vec<_> = others.collect();
            let place = Place { directory: &directory, cables: self.cables(main, &cables), dismissed: &never };
            let result = self.connected_guest(lab, main, place, stream);
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
            Ok(outcome(crash.unwrap_or(ending), format!("{consoles}--- {}\n{console}", main.role), directory))
        })
    }

    /// Runs one of several guests, as soon as the other ends of its cables are there: the server makes them.
    fn connected_guest(
        &self,
        lab: &Lab,
        guest: &Guest,
        place: Place<'_>,
        stream: &mut dyn FnMut(&[u8]),
    ) -> Result<(Ending, String)> {
        place.cables.iter().filter(|cable| !cable.makes_socket).try_for_each(|it| wait_for_socket(&it.socket))?;
        let mut sharing = Sharing { from: None, stops: BTreeSet::new(), followers: &mut Nobody };
        self.guest(lab, guest, place, &mut sharing, stream)
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
        let guest = self.main_guest()?;
        self.firmware(&directory, "shell", &BTreeSet::new())?;
        let initramfs = lab.initramfses.get(lab, &guest.kernel, self.ssh)?;
        let disk = disk(&directory)?;
        self.machine(lab, guest, &initramfs, &directory.path(""), &disk).run_interactively()
    }

    fn guest(
        &self,
        lab: &Lab,
        guest: &Guest,
        place: Place<'_>,
        sharing: &mut Sharing<'_>,
        stream: &mut dyn FnMut(&[u8]),
    ) -> Result<(Ending, String)> {
        let Place { directory, cables, dismissed } = place;
        let initramfs = lab.initramfses.get(lab, &guest.kernel, self.ssh)?;
        self.firmware(directory, &guest.role.to_string(), &sharing.stops)?;
        let (path, disk) = (directory.path(""), disk(directory)?);
        let snapshot = sharing.from.as_ref().map(Parting::saved);
        let machine =
            Machine { cables, snapshot: snapshot.as_deref(), ..self.machine(lab, guest, &initramfs, &path, &disk) };
        let mut console = Console::default();
        let mut stops = sharing.stops_to_come().into_iter();
        let mut stopped = |monitor: &mut Monitor| -> Result<()> {
            let after = stops.next().context("the guest stopped once too often")?;
            if sharing.followers.are_waiting(after) {
                sharing.followers.go_on(Parting::save(&lab.cache, monitor, after)?);
            }
            Ok(())
        };
        let mut attendant = Attendant { console: &mut console, stream, stopped: &mut stopped, dismissed };
        let ending = machine.run(self.limit(), &mut attendant)?;
        if ending == Ending::Done && guest.role.runs_steps() {
            tool::capture(tool::command("tar").arg("-xf").arg(&disk).arg("-C").arg(&path))
                .context("the guest brought back no results")?;
        }
        let _ = fs::remove_file(disk);
        Ok((ending, console.text().to_owned()))
    }

    fn machine<'a>(
        &self,
        lab: &Lab,
        guest: &'a Guest,
        initramfs: &'a Path,
        directory: &'a Path,
        disk: &'a Path,
    ) -> Machine<'a> {
        Machine {
            // The host's own processor counts no instructions for a guest.
            accelerator: if self.clock == Clock::Instructions { Accelerator::Tcg } else { lab.accelerator },
            clock: self.clock,
            kernel: &guest.kernel.image,
            initramfs,
            directory,
            disk,
            cables: Vec::new(),
            hours: guest.hours,
            snapshot: None,
        }
    }

    /// Scenarios have up to three grace periods, each of which may be prolonged to twice its length; and a busy host is slow.
    fn limit(&self) -> Duration {
        Duration::from_secs(600 + 6 * u64::from(self.grace_s))
    }

    /// Writes what a guest reads from its firmware.
    fn firmware(&self, directory: &RunDirectory, role: &str, stops: &BTreeSet<usize>) -> Result<()> {
        fs::write(directory.path("settings"), self.settings(role)?)?;
        fs::write(directory.path("steps"), self.steps.script(stops)?)?;
        Ok(())
    }

    fn settings(&self, role: &str) -> Result<String> {
        let (columns, rows) = self.terminal.unwrap_or_default();
        let grace_s = self.grace_s;
        // The whole list is one word here, which lib.sh takes apart again.
        let arguments = shlex::try_join(self.arguments.iter().map(String::as_str))?;
        let arguments = shlex::try_quote(&arguments)?;
        Ok(format!("ROLE={role}\nGRACE={grace_s}\nCOLUMNS={columns}\nROWS={rows}\nARGUMENTS={arguments}\n"))
    }
}

/// What a guest has of its surroundings.
struct Place<'a> {
    /// A directory for its files.
    directory: &'a RunDirectory,
    cables: Vec<Cable>,
    /// Set when nobody needs it any more.
    dismissed: &'a AtomicBool,
}

fn outcome(ending: Ending, console: String, directory: RunDirectory) -> Outcome {
    Outcome { ending, console, results: Results { directory } }
}

fn disk(directory: &RunDirectory) -> Result<PathBuf> {
    let path = directory.path("disk");
    File::create(&path)?.set_len(DISK)?;
    Ok(path)
}
