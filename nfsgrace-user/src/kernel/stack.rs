//! Names for addresses in kernel stacks.

use std::io;

use super::{
    Kernel,
    symbols::{Entry, each_line},
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
const LONGEST_FUNCTION: u64 = 1 << 20;

impl Kernel {
    /// Finds the functions that `addresses` lie in, in one pass over `/proc/kallsyms` that keeps nothing else.
    ///
    /// The kernel takes some milliseconds to write the table out (on an emulated processor, most of a second): ask
    /// for all the addresses at once, and not on the thread that must not wait.
    ///
    /// # Errors
    ///
    /// Where the table cannot be read. Without privilege all its addresses are 0, and no frame is found.
    pub fn frames(&self, addresses: &[u64]) -> io::Result<Vec<Option<Frame>>> {
        let mut nearest: Vec<Option<(u64, Frame)>> = vec![None; addresses.len()];
        if addresses.iter().all(|&address| address == 0) {
            return Ok(vec![None; addresses.len()]);
        }
        let (low, high) = (addresses.iter().copied().min().unwrap_or(0), addresses.iter().copied().max().unwrap_or(0));
        each_line(self.kallsyms()?, |line| {
            let Some(entry) = Entry::parse(line) else { return };
            let Some(start) = entry.address().filter(|&start| start != 0) else { return };
            if start > high || start.saturating_add(LONGEST_FUNCTION) < low {
                return;
            }
            for (&address, nearest) in addresses.iter().zip(&mut nearest) {
                let closer = nearest.as_ref().is_none_or(|&(known, _)| start > known);
                if address >= start && address - start < LONGEST_FUNCTION && closer {
                    *nearest = Some((start, frame(&entry, address - start)));
                }
            }
        })?;
        Ok(nearest.into_iter().map(|found| found.map(|(_, frame)| frame)).collect())
    }
}

fn frame(entry: &Entry<'_>, offset: u64) -> Frame {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Frame { function: text(entry.name), module: entry.module.map(text), offset }
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
