//! All sources of a session. Each has its turn, however much the others send, and however silent they are.

use std::{future::poll_fn, task::Poll, time::Duration};

use anyhow::Result;
use tokio::{io::AsyncRead, sync::mpsc, task::JoinHandle, time::timeout};

use super::{
    heard::FromSource,
    live::Live,
    ssh::Ssh,
    stdin,
    stop::{Stop, Stopped},
    stream::{Feed, Stream},
};
use crate::record::Line;

/// Batches of one source that wait to be taken.
const WAITING: usize = 2;
/// How long the end of all sources may take.
const END: Duration = Duration::from_secs(5);

/// One of several sources; they are numbered in the order in which they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub usize);

/// What was heard, and from whom.
pub type Heard = Vec<(SourceId, FromSource)>;

/// All sources of a session. Needs a tokio runtime with I/O and time.
#[derive(Default)]
pub struct Sources {
    names: Vec<String>,
    local: Option<Local>,
    /// What is to be told before anything else.
    first: Heard,
    taps: Vec<Tap>,
    turn: usize,
    stop: Stop,
}

struct Local {
    id: SourceId,
    live: Option<Box<Live>>,
}

/// A source that is read by a task of its own.
struct Tap {
    id: SourceId,
    from: mpsc::Receiver<Vec<FromSource>>,
    open: bool,
    task: JoinHandle<()>,
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sources {
    /// No sources yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// What the user called each source.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The running kernel, if it is one of them, and which.
    #[must_use]
    pub fn local(&self) -> Option<(SourceId, &Live)> {
        let Local { id, live } = self.local.as_ref()?;
        Some((*id, live.as_deref()?))
    }

    /// Adds the running kernel. There is one.
    pub fn add_local(&mut self, live: Live) -> SourceId {
        let id = self.id("local".to_owned());
        self.first.push((id, FromSource::Line(Line::Header(Box::new(live.header().clone())))));
        self.local = Some(Local { id, live: Some(Box::new(live)) });
        id
    }

    /// Adds standard input.
    ///
    /// # Errors
    ///
    /// Where it is a terminal.
    pub fn add_stdin(&mut self) -> Result<SourceId> {
        Ok(self.add_stream("-".to_owned(), stdin::open()?, Feed::Pipe))
    }

    /// Adds anything that a session can be read from.
    pub fn add_stream(&mut self, name: String, from: impl AsyncRead + Unpin + Send + 'static, feed: Feed) -> SourceId {
        self.add(name, |out, stop| read(Stream::new(from, feed), out, stop))
    }

    /// Adds another host.
    pub fn add_ssh(&mut self, ssh: Ssh) -> SourceId {
        self.add(ssh.target.to_string(), |out, stop| ssh.run(out, stop))
    }

    /// Waits for what comes next, at most one batch from each source; `None` when all have ended. Safe to cancel: nothing
    /// that was taken is dropped.
    pub async fn next(&mut self) -> Option<Heard> {
        if !self.first.is_empty() {
            return Some(std::mem::take(&mut self.first));
        }
        let Self { local, taps, turn, .. } = self;
        tokio::select! {
            Some(heard) = next_local(local.as_mut()) => Some(heard),
            Some(heard) = next_of(taps, turn) => Some(heard),
            else => None,
        }
    }

    /// Ends all sources: what they still had to say. The program on other hosts ends, too.
    pub async fn finish(mut self) -> Heard {
        let mut heard = std::mem::take(&mut self.first);
        self.stop.tell();
        if let Some(Local { id, live: Some(live) }) = self.local.take() {
            heard.extend(match live.finish() {
                Ok(lines) => lines.into_iter().map(|line| (id, FromSource::Line(line))).collect(),
                Err(error) => vec![(id, FromSource::Ended { why: Some(format!("{error:#}")) })],
            });
        }
        let Self { taps, turn, .. } = &mut self;
        let _ = timeout(END, async {
            while let Some(more) = next_of(taps, turn).await {
                heard.extend(more);
            }
        })
        .await;
        heard
    }

    fn id(&mut self, name: String) -> SourceId {
        self.names.push(name);
        SourceId(self.names.len() - 1)
    }

    fn add<F>(&mut self, name: String, run: impl FnOnce(mpsc::Sender<Vec<FromSource>>, Stopped) -> F) -> SourceId
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let id = self.id(name);
        let (out, from) = mpsc::channel(WAITING);
        let task = tokio::spawn(run(out, self.stop.listen()));
        self.taps.push(Tap { id, from, open: true, task });
        id
    }
}

/// `None` when it has ended, or there is none.
async fn next_local(local: Option<&mut Local>) -> Option<Heard> {
    let Local { id, live } = local?;
    match live.as_mut()?.next().await {
        Ok(lines) => Some(lines.into_iter().map(|line| (*id, FromSource::Line(line))).collect()),
        Err(error) => {
            *live = None;
            Some(vec![(*id, FromSource::Ended { why: Some(format!("{error:#}")) })])
        }
    }
}

/// A batch from each that has one; `None` when all have ended. Each call begins with another source.
async fn next_of(taps: &mut [Tap], turn: &mut usize) -> Option<Heard> {
    *turn = turn.wrapping_add(1);
    let first = *turn;
    poll_fn(|context| {
        let mut heard = Vec::new();
        let count = taps.len();
        for number in 0..count {
            let Some(tap) = taps.get_mut(first.wrapping_add(number) % count) else { continue };
            if !tap.open {
                continue;
            }
            match tap.from.poll_recv(context) {
                Poll::Ready(Some(batch)) => heard.extend(batch.into_iter().map(|it| (tap.id, it))),
                Poll::Ready(None) => tap.open = false,
                Poll::Pending => {}
            }
        }
        match heard.is_empty() {
            false => Poll::Ready(Some(heard)),
            true if taps.iter().any(|tap| tap.open) => Poll::Pending,
            true => Poll::Ready(None),
        }
    })
    .await
}

/// Reads one stream to its end, or until it is told to stop.
async fn read<R: AsyncRead + Unpin>(mut stream: Stream<R>, out: mpsc::Sender<Vec<FromSource>>, mut stop: Stopped) {
    let ended = loop {
        let heard = tokio::select! {
            biased;
            () = stop.told() => break None,
            heard = stream.next() => heard,
        };
        match heard {
            Ok(Some(heard)) => {
                if out.send(heard).await.is_err() {
                    return;
                }
            }
            Ok(None) if stream.has_header() => break None,
            Ok(None) => break Some("it has no header: that is no session".to_owned()),
            Err(error) => break Some(error.to_string()),
        }
    };
    let _ = out.send(vec![FromSource::Ended { why: ended }]).await;
}
