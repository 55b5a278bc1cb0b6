//! Another host, over the system's own ssh.
//!
//! Keys, agent, known hosts and configuration are the user's; nothing is asked, since a question would be written over the
//! live view. On the other side `nfsgrace record -` runs, and ends when its output is closed.

mod connection;
mod trouble;

use std::{borrow::Cow, path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    process::Command,
    sync::mpsc,
    time::{Instant, sleep},
};

use self::{
    connection::{Connection, Over},
    trouble::{Retry, Trouble},
};
use super::{
    heard::{Clock, FromSource},
    spec::Target,
    stop::Stopped,
};
use crate::record::{Event, Header, Kind, Line, Loss, Role, Stamp};

/// A host to connect to, and how.
#[derive(Debug, Clone)]
pub struct Ssh {
    /// The host.
    pub target: Target,
    /// The ssh program here.
    pub program: PathBuf,
    /// The nfsgrace program there: a name, or a path; `~/` stands for the user's home.
    pub remote_path: String,
    /// Which side of NFS to watch there.
    pub role: Role,
    /// How long to wait for what.
    pub patience: Patience,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the header: connecting, and attaching on a slow host.
    pub header: Duration,
    /// For anything: the recorder writes where the wall clock stands once a minute.
    pub silence: Duration,
    /// Before the first retry; each one that fails doubles it.
    pub first_retry: Duration,
    /// Before any retry; a connection that held for so long was a good one.
    pub longest_retry: Duration,
    /// Before a retry where the host refuses the key: a host that bans who fails too often must not ban this one.
    pub refused_retry: Duration,
    /// For ssh to end.
    pub end: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            header: seconds(60),
            silence: seconds(150),
            first_retry: seconds(1),
            longest_retry: seconds(30),
            refused_retry: seconds(300),
            end: seconds(2),
        }
    }
}

impl Ssh {
    /// A host, with everything else as usual.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            program: "ssh".into(),
            remote_path: "nfsgrace".to_owned(),
            role: Role::Both,
            patience: Patience::default(),
        }
    }

    /// What is run here. Everything that could be an option stands before `--`.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
        // A host that is gone without a word is noticed after 15 s.
        command.args(["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"]);
        if let Some(port) = self.target.port() {
            command.arg("-p").arg(port.to_string());
        }
        command.arg("--").arg(self.target.destination()).arg(self.remote_command());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C on the terminal is for this program, which then ends ssh in order.
        command.process_group(0).kill_on_drop(true);
        command
    }

    /// What is run there, for the shell of the user there.
    fn remote_command(&self) -> String {
        let side = match self.role {
            Role::Server => Some("server"),
            Role::Client => Some("client"),
            Role::Both => None,
        };
        let words = [self.remote_path.as_str(), "record", "-"].into_iter().chain(side.map(|_| "--role")).chain(side);
        words.map(quoted).collect::<Vec<_>>().join(" ")
    }

    /// Stays connected until it is told to stop.
    pub(super) async fn run(self, out: mpsc::Sender<Vec<FromSource>>, mut stop: Stopped) {
        let mut host = Host { known: None, lost: None };
        let mut backoff = Backoff::new(self.patience);
        loop {
            let began = Instant::now();
            let trouble = match Connection::open(&self) {
                Ok(mut connection) => loop {
                    match connection.next(&mut stop).await {
                        Ok(heard) => {
                            let heard = host.heard(heard, connection.latest());
                            if out.send(heard).await.is_err() {
                                return connection.close().await;
                            }
                        }
                        Err(Over::Stopped) => {
                            let _ = out.send(vec![FromSource::Ended { why: None }]).await;
                            return;
                        }
                        Err(Over::Trouble(trouble)) => break trouble,
                    }
                },
                Err(trouble) => trouble,
            };
            let Trouble { why, retry } = trouble;
            let retry_in = match retry {
                Retry::Never => {
                    let _ = out.send(vec![FromSource::Ended { why: Some(why) }]).await;
                    return;
                }
                Retry::Seldom => self.patience.refused_retry,
                Retry::Soon => backoff.after(began.elapsed()),
            };
            host.lost.get_or_insert_with(Instant::now);
            if out.send(vec![FromSource::Lost { why, retry_in }]).await.is_err() {
                return;
            }
            tokio::select! {
                biased;
                () = stop.told() => {
                    let _ = out.send(vec![FromSource::Ended { why: None }]).await;
                    return;
                }
                () = sleep(retry_in) => {}
            }
        }
    }
}

/// What is remembered of a host from one connection to the next.
struct Host {
    known: Option<Known>,
    lost: Option<Instant>,
}

struct Known {
    boot_id: String,
    latest: Stamp,
    /// The kernel log is read from its beginning by every recorder: until here it was told by an earlier one.
    told: Stamp,
}

impl Known {
    fn has_told(&self, line: &FromSource) -> bool {
        matches!(line, FromSource::Line(Line::Event(Event { at, kind: Kind::KernelLog { .. }, .. })) if *at <= self.told)
    }
}

impl Host {
    /// Adds, behind a header, what it means that this host is there again.
    fn heard(&mut self, heard: Vec<FromSource>, latest: Option<Stamp>) -> Vec<FromSource> {
        let mut all = Vec::with_capacity(heard.len());
        for it in heard {
            if self.known.as_ref().is_some_and(|known| known.has_told(&it)) {
                continue;
            }
            let back = match &it {
                FromSource::Line(Line::Header(header)) => self.header(header),
                _ => Vec::new(),
            };
            all.push(it);
            all.extend(back);
        }
        if let (Some(known), Some(latest)) = (&mut self.known, latest) {
            known.latest = latest;
        }
        all
    }

    fn header(&mut self, header: &Header) -> Vec<FromSource> {
        let before = self.known.take();
        let clock = match &before {
            None => Clock::First,
            Some(known) if !known.boot_id.is_empty() && known.boot_id == header.boot_id => Clock::Same,
            Some(_) => Clock::Other,
        };
        let told = before.as_ref().filter(|_| clock == Clock::Same).map_or(Stamp(0), |known| known.latest);
        self.known = Some(Known { boot_id: header.boot_id.clone(), latest: header.started, told });
        let Some(lost) = self.lost.take() else { return Vec::new() };
        let away = lost.elapsed();
        let mut heard = vec![FromSource::Back { away, clock }];
        if let Some(known) = before {
            let gap = if clock == Clock::Same { header.started.since(known.latest) } else { away };
            heard.push(FromSource::Line(Line::Loss(Loss {
                at: header.started,
                cause: "not_connected".to_owned(),
                count: 1,
                hides: format!(
                    "all that happened on this host for {:.1} s, while it was not connected",
                    gap.as_secs_f64()
                ),
            })));
        }
        heard
    }
}

/// How long to wait before it is tried again.
struct Backoff {
    patience: Patience,
    next: Duration,
}

impl Backoff {
    fn new(patience: Patience) -> Self {
        Self { patience, next: patience.first_retry }
    }

    /// After a connection that held for so long.
    fn after(&mut self, held: Duration) -> Duration {
        let Patience { first_retry, longest_retry, .. } = self.patience;
        if held >= longest_retry {
            self.next = first_retry;
        }
        let wait = self.next;
        self.next = (wait * 2).min(longest_retry);
        wait
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    // ssh begins in the user's home.
    let word = word.strip_prefix("~/").map_or_else(|| word.to_owned(), |rest| format!("./{rest}"));
    // No argument of a program holds the one character that cannot be quoted.
    shlex::try_quote(&word).map(Cow::into_owned).unwrap_or_default()
}

#[cfg(test)]
mod tests;
