//! Twenty hosts at a thousand records a second each: what that takes, and how late they are heard.

use std::{
    io::Write as _,
    os::unix::net::UnixStream,
    thread,
    time::{Duration, Instant},
};

use nfsgrace::{
    record::{Claim, Client, Event, Header, Kind, Line, Netns, ServerOp, Stamp, Task, encode},
    source::{heard::FromSource, live::clock, several::Sources, stream::Feed},
};
use rustix::time::{ClockId, clock_gettime};

const SOURCES: usize = 20;
const PER_SECOND: u64 = 1000;
const SECONDS: u64 = 3;

fn refused(at: Stamp, xid: u32) -> Line {
    let client = Client {
        addr: Some([192, 0, 2, 7].into()),
        name: Some("Linux NFSv4.2 client1.example".to_owned()),
        minor: Some(2),
    };
    let name = Some(format!("a-file-of-medium-length-{xid}.o"));
    let claim = Some(Claim::Null);
    let kind = Kind::Refused {
        op: ServerOp::Open,
        client,
        xid: Some(xid),
        claim,
        name,
        in_grace: Some(true),
        took_ns: 103_900,
    };
    let task = Task { pid: 191, tid: 191, comm: "nfsd".to_owned() };
    Line::Event(Event { at, task, netns: Some(Netns(4_026_531_833)), kind })
}

/// Writes to all hosts, a record each millisecond, each with one call as a recorder does that is not busy.
fn play(mut hosts: Vec<UnixStream>) {
    let mut text = Vec::new();
    encode(&Line::Header(Box::new(Header { started: clock::now(), ..Header::default() })), &mut text);
    hosts.iter_mut().for_each(|host| host.write_all(&text).expect("a listener"));
    let began = Instant::now();
    for number in 0..PER_SECOND * SECONDS {
        let due = began + Duration::from_micros(number * 1_000_000 / PER_SECOND);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        for host in &mut hosts {
            text.clear();
            encode(&refused(clock::now(), number as u32), &mut text);
            host.write_all(&text).expect("a listener");
        }
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn twenty_sources_take_little_and_are_heard_soon() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut sources = Sources::new();
        let mut hosts = Vec::new();
        for number in 0..SOURCES {
            let (ours, theirs) = UnixStream::pair().expect("a pair");
            ours.set_nonblocking(true).expect("a socket");
            let ours = tokio::net::UnixStream::from_std(ours).expect("a socket");
            sources.add_stream(format!("host{number}"), ours, Feed::Live);
            hosts.push(theirs);
        }
        let player = thread::spawn(move || play(hosts));
        let (began, before) = (Instant::now(), processor_time());
        let mut late = Vec::new();
        let mut counts = vec![0_u64; SOURCES];
        while let Some(heard) = sources.next().await {
            let now = clock::now();
            for (id, it) in heard {
                match it {
                    FromSource::Line(Line::Event(event)) => {
                        counts[id.0] += 1;
                        late.push(now.since(event.at));
                    }
                    FromSource::Line(Line::Header(_)) | FromSource::Ended { why: None } => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        let (took, busy) = (began.elapsed(), processor_time() - before);
        player.join().expect("no panic");
        late.sort();
        let share = busy.as_secs_f64() / took.as_secs_f64() * 100.0;
        let (middle, last) = (late[late.len() / 2], late[late.len() - 1]);
        eprintln!(
            "{} records from {SOURCES} sources in {:.1} s: {share:.1} % of a core, {middle:?} late at the median, {last:?} at most",
            late.len(),
            took.as_secs_f64(),
        );
        assert!(counts.iter().all(|count| *count == PER_SECOND * SECONDS), "{counts:?}");
        // Only an optimized program is what users run, and what is worth a measurement.
        if !cfg!(debug_assertions) {
            assert!(share < 25.0, "{share}");
            assert!(late[late.len() * 99 / 100] < Duration::from_millis(250), "{last:?}");
        }
    });
}
