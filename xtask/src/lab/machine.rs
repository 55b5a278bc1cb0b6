//! One virtual machine, from its start to its certain end.

use std::{
    fs,
    io::{self, Read},
    os::unix::{
        fs::FileTypeExt as _,
        net::UnixListener,
        process::{CommandExt as _, ExitStatusExt as _},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::console::Console;
use crate::{interrupt, tool};

/// A guest that printed nothing for so long hangs: its init prints a line every few seconds.
const SILENCE: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(100);
const MEMORY_MIB: u32 = 1024;
/// `panic=-1` restarts at once, which qemu's `-no-reboot` makes an exit. The rest halves the time that booting takes: no
/// mitigations, no self-tests, no integrity measurements, no search for a random place.
const PARAMETERS: &str = "console=ttyS0 panic=-1 mitigations=off cryptomgr.notests lsm=capability audit=0 nokaslr \
                          no5lvl init_on_alloc=0";

/// How the guest's processor is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// The host's own processor.
    Kvm,
    /// Emulation: slow, and works everywhere.
    Tcg,
}

/// What the guest's clock follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The host's clock: what a person who watches expects.
    Host,
    /// The instructions that the guest executes (2 ns each); while it is idle, its clock jumps to the next timer.
    ///
    /// Two probes of one function are then microseconds apart, whatever else the host does and however long the emulator
    /// takes for code that it meets for the first time; and nobody waits for a grace period. Guests that talk to each
    /// other cannot have it, nor can those with the host's own processor.
    Instructions,
}

impl Accelerator {
    /// qemu's arguments. One processor: qemu 7.2 emulating two panics kernels from 6.12 on when a kprobe is set.
    pub fn arguments(self, clock: Clock) -> &'static [&'static str] {
        match (self, clock) {
            (Self::Kvm, _) => &["-accel", "kvm", "-cpu", "host", "-smp", "1"],
            (Self::Tcg, Clock::Host) => &["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "1"],
            (Self::Tcg, Clock::Instructions) => {
                &["-accel", "tcg,thread=single", "-icount", "shift=1,sleep=off", "-cpu", "max", "-smp", "1"]
            }
        }
    }

    /// Kernel parameters that make the guest's clock right.
    ///
    /// On a busy host a guest calibrates its emulated TSC and APIC timer wrongly, and its clock runs up to twice as
    /// fast as its timers. The HPET's frequency is told, not measured.
    fn parameters(self, clock: Clock) -> &'static str {
        match (self, clock) {
            (Self::Kvm, _) => "",
            (Self::Tcg, Clock::Host) => "clocksource=hpet nolapic_timer no_timer_check",
            (Self::Tcg, Clock::Instructions) => "no_timer_check",
        }
    }
}

/// One end of a network cable between two guests.
#[derive(Debug, Clone)]
pub struct Cable {
    /// The Unix socket that is the cable.
    pub socket: PathBuf,
    /// Whether this end makes the socket; the other end's machine is started later.
    pub makes_socket: bool,
    /// Last byte of the hardware address of the card that it ends in.
    pub card: u8,
}

/// What a virtual machine is made of.
#[derive(Debug)]
pub struct Machine<'a> {
    /// How its processor is made.
    pub accelerator: Accelerator,
    /// What its clock follows.
    pub clock: Clock,
    /// The kernel image.
    pub kernel: &'a Path,
    /// The initramfs.
    pub initramfs: &'a Path,
    /// A directory for its sockets.
    pub directory: &'a Path,
    /// A file that is the guest's disk, to get results back.
    pub disk: &'a Path,
    /// Its network, if any: a card for each.
    pub cables: Vec<Cable>,
    /// By how much its wall clock is wrong at the start, hours.
    pub hours: i32,
}

/// How a guest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It did its work and switched itself off.
    Done,
    /// The kernel printed this.
    Crashed(String),
    /// It printed nothing for this long.
    Silent(Duration),
    /// It took longer than it may.
    TooLong(Duration),
    /// It went away before its work was done; qemu said this.
    Gone(String),
    /// Nobody needs it any more.
    Dismissed,
    /// Ctrl-C.
    Interrupted,
}

enum Heard {
    Console(Vec<u8>),
    Stream(Vec<u8>),
}

