//! Makes files, and never writes to one that holds something already.

use std::{
    error, fmt,
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

/// A recording could not be begun.
#[derive(Debug)]
pub struct CannotCreate {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for CannotCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, error } = self;
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let (path, directory) = (path.display(), directory.display());
        match error.kind() {
            io::ErrorKind::AlreadyExists => write!(
                f,
                "{path} exists, and what was recorded is never overwritten: give another name, or have the files numbered \
                 with --rotate-size or --rotate-age"
            ),
            io::ErrorKind::NotFound => {
                write!(f, "cannot record to {path}: there is no directory {directory} (mkdir -p {directory})")
            }
            io::ErrorKind::PermissionDenied => write!(
                f,
                "cannot record to {path}: no permission to write there; give a file in a directory that you may write to, \
                 or run nfsgrace as root"
            ),
            io::ErrorKind::ReadOnlyFilesystem => write!(
                f,
                "cannot record to {path}: the file system is mounted read-only; give a file in another one, such as \
                 /run or /var/lib"
            ),
            io::ErrorKind::IsADirectory => {
                write!(f, "cannot record to {path}: it is a directory; give the name of a file in it")
            }
            io::ErrorKind::ResourceBusy => {
                write!(f, "another nfsgrace writes to {path}: end it first, or give another name")
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                write!(f, "cannot record to {path}: no space is left; make some, or give a file on another disk")
            }
            _ => write!(f, "cannot record to {path}: {error}"),
        }
    }
}

// Its text says all: no source, or it would be said twice.
impl error::Error for CannotCreate {}

impl From<io::Error> for CannotCreate {
    fn from(error: io::Error) -> Self {
        Self { path: PathBuf::new(), error }
    }
}

/// One file, a pipe or a device; `-` is standard output.
pub(super) fn one(path: &Path) -> Result<Opened, CannotCreate> {
    let failed = |error| CannotCreate { path: path.to_owned(), error };
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
    let failed = |path: &Path, error| CannotCreate { path: path.to_owned(), error };
    if path.is_dir() {
        return Err(failed(path, io::ErrorKind::IsADirectory.into()));
    }
    let mut series = Series::open(path).map_err(|error| failed(path, error))?;
    if let Some(newest) = series.newest()
        && let Ok(file) = File::open(newest)
        && matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    {
        return Err(failed(newest, io::ErrorKind::ResourceBusy.into()));
    }
    let next = series.next_path(now);
    let opened = new_file(&next).map_err(|error| failed(&next, error))?;
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
