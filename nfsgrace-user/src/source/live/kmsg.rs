//! What nfsd and lockd write to the kernel log, from before tracing began too.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt as _},
    path::Path,
    time::Duration,
};

use rustix::{fs::OFlags, io::Errno};

use super::clock;
use crate::record::{Event, Kind, Task};

/// A line of the kernel log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelLine {
    /// Since boot, by the clock that printk uses: it stops in suspend, and may be some milliseconds off.
    pub since_boot: Duration,
    /// Without the time stamp.
    pub text: String,
}

impl KernelLine {
    /// As an event of the session.
    #[must_use]
    pub fn event(self) -> Event {
        Event {
            at: clock::of_kernel_log(self.since_boot),
            task: Task::default(),
            netns: None,
            kind: Kind::KernelLog { text: self.text },
        }
    }
}

/// The kernel log, from its oldest line on.
#[derive(Debug)]
pub struct KernelLog {
    file: File,
}

impl AsRawFd for KernelLog {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.file.as_raw_fd()
    }
}

impl KernelLog {
    /// Opens `/dev/kmsg`.
    ///
    /// # Errors
    ///
    /// Without privilege, or where there is no such device.
    pub fn open(path: &Path) -> io::Result<Self> {
        let nonblock = OFlags::NONBLOCK.bits().cast_signed();
        Ok(Self { file: OpenOptions::new().read(true).custom_flags(nonblock).open(path)? })
    }

    /// The next line that concerns NFS; `None` where there is none for now.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub fn next_line(&mut self) -> io::Result<Option<KernelLine>> {
        let mut buffer = [0_u8; 8192];
        loop {
            match self.file.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(len) => {
                    if let Some(line) = parse(&buffer[..len]).filter(|line| concerns_nfs(&line.text)) {
                        return Ok(Some(line));
                    }
                }
                Err(error) => match Errno::from_io_error(&error) {
                    // Messages were overwritten before they were read; reading goes on with the oldest that is left.
                    Some(Errno::PIPE | Errno::INTR) => {}
                    Some(Errno::AGAIN) => return Ok(None),
                    _ => return Err(error),
                },
            }
        }
    }
}

fn concerns_nfs(text: &str) -> bool {
    ["NFSD:", "nfsd:", "lockd:"].iter().any(|prefix| text.starts_with(prefix))
}

/// `priority,sequence,microseconds,flags;text`, then lines of a dictionary (Documentation/ABI/testing/dev-kmsg).
fn parse(record: &[u8]) -> Option<KernelLine> {
    let record = String::from_utf8_lossy(record);
    let (prefix, rest) = record.split_once(';')?;
    let micros = prefix.split(',').nth(2)?.parse().ok()?;
    let text = rest.lines().next()?.to_owned();
    Some(KernelLine { since_boot: Duration::from_micros(micros), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_of_the_kernel_log() {
        let record = b"4,339,5140900,-;NFSD: Unable to initialize client recovery tracking! (-110)\n SUBSYSTEM=x\n";
        let line = parse(record).unwrap();
        assert_eq!(line.since_boot, Duration::from_micros(5_140_900));
        assert_eq!(line.text, "NFSD: Unable to initialize client recovery tracking! (-110)");
        assert!(concerns_nfs(&line.text));
        assert!(!concerns_nfs("NFS: Registering the id_resolver key type"));
        assert_eq!(parse(b"no semicolon"), None);
    }
}
