//! What one host has, several have: recorded into one file and read back, in every format, with every selection; and each
//! mode ends on Ctrl-C with its verdict.

mod common;

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use common::fixture;
use nfsgrace::{
    record::Item,
    source::file::{Retain, Rotation, SessionFile, Store},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const HOSTS: [&str; 3] = ["server", "client", "second"];

fn files() -> Vec<PathBuf> {
    HOSTS.map(|host| fixture(&format!("paired/{host}.ndjson"))).into()
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nfsgrace"));
    command.envs([("COLUMNS", "120"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")]);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What it prints; it must diagnose a problem, and complain about nothing.
fn nfsgrace(arguments: &[&str], files: &[PathBuf]) -> String {
    let output = program().args(arguments).args(files).output().expect("it starts");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(1), ""), "{arguments:?}");
    text(&output.stdout)
}

/// A file of all hosts, made of the recordings of each.
fn recorded(name: &str, sources: &[PathBuf]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join(name);
    let output = program().arg("record").args(sources).arg("-o").arg(&file).output().expect("it starts");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    (directory, file)
}

/// Where the lines come from is all in which they may differ.
fn without_files(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("from ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn several_hosts_in_one_file_are_reported_as_from_a_file_each() {
    for name in ["all.ndjson", "all.ndjson.zst"] {
        let (_directory, all) = recorded(name, &files());
        let all = [all];
        for arguments in [
            &["report"][..],
            &["report", "--format", "markdown"],
            &["report", "--together"],
            &["report", "--restart", "2"],
            &["report", "--since", "25", "--until", "41.5"],
            &["report", "--comm", "lab-open", "--client", "10.0.0.2"],
            &["watch", "--speed", "max"],
        ] {
            let (one, each) = (nfsgrace(arguments, &all), nfsgrace(arguments, &files()));
            assert_eq!(without_files(&named(&one, &all)), without_files(&named(&each, &files())), "{arguments:?}");
        }
        assert_eq!(
            nfsgrace(&["report", "--format", "json"], &all),
            nfsgrace(&["report", "--format", "json"], &files())
        );
    }
}

/// With the names that the hosts have in any case.
fn named(text: &str, files_named: &[PathBuf]) -> String {
    let mut text = text.split_once("Ctrl-C ends with a summary").map_or(text, |(_, rest)| rest).to_owned();
    for file in files().iter().chain(files_named) {
        text = text.replace(&format!("{}: ", file.display()), "");
    }
    text
}

#[test]
fn every_export_is_the_same() {
    let (directory, all) = recorded("all.ndjson", &files());
    let export = |format: &str, sources: &[PathBuf], to: &str| {
        let to = directory.path().join(to);
        let output =
            program().args(["export", "--format", format, "-o"]).arg(&to).args(sources).output().expect("it starts");
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{format}");
        to
    };
    let all = [all];
    for format in ["svg", "html", "json"] {
        let (one, each) = (export(format, &all, "one"), export(format, &files(), "each"));
        assert!(fs::read(one).expect("written") == fs::read(each).expect("written"), "{format}");
    }
    let (one, each) = (export("csv", &all, "one.csv"), export("csv", &files(), "each.csv"));
    for table in ["attempts.csv", "refusals.csv"] {
        // Rows come as the lines did: of one file in the order in which it was written.
        let rows = |directory: &Path| {
            let text = fs::read_to_string(directory.join(table)).expect("written");
            let mut rows: Vec<_> = text.lines().map(str::to_owned).collect();
            rows.sort();
            rows
        };
        assert_eq!(rows(&one), rows(&each), "{table}");
    }
    let (one, each) = (export("perfetto", &all, "one.pftrace"), export("perfetto", &files(), "each.pftrace"));
    let length = |path: &Path| fs::metadata(path).expect("written").len();
    assert_eq!(length(&one), length(&each));
}

/// The rows of a table, by the name of their column.
fn table(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("written");
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

#[test]
fn a_stall_whose_server_is_another_host_has_its_tail_everywhere() {
    let directory = tempfile::tempdir().expect("a directory");
    let tables = directory.path().display().to_string();
    program().args(["export", "--format", "csv", "-o", &tables]).args(files()).status().expect("it starts");
    let in_table: BTreeMap<String, u64> = table(&directory.path().join("attempts.csv"))
        .into_iter()
        .filter_map(|row| Some((row["tid"].clone(), row["stall_tail_ns"].parse().ok()?)))
        .collect();
    assert_eq!(in_table.len(), 2, "one for each client");
    let lines = nfsgrace(&["report", "--format", "json"], &files());
    let mut in_summary = BTreeMap::new();
    for line in lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
        for stall in line["stalls"].as_array().into_iter().flatten().filter(|_| line["type"] == "summary") {
            in_summary.insert(stall["tid"].to_string(), stall["tail_ns"].as_u64().expect("its tail"));
        }
    }
    assert_eq!(in_table, in_summary);
    let drawn = ["html", "svg"].map(|format| {
        let output =
            program().args(["export", "--format", format, "-o", "-"]).args(files()).output().expect("it starts");
        text(&output.stdout)
    });
    let report = nfsgrace(&["report"], &files());
    let watched = nfsgrace(&["watch", "--speed", "max"], &files());
    for tail in in_table.values() {
        let shown = format!("{:.3} s of it after the grace period", *tail as f64 / 1e9);
        for text in [&report, &watched] {
            assert!(text.contains(&shown), "{shown} is missing in {text}");
        }
        let shown = format!("{:.3} s", *tail as f64 / 1e9);
        for (text, [before, after]) in drawn.iter().zip([["\"", "\""], [">", "</text>"]]) {
            assert!(text.contains(&format!("{before}{shown}{after}")), "{shown} is missing in {text}");
        }
    }
}

#[test]
fn a_selection_is_of_all_hosts() {
    let rows = |arguments: &[&str]| {
        let output =
            program().args(["report", "--format", "json"]).args(arguments).args(files()).output().expect("it starts");
        let lines: Vec<Value> =
            text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let paired = lines.last().expect("lines").clone();
        assert_eq!(paired["type"], "paired", "{}", text(&output.stderr));
        let tids = paired["stalls"].as_array().expect("stalls").iter().map(|row| row["tid"].clone());
        let mut tids: Vec<_> = tids.map(|tid| tid.to_string()).collect();
        tids.sort();
        let restarts = paired["causes"].as_array().expect("causes").iter().map(|row| row["restart"].clone());
        (tids, restarts.map(|it| it.to_string()).collect::<Vec<_>>())
    };
    let all = rows(&[]);
    assert_eq!(all, (vec!["162".to_owned(), "232".to_owned()], vec!["2".to_owned()]));
    assert_eq!(rows(&["--restart", "2"]), all, "the stalls of the clients belong to it");
    assert_eq!(rows(&["--pid", "232"]).0, ["232"]);
    assert!(rows(&["--comm", "make"]).0.is_empty());
    // Times are those of the server, on which the stalls began at 30.2 s and ended after 43 s.
    assert_eq!(rows(&["--since", "42"]), all, "they lasted until then, and so it is the restart that they waited for");
    assert!(rows(&["--until", "29"]).0.is_empty());
    assert!(rows(&["--since", "44.5"]).0.is_empty());
    let missing = program().args(["report", "--restart", "7"]).args(files()).output().expect("it starts");
    assert!(missing.status.code() == Some(2) && text(&missing.stderr).contains("no restart 7"));
}

/// An ssh that plays the recording that is named like the host, and then stays.
fn fake_ssh(directory: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let bin = directory.join("bin");
    fs::create_dir(&bin).expect("a directory");
    let script = format!(
        "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\ncat \"{}/$2.ndjson\"\nexec sleep 60\n",
        fixture("paired").display()
    );
    fs::write(bin.join("ssh"), script).expect("written");
    fs::set_permissions(bin.join("ssh"), fs::Permissions::from_mode(0o755)).expect("executable");
    format!("{}:{}", bin.display(), std::env::var("PATH").expect("a path"))
}

const SSH: [&str; 3] = ["ssh://server", "ssh://client", "ssh://second"];

/// Runs it until it has said or written something, ends it by Ctrl-C, and takes what it said.
fn interrupted(mut command: Command, enough: impl Fn(&str) -> bool) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut out = child.stdout.take().expect("a pipe");
    let (send, said) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let (mut all, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = out.read(&mut piece) {
            all.extend_from_slice(&piece[..length]);
            let _ = send.send(text(&all));
        }
        all
    });
    let until = Instant::now() + Duration::from_secs(60);
    let mut so_far = String::new();
    while !enough(&so_far) {
        assert!(Instant::now() < until, "{so_far}");
        so_far = said.recv_timeout(Duration::from_millis(50)).unwrap_or(so_far);
    }
    interrupt(&child);
    let mut stderr = Vec::new();
    child.stderr.take().expect("a pipe").read_to_end(&mut stderr).expect("readable");
    let status = child.wait().expect("it ends");
    Output { status, stdout: reader.join().expect("read"), stderr }
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).expect("a signal");
}

#[test]
fn hosts_recorded_over_ssh_into_one_file_are_read_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = fake_ssh(directory.path());
    let file = directory.path().join("all.ndjson");
    let mut command = program();
    command.arg("record").args(SSH).arg("-o").arg(&file).env("PATH", &path);
    let written = |_: &str| fs::read_to_string(&file).is_ok_and(|text| text.matches("\"stall_end\"").count() == 2);
    let output = interrupted(command, written);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("nfsgrace: server: restart 2: nfsd asked who its clients were"), "{said}");
    assert!(said.contains("diagnosed: nfsdcld-not-running"), "{said}");
    let times = |word: &str| said.matches(word).count();
    assert_eq!(times("suspected: "), times("withdrawn: "), "only what was said is taken back: {said}");

    let paired = |sources: &[PathBuf]| {
        let lines = nfsgrace(&["report", "--format", "json"], sources);
        let line: Value = serde_json::from_str(lines.lines().last().expect("lines")).expect("JSON");
        [line["causes"].clone(), line["stalls"].clone(), line["rpcs"].clone()]
    };
    assert_eq!(paired(std::slice::from_ref(&file)), paired(&files()));
    let names = fs::read_to_string(&file).expect("written");
    assert!(SSH.iter().all(|name| names.contains(&format!("\"source\":\"{name}\""))), "as the user called them");
}

