//! One virtual machine, from its start to its certain end.

use std::{
    fs,
    io::{self, Read},
    os::unix::{
        fs::FileTypeExt as _,
        net::{UnixListener, UnixStream},
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

use super::{console::Console, monitor::Monitor};
use crate::{interrupt, tool};

/// A guest that printed nothing for so long hangs: its init prints a line every few seconds, unless the host lets it starve.
const SILENCE: Duration = Duration::from_secs(120);
const TICK: Duration = Duration::from_millis(100);
const MEMORY_MIB: u32 = 1024;
/// `panic=-1` restarts at once, which qemu's `-no-reboot` makes an exit. The rest halves the time that booting takes: no
/// mitigations, no self-tests, no integrity measurements, no search for a random place. The watchdogs would take it for a hang
/// when a busy host lets the guest starve; [`SILENCE`] notices a true one.
const PARAMETERS: &str = "console=ttyS0 panic=-1 mitigations=off cryptomgr.notests lsm=capability audit=0 nokaslr \
                          no5lvl init_on_alloc=0 nowatchdog rcupdate.rcu_cpu_stall_suppress=1";

/// Files that the guest can read from its firmware.
const FILES: [&str; 2] = ["settings", "steps"];
/// A device that stops the guest when the guest writes to it, at the place where `xtask/lab/steps.sh` looks for it.
const STOP: [&str; 4] = ["-device", "pvpanic-pci,addr=1e", "-action", "panic=pause"];

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
    /// A directory for its sockets, with the files that it reads (`settings` and `steps`).
    pub directory: &'a Path,
    /// A file that is the guest's disk, to get results back.
    pub disk: &'a Path,
    /// Its network, if any: a card for each.
    pub cables: Vec<Cable>,
    /// By how much its wall clock is wrong at the start, hours.
    pub hours: i32,
    /// What it goes on from, instead of booting: a saved guest of the same kind.
    pub snapshot: Option<&'a Path>,
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

/// Who attends to a guest.
pub struct Attendant<'a> {
    /// Keeps what the guest prints.
    pub console: &'a mut Console,
    /// Gets what the guest writes to its second serial line.
    pub stream: &'a mut dyn FnMut(&[u8]),
    /// Is called when the guest has stopped itself; then the guest goes on.
    pub stopped: &'a mut dyn FnMut(&mut Monitor) -> Result<()>,
    /// Is set when nobody needs the guest any more.
    pub dismissed: &'a AtomicBool,
}

enum Heard {
    Console(Vec<u8>),
    Stream(Vec<u8>),
    Monitor(Monitor),
    Stopped,
}

impl Machine<'_> {
    /// Runs it without a terminal.
    ///
    /// The thread that calls this must live on while the machine runs, which it does by waiting for it: the machine is
    /// killed when this thread or the whole program dies, however that happens.
    pub fn run(&self, limit: Duration, attendant: &mut Attendant<'_>) -> Result<Ending> {
        let (sender, heard) = channel();
        let mut command = self.command()?;
        command.args(["-display", "none", "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
        self.connect(&mut command, "stream", &["-serial", "chardev:stream"], &sender, |stream, to| {
            listen(stream, to, Heard::Stream);
        })?;
        self.connect(&mut command, "monitor", &["-mon", "chardev=monitor,mode=control"], &sender, |stream, to| {
            let stopped = to.clone();
            // Who does not listen any more is not interested.
            if let Ok(monitor) = Monitor::new(stream, move || drop(stopped.send(Heard::Stopped))) {
                let _ = to.send(Heard::Monitor(monitor));
            }
        })?;
        // Ctrl-C is for this program, which then ends the machine.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let child = command.spawn().map_err(|error| tool::cannot_start(&command, &error))?;
        let mut guest = Guest { qemu: child, monitor: None, is_loaded: self.snapshot.is_none() };
        if let Some(stdout) = guest.qemu.stdout.take() {
            listen(stdout, sender, Heard::Console);
        }
        let errors = guest.qemu.stderr.take().map(|stderr| thread::spawn(move || io::read_to_string(stderr)));
        let ending = guest.watch(limit, &heard, attendant)?;
        drop(guest);
        let errors = errors.and_then(|thread| thread.join().ok()).and_then(io::Result::ok).unwrap_or_default();
        Ok(match ending {
            Ending::Gone(status) if errors.is_empty() => Ending::Gone(status),
            Ending::Gone(status) => Ending::Gone(format!("{status}: {}", errors.trim())),
            ending => ending,
        })
    }

    /// Makes a socket that qemu connects to, and uses as `arguments` say.
    fn connect(
        &self,
        command: &mut Command,
        name: &str,
        arguments: &[&str],
        to: &Sender<Heard>,
        connected: fn(UnixStream, Sender<Heard>),
    ) -> Result<()> {
        let socket = self.directory.join(format!("{name}.sock"));
        let listener = UnixListener::bind(&socket).with_context(|| format!("cannot make {}", socket.display()))?;
        command.arg("-chardev").arg(format!("socket,id={name},path={}", socket.display())).args(arguments);
        let to = to.clone();
        // A qemu that fails to start never connects. The thread then waits until the program ends, and holds nothing.
        thread::spawn(move || {
            if let Ok((stream, _)) = listener.accept() {
                connected(stream, to);
            }
        });
        Ok(())
    }

    /// Runs it with this terminal as its console, until the guest switches itself off.
    pub fn run_interactively(&self) -> Result<()> {
        let mut command = self.command()?;
        command.args(["-display", "none", "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
        command.args(["-serial", "null"]);
        tool::run(&mut command)
    }

    fn command(&self) -> Result<Command> {
        let Self { accelerator, clock, kernel, initramfs, directory, disk, cables, hours, snapshot } = self;
        // A clock that counts instructions does not mind a processor that is busy with something else.
        let niceness = if *clock == Clock::Instructions { "10" } else { "0" };
        let mut command = tool::command("nice");
        command.args(["-n", niceness, "setpriv", "--pdeathsig", "KILL", "--", "qemu-system-x86_64"]);
        command.args(accelerator.arguments(*clock)).args(["-m", &MEMORY_MIB.to_string()]);
        command.args(["-nodefaults", "-no-user-config", "-no-reboot"]);
        command.arg("-kernel").arg(kernel).arg("-initrd").arg(initramfs);
        command.arg("-append").arg(format!("{PARAMETERS} {}", accelerator.parameters(*clock)));
        command.arg("-drive").arg(format!("file={},if=virtio,format=raw,cache=unsafe", disk.display()));
        for file in FILES {
            command.arg("-fw_cfg").arg(format!("name=opt/lab/{file},file={}", directory.join(file).display()));
        }
        command.args(STOP);
        if let Some(snapshot) = snapshot {
            command.arg("-incoming").arg(Monitor::source(snapshot)?);
        }
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
struct Guest {
    qemu: Child,
    monitor: Option<Monitor>,
    is_loaded: bool,
}

impl Guest {
    fn watch(&mut self, limit: Duration, heard: &Receiver<Heard>, attendant: &mut Attendant<'_>) -> Result<Ending> {
        let start = Instant::now();
        let mut last_heard = start;
        loop {
            match heard.recv_timeout(TICK) {
                Ok(heard) => {
                    self.hear(heard, attendant)?;
                    last_heard = Instant::now();
                    continue;
                }
                // All lines are closed: qemu ended, or is about to.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(status) = self.qemu.try_wait().context("cannot wait for qemu")? {
                while let Ok(late) = heard.recv_timeout(TICK) {
                    self.hear(late, attendant)?;
                }
                return Ok(match attendant.console.crash() {
                    _ if attendant.console.done() => Ending::Done,
                    Some(line) => Ending::Crashed(line),
                    None => Ending::Gone(describe(status)),
                });
            }
            if let Some(ending) = ending(attendant, last_heard.elapsed(), start.elapsed(), limit) {
                return Ok(ending);
            }
        }
    }

    fn hear(&mut self, heard: Heard, attendant: &mut Attendant<'_>) -> Result<()> {
        match heard {
            Heard::Console(bytes) => attendant.console.write(&bytes),
            Heard::Stream(bytes) => (attendant.stream)(&bytes),
            Heard::Monitor(monitor) => {
                let monitor = self.monitor.insert(monitor);
                monitor.open()?;
                if !self.is_loaded {
                    monitor.wait_until_loaded()?;
                    monitor.go_on()?;
                    self.is_loaded = true;
                }
            }
            Heard::Stopped => {
                let monitor = self.monitor.as_mut().context("a guest without a monitor stopped")?;
                (attendant.stopped)(monitor)?;
                monitor.go_on()?;
            }
        }
        Ok(())
    }
}

/// Whether a guest that still runs should not run any longer.
fn ending(attendant: &Attendant<'_>, silent_for: Duration, ran_for: Duration, limit: Duration) -> Option<Ending> {
    if interrupt::interrupted() {
        return Some(Ending::Interrupted);
    }
    if attendant.dismissed.load(Ordering::Relaxed) {
        return Some(Ending::Dismissed);
    }
    // What follows a crash's first line, up to a second of it, is worth having.
    if let Some(line) = attendant.console.crash().filter(|_| silent_for > Duration::from_secs(1)) {
        return Some(Ending::Crashed(line));
    }
    if silent_for > SILENCE {
        return Some(Ending::Silent(SILENCE));
    }
    (ran_for > limit).then_some(Ending::TooLong(limit))
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
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

fn describe(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("qemu was killed by signal {signal}"),
        None => format!("qemu ended ({status})"),
    }
}
