//! Where an export goes: a file that is replaced whole or not at all, a pipe, standard output.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;

/// Where the result goes.
#[derive(Debug)]
pub(super) enum Target {
    Stdout,
    /// A pipe, a terminal or another device: written as it comes.
    Stream(PathBuf),
    /// A file: replaced when the new one is complete, so that there never is a half one.
    File(PathBuf),
}

impl Target {
    /// What `-o` names; never one of the files that are read.
    pub(super) fn of(path: &Path, sources: &[PathBuf]) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let name = path.display();
        let Ok(there) = fs::metadata(path) else { return Ok(Self::File(path.to_owned())) };
        let same = |file: &Path| fs::metadata(file).is_ok_and(|it| (it.dev(), it.ino()) == (there.dev(), there.ino()));
        if there.is_dir() {
            bail!("{name} is a directory: give the name of a file");
        }
        if there.file_type().is_fifo() || there.file_type().is_char_device() {
            return Ok(Self::Stream(path.to_owned()));
        }
        if sources.iter().any(|file| same(file)) {
            bail!("{name} is the session itself: give another name for the output");
        }
        // A link stays one: what it leads to is replaced.
        Ok(Self::File(fs::canonicalize(path).with_context(|| format!("cannot write {name}"))?))
    }

    /// Begins to write.
    pub(super) fn open(&self) -> Result<Sink> {
        Ok(match self {
            Self::Stdout => Sink::Stream(Box::new(BufWriter::new(io::stdout().lock()))),
            Self::Stream(path) => {
                let file = File::options().write(true).open(path);
                let file = file.with_context(|| format!("cannot write {}", path.display()))?;
                Sink::Stream(Box::new(BufWriter::new(file)))
            }
            Self::File(path) => Sink::beside(path)?,
        })
    }
}

/// A result that is being written.
pub(super) enum Sink {
    Stream(Box<dyn Write>),
    /// Beside the old one, whose name it gets when it is complete.
    File {
        file: BufWriter<NamedTempFile>,
        path: PathBuf,
    },
}

impl Sink {
    /// A new file, which gets the name of `path` when it is complete.
    pub(super) fn beside(path: &Path) -> Result<Self> {
        let beside = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        // As any new file: what the umask leaves of this.
        let permissions = fs::Permissions::from_mode(0o666);
        let file = tempfile::Builder::new()
            .prefix(".nfsgrace-")
            .permissions(permissions)
            .tempfile_in(beside)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self::File { file: BufWriter::new(file), path: path.to_owned() })
    }

    /// All was written.
    pub(super) fn complete(self) -> Result<()> {
        match self {
            Self::Stream(mut out) => out.flush()?,
            Self::File { file, path } => {
                let cannot = || format!("cannot write {}", path.display());
                let file = file.into_inner().map_err(io::IntoInnerError::into_error).with_context(cannot)?;
                file.persist(&path).with_context(cannot)?;
            }
        }
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stream(out) => out.write(bytes),
            Self::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(out) => out.flush(),
            Self::File { file, .. } => file.flush(),
        }
    }
}
