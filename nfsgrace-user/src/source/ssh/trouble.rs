//! What went wrong with a host, and what to do about it.

use std::{io, process::ExitStatus};

use super::Ssh;

/// Longest piece of what was said that is passed on, characters.
const QUOTE: usize = 200;

/// Something went wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What, and what to do about it.
    pub(super) why: String,
    pub(super) retry: Retry,
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// It may pass.
    Soon,
    /// Somebody has to do something, and too many tries do harm.
    Seldom,
    /// It will not get better while this program runs.
    Never,
}

/// How ssh ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its status; `None` where it had to be killed.
    pub(super) status: Option<ExitStatus>,
    /// The end of what was said on standard error, by ssh or by the program there.
    pub(super) said: String,
    /// Whether a session had begun.
    pub(super) had_header: bool,
}

/// ssh could not even be started.
pub(super) fn of_start(ssh: &Ssh, error: &io::Error) -> Trouble {
    let program = ssh.program.display();
    let why = match error.kind() {
        io::ErrorKind::NotFound => {
            format!("there is no {program} on this host: install it (Debian package openssh-client)")
        }
        _ => format!("cannot run {program}: {error}"),
    };
    Trouble { why, retry: Retry::Never }
}

/// ssh, or the program there, has ended.
pub(super) fn of_ending(ssh: &Ssh, ended: &Ended) -> Trouble {
    let Ended { status, said, had_header } = ended;
    let (destination, path) = (ssh.target.destination(), &ssh.remote_path);
    let by_hand = by_hand(ssh);
    let last = last_line(said);
    let has = |text: &str| said.contains(text);
    let soon = |why: String| Trouble { why, retry: Retry::Soon };
    let seldom = |why: String| Trouble { why, retry: Retry::Seldom };
    match status.and_then(|status| status.code()) {
        Some(255) if has("HOST IDENTIFICATION HAS CHANGED") => seldom(
            "its host key is not the one that is known: find out why before you remove the old one (ssh-keygen -R)"
                .to_owned(),
        ),
        Some(255) if has("Host key verification failed") => {
            seldom(format!("its host key is not known yet: connect once by hand, `{by_hand}`, and check the key"))
        }
        Some(255) if has("Permission denied") || has("Too many authentication failures") => seldom(format!(
            "it accepts none of your keys, and no password is asked for here: load a key (`ssh-add`) or install one \
             (`ssh-copy-id`), until `{by_hand} true` works"
        )),
        Some(255) if last.is_empty() => soon("the connection was lost".to_owned()),
        Some(255) => soon(last),
        Some(127) => soon(format!("{path} is not installed there: {}", copy(ssh))),
        Some(126) => soon(format!("{path} there cannot be executed: {last}")),
        Some(2) if !had_header && (has("unrecognized subcommand") || has("unexpected argument")) => {
            soon(format!("{path} there is older and cannot record for another host: {}", copy(ssh)))
        }
        Some(2) if !last.is_empty() => soon(format!("nfsgrace there: {}", last.trim_start_matches("nfsgrace: "))),
        Some(0 | 1) if *had_header => soon("its recorder was stopped there".to_owned()),
        Some(0) => soon(format!("`{path} record -` wrote no session there: try `{by_hand} {path} record -`")),
        Some(code) if last.is_empty() => soon(format!("{path} ended there with status {code}")),
        Some(code) => soon(format!("{path} ended there with status {code}: {last}")),
        None => soon(format!("the connection to {destination} was cut")),
    }
}

impl Trouble {
    /// Nothing came for too long.
    pub(super) fn silent(ssh: &Ssh, had_header: bool, said: &str) -> Self {
        let why = if had_header {
            format!("nothing came from it for {} s, not even the time", ssh.patience.silence.as_secs())
        } else {
            let last = last_line(said);
            let said = if last.is_empty() { String::new() } else { format!(" (it said: {last})") };
            let (path, by_hand) = (&ssh.remote_path, by_hand(ssh));
            format!(
                "no session began within {} s{said}: try `{by_hand} {path} record -`",
                ssh.patience.header.as_secs()
            )
        };
        Self { why, retry: Retry::Soon }
    }
}

/// The same connection, as a user would make it.
fn by_hand(ssh: &Ssh) -> String {
    let port = ssh.target.port().map_or_else(String::new, |port| format!("-p {port} "));
    format!("ssh {port}{}", ssh.target.destination())
}

/// How the program gets there.
fn copy(ssh: &Ssh) -> String {
    let port = ssh.target.port().map_or_else(String::new, |port| format!("-P {port} "));
    let destination = match (ssh.target.user(), ssh.target.host()) {
        (user, host) if host.contains(':') => {
            format!("{}[{host}]", user.map_or_else(String::new, |user| format!("{user}@")))
        }
        _ => ssh.target.destination(),
    };
    let path = if ssh.remote_path.contains('/') { &ssh.remote_path } else { "/usr/local/bin/nfsgrace" };
    format!(
        "copy this one, a single static file: `scp {port}\"$(command -v nfsgrace)\" {destination}:{path}`; or say where it \
         is with --remote-path"
    )
}

/// The last line that says something.
fn last_line(said: &str) -> String {
    let line = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().take(QUOTE).collect()
}
