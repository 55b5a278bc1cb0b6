//! qemu's monitor (the QMP protocol): hears that a guest has stopped itself, saves it, and lets it go on.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::interrupt;

/// The longest that a guest may take to be saved or loaded.
const PATIENCE: Duration = Duration::from_secs(120);
const TICK: Duration = Duration::from_millis(10);
/// Bytes per second; qemu's default is meant for networks.
const BANDWIDTH: u64 = 1 << 40;

/// A running qemu's monitor.
#[derive(Debug)]
pub struct Monitor {
    to_qemu: UnixStream,
    answers: Receiver<Value>,
}

impl Monitor {
    /// Over a connection that qemu has made; `stopped` is called whenever the guest has stopped itself, on another thread.
    pub fn new(stream: UnixStream, mut stopped: impl FnMut() + Send + 'static) -> Result<Self> {
        let from_qemu = BufReader::new(stream.try_clone()?);
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in from_qemu.lines().map_while(Result::ok) {
                let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
                if message["event"] == "GUEST_PANICKED" {
                    stopped();
                } else if !(message["return"].is_null() && message["error"].is_null()) && sender.send(message).is_err()
                {
                    break;
                }
            }
        });
        Ok(Self { to_qemu: stream, answers })
    }

    /// To be called first.
    pub fn open(&mut self) -> Result<()> {
        self.execute("qmp_capabilities", json!({})).map(drop)
    }

    /// Saves a guest that has stopped into a file.
    pub fn save(&mut self, into: &Path) -> Result<()> {
        self.execute("migrate-set-parameters", json!({"max-bandwidth": BANDWIDTH}))?;
        self.execute("migrate", json!({"uri": format!("exec:cat >{}", quoted(into)?)}))?;
        self.wait("the guest is not saved", |monitor| {
            let migration = monitor.execute("query-migrate", json!({}))?;
            ensure!(migration["status"] != "failed", "qemu cannot save the guest: {migration}");
            // It is completed a moment before the guest may go on.
            Ok(migration["status"] == "completed" && monitor.status()? == "postmigrate")
        })
    }

    /// The argument of `-incoming` for a guest saved in this file.
    pub fn source(saved: &Path) -> Result<String> {
        Ok(format!("exec:cat {}", quoted(saved)?))
    }

    /// Waits until a saved guest is there again.
    pub fn wait_until_loaded(&mut self) -> Result<()> {
        self.wait("the saved guest is not loaded", |monitor| Ok(monitor.status()? != "inmigrate"))
    }

    fn status(&mut self) -> Result<Value> {
        Ok(self.execute("query-status", json!({}))?["status"].clone())
    }

    /// Lets a stopped guest go on.
    pub fn go_on(&mut self) -> Result<()> {
        self.execute("cont", json!({})).map(drop)
    }

    fn wait(&mut self, complaint: &str, mut is_so: impl FnMut(&mut Self) -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        while !is_so(self)? {
            interrupt::check()?;
            ensure!(start.elapsed() < PATIENCE, "{complaint} after {} s", PATIENCE.as_secs());
            thread::sleep(TICK);
        }
        Ok(())
    }

    fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let message = json!({"execute": command, "arguments": arguments});
        writeln!(self.to_qemu, "{message}").with_context(|| format!("qemu takes no {command}"))?;
        let answer =
            self.answers.recv_timeout(PATIENCE).with_context(|| format!("no answer from qemu to {command}"))?;
        if !answer["error"].is_null() {
            bail!("qemu refuses {message}: {}", answer["error"]["desc"]);
        }
        Ok(answer["return"].clone())
    }
}

/// A path as a word for a shell.
fn quoted(path: &Path) -> Result<String> {
    Ok(shlex::try_quote(&path.to_string_lossy())?.into_owned())
}
