//! The tracks of a trace: one group per host, in it one per network namespace with a server, and one of stalled tasks.
//!
//! All are tracks of their own with a parent, rather than Perfetto's tracks of processes and threads: these are told apart
//! by their numbers, which several hosts share, and cannot be ordered.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::{
    record::{Manager, Netns, Task},
    view::clean,
};

/// A place for events.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) enum Track<'a> {
    /// All of one host.
    Host,
    /// Verdicts.
    Diagnosis,
    /// Missing records.
    Losses,
    /// How many records are missing.
    Lost,
    /// How many tasks wait.
    Waiting,
    /// What nfsd wrote to the kernel log.
    KernelLog,
    /// The server of one namespace.
    Server(Option<Netns>),
    /// Its starts, with the trackers that it tries.
    Start(Option<Netns>),
    /// Its grace periods.
    Grace(Option<Netns>, Manager),
    /// What else happens to it.
    Happenings(Option<Netns>),
    /// Refused operations.
    Refusals(Option<Netns>),
    /// How many operations were refused.
    Refused(Option<Netns>),
    /// The same, as the kernel side counts it.
    Counted(Option<Netns>),
    /// Clients that come back.
    Clients(Option<Netns>),
    /// All stalled tasks.
    Tasks,
    /// One stalled task.
    Task(&'a Task),
    /// What of its stalls lies after the end of the grace period.
    Tail(&'a Task),
}

/// What a track holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Other tracks, by their rank.
    Ranked,
    /// Other tracks, in the order of their first events.
    Chronological,
    /// Slices and instants.
    Slices,
    /// A number of these.
    Counter(&'static str),
}

/// How a track is shown.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) parent: Option<Track<'a>>,
    pub(super) name: String,
    /// Place among the tracks of the same parent.
    pub(super) rank: i32,
    pub(super) holds: Holds,
}

impl Track<'_> {
    /// A number for it that no other track of the trace has.
    pub(super) fn uuid(self, host: u32) -> u64 {
        let mut hasher = DefaultHasher::new();
        (host, self).hash(&mut hasher);
        // 0 is the whole trace.
        hasher.finish().max(1)
    }

    /// How it is shown.
    pub(super) fn shown(&self, host: &str) -> Shown<'_> {
        use Holds::{Chronological, Counter, Ranked, Slices};
        let (parent, name, rank, holds) = match *self {
            Self::Host => (None, host.to_owned(), 0, Ranked),
            Self::Diagnosis => (Some(Track::Host), "diagnosis".to_owned(), 0, Slices),
            Self::Losses => (Some(Track::Host), "LOST records".to_owned(), 1, Slices),
            Self::Lost => (Some(Track::Host), "records lost so far".to_owned(), 2, Counter("records")),
            Self::Server(netns) => (Some(Track::Host), server_name(netns), 3, Ranked),
            Self::Waiting => (Some(Track::Host), "stalled tasks at a time".to_owned(), 4, Counter("tasks")),
            Self::Tasks => (Some(Track::Host), "stalled tasks".to_owned(), 5, Chronological),
            Self::KernelLog => (Some(Track::Host), "kernel log".to_owned(), 6, Slices),
            Self::Start(netns) => (Some(Track::Server(netns)), "start".to_owned(), 0, Slices),
            Self::Grace(netns, Manager::Nfsd) => (Some(Track::Server(netns)), "grace period".to_owned(), 1, Slices),
            Self::Grace(netns, Manager::Lockd) => {
                (Some(Track::Server(netns)), "lockd's grace period".to_owned(), 2, Slices)
            }
            Self::Happenings(netns) => (Some(Track::Server(netns)), "other events".to_owned(), 3, Slices),
            Self::Refusals(netns) => (Some(Track::Server(netns)), "refusals".to_owned(), 4, Slices),
            Self::Refused(netns) => (Some(Track::Server(netns)), "refused so far".to_owned(), 5, Counter("operations")),
            Self::Counted(netns) => {
                (Some(Track::Server(netns)), "refused, as counted in the kernel".to_owned(), 6, Counter("operations"))
            }
            Self::Clients(netns) => (Some(Track::Server(netns)), "clients come back".to_owned(), 7, Slices),
            Self::Task(task) => (Some(Track::Tasks), task_name(task), 0, Slices),
            Self::Tail(task) => (Some(Track::Task(task)), "tail after the grace period".to_owned(), 0, Slices),
        };
        Shown { parent, name, rank, holds }
    }
}

fn server_name(netns: Option<Netns>) -> String {
    netns.map_or_else(|| "nfsd".to_owned(), |Netns(inode)| format!("nfsd in network namespace {inode}"))
}

fn task_name(task: &Task) -> String {
    let Task { pid, tid, comm } = task;
    let comm = clean(comm);
    if pid == tid { format!("{comm} {pid}") } else { format!("{comm} {pid}, thread {tid}") }
}
