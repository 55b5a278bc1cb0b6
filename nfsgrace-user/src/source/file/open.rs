//! Why a file is not read, and what to do about it.

use std::{fmt, io};

/// Why a file is not read as a session.
#[derive(Debug)]
pub enum OpenError {
    /// The system says no.
    Io(io::Error),
    /// It is a directory.
    Directory,
    /// Standard input is a terminal.
    Terminal,
    /// There is nothing in it.
    Empty,
    /// It ends within its first line.
    Torn,
    /// It was compressed by a program that is not read here.
    Compressed(&'static str),
    /// It is something else.
    NotASession,
}

impl OpenError {
    /// Whether it may be the last file of a recorder that was stopped at once: nothing is missing but what is not in it.
    #[must_use]
    pub fn is_mere_beginning(&self) -> bool {
        matches!(self, Self::Empty | Self::Torn)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(out, "{error}"),
            Self::Directory => out.write_str("is a directory: name the files in it"),
            Self::Terminal => out.write_str("is a terminal: pipe a session into it, or name a file"),
            Self::Empty => out.write_str("is empty: the recorder wrote nothing into it"),
            Self::Torn => out.write_str("ends within its first line: the recorder was stopped while it began"),
            Self::Compressed(program) => {
                write!(out, "is compressed by {program}: unpack it, `{program} -dc FILE | nfsgrace report -`")
            }
            Self::NotASession => out.write_str(
                "is no session: `nfsgrace record -o FILE` writes one, and so does `nfsgrace watch --record FILE`",
            ),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The program that unpacks a file which begins like this.
pub(super) fn other_format(start: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], _); 4] =
        [(b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zX", "xz"), (b"\x04\x22\x4d\x18", "lz4")];
    known.into_iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, program)| program)
}