#[test]
fn what_is_watched_and_recorded_is_seen_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = fake_ssh(directory.path());
    let file = directory.path().join("all.ndjson.zst");
    let mut command = program();
    command.args(["watch", "--format", "json", "--record"]).arg(&file).args(SSH).env("PATH", &path);
    let live = interrupted(command, |so_far| so_far.matches("\"stall_end\"").count() == 2);
    assert_eq!(live.status.code(), Some(1), "{}", text(&live.stderr));
    let again = program().args(["watch", "--speed", "max", "--format", "json"]).arg(&file).output().expect("it starts");
    assert_eq!(again.status.code(), Some(1), "{}", text(&again.stderr));
    // What was concluded in the end, but for when that was.
    let concluded = |lines: &str| {
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let last = |of: &str, lines: &[Value]| {
            let rows = lines.iter().filter(|line| line["type"] == "summary").map(|line| line[of].clone());
            rows.collect::<Vec<_>>()
        };
        let lines: Vec<_> = lines.collect();
        let paired = lines.last().expect("lines");
        assert_eq!(paired["type"], "paired");
        let events: Vec<_> = lines.iter().filter(|line| line["type"] == "event").cloned().collect();
        (events, last("stalls", &lines), last("clients", &lines), paired["causes"].clone(), paired["stalls"].clone())
    };
    assert_eq!(concluded(&text(&again.stdout)), concluded(&text(&live.stdout)));
}

