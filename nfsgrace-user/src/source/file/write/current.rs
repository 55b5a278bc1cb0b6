//! The file that is being written: lines go in, chunks go out.

use std::{fs::File, io, path::PathBuf, time::Instant};

use super::{
    encoding::{Chunk, Encoding},
    medium::{Failed, Medium},
    open::Opened,
};
use crate::record::{Line, encode, encode_from};

/// The file that is being written.
pub(super) struct Current {
    pub(super) path: PathBuf,
    /// The file itself, for the disk; a stream has none.
    pub(super) file: Option<File>,
    /// Whether it was not there before.
    pub(super) is_new: bool,
    pub(super) medium: Medium,
    pub(super) encoding: Encoding,
    pub(super) chunk: Chunk,
    /// Bytes at the beginning that only repeat.
    pub(super) repeated: u64,
    /// Lines at the chunk's head that are written anew when they are lost.
    pub(super) head: usize,
    /// Whether the file ended inside of a frame when the chunk was begun.
    pub(super) began_in_frame: bool,
    pub(super) began: Instant,
    /// Since when something waits to be brought to the disk.
    pub(super) unsynced: Option<Instant>,
}

impl Current {
    pub(super) fn new(opened: Opened, now: Instant) -> io::Result<Self> {
        let Opened { path, file, target, repair, zstd, is_new } = opened;
        Ok(Self {
            path,
            file,
            is_new,
            medium: Medium::new(target, repair, 0),
            encoding: if zstd { Encoding::zstd()? } else { Encoding::plain() },
            chunk: Chunk::default(),
            repeated: 0,
            head: 0,
            began_in_frame: false,
            began: now,
            unsynced: None,
        })
    }

    /// Appends a line to the chunk, with the source that it is from, if there are several.
    pub(super) fn push(&mut self, source: &str, line: &Line, head: bool) -> io::Result<()> {
        if self.chunk.ends.is_empty() {
            self.began_in_frame = self.encoding.in_frame();
        }
        let mut text = Vec::with_capacity(256);
        match source {
            "" => encode(line, &mut text),
            source => encode_from(source, line, &mut text),
        }
        self.encoding.push(&text, &mut self.chunk)?;
        self.head += usize::from(head);
        Ok(())
    }

    /// Writes the chunk; it is empty afterwards.
    pub(super) fn append(&mut self, now: Instant) -> Result<(), Failed> {
        let result = self.medium.append(&self.chunk);
        if let Err(Failed { lines, .. }) = &result {
            self.encoding.was_cut(*lines > 0 || self.began_in_frame);
        }
        self.chunk.clear();
        self.head = 0;
        self.unsynced.get_or_insert(now);
        result
    }
}

/// A recording that never began leaves nothing.
impl Drop for Current {
    fn drop(&mut self) {
        if self.is_new && self.medium.len() == 0 {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
