//! Hosts over ssh, good and bad: none may harm the others, and what goes wrong is said with what to do about it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use nfsgrace::{
    record::{Event, Line, Stamp},
    source::{
        heard::{Clock, FromSource, Why},
        several::{SourceId, Sources},
        spec::Spec,
        ssh::{Patience, Ssh},
    },
};
use tokio::time::timeout;

const MILLISECOND: Duration = Duration::from_millis(1);
/// Nothing here takes so long, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(60);

struct Lab {
    sources: Sources,
    hosts: Vec<String>,
    memory: tempfile::TempDir,
}

impl Lab {
    fn new(hosts: &[&str]) -> Self {
        let patience = Patience {
            first_retry: MILLISECOND,
            longest_retry: MILLISECOND * 10,
            refused_retry: LIMIT,
            ..Patience::default()
        };
        Self::with(hosts, patience)
    }

    fn with(hosts: &[&str], patience: Patience) -> Self {
        let memory = tempfile::tempdir().expect("a directory");
        let mut sources = Sources::new();
        for host in hosts {
            let Ok(Spec::Ssh(target)) = format!("ssh://root@{host}").parse() else { panic!("{host}") };
            let remote_path = memory.path().join(host).display().to_string();
            std::fs::create_dir(&remote_path).expect("a directory");
            let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fake-ssh");
            sources.add_ssh(Ssh { program, remote_path, patience, ..Ssh::new(target) });
        }
        Self { sources, hosts: hosts.iter().map(|&host| host.to_owned()).collect(), memory }
    }

    /// Listens until `enough` says so of what was heard from each host.
    async fn until(
        &mut self,
        enough: impl Fn(&BTreeMap<String, Vec<FromSource>>) -> bool,
    ) -> BTreeMap<String, Vec<FromSource>> {
        let mut all: BTreeMap<String, Vec<FromSource>> = BTreeMap::new();
        let listening = async {
            while !enough(&all) {
                for (SourceId(number), it) in self.sources.next().await.expect("not all have ended") {
                    let heard = all.entry(self.hosts[number].clone()).or_default();
                    // The floods would take more memory here than the program allows itself.
                    if heard.len() < 10_000 {
                        heard.push(it);
                    }
                }
            }
        };
        let done = timeout(LIMIT, listening).await;
        assert!(
            done.is_ok(),
            "not enough was heard: {:?}",
            all.iter().map(|(host, heard)| (host, heard.len())).collect::<Vec<_>>()
        );
        all
    }

    fn pid(&self, host: &str) -> Option<u32> {
        std::fs::read_to_string(self.memory.path().join(host).join("pid")).ok()?.trim().parse().ok()
    }
}

fn starts(heard: &[FromSource]) -> Vec<u64> {
    let starts = heard.iter().filter_map(|it| match it {
        FromSource::Line(Line::Event(Event { at: Stamp(at), .. })) => Some(*at),
        _ => None,
    });
    starts.collect()
}

fn why(heard: &[FromSource]) -> Option<String> {
    heard.iter().find_map(|it| match it {
        FromSource::Lost { why, .. } => Some(why.clone()),
        _ => None,
    })
}

fn losses(heard: &[FromSource], cause: &str) -> u64 {
    let counts = heard.iter().map(|it| match it {
        FromSource::Line(Line::Loss(loss)) if loss.cause == cause => loss.count,
        _ => 0,
    });
    counts.sum()
}

#[tokio::test]
async fn hostile_hosts_do_no_harm_to_a_good_one() {
    let hostile = ["binary", "endless", "flood", "headers", "times", "names", "noisy", "silent", "garbage"];
    let mut lab = Lab::new(&[&hostile[..], &["good"]].concat());
    let all = lab
        .until(|all| {
            let heard = |host: &str| all.get(host).map_or(0, Vec::len);
            let all_heard = ["binary", "endless", "times", "names", "garbage"].iter().all(|host| heard(host) >= 1);
            all_heard && heard("good") == 3 && heard("flood") > 5_000
        })
        .await;
    assert_eq!(starts(&all["good"]), [2000, 3000]);
    assert!(starts(&all["flood"]).iter().all(|at| *at == 2000));
    drop(all);
    let heard = timeout(LIMIT, lab.sources.finish()).await.expect("an end");
    let ended = heard.iter().filter(|(_, it)| matches!(it, FromSource::Ended { why: None })).count();
    assert_eq!(ended, hostile.len() + 1);
}

#[tokio::test]
async fn impossible_times_are_skipped_and_counted() {
    let mut lab = Lab::new(&["times"]);
    let all = lab.until(|all| all.get("times").is_some_and(|heard| heard.len() >= 3)).await;
    let heard = &all["times"];
    assert_eq!(starts(heard), [2000]);
    let skipped = heard.iter().find_map(|it| if let FromSource::Skipped(skipped) = it { Some(skipped) } else { None });
    let skipped = skipped.expect("two lines were left out");
    assert_eq!((skipped.count, skipped.line_no, &skipped.why), (2, 2, &Why::ImpossibleTime));
}