impl Machine<'_> {
    /// Runs it without a terminal. `stream` gets what the guest writes to its second serial line.
    ///
    /// The thread that calls this must live on while the machine runs, which it does by waiting for it: the machine is
    /// killed when this thread or the whole program dies, however that happens.
    pub fn run(
        &self,
        limit: Duration,
        console: &mut Console,
        stream: &mut dyn FnMut(&[u8]),
        dismissed: &AtomicBool,
    ) -> Result<Ending> {
        let socket = self.directory.join("stream.sock");
        let listener = UnixListener::bind(&socket).with_context(|| format!("cannot make {}", socket.display()))?;
        let mut command = self.command()?;
        command
            .args(["-display", "none", "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"])
            .arg("-chardev")
            .arg(format!("socket,id=stream,path={}", socket.display()))
            .args(["-serial", "chardev:stream"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for this program, which then ends the machine.
            .process_group(0);
        let child = command.spawn().map_err(|error| tool::cannot_start(&command, &error))?;
        let mut guest = Guest(child);
        let (sender, heard) = channel();
        if let Some(stdout) = guest.0.stdout.take() {
            listen(stdout, sender.clone(), Heard::Console);
        }
        let errors = guest.0.stderr.take().map(|stderr| thread::spawn(move || io::read_to_string(stderr)));
        accept(listener, sender);
        let ending = guest.watch(limit, &heard, console, stream, dismissed)?;
        drop(guest);
        let errors = errors.and_then(|thread| thread.join().ok()).and_then(io::Result::ok).unwrap_or_default();
        Ok(match ending {
            Ending::Gone(status) if errors.is_empty() => Ending::Gone(status),
            Ending::Gone(status) => Ending::Gone(format!("{status}: {}", errors.trim())),
            ending => ending,
        })
    }

    /// Runs it with this terminal as its console, until the guest switches itself off.
    pub fn run_interactively(&self) -> Result<()> {
        let mut command = self.command()?;
        command.args(["-display", "none", "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
        command.args(["-serial", "null"]);
        tool::run(&mut command)
    }

    fn command(&self) -> Result<Command> {
        let Self { accelerator, clock, kernel, initramfs, directory: _, disk, cables, hours } = self;
        let mut command = tool::command("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "qemu-system-x86_64"]);
        command.args(accelerator.arguments(*clock)).args(["-m", &MEMORY_MIB.to_string()]);
        command.args(["-nodefaults", "-no-user-config", "-no-reboot"]);
        command.arg("-kernel").arg(kernel).arg("-initrd").arg(initramfs);
        command.arg("-append").arg(format!("{PARAMETERS} {}", accelerator.parameters(*clock)));
        command.arg("-drive").arg(format!("file={},if=virtio,format=raw,cache=unsafe", disk.display()));
        for Cable { socket, makes_socket, card } in cables {
            let (server, id) = (if *makes_socket { "on" } else { "off" }, format!("cable{card}"));
            let socket = socket.display();
            command.arg("-netdev").arg(format!("stream,id={id},server={server},addr.type=unix,addr.path={socket}"));
            let address = format!("52:54:00:00:00:{card:02x}");
            command.arg("-device").arg(format!("virtio-net-pci,netdev={id},mac={address},romfile="));
        }
        if *hours != 0 {
            let wrong = format!("{hours} hours");
            let base = tool::capture_text(tool::command("date").args(["-u", "-d", &wrong, "+%Y-%m-%dT%H:%M:%S"]))?;
            command.args(["-rtc", &format!("base={}", base.trim())]);
        }
        Ok(command)
    }
}

/// Waits until the other end of a cable has made its socket.
pub fn wait_for_socket(socket: &Path) -> Result<()> {
    let start = Instant::now();
    while !fs::metadata(socket).is_ok_and(|metadata| metadata.file_type().is_socket()) {
        interrupt::check()?;
        anyhow::ensure!(start.elapsed() < Duration::from_secs(20), "the other guest's qemu did not start");
        thread::sleep(TICK);
    }
    Ok(())
}

/// A running qemu, which does not outlive its owner.
struct Guest(Child);

impl Guest {
    fn watch(
        &mut self,
        limit: Duration,
        heard: &Receiver<Heard>,
        console: &mut Console,
        stream: &mut dyn FnMut(&[u8]),
        dismissed: &AtomicBool,
    ) -> Result<Ending> {
        let start = Instant::now();
        let mut last_heard = start;
        loop {
            match heard.recv_timeout(TICK) {
                Ok(Heard::Console(bytes)) => {
                    last_heard = Instant::now();
                    console.write(&bytes);
                    continue;
                }
                Ok(Heard::Stream(bytes)) => {
                    last_heard = Instant::now();
                    stream(&bytes);
                    continue;
                }
                // Both lines are closed: qemu ended, or is about to.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(status) = self.0.try_wait().context("cannot wait for qemu")? {
                while let Ok(late) = heard.recv_timeout(TICK) {
                    match late {
                        Heard::Console(bytes) => console.write(&bytes),
                        Heard::Stream(bytes) => stream(&bytes),
                    }
                }
                return Ok(match console.crash() {
                    _ if console.done() => Ending::Done,
                    Some(line) => Ending::Crashed(line),
                    None => Ending::Gone(describe(status)),
                });
            }
            if interrupt::interrupted() {
                return Ok(Ending::Interrupted);
            }
            if dismissed.load(Ordering::Relaxed) {
                return Ok(Ending::Dismissed);
            }
            // What follows a crash's first line, up to a second of it, is worth having.
            if let Some(line) = console.crash()
                && last_heard.elapsed() > Duration::from_secs(1)
            {
                return Ok(Ending::Crashed(line));
            }
            if last_heard.elapsed() > SILENCE {
                return Ok(Ending::Silent(SILENCE));
            }
            if start.elapsed() > limit {
                return Ok(Ending::TooLong(limit));
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn listen(mut from: impl Read + Send + 'static, to: Sender<Heard>, kind: fn(Vec<u8>) -> Heard) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if to.send(kind(buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    });
}

fn accept(listener: UnixListener, to: Sender<Heard>) {
    // A qemu that fails to start never connects. The thread then waits until the program ends, and holds nothing.
    thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            listen(stream, to, Heard::Stream);
        }
    });
}

fn describe(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("qemu was killed by signal {signal}"),
        None => format!("qemu ended ({status})"),
    }
}