#[test]
fn every_mode_ends_on_ctrl_c_with_its_verdict() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = fake_ssh(directory.path());
    let mut watch = program();
    watch.arg("watch").args(SSH).env("PATH", &path);
    let mut replay = program();
    replay.args(["watch", "--speed", "5"]).args(files());
    let mut one = program();
    one.args(["watch", "--speed", "5"]).arg(&files()[0]);
    for command in [watch, replay, one] {
        let shown = format!("{command:?}");
        let output = interrupted(command, |so_far| so_far.contains("VERDICT nfsdcld-not-running"));
        let said = text(&output.stdout);
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(1), ""), "{shown}");
        assert!(said.matches("nfsdcld-not-running").count() > 1, "the closing summary has it, too: {said}");
    }
}

#[test]
fn a_report_of_a_pipe_ends_on_ctrl_c_with_what_came_until_then() {
    let (directory, all) = recorded("all.ndjson", &files());
    for file in [files()[0].clone(), all] {
        let mut command = program();
        command.args(["report", "-"]).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(&fs::read(&file).expect("there")).expect("it reads");
        stdin.flush().expect("it reads");
        // It reads on, for more may come.
        let until = Instant::now() + Duration::from_secs(60);
        while rustix::io::ioctl_fionread(&stdin).is_ok_and(|left| left > 0) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_secs(2));
        interrupt(&child);
        let output = child.wait_with_output().expect("it ends");
        let said = text(&output.stdout);
        assert!(output.status.code() == Some(1) && said.contains("nfsdcld-not-running"), "{said}");
        drop(stdin);
    }
    drop(directory);
}