#[tokio::test]
async fn a_host_that_dies_in_the_middle_of_a_line_joins_again_with_its_clock() {
    let mut lab = Lab::new(&["dies"]);
    let all = lab.until(|all| all.get("dies").is_some_and(|heard| starts(heard).len() == 2)).await;
    let heard = &all["dies"];
    assert_eq!(starts(heard), [2000, 9_000_001_000]);
    assert_eq!(why(heard).as_deref(), Some("client_loop: send disconnect: Broken pipe"));
    assert!(heard.iter().any(|it| matches!(it, FromSource::Back { clock: Clock::Same, .. })));
    assert_eq!(losses(heard, "not_connected"), 1);
}

#[tokio::test]
async fn a_host_that_was_rebooted_has_another_clock() {
    let mut lab = Lab::new(&["reboots"]);
    let back = |it: &FromSource| matches!(it, FromSource::Back { clock: Clock::Other, .. });
    let all = lab.until(|all| all.get("reboots").is_some_and(|heard| heard.iter().any(back))).await;
    assert_eq!(why(&all["reboots"]).as_deref(), Some("its recorder was stopped there"));
}

#[tokio::test]
async fn each_trouble_says_what_to_do() {
    let troubles = [
        ("unknown-key", "connect once by hand, `ssh root@unknown-key`"),
        ("changed-key", "find out why before you remove the old one"),
        ("denied", "no password is asked for here: load a key (`ssh-add`)"),
        ("refused", "Connection refused"),
        ("unresolved", "Could not resolve hostname"),
        ("gone", "Timeout, server gone not responding."),
        (
            "absent",
            "is not installed there: copy this one, a single static file: `scp \"$(command -v nfsgrace)\" root@absent:",
        ),
        ("older", "is older and cannot record for another host: copy this one"),
        ("not-root", "nfsgrace there: loading eBPF programs needs root"),
        ("stopped", "its recorder was stopped there"),
        ("nothing", "wrote no session there: try `ssh root@nothing "),
        ("escapes", "it broke"),
    ];
    let hosts = troubles.map(|(host, _)| host);
    let mut lab = Lab::new(&hosts);
    let all = lab.until(|all| hosts.iter().all(|host| all.get(*host).is_some_and(|heard| why(heard).is_some()))).await;
    for (host, expected) in troubles {
        let why = why(&all[host]).expect("a reason");
        assert!(why.contains(expected), "{host}: {why}");
        assert!(!why.contains(char::is_control), "{host}: {why:?}");
    }
}

#[tokio::test]
async fn silence_is_noticed_before_the_header_and_after_it() {
    let patience = Patience { header: MILLISECOND * 300, silence: MILLISECOND * 300, ..Patience::default() };
    let mut lab = Lab::with(&["silent", "falls-silent"], patience);
    let all = lab.until(|all| all.len() == 2 && all.values().all(|heard| why(heard).is_some())).await;
    assert!(why(&all["silent"]).expect("a reason").contains("no session began within"));
    assert!(why(&all["falls-silent"]).expect("a reason").contains("nothing came from it for"));
}

#[tokio::test]
async fn without_ssh_it_ends_and_says_so() {
    let Ok(Spec::Ssh(target)) = "ssh://host".parse() else { panic!("a host") };
    let mut sources = Sources::new();
    sources.add_ssh(Ssh { program: "/nowhere/ssh".into(), ..Ssh::new(target) });
    let heard = sources.next().await.expect("a reason");
    let FromSource::Ended { why: Some(why) } = &heard[0].1 else { panic!("{heard:?}") };
    assert!(why.contains("openssh-client"), "{why}");
    assert!(sources.next().await.is_none());
}

#[tokio::test]
async fn a_newer_schema_is_said() {
    let mut lab = Lab::new(&["newer"]);
    let all = lab.until(|all| all.get("newer").is_some_and(|heard| heard.len() >= 2)).await;
    assert!(matches!(&all["newer"][0], FromSource::Newer { schema: 9, program } if program == "9.0"));
}

#[tokio::test]
async fn ssh_is_gone_at_the_end() {
    let mut lab = Lab::new(&["good"]);
    lab.until(|all| all.get("good").is_some_and(|heard| starts(heard).len() == 2)).await;
    let pid = lab.pid("good").expect("its process");
    assert!(Path::new(&format!("/proc/{pid}")).exists());
    let Lab { sources, memory: _memory, .. } = lab;
    timeout(LIMIT, sources.finish()).await.expect("an end");
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "ssh still runs");
}
