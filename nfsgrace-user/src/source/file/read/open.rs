//! Why a file is not read, and what to do about it.

use std::io;

/// Why a file is not read as a session.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is a directory.
    #[error("is a directory: name the files in it")]
    Directory,
    /// Standard input is a terminal.
    #[error("is a terminal: pipe a session into it, or name a file")]
    Terminal,
    /// There is nothing in it.
    #[error("is empty: the recorder wrote nothing into it")]
    Empty,
    /// It ends within its first line.
    #[error("ends within its first line: the recorder was stopped while it began")]
    Torn,
    /// It was compressed by a program that is not read here.
    #[error("is compressed by {0}: unpack it, `{0} -dc FILE | nfsgrace report -`")]
    Compressed(&'static str),
    /// It is something else.
    #[error("is no session: `nfsgrace record -o FILE` writes one, and so does `nfsgrace watch --record FILE`")]
    NotASession,
}

impl OpenError {
    /// Whether it may be the last file of a recorder that was stopped at once: nothing is missing but what is not in it.
    #[must_use]
    pub fn is_mere_beginning(&self) -> bool {
        matches!(self, Self::Empty | Self::Torn)
    }
}

/// The program that unpacks a file which begins like this.
pub(super) fn other_format(start: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], _); 4] =
        [(b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zX", "xz"), (b"\x04\x22\x4d\x18", "lz4")];
    known.into_iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, program)| program)
}
