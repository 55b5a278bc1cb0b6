//! `nfsgrace export` as it is called: files, pipes, exit statuses.

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use common::fixture;

fn export(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nfsgrace")).arg("export").args(arguments).output().expect("it starts")
}

fn incident() -> std::path::PathBuf {
    fixture("6.18-no-nfsdcld.ndjson")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("readable");
    let mut names: Vec<_> = entries.map(|it| it.expect("readable").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn the_name_of_the_output_tells_what_is_made() {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, begins) in [("page.html", "<!doctype html>"), ("picture.SVG", "<svg ")] {
        let out = directory.path().join(name);
        let output = export(&[&incident(), Path::new("-o"), &out]);
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "a problem is no failure");
        assert!(fs::read_to_string(&out).expect("written").starts_with(begins));
    }
    assert_eq!(names(directory.path()), ["page.html", "picture.SVG"], "nothing else is left");

    let output = export(&[&incident(), Path::new("-o"), &directory.path().join("ticket")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--format html|svg|perfetto|csv|json"), "{}", stderr(&output));
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    let directory = tempfile::tempdir().expect("a directory");
    let (out, link) = (directory.path().join("page.html"), directory.path().join("link.html"));
    fs::write(&out, "old").expect("written");
    std::os::unix::fs::symlink(&out, &link).expect("linked");

    let missing = directory.path().join("missing.ndjson");
    let output = export(&[&missing, Path::new("-o"), &link]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("missing.ndjson"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&out).expect("there"), "old");

    assert_eq!(export(&[&incident(), Path::new("-o"), &link]).status.code(), Some(0));
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink(), "a link stays one");
    assert!(fs::read_to_string(&out).expect("there").ends_with("</html>\n"));
    assert_eq!(names(directory.path()), ["link.html", "page.html"]);
}

#[test]
fn a_session_is_not_overwritten_by_its_own_export() {
    let directory = tempfile::tempdir().expect("a directory");
    let session = directory.path().join("session.svg");
    fs::copy(incident(), &session).expect("copied");
    let output = export(&[&session, Path::new("-o"), &session]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is the session itself"), "{}", stderr(&output));
    assert_eq!(fs::read(&session).expect("there"), fs::read(incident()).expect("there"));
}

#[test]
fn what_is_no_session_is_said_to_be_none() {
    let directory = tempfile::tempdir().expect("a directory");
    let (text, out) = (directory.path().join("text"), directory.path().join("page.html"));
    fs::write(&text, "no session\n").expect("written");
    let output = export(&[&text, Path::new("-o"), &out]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is no session"), "{}", stderr(&output));
    assert!(!out.exists());
}

#[test]
fn a_torn_session_is_drawn_and_said_to_be_torn() {
    let directory = tempfile::tempdir().expect("a directory");
    let torn = directory.path().join("torn.ndjson");
    let whole = fs::read(incident()).expect("there");
    fs::write(&torn, &whole[..whole.len() - 20]).expect("written");
    let output = export(&[&torn, Path::new("--format"), Path::new("svg"), Path::new("-o"), Path::new("-")]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("is cut off at its end"), "the picture says so itself");
}

#[test]
fn through_pipes_both_ways_and_a_reader_that_has_seen_enough() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nfsgrace"));
    command.args(["export", "-", "--format", "html", "-o", "-"]).stdin(fs::File::open(incident()).expect("there"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}
