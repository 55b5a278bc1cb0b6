//! The unit of the flight recorder must be one that systemd accepts, starts in time, and keeps in its bounds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use nfsgrace::cli::{Cli, Command as Nfsgrace};
use tempfile::TempDir;

const UNIT: &str = "nfsgrace-record.service";
/// Tenths of what `systemd-analyze security` calls exposure: what is left is what the recorder is there for.
const EXPOSURE: &str = "--threshold=30";

fn unit() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd").join(UNIT);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn analyze(arguments: &[&str], directory: &Path) -> Output {
    let output = Command::new("systemd-analyze").args(arguments).current_dir(directory).output();
    output.unwrap_or_else(|error| panic!("systemd-analyze is missing ({error}): apt-get install systemd"))
}

/// The unit as it is, but with the program that was just built.
fn installed(unit: &str) -> TempDir {
    let directory = TempDir::new().expect("a directory");
    fs::write(directory.path().join(UNIT), unit.replace("/usr/bin/nfsgrace", env!("CARGO_BIN_EXE_nfsgrace")))
        .expect("written");
    directory
}

fn verify(units: &[&str], directory: &TempDir) -> Result<(), String> {
    let output = analyze(&[&["verify", "--man=no"][..], units].concat(), directory.path());
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && !complaints.contains("nfsgrace-record") { Ok(()) } else { Err(complaints) }
}

#[test]
fn systemd_accepts_the_unit() {
    assert_eq!(verify(&[UNIT], &installed(&unit())), Ok(()));
    let misspelt = unit().replace("ProtectHome=", "ProtectHomes=");
    assert!(verify(&[UNIT], &installed(&misspelt)).is_err(), "a mistake is found");
}

#[test]
fn the_recorder_is_up_before_the_server_starts_and_nothing_waits_for_itself() {
    // As in nfs-utils' own unit, which does without the default dependencies.
    let server = "[Unit]\nDefaultDependencies=no\nRequires=network.target\nWants=network-online.target nfsgrace-record.service\n\
        After=network-online.target local-fs.target\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n\
        [Install]\nWantedBy=multi-user.target\n";
    let verified = |server: &str| {
        let directory = installed(&unit());
        fs::write(directory.path().join("nfs-server.service"), server).expect("written");
        verify(&["nfs-server.service", UNIT], &directory)
    };
    assert_eq!(verified(server), Ok(()));
    // A server that would have to come first: the cycle shows that the order is there.
    let first = server.replace("[Service]", "Before=nfsgrace-record.service\n[Service]");
    assert!(verified(&first).expect_err("a cycle").contains("cycl"));
}

#[test]
fn the_recorder_can_do_no_more_than_it_must() {
    let directory = installed(&unit());
    let security = |directory: &TempDir| analyze(&["security", "--offline=true", EXPOSURE, UNIT], directory.path());
    let output = security(&directory);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let lax = unit().replace("NoNewPrivileges=yes", "").replace("CapabilityBoundingSet=", "#");
    assert!(!security(&installed(&lax)).status.success(), "the threshold is not idle");
}

#[test]
fn the_command_in_the_unit_is_one_that_the_program_understands() {
    use clap::Parser as _;
    let unit = unit();
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command");
    let cli = Cli::try_parse_from(command.split_whitespace()).unwrap_or_else(|error| panic!("{error}"));
    let Nfsgrace::Record(record) = cli.command else { panic!("{command}") };
    let rotation = record.rotation().expect("it fits together").expect("it is bounded");
    assert!(rotation.retain.is_some());
    let directory = unit.lines().find_map(|line| line.strip_prefix("StateDirectory=")).expect("a directory");
    assert_eq!(
        record.output().expect("a file").parent(),
        Some(Path::new("/var/lib").join(directory).as_path()),
        "it may write there"
    );
}
