//! What long work shows on a terminal, and how it ends when nobody reads on.

mod common;

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use common::{fixture, recording};
use nfsgrace::{
    outcome::SessionOutcome,
    record::Stamp,
    session::{Session, Update},
    view::{Style, summary, text},
};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

fn nfsgrace() -> Command {
    Command::new(env!("CARGO_BIN_EXE_nfsgrace"))
}

/// A terminal: its own end, and the one for a program.
fn terminal() -> (File, OwnedFd) {
    let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&own).and_then(|()| unlockpt(&own)).expect("a terminal");
    let name = ptsname(&own, Vec::new()).expect("its name");
    let theirs = File::options().read(true).write(true).open(name.to_str().expect("UTF-8")).expect("opens");
    (File::from(own), theirs.into())
}

#[test]
fn reading_that_takes_a_while_says_how_far_it_is_and_wipes_that_out_again() {
    let (mut own, theirs) = terminal();
    let mut child = nfsgrace()
        .args(["report", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(theirs)
        .spawn()
        .expect("runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let recording = std::fs::read(fixture("6.18-no-nfsdcld.ndjson")).expect("fixture");
    // Feeds it until it says something.
    let (said, heard) = std::sync::mpsc::channel();
    let feeder = thread::spawn(move || {
        while heard.try_recv().is_err() {
            stdin.write_all(&recording).expect("it reads on");
        }
    });
    let mut text = Vec::new();
    let mut piece = [0; 1024];
    while !text.windows(22).any(|window| window == b"reading standard input") {
        let read = own.read(&mut piece).expect("it says something");
        text.extend_from_slice(&piece[..read]);
    }
    said.send(()).expect("still feeding");
    feeder.join().expect("feeds");
    assert_eq!(child.wait().expect("ends").code(), Some(1));
    // The terminal's last words: the line is wiped out. Reading on gives an error, since nobody has the other end.
    while let Ok(read) = own.read(&mut piece) {
        text.extend_from_slice(&piece[..read]);
    }
    assert!(text.ends_with(b"\r\x1b[K"), "{}", String::from_utf8_lossy(&text).escape_debug());
}

#[test]
fn a_closed_pipe_ends_a_report_and_a_replay_without_a_word() {
    for arguments in [&["report"][..], &["watch", "--speed", "max"]] {
        let mut child = nfsgrace()
            .args(arguments)
            .arg(fixture("6.18-no-nfsdcld.ndjson"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
        assert_eq!(said, "", "{arguments:?}");
        assert!(child.wait().expect("ends").code().is_some(), "{arguments:?}");
    }
}

#[test]
fn ctrl_c_ends_a_replay_with_the_summary() {
    let mut child = nfsgrace()
        .args(["watch", "--speed", "0.01"])
        .arg(fixture("6.18-no-nfsdcld.ndjson"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut text = Vec::new();
    let mut piece = [0; 1024];
    while !text.windows(11).any(|window| window == b"nfsd starts") {
        let read = stdout.read(&mut piece).expect("it says something");
        assert!(read > 0, "it ended");
        text.extend_from_slice(&piece[..read]);
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signals");
    stdout.read_to_end(&mut text).expect("ends");
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(text.contains("Server restarts"), "{text}");
    assert!(child.wait().expect("ends").code().is_some(), "it ended by itself");
}

/// What a live view prints of a recording, with a look at what only time can tell every 250 ms.
fn live_view(name: &str, width: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut session = Session::new();
    let show = |session: &Session, update: &Update, out: &mut Vec<String>| {
        out.extend(update.items.iter().flat_map(|item| text::lines(item, session, width, Style::PLAIN)));
    };
    let mut now = None::<Stamp>;
    for line in recording(name) {
        while let Some(at) = now.filter(|now| *now < line.at()) {
            let next = at.plus(Duration::from_millis(250)).min(line.at());
            let update = session.tick(next);
            show(&session, &update, &mut out);
            now = Some(next);
        }
        now.get_or_insert(line.at());
        let update = session.record(line);
        show(&session, &update, &mut out);
    }
    let now = session.timeline().now();
    let update = session.finish(now);
    show(&session, &update, &mut out);
    out.extend(summary::text(&SessionOutcome::of(&session, now), width, Style::PLAIN));
    out
}

#[test]
fn a_replay_shows_what_was_shown_live() {
    for (name, status) in [("6.18-no-nfsdcld", 1), ("6.18-nfsdcld", 0)] {
        let replay = nfsgrace()
            .args(["watch", "--speed", "max"])
            .arg(fixture(&format!("{name}.ndjson")))
            .envs([("COLUMNS", "80"), ("LC_ALL", "C.UTF-8")])
            .output()
            .expect("runs");
        let shown = String::from_utf8(replay.stdout).expect("UTF-8");
        assert_eq!(shown.lines().collect::<Vec<_>>(), live_view(name, 80), "{name}");
        assert_eq!(replay.status.code(), Some(status), "{name}");
    }
}
