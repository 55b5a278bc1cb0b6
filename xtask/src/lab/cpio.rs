//! Writes initramfs archives: cpio in the "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst).
//!
//! Several archives may follow each other in one initramfs; later files replace earlier ones.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use anyhow::{Context as _, Result};

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;

/// An archive being written. All its files belong to root.
#[derive(Debug)]
pub struct Archive<W: Write> {
    out: W,
    inode: u32,
}

impl<W: Write> Archive<W> {
    /// Begins an archive. `out` must be at a multiple of four bytes.
    pub fn new(out: W) -> Self {
        Self { out, inode: 0 }
    }

    /// Adds a directory.
    pub fn directory(&mut self, name: &str) -> io::Result<()> {
        self.entry(name, DIRECTORY | 0o755, &[])
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, name: &str, target: &str) -> io::Result<()> {
        self.entry(name, SYMLINK | 0o777, target.as_bytes())
    }

    /// Adds a file with these contents.
    pub fn file(&mut self, name: &str, mode: u32, contents: &[u8]) -> io::Result<()> {
        self.entry(name, REGULAR | mode, contents)
    }

    /// Adds a copy of the file at `path`, which may be behind symbolic links.
    pub fn copy(&mut self, name: &str, path: &Path) -> Result<()> {
        let read = || -> io::Result<_> { Ok((fs::read(path)?, fs::metadata(path)?.permissions().mode() & 0o777)) };
        let (contents, mode) = read().with_context(|| format!("cannot read {}", path.display()))?;
        Ok(self.file(name, mode, &contents)?)
    }

    /// Ends the archive.
    pub fn finish(mut self) -> io::Result<W> {
        self.entry("TRAILER!!!", 0, &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn entry(&mut self, name: &str, mode: u32, contents: &[u8]) -> io::Result<()> {
        let too_big = |_| io::Error::other(format!("{name} is too big for a cpio archive"));
        let size = u32::try_from(contents.len()).map_err(too_big)?;
        let name_size = u32::try_from(name.len() + 1).map_err(too_big)?;
        self.inode += 1;
        let [owner, group, links, time, device] = [0, 0, 1, 0, 0];
        let header =
            [self.inode, mode, owner, group, links, time, size, device, device, device, device, name_size, 0_u32];
        write!(self.out, "070701")?;
        for field in header {
            write!(self.out, "{field:08x}")?;
        }
        self.out.write_all(name.as_bytes())?;
        // The magic and thirteen fields of eight digits make 110 bytes; names end with a zero byte.
        self.out.write_all(&[0; 4][..1 + padding(110 + name.len() + 1)])?;
        self.out.write_all(contents)?;
        self.out.write_all(&[0; 4][..padding(contents.len())])
    }
}

fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_begins_at_a_multiple_of_four() {
        for name in ["a", "ab", "abc", "abcd"] {
            let mut archive = Archive::new(Vec::new());
            archive.file(name, 0o644, b"hello").expect("a vector takes everything");
            let bytes = archive.finish().expect("a vector takes everything");
            assert_eq!(bytes.len() % 4, 0);
            let contents = bytes.windows(5).position(|window| window == b"hello").expect("contents");
            assert_eq!(contents % 4, 0);
            let magic: Vec<_> = (0..bytes.len() - 6).filter(|&at| &bytes[at..at + 6] == b"070701").collect();
            assert!(magic.len() == 2 && magic.iter().all(|at| at % 4 == 0), "{magic:?}");
        }
    }
}
