use super::*;
use crate::{record::Task, source::spec::Spec};

fn ssh(target: &str) -> Ssh {
    match target.parse() {
        Ok(Spec::Ssh(target)) => Ssh::new(target),
        other => panic!("{target}: {other:?}"),
    }
}

fn arguments(ssh: &Ssh) -> Vec<String> {
    ssh.command().as_std().get_args().map(|argument| argument.to_string_lossy().into_owned()).collect()
}

#[test]
fn options_come_before_the_host_and_the_command_after_it() {
    let mut ssh = ssh("ssh://root@client1:2222");
    ssh.role = Role::Client;
    let arguments = arguments(&ssh);
    let end = arguments.iter().position(|argument| argument == "--").expect("a --");
    assert_eq!(arguments[end + 1..], ["root@client1", "nfsgrace record - --role client"]);
    assert!(arguments[..end].windows(2).any(|pair| pair == ["-p", "2222"]));
    assert!(arguments[..end].windows(2).any(|pair| pair == ["-o", "BatchMode=yes"]));
}

#[test]
fn a_path_is_one_word_for_the_shell_there() {
    for (path, word) in [
        ("nfsgrace", "nfsgrace"),
        ("/opt/my tools/nfsgrace", "'/opt/my tools/nfsgrace'"),
        ("~/bin/nfsgrace", "./bin/nfsgrace"),
        ("a; reboot #", "'a; reboot #'"),
        ("it's", r#""it's""#),
        ("$(id)", "'$(id)'"),
        ("", "''"),
    ] {
        let mut ssh = ssh("ssh://host");
        path.clone_into(&mut ssh.remote_path);
        assert_eq!(ssh.remote_command(), format!("{word} record -"));
        let script = format!("printf '%s|' {}", ssh.remote_command());
        let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
        let seen = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(seen, format!("{}|record|-|", path.replacen("~/", "./", 1)));
    }
}

#[test]
fn retries_come_slower_and_slower_until_a_connection_held() {
    let mut backoff = Backoff::new(Patience::default());
    let mut waits: Vec<u64> = (0..7).map(|_| backoff.after(Duration::ZERO).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    waits.clear();
    waits.extend([29, 31, 5].map(|held| backoff.after(Duration::from_secs(held)).as_secs()));
    assert_eq!(waits, [30, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_back_says_what_became_of_its_clock() {
    let header = |boot_id: &str, at| Header { boot_id: boot_id.to_owned(), started: Stamp(at), ..Header::default() };
    let line = |header| vec![FromSource::Line(Line::Header(Box::new(header)))];
    let second = 1_000_000_000;
    let mut host = Host { known: None, lost: None };
    let heard = host.heard(line(header("a", 10 * second)), Some(Stamp(15 * second)));
    assert_eq!(heard.len(), 1);

    host.lost = Some(Instant::now());
    tokio::time::advance(Duration::from_secs(7)).await;
    let heard = host.heard(line(header("a", 25 * second)), Some(Stamp(25 * second)));
    let FromSource::Back { away, clock: Clock::Same } = heard[1] else { panic!("{heard:?}") };
    assert_eq!(away, Duration::from_secs(7));
    let FromSource::Line(Line::Loss(loss)) = &heard[2] else { panic!("{heard:?}") };
    assert_eq!((loss.at, loss.cause.as_str()), (Stamp(25 * second), "not_connected"));
    assert!(loss.hides.contains("10.0 s"), "{}", loss.hides);

    host.lost = Some(Instant::now());
    tokio::time::advance(Duration::from_secs(40)).await;
    let heard = host.heard(line(header("b", 8 * second)), Some(Stamp(8 * second)));
    assert!(matches!(heard[1], FromSource::Back { clock: Clock::Other, .. }), "{heard:?}");
    let FromSource::Line(Line::Loss(loss)) = &heard[2] else { panic!("{heard:?}") };
    assert!(loss.hides.contains("40.0 s"), "{}", loss.hides);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_back_does_not_tell_its_kernel_log_again() {
    let header = |boot_id: &str, at| {
        let header = Header { boot_id: boot_id.to_owned(), started: Stamp(at), ..Header::default() };
        FromSource::Line(Line::Header(Box::new(header)))
    };
    let log = |at| {
        let kind = Kind::KernelLog { text: "NFSD: starting 90-second grace period".to_owned() };
        FromSource::Line(Line::Event(Event { at: Stamp(at), task: Task::default(), netns: None, kind }))
    };
    let logged = |heard: &[FromSource]| -> Vec<u64> {
        let times = heard.iter().filter_map(|it| match it {
            FromSource::Line(Line::Event(event)) => Some(event.at.0),
            _ => None,
        });
        times.collect()
    };
    let mut host = Host { known: None, lost: None };
    let heard = host.heard(vec![header("a", 100), log(5), log(50), log(150)], Some(Stamp(150)));
    assert_eq!(logged(&heard), [5, 50, 150]);
    host.lost = Some(Instant::now());
    let heard = host.heard(vec![header("a", 300), log(5), log(50), log(150), log(200)], Some(Stamp(300)));
    assert_eq!(logged(&heard), [200]);
    host.lost = Some(Instant::now());
    let heard = host.heard(vec![header("b", 60), log(5)], Some(Stamp(60)));
    assert_eq!(logged(&heard), [5]);
}
