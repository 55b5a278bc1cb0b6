//! When a recorded session ends.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use super::{OpenError, SessionFile, zst};
use crate::record::{Item, MAX_LINE, Reader, Stamp};

/// The time of the latest record of a file: looked for at its end where it is not compressed, else by reading all of it.
///
/// # Errors
///
/// [`OpenError`] where it cannot be read, or is no session.
pub fn end(path: &Path) -> Result<Stamp, OpenError> {
    let mut from = BufReader::new(File::open(path)?);
    let mut start = [0; zst::MAGIC.len()];
    let compressed = from.read_exact(&mut start).is_ok() && zst::begins(&start);
    if compressed {
        return Ok(latest(SessionFile::open(path)?)?);
    }
    let length = from.seek(SeekFrom::End(0))?;
    let tail = length.saturating_sub(MAX_LINE as u64 + 1);
    from.seek(SeekFrom::Start(tail))?;
    if tail > 0 {
        from.skip_until(b'\n')?;
    }
    Ok(latest(Reader::new(from))?)
}

fn latest(items: impl Iterator<Item = io::Result<Item>>) -> io::Result<Stamp> {
    let mut latest = Stamp(0);
    for item in items {
        if let Item::Line(line) | Item::From { line, .. } = item? {
            latest = latest.max(line.at());
        }
    }
    Ok(latest)
}
