//! Has the disk keep what was written, on a thread of its own: a disk may take seconds, in which events would be lost.

use std::{
    fs::File,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

/// What is waiting for the disk at most; who comes when it is full tries again later.
const WAITING: usize = 8;

enum Job {
    /// `fdatasync`
    Data(File),
    /// `fsync` of a directory, so that a new file's name is kept as well.
    Directory(PathBuf),
}

/// The thread that waits for the disk.
pub(super) struct Disk {
    jobs: mpsc::SyncSender<Job>,
    thread: JoinHandle<()>,
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl Disk {
    pub(super) fn new() -> Self {
        let (jobs, waiting) = mpsc::sync_channel(WAITING);
        let failed = Arc::new(Mutex::new(None));
        let report = Arc::clone(&failed);
        let thread = thread::spawn(move || {
            for job in waiting {
                if let Err(error) = run(job) {
                    *report.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            }
        });
        Self { jobs, thread, failed }
    }

    /// Asks for what was written to `file`; whether there was room for the wish.
    pub(super) fn keep(&self, file: &File) -> bool {
        file.try_clone().is_ok_and(|file| self.jobs.try_send(Job::Data(file)).is_ok())
    }

    /// Asks for the names in a directory.
    pub(super) fn keep_names(&self, directory: PathBuf) {
        let _ = self.jobs.try_send(Job::Directory(directory));
    }

    /// What failed since the last call.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Asks for what was written to `file`, and waits for that and all before it.
    pub(super) fn finish(self, file: &File) -> io::Result<()> {
        let Self { jobs, thread, failed } = self;
        let asked = file.try_clone().map(|file| jobs.send(Job::Data(file)));
        drop(jobs);
        let _ = thread.join();
        let failed = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        asked?.map_err(io::Error::other).and(failed.map_or(Ok(()), Err))
    }
}

fn run(job: Job) -> io::Result<()> {
    match job {
        Job::Data(file) => file.sync_data(),
        // Some network file systems have no such thing.
        Job::Directory(path) => File::open(path)?.sync_all().or(Ok(())),
    }
}
