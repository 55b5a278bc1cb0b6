use tokio::io::{AsyncWriteExt as _, duplex};

use super::*;
use crate::record::{Event, Header, Kind, SCHEMA, Task, encode};

/// Never has to wait, and never ends: the fastest peer there can be.
struct Flood {
    line: Vec<u8>,
    at: usize,
    first: Vec<u8>,
}

impl AsyncRead for Flood {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let first = std::mem::take(&mut self.first);
        into.put_slice(&first);
        while into.remaining() > 0 {
            let length = into.remaining().min(self.line.len() - self.at);
            into.put_slice(&self.line[self.at..self.at + length]);
            self.at = (self.at + length) % self.line.len();
        }
        Poll::Ready(Ok(()))
    }
}

fn text(lines: &[Line]) -> Vec<u8> {
    let mut text = Vec::new();
    lines.iter().for_each(|line| encode(line, &mut text));
    text
}

fn header(schema: u32) -> Line {
    Line::Header(Box::new(Header { schema, started: Stamp(1_000), program: "7.0".to_owned(), ..Header::default() }))
}

fn start(at: u64) -> Line {
    Line::Event(Event { at: Stamp(at), task: Task::default(), netns: None, kind: Kind::ServerStart })
}

async fn all<R: AsyncRead + Unpin>(mut stream: Stream<R>) -> Vec<FromSource> {
    let mut heard = Vec::new();
    while let Some(more) = stream.next().await.expect("no I/O error") {
        heard.extend(more);
    }
    heard
}

fn lines(heard: &[FromSource]) -> Vec<&Line> {
    heard.iter().filter_map(|it| if let FromSource::Line(line) = it { Some(line) } else { None }).collect()
}

fn skipped(heard: &[FromSource]) -> Vec<&Skipped> {
    heard.iter().filter_map(|it| if let FromSource::Skipped(skipped) = it { Some(skipped) } else { None }).collect()
}

#[tokio::test(start_paused = true)]
async fn garbage_before_and_between_costs_nothing_but_itself() {
    let sent = [
        b"Welcome to client1!\n\x1b[2J\xff\xfe\n".to_vec(),
        text(&[start(5), header(SCHEMA), start(2_000)]),
        b"{\"type\":\n[[[[\n".to_vec(),
        text(&[start(u64::MAX), start(3_000)]),
        b"{\"type\":\"event\",\"t\":30".to_vec(),
    ]
    .concat();
    let heard = all(Stream::new(&sent[..], Feed::Live)).await;
    assert_eq!(lines(&heard), [&header(SCHEMA), &start(2_000), &start(3_000)]);
    let skipped = skipped(&heard);
    assert_eq!(skipped.iter().map(|skipped| skipped.count).sum::<u64>(), 7);
    assert_eq!(skipped[0].line_no, 1);
}

