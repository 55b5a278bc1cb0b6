//! Reading the files of one recording one after the other.

use super::{Line, Stamp};

/// Passes over what a file repeats of the file before, when that was read as well.
///
/// Ask for every line of all files, in order. A file that is read without the one before keeps what it repeats: that is
/// what it is there for.
#[derive(Debug, Clone, Default)]
pub struct Continuation {
    /// The recording that was read last, and the number of its file.
    read: Option<(Recording, u64)>,
    skip: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Recording {
    boot_id: String,
    started: Stamp,
}

impl Continuation {
    /// Whether a line is to be taken. A header that only goes on is not, nor is what it repeats.
    pub fn admits(&mut self, line: &Line) -> bool {
        let Line::Header(header) = line else {
            let admitted = self.skip == 0;
            self.skip = self.skip.saturating_sub(1);
            return admitted;
        };
        let recording = Recording { boot_id: header.boot_id.clone(), started: header.started };
        let part = header.continues.as_ref().map_or(1, |continues| continues.part);
        let goes_on =
            self.read.as_ref().is_some_and(|(of, last)| *of == recording && last.checked_add(1) == Some(part));
        self.skip = header.continues.as_ref().filter(|_| goes_on).map_or(0, |continues| continues.repeats);
        self.read = Some((recording, part));
        !goes_on
    }
}
