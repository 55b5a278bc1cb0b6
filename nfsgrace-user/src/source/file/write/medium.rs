//! A file, or a stream, that whole lines are appended to; what a failed write left of a line is taken back.

use std::{
    fs::File,
    io::{self, Write as _},
};

use super::encoding::Chunk;

/// What can be appended to and cut. A file; in tests, one on a disk that is full.
pub(super) trait Target: Send {
    /// Appends; how many bytes were taken.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Cuts off what is behind the first `len` bytes.
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

impl Target for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes)
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        // Somebody else may have cut it shorter; it must not grow zeros.
        if self.metadata()?.len() > len { self.set_len(len) } else { Ok(()) }
    }
}

/// How what follows a torn line is kept apart from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repair {
    /// The torn line is cut off.
    Cut,
    /// A stream cannot be cut: a newline goes ahead of what follows.
    Newline,
}

/// A chunk could not be written whole.
#[derive(Debug)]
pub(super) struct Failed {
    /// So many of its lines were, and stay.
    pub(super) lines: usize,
    /// Why.
    pub(super) error: io::Error,
}

/// Where chunks go.
pub(super) struct Medium {
    target: Box<dyn Target>,
    repair: Repair,
    /// Bytes in it: of a file all, of a stream those written by this program.
    len: u64,
    /// What is still to be repaired before anything is appended.
    torn: bool,
}

impl Medium {
    /// `len` bytes are in `target` already.
    pub(super) fn new(target: Box<dyn Target>, repair: Repair, len: u64) -> Self {
        Self { target, repair, len, torn: false }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn repair(&self) -> Repair {
        self.repair
    }

    /// Appends a chunk. When that fails, the lines that are whole stay, and nothing of the others does.
    pub(super) fn append(&mut self, chunk: &Chunk) -> Result<(), Failed> {
        self.mend().map_err(|error| Failed { lines: 0, error })?;
        let mut written = 0;
        while let Some(rest) = chunk.bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let error = match self.target.append(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(more) => {
                    written += more;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let (lines, end) = chunk.whole(written);
            self.len += end as u64;
            self.torn = written > end;
            if self.repair == Repair::Cut {
                // Now, so that a crash finds it cut; if that fails, before the next write.
                let _ = self.mend();
            }
            return Err(Failed { lines, error });
        }
        self.len += written as u64;
        Ok(())
    }

    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            match self.repair {
                Repair::Cut => self.target.cut(self.len)?,
                Repair::Newline if self.target.append(b"\n")? == 0 => return Err(io::ErrorKind::WriteZero.into()),
                Repair::Newline => self.len += 1,
            }
            self.torn = false;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A disk with little room, that others fill and empty.
    #[derive(Debug, Clone, Default)]
    pub(in super::super) struct SmallDisk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl SmallDisk {
        pub(in super::super) fn with_room(room: usize) -> Self {
            let disk = Self::default();
            disk.set_room(room);
            disk
        }

        pub(in super::super) fn set_room(&self, room: usize) {
            self.0.lock().expect("no test panics inside").1 = room;
        }

        pub(in super::super) fn bytes(&self) -> Vec<u8> {
            self.0.lock().expect("no test panics inside").0.clone()
        }
    }

    impl Target for SmallDisk {
        fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (file, room) = &mut *self.0.lock().expect("no test panics inside");
            let taken = bytes.len().min(room.saturating_sub(file.len()));
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            file.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn cut(&mut self, len: u64) -> io::Result<()> {
            self.0.lock().expect("no test panics inside").0.truncate(usize::try_from(len).expect("small"));
            Ok(())
        }
    }

    fn chunk() -> Chunk {
        Chunk { bytes: b"one\ntwo\nthree\n".to_vec(), ends: vec![4, 8, 14] }
    }

    #[test]
    fn a_file_keeps_the_lines_that_are_whole() {
        for (room, whole) in [(0, 0), (3, 0), (4, 1), (7, 1), (8, 2), (13, 2)] {
            let disk = SmallDisk::with_room(room);
            let mut medium = Medium::new(Box::new(disk.clone()), Repair::Cut, 0);
            let failed = medium.append(&chunk()).expect_err("the disk is full");
            assert_eq!(failed.lines, whole, "room for {room}");
            assert_eq!(disk.bytes(), chunk().bytes[..[0, 4, 8][whole]]);
            disk.set_room(100);
            medium.append(&chunk()).expect("there is room");
            assert!(disk.bytes().ends_with(b"one\ntwo\nthree\n"));
            assert_eq!(medium.len(), disk.bytes().len() as u64);
        }
    }

    #[test]
    fn in_a_stream_a_torn_line_is_not_glued_to_the_next() {
        let disk = SmallDisk::with_room(6);
        let mut medium = Medium::new(Box::new(disk.clone()), Repair::Newline, 0);
        assert_eq!(medium.append(&chunk()).expect_err("the disk is full").lines, 1);
        disk.set_room(100);
        medium.append(&chunk()).expect("there is room");
        assert_eq!(disk.bytes(), b"one\ntw\none\ntwo\nthree\n");
    }
}
