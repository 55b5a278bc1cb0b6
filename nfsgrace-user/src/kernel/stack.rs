//! Names for addresses in kernel stacks.

use std::io;

use super::{
    Kernel,
    symbols::{KallsymsLine, each_line},
};

/// Where an address lies: `nfsd4_client_tracking_init+0x21 [nfsd]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The function.
    pub function: String,
    /// Its module; `None` for the kernel image.
    pub module: Option<String>,
    /// Bytes from the function's start.
    pub offset: u64,
}

/// An address farther than this behind a symbol is in no function that is known.
const LONGEST_FUNCTION: u64 = 1 << 16;

/// The symbol closest before an address so far.
#[derive(Debug, Clone, Default)]
struct Nearest {
    start: u64,
    name: Vec<u8>,
    module: Option<Vec<u8>>,
}

impl Kernel {
    /// Finds the functions that `addresses` lie in, in one pass over `/proc/kallsyms` that keeps nothing else.
    ///
    /// The kernel takes some 50 ms to write the table out (on an emulated processor, most of a second): ask for all
    /// the addresses at once, and not on the thread that must not wait.
    ///
    /// # Errors
    ///
    /// Where the table cannot be read. Without privilege all its addresses are 0, and no frame is found.
    pub fn frames(&self, addresses: &[u64]) -> io::Result<Vec<Option<Frame>>> {
        let mut sorted: Vec<u64> = addresses.iter().copied().filter(|&address| address != 0).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut nearest = vec![Nearest::default(); sorted.len()];
        if !sorted.is_empty() {
            each_line(self.kallsyms()?, |line| {
                let Some(entry) = KallsymsLine::parse(line) else { return };
                let Some(start) = entry.address().filter(|&start| start != 0) else { return };
                let first = sorted.partition_point(|&address| address < start);
                for (address, nearest) in sorted[first..].iter().zip(&mut nearest[first..]) {
                    if address - start >= LONGEST_FUNCTION {
                        break;
                    }
                    if start > nearest.start {
                        nearest.take(start, &entry);
                    }
                }
            })?;
        }
        let frame = |address: &u64| nearest[sorted.binary_search(address).ok()?].frame(*address);
        Ok(addresses.iter().map(frame).collect())
    }
}

impl Nearest {
    /// Symbols come in ascending order, mostly, so this happens often.
    fn take(&mut self, start: u64, entry: &KallsymsLine<'_>) {
        self.start = start;
        self.name.clear();
        self.name.extend_from_slice(entry.name);
        self.module = entry.module.map(<[u8]>::to_vec);
    }

    fn frame(&self, address: u64) -> Option<Frame> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (self.start != 0).then(|| Frame {
            function: text(&self.name),
            module: self.module.as_deref().map(text),
            offset: address - self.start,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn addresses_are_named_in_one_pass() {
        let root = tempfile::tempdir().expect("a directory");
        let proc = root.path().join("proc");
        fs::create_dir_all(proc.join("sys/kernel")).expect("made");
        fs::write(proc.join("sys/kernel/osrelease"), "6.18.15\n").expect("written");
        let table = "ffffffff81000000 T _text\nffffffff81000100 T msleep\nffffffff81000100 T aka_msleep\n\
                     ffffffff81000200 t after\nffffffffc0283000 t nfsd4_open\t[nfsd]\n";
        fs::write(proc.join("kallsyms"), table).expect("written");
        let kernel = Kernel::open(root.path()).expect("a kernel");
        let frames = kernel.frames(&[0xffff_ffff_8100_0121, 0xffff_ffff_c028_3010, 0x10, 0]).expect("read");
        let named: Vec<_> =
            frames.iter().map(|frame| frame.as_ref().map(|f| (f.function.as_str(), f.offset))).collect();
        assert_eq!(named, [Some(("msleep", 0x21)), Some(("nfsd4_open", 0x10)), None, None]);
        assert_eq!(frames[1].as_ref().and_then(|frame| frame.module.as_deref()), Some("nfsd"));
    }
}
