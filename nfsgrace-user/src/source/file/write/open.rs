//! Makes files, and never writes to one that holds something already.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::{
        fd::AsFd as _,
        unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    medium::{Repair, Target},
    series::Series,
};

/// A recording names hosts, users' programs and paths: not for everybody.
const MODE: u32 = 0o640;

/// A file to write to.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    /// The file itself, for the disk; a stream has none.
    pub(super) file: Option<File>,
    pub(super) target: Box<dyn Target>,
    pub(super) repair: Repair,
    pub(super) zstd: bool,
    /// Whether it was not there before.
    pub(super) is_new: bool,
}

/// A recording could not be begun: why, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum CannotCreate {
    /// There is something in the file.
    #[error(
        "{0} exists, and what was recorded is never overwritten: give another name, or have the files numbered with \
         --rotate-size or --rotate-age"
    )]
    Exists(PathBuf),
    /// There is no directory for it.
    #[error("cannot record to {path}: there is no directory {directory} (mkdir -p {directory})")]
    NoDirectory {
        /// The file.
        path: PathBuf,
        /// Where it should be.
        directory: PathBuf,
    },
    /// The user may not write there.
    #[error(
        "cannot record to {0}: no permission to write there; give a file in a directory that you may write to, or run \
         nfsgrace as root"
    )]
    NoPermission(PathBuf),
    /// Nobody may write there.
    #[error(
        "cannot record to {0}: the file system is mounted read-only; give a file in another one, such as /run or /var/lib"
    )]
    ReadOnly(PathBuf),
    /// It is a directory.
    #[error("cannot record to {0}: it is a directory; give the name of a file in it")]
    Directory(PathBuf),
    /// It is being written.
    #[error("another nfsgrace writes to {0}: end it first, or give another name")]
    Busy(PathBuf),
    /// The disk or the user's part of it is full.
    #[error("cannot record to {0}: no space is left; make some, or give a file on another disk")]
    NoSpace(PathBuf),
    /// The system says no for another reason.
    #[error("cannot record to {path}")]
    Other {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
}

impl CannotCreate {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists(path),
            io::ErrorKind::NotFound => {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                Self::NoDirectory { directory: parent.unwrap_or(Path::new(".")).to_owned(), path }
            }
            io::ErrorKind::PermissionDenied => Self::NoPermission(path),
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(path),
            io::ErrorKind::IsADirectory => Self::Directory(path),
            io::ErrorKind::ResourceBusy => Self::Busy(path),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace(path),
            _ => Self::Other { path, source },
        }
    }
}

/// One file, a pipe or a device; `-` is standard output.
pub(super) fn one(path: &Path) -> Result<Opened, CannotCreate> {
    let failed = |error| CannotCreate::new(path, error);
    if path == Path::new("-") {
        let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
        return Ok(stream(PathBuf::from("standard output"), File::from(stdout), false));
    }
    match new_file(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => existing(path).map_err(failed),
        opened => opened.map_err(failed),
    }
}

/// The next file of a series.
pub(super) fn series(path: &Path, now: SystemTime) -> Result<(Opened, Series), CannotCreate> {
    if path.is_dir() {
        return Err(CannotCreate::Directory(path.to_owned()));
    }
    let mut series = Series::open(path).map_err(|error| CannotCreate::new(path, error))?;
    if let Some(newest) = series.newest()
        && let Ok(file) = File::open(newest)
        && matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    {
        return Err(CannotCreate::Busy(newest.to_owned()));
    }
    let next = series.next_path(now);
    let opened = new_file(&next).map_err(|error| CannotCreate::new(&next, error))?;
    series.begun();
    Ok((opened, series))
}

/// A file that was not there before.
pub(super) fn new_file(path: &Path) -> io::Result<Opened> {
    let file = OpenOptions::new().append(true).create_new(true).mode(MODE).open(path)?;
    regular(path, file, true)
}

/// Whether nobody can find the file any more.
pub(super) fn was_removed(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

/// What is there already can be used where nothing is lost by it: an empty file, a pipe, a device.
fn existing(path: &Path) -> io::Result<Opened> {
    let metadata = std::fs::metadata(path)?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if kind.is_file() && metadata.len() > 0 {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let file = OpenOptions::new().append(true).open(path)?;
    if kind.is_fifo() || kind.is_char_device() || kind.is_socket() {
        return Ok(stream(path.to_owned(), file, is_zstd(path)));
    }
    regular(path, file, false)
}

fn regular(path: &Path, file: File, is_new: bool) -> io::Result<Opened> {
    // Tells others that it is being written; a file system without locks does without.
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let target = Box::new(file.try_clone()?);
    Ok(Opened { path: path.to_owned(), file: Some(file), target, repair: Repair::Cut, zstd: is_zstd(path), is_new })
}

fn stream(path: PathBuf, file: File, zstd: bool) -> Opened {
    Opened { path, file: None, target: Box::new(file), repair: Repair::Newline, zstd, is_new: false }
}

fn is_zstd(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}
