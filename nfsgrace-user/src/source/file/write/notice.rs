//! What somebody who keeps a recording must be told.

use std::{fmt, io, path::PathBuf};

use crate::record::Stamp;

/// Something happened to a recording.
#[derive(Debug)]
pub enum Notice {
    /// It cannot be written any more; said once, until it can again.
    Stopped {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is written again.
    Resumed {
        /// The file.
        file: PathBuf,
        /// So many lines are missing.
        lost: u64,
    },
    /// Somebody removed or replaced the file; it goes on in another one.
    Removed {
        /// The file that is gone.
        file: PathBuf,
        /// The one that is written now.
        next: PathBuf,
    },
    /// The next file cannot be begun: the one before grows beyond its bound.
    NoNextFile {
        /// The file that could not be made.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The disk does not confirm what was written.
    NotOnDisk {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped { file, error } => {
                let file = file.display();
                write!(f, "recording to {file} STOPPED: {error}. ")?;
                match cause(error) {
                    "disk_full" => write!(f, "It goes on by itself when there is space; what is missing will be noted"),
                    _ => write!(f, "It is tried again with all that comes; what is missing will be noted"),
                }
            }
            Self::Resumed { file, lost: 0 } => write!(f, "recording to {} goes on; nothing is missing", file.display()),
            Self::Resumed { file, lost } => {
                write!(f, "recording to {} goes on; {lost} lines are missing", file.display())
            }
            Self::Removed { file, next } => {
                write!(f, "{} was removed; recording goes on in {}", file.display(), next.display())
            }
            Self::NoNextFile { file, error } => {
                write!(f, "cannot begin {}: {error}; recording goes on in the file before", file.display())
            }
            Self::NotOnDisk { file, error } => {
                write!(f, "the disk did not confirm what was written to {}: {error}; check the disk", file.display())
            }
        }
    }
}

/// The cause of a loss, as the session names it.
pub(super) fn cause(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => "disk_full",
        _ => "write_failed",
    }
}

/// Lines that could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) lines: u64,
    pub(super) cause: &'static str,
    /// Time of the first line that is missing.
    pub(super) since: Stamp,
}