#[test]
fn a_pipe_of_several_hosts_is_watched_recorded_and_reported() {
    let (directory, all) = recorded("all.ndjson", &files());
    let bytes = fs::read(&all).expect("there");
    let through = |arguments: &[&str]| {
        let mut child =
            program().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("a pipe").write_all(&bytes).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        text(&output.stdout)
    };
    let copy = directory.path().join("copy.ndjson").display().to_string();
    let expected = nfsgrace(&["report", "--format", "json"], &[all]);
    assert_eq!(through(&["report", "--format", "json", "-"]), expected);
    assert!(through(&["watch", "-"]).contains("on server (restart 2) cost 2 tasks on 2 hosts"));
    through(&["record", "-", "-o", &copy]);
    assert_eq!(nfsgrace(&["report", "--format", "json"], &[copy.into()]), expected);
    let stream = program().args(["record", "-o", "-"]).args(files()).output().expect("it starts");
    let first: Value =
        serde_json::from_slice(stream.stdout.split(|byte| *byte == b'\n').next().expect("a line")).expect("JSON");
    assert_eq!(first["sources"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_host_that_stands_in_two_files_is_told_once() {
    let (_directory, all) = recorded("all.ndjson", &files());
    let both = [all.clone(), files()[0].clone()];
    let summaries = |sources: &[PathBuf]| {
        let lines = nfsgrace(&["report", "--format", "json"], sources);
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let rows = lines.iter().filter(|line| line["type"] == "summary");
        let mut rows: Vec<_> = rows.map(|line| line["stalls"].to_string() + &line["restarts"].to_string()).collect();
        rows.sort();
        rows
    };
    assert_eq!(summaries(&both), summaries(&[all]));
}

#[test]
fn a_file_of_several_hosts_that_was_cut_is_read_up_to_there() {
    let (directory, all) = recorded("all.ndjson", &files());
    let bytes = fs::read(&all).expect("there");
    let ends: Vec<_> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    for cut in [ends[1] + 1, ends[5] + 30, ends[40], ends[40] + 1, ends[60] + 200, bytes.len() - 1] {
        let path = directory.path().join(format!("cut-{cut}.ndjson"));
        fs::write(&path, &bytes[..cut]).expect("written");
        let output = program().args(["report", "--format", "json"]).arg(&path).output().expect("it starts");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{cut}: {}", text(&output.stderr));
        let torn = bytes[cut - 1] != b'\n' && bytes.get(cut) != Some(&b'\n');
        assert_eq!(text(&output.stdout).contains("is cut off at its end"), torn, "{cut}");
    }
}

/// Writes the lines of a recording of several hosts once more, with such a rotation.
fn rewritten(all: &Path, directory: &Path, name: &str, rotation: Rotation) -> Vec<PathBuf> {
    let mut read = SessionFile::open(all).expect("a session");
    let now = Instant::now();
    let mut store = Store::create(&directory.join(name), Some(rotation), now).expect("a store");
    while let Some(item) = read.next() {
        match item.expect("readable") {
            Item::Line(line) => store.write(&line, now).expect("a file"),
            Item::From { source, line } => {
                let source = read.source(source).expect("its name").to_owned();
                store.write_from(Some(&source), &line, now).expect("a file");
            }
            Item::Skipped(skipped) => panic!("{skipped:?}"),
        }
        store.flush(now).expect("a file");
    }
    store.finish(now).expect("a file");
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let stem = name.split('.').next().expect("a name");
    let of_series =
        |path: &PathBuf| path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(&format!("{stem}-")));
    let mut files: Vec<_> = entries.filter(of_series).collect();
    files.sort();
    files
}

#[test]
fn a_recording_of_several_hosts_goes_on_in_further_files() {
    let (directory, all) = recorded("all.ndjson", &files());
    let json = |sources: &[PathBuf]| nfsgrace(&["report", "--format", "json"], sources);
    let whole = json(std::slice::from_ref(&all));
    for (name, size) in [("a.ndjson", 1), ("b.ndjson.zst", 1), ("c.ndjson", 20_000)] {
        let series = rewritten(&all, directory.path(), name, Rotation { size: Some(size), ..Rotation::default() });
        assert!(series.len() > 2, "{name}: {} files", series.len());
        assert_eq!(json(&series), whole, "{name}: all of them are the recording");
        // A file that begins in the middle of the incident is understood alone.
        let middle = &series[series.len() / 2];
        let text = nfsgrace(&["report"], std::slice::from_ref(middle));
        assert!(text.contains("3 hosts on one timeline") && text.contains("nfsdcld-not-running"), "{name}: {text}");
        // One that is missing is said to be.
        let but_one: Vec<_> = [&series[..series.len() / 2], &series[series.len() / 2 + 1..]].concat();
        assert!(json(&but_one).contains("file_missing"), "{name}");
    }
    let rotation = Rotation { size: Some(8_000), age: None, retain: Some(Retain::Bytes(60_000)) };
    let kept = rewritten(&all, directory.path(), "d.ndjson", rotation);
    let total: u64 = kept.iter().map(|file| fs::metadata(file).expect("there").len()).sum();
    assert!(total <= 60_000 + 8_000, "{total}");
}

#[test]
fn a_source_that_is_named_twice_is_refused_everywhere() {
    for command in ["watch", "record"] {
        let output = program().args([command, "ssh://a", "ssh://a", "-o", "/nowhere/x"]).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2));
    }
    let twice = program().args(["watch", "ssh://a", "ssh://a"]).output().expect("it starts");
    assert!(text(&twice.stderr).contains("named twice"), "{}", text(&twice.stderr));
}