#[tokio::test(start_paused = true)]
async fn a_newer_schema_is_understood_as_far_as_possible_and_said() {
    let sent = [text(&[header(SCHEMA + 1)]), b"{\"type\":\"mood\",\"t\":1}\n".to_vec(), text(&[start(2_000)])].concat();
    let heard = all(Stream::new(&sent[..], Feed::Live)).await;
    assert!(matches!(&heard[0], FromSource::Newer { schema, program } if *schema == SCHEMA + 1 && program == "7.0"));
    assert_eq!(lines(&heard), [&header(SCHEMA + 1), &start(2_000)]);
    assert!(matches!(&skipped(&heard)[0].why, Why::Unreadable(record::Why::UnknownType(name)) if name == "mood"));
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_taken_at_its_pace_and_the_rest_is_counted() {
    let flood = Flood { line: text(&[start(2_000)]), at: 0, first: text(&[header(SCHEMA)]) };
    let mut stream = Stream::new(flood, Feed::Live);
    let began = Instant::now();
    let (mut taken, mut lost) = (0, 0);
    while began.elapsed() < Duration::from_millis(500) {
        for it in stream.next().await.expect("no I/O error").expect("it never ends") {
            match it {
                FromSource::Line(Line::Loss(loss)) if loss.cause == "source_flooded" => lost += loss.count,
                FromSource::Line(_) => taken += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    let turns = 500 / TURN.as_millis() as usize + 2;
    assert!(taken <= turns * LINES_PER_TURN, "{taken}");
    assert!(lost > 500_000, "{lost}");
}

#[tokio::test(start_paused = true)]
async fn a_recording_in_a_pipe_loses_nothing_however_fast_it_comes() {
    let sent: Vec<Line> = std::iter::once(header(SCHEMA)).chain((0..100_000).map(|at| start(2_000 + at))).collect();
    let text = text(&sent);
    let began = Instant::now();
    let heard = all(Stream::new(&text[..], Feed::Pipe)).await;
    assert_eq!(lines(&heard).len(), sent.len());
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn lines_that_come_one_by_one_are_taken_together_and_soon() {
    let (mut peer, ours) = duplex(1 << 16);
    let mut stream = Stream::new(ours, Feed::Live);
    peer.write_all(&text(&[header(SCHEMA)])).await.expect("room");
    stream.next().await.expect("no I/O error");
    let writer = tokio::spawn(async move {
        for at in 0..1000 {
            peer.write_all(&text(&[start(2_000 + at)])).await.expect("room");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let (mut batches, mut count) = (0, 0);
    let began = Instant::now();
    while let Some(heard) = stream.next().await.expect("no I/O error") {
        batches += 1;
        count += lines(&heard).len();
        // The one that came first in this batch waited for a turn at most.
        let oldest = count - lines(&heard).len();
        assert!(began.elapsed() <= Duration::from_millis(oldest as u64) + TURN + Duration::from_millis(2));
    }
    writer.await.expect("no panic");
    assert_eq!(count, 1000);
    assert!(batches <= 55, "{batches}");
}

#[tokio::test(start_paused = true)]
async fn cancelling_loses_nothing() {
    let (mut peer, ours) = duplex(1 << 16);
    let mut stream = Stream::new(ours, Feed::Live);
    let sent = text(&[header(SCHEMA), start(2_000), start(3_000)]);
    let mut heard = Vec::new();
    for byte in sent {
        peer.write_all(&[byte]).await.expect("room");
        for _ in 0..3 {
            if let Ok(more) = tokio::time::timeout(Duration::from_millis(1), stream.next()).await {
                heard.extend(more.expect("no I/O error").expect("not at its end"));
            }
        }
    }
    drop(peer);
    heard.extend(all(stream).await);
    assert_eq!(lines(&heard), [&header(SCHEMA), &start(2_000), &start(3_000)]);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_told_once() {
    struct Broken;
    impl AsyncRead for Broken {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }
    }
    let mut stream = Stream::new(Broken, Feed::Live);
    assert!(stream.next().await.is_err());
    assert!(stream.next().await.expect("told already").is_none());
}

#[tokio::test(start_paused = true)]
async fn long_lines_take_turns_and_what_another_program_concluded_is_passed_over() {
    let long =
        format!("{{\"type\":\"event\",\"t\":2000,\"event\":\"kernel_log\",\"text\":\"{}\"}}\n", "x".repeat(40_000));
    let too_long = long.replace("xx", "xxx");
    let summary = format!("{{\"type\":\"summary\",\"t\":2000,\"x\":\"{}\"}}\n", "x".repeat(100_000));
    let sent = [text(&[header(SCHEMA)]), summary.into(), long.repeat(60).into(), too_long.into()].concat();
    let mut stream = Stream::new(&sent[..], Feed::Live);
    let (mut batches, mut heard) = (0, Vec::new());
    while let Some(more) = stream.next().await.expect("no I/O error") {
        batches += 1;
        heard.extend(more);
    }
    assert_eq!(lines(&heard).len(), 61);
    assert!(batches >= 60 * 40_000 / TEXT_PER_TURN, "{batches}");
    assert_eq!(skipped(&heard).len(), 1);
    assert_eq!(skipped(&heard)[0].why, Why::TooMuchText);
}
