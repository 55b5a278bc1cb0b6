//! What sources have to say.

use std::{fmt, time::Duration};

use crate::record;

/// One thing heard from a source.
#[derive(Debug)]
pub enum FromSource {
    /// A line of its session. A header comes first; a further one begins a new incarnation: the recorder there was started
    /// again.
    Line(record::Line),
    /// Lines that were left out.
    Skipped(Skipped),
    /// It writes a newer schema than this program knows, and is understood as far as possible. Comes before its header.
    Newer {
        /// Its schema.
        schema: u32,
        /// The version of the program there.
        program: String,
    },
    /// It dropped out, or could not be reached.
    Lost {
        /// Why, and what to do about it. What the host itself said may be a part of it: untrusted text.
        why: String,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// It is there after it was lost. Comes after its header.
    Back {
        /// How long it was lost.
        away: Duration,
        /// What became of its clock.
        clock: Clock,
    },
    /// Nothing more will come.
    Ended {
        /// Why, where that is no ordinary end.
        why: Option<String>,
    },
}

/// The clock of a host that is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The first that is heard of it.
    First,
    /// It goes on: the boot is the same.
    Same,
    /// Another one: the host was rebooted.
    Other,
}

/// Lines that were left out since lines were last told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// So many.
    pub count: u64,
    /// Number of the first, counted from 1 in what was read; lines lost in a flood have no number.
    pub line_no: u64,
    /// Why the first was left out.
    pub why: Why,
}

/// Why a line was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It was not understood.
    Unreadable(record::Why),
    /// It came before the header.
    BeforeHeader,
    /// A header came, after too many others.
    TooManyHeaders,
    /// It has more text than a record can have.
    TooMuchText,
    /// Its time cannot be right: too far ahead of what has passed, before its session, or before what it says began.
    ImpossibleTime,
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => why.fmt(out),
            Self::BeforeHeader => write!(out, "came before the header"),
            Self::TooManyHeaders => write!(out, "yet another header"),
            Self::TooMuchText => write!(out, "has more text than a record can have"),
            Self::ImpossibleTime => write!(out, "its time cannot be right"),
        }
    }
}
