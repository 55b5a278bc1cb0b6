//! One run of ssh, from its start to its certain end.

use std::{process::ExitStatus, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStderr, ChildStdout},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Ssh,
    trouble::{Ended, Trouble, of_ending, of_start},
};
use crate::{
    record::Stamp,
    source::{
        heard::FromSource,
        stop::Stopped,
        stream::{Feed, Stream},
    },
};

/// What is kept of what ssh and the program there say on standard error, bytes from its end.
const SAID: usize = 4 << 10;
/// How often that is read: what nobody needs may not keep anybody busy.
const LISTEN_EVERY: Duration = Duration::from_millis(20);

/// A running ssh.
pub(super) struct Connection<'a> {
    ssh: &'a Ssh,
    child: Child,
    stream: Stream<ChildStdout>,
    said: Said,
    /// When something must have come.
    due: Instant,
    stopping: bool,
}

/// Why a connection is over.
pub(super) enum Over {
    /// It was told to stop.
    Stopped,
    /// Something happened.
    Trouble(Trouble),
}

impl<'a> Connection<'a> {
    pub(super) fn open(ssh: &'a Ssh) -> Result<Self, Trouble> {
        let mut child = ssh.command().spawn().map_err(|error| of_start(ssh, &error))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(of_start(ssh, &std::io::ErrorKind::BrokenPipe.into()));
        };
        Ok(Self {
            ssh,
            child,
            stream: Stream::new(stdout, Feed::Live),
            said: Said { from: Some(stderr), tail: Vec::new(), next: Instant::now() },
            due: Instant::now() + ssh.patience.header,
            stopping: false,
        })
    }

    /// The latest time on the other host that was heard.
    pub(super) fn latest(&self) -> Option<Stamp> {
        self.stream.latest()
    }

    /// What comes next; when told to stop, what had arrived until then.
    pub(super) async fn next(&mut self, stop: &mut Stopped) -> Result<Vec<FromSource>, Over> {
        loop {
            tokio::select! {
                biased;
                () = stop.told(), if !self.stopping => {
                    self.stopping = true;
                    self.due = Instant::now() + self.ssh.patience.end;
                    self.signal(Signal::TERM);
                }
                () = self.said.listen() => {}
                heard = self.stream.next() => match heard {
                    Ok(Some(heard)) => {
                        if self.stream.has_header() && !self.stopping {
                            self.due = Instant::now() + self.ssh.patience.silence;
                        }
                        return Ok(heard);
                    }
                    Ok(None) | Err(_) => return Err(self.over().await),
                },
                () = sleep_until(self.due) => {
                    if self.stopping {
                        self.close_now().await;
                        return Err(Over::Stopped);
                    }
                    let had_header = self.stream.has_header();
                    self.close_now().await;
                    return Err(Over::Trouble(Trouble::silent(self.ssh, had_header, &self.said.text())));
                }
            }
        }
    }

    /// Ends ssh, and with it the program there.
    pub(super) async fn close(mut self) {
        self.signal(Signal::TERM);
        self.close_now().await;
    }

    async fn close_now(&mut self) {
        self.signal(Signal::TERM);
        if timeout(self.ssh.patience.end, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    /// The stream has ended: why.
    async fn over(&mut self) -> Over {
        let status = self.wait().await;
        if self.stopping {
            return Over::Stopped;
        }
        // A connection that others share keeps standard error open: its end is not waited for.
        let _ = timeout(LISTEN_EVERY * 10, self.said.read_all()).await;
        let said = self.said.text();
        Over::Trouble(of_ending(self.ssh, &Ended { status, said, had_header: self.stream.has_header() }))
    }

    async fn wait(&mut self) -> Option<ExitStatus> {
        if let Ok(Ok(status)) = timeout(self.ssh.patience.end, self.child.wait()).await {
            return Some(status);
        }
        self.close_now().await;
        None
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
    }
}

/// The end of what was said on standard error.
struct Said {
    from: Option<ChildStderr>,
    tail: Vec<u8>,
    next: Instant,
}

impl Said {
    /// Listens for ever; safe to cancel.
    async fn listen(&mut self) {
        self.read_all().await;
        std::future::pending::<()>().await;
    }

    async fn read_all(&mut self) {
        let mut piece = [0; SAID];
        while let Some(from) = &mut self.from {
            sleep_until(self.next).await;
            match from.read(&mut piece).await {
                Ok(length @ 1..) => {
                    self.tail.extend_from_slice(&piece[..length]);
                    self.tail.drain(..self.tail.len().saturating_sub(SAID));
                    self.next = Instant::now() + LISTEN_EVERY;
                }
                _ => self.from = None,
            }
        }
    }

    /// Without what could harm a terminal.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.tail);
        text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
    }
}
