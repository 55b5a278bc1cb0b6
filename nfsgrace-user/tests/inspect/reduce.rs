//! Makes the trees in `tests/kernels` from trees copied off real kernels:
//!
//! `NFSGRACE_TREES=DIR cargo test --test inspect reduce -- --ignored`, where `DIR/6.18` holds `proc`, `sys` and `boot`.
//!
//! Text files keep the lines that the inspector looks at. BTF keeps its type numbers and string offsets, because split
//! BTF refers to both, but types that nobody looks at become empty forward declarations, and strings that nobody reads
//! become zeros: 5 MB turn into some kilobytes of gzip.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use nfsgrace::{kernel::EventName, probe::hook};

use crate::fixture::{SERIES, kernels};

const STRUCTURES: [&str; 23] = [
    "net",
    "ns_common",
    "dentry",
    "qstr",
    "super_block",
    "file",
    "path",
    "inode",
    "module",
    "nfsd_net",
    "nfsd4_open",
    "xdr_netobj",
    "nfsd4_compound_state",
    "nfs4_client",
    "svc_rqst",
    "svc_xprt",
    "nfs_open_context",
    "nfs_server",
    "nfs_client",
    "nfs4_exception",
    "rpc_pipe",
    "rpc_task",
    "rpc_rqst",
];
const ENUMERATOR: &str = "NFSD_NET_TRACK_RECLAIM_COMPLETES";
const OPTIONS: [&str; 10] =
    ["HZ", "KPROBE", "NFS", "LOCKD", "GRACE_PERIOD", "SUNRPC", "BPF", "DEBUG_INFO_BTF", "MODULES", "FUNCTION_TRACER"];

#[test]
#[ignore = "makes the fixtures"]
fn reduce() {
    let trees = PathBuf::from(std::env::var_os("NFSGRACE_TREES").expect("NFSGRACE_TREES names a directory"));
    for series in SERIES {
        let (from, to) = (trees.join(series), kernels().join(series));
        if to.exists() {
            fs::remove_dir_all(&to).expect("removed");
        }
        text(&from, &to);
        types(&from.join("sys/kernel/btf"), &to.join("sys/kernel/btf"));
    }
}

/// Functions of all hooks, and some that are not there under their own name.
fn functions() -> BTreeSet<&'static str> {
    let points = hook::all().flat_map(|hook| hook.alternatives).flat_map(|alternative| alternative.points);
    points.map(|point| point.symbol).chain(["nfsd4_end_grace", "nfsd4_force_end_grace", "rpc_call_sync"]).collect()
}

fn text(from: &Path, to: &Path) {
    let functions = functions();
    let known = |word: &str| {
        let name = word.strip_prefix("__pfx_").unwrap_or(word);
        functions.contains(name.split('.').next().unwrap_or_default())
    };
    let release = fs::read_to_string(from.join("proc/sys/kernel/osrelease")).expect("a release");
    let config = format!("boot/config-{}", release.trim());
    let keep = |path: &str, keep: &dyn Fn(usize, &str) -> bool| {
        let text = fs::read_to_string(from.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let lines = text.lines().enumerate().filter(|(number, line)| keep(*number, line));
        let kept: String = lines.flat_map(|(_, line)| [line, "\n"]).collect();
        let target = to.join(path);
        fs::create_dir_all(target.parent().expect("a directory")).expect("made");
        fs::write(target, kept).expect("written");
    };
    keep("proc/sys/kernel/osrelease", &|_, _| true);
    keep("proc/modules", &|_, _| true);
    keep("proc/filesystems", &|_, _| true);
    keep("proc/mounts", &|_, _| true);
    keep("proc/kallsyms", &|_, line| line.split_whitespace().nth(2).is_some_and(known));
    keep("proc/timer_list", &|number, line| number < 8 || line.starts_with("jiffies:"));
    keep("sys/kernel/tracing/available_filter_functions", &|_, line| line.split_whitespace().next().is_some_and(known));
    for EventName { system, name } in hook::events() {
        keep(&format!("sys/kernel/tracing/events/{system}/{name}/format"), &|_, _| true);
    }
    keep("sys/kernel/debug/kprobes/blacklist", &|number, _| number < 10);
    keep(&config, &|_, line| {
        let option = line.trim_start_matches("# ").strip_prefix("CONFIG_");
        option.is_some_and(|option| OPTIONS.iter().any(|start| option.starts_with(start)))
    });
    // There is no more to it than that it can be opened.
    fs::write(to.join("sys/kernel/tracing/kprobe_events"), "").expect("written");
}

fn types(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    let vmlinux = fs::read(from.join("vmlinux")).expect("vmlinux");
    let base = Raw::new(&vmlinux, None);
    let mut base_strings = BTreeSet::new();
    for module in ["nfsd", "nfsv4", "nfs", "grace"] {
        if let Ok(bytes) = fs::read(from.join(module)) {
            write(&to.join(module).with_extension("gz"), &Raw::new(&bytes, Some(&base)).reduced(&mut base_strings));
        }
    }
    write(&to.join("vmlinux.gz"), &base.reduced(&mut base_strings));
}

fn write(path: &Path, bytes: &[u8]) {
    let mut gzip = GzEncoder::new(fs::File::create(path).expect("made"), Compression::best());
    gzip.write_all(bytes).expect("packed");
    gzip.finish().expect("packed");
}

/// BTF of a real kernel, trusted.
struct Raw<'a> {
    bytes: &'a [u8],
    starts: Vec<usize>,
    strings: usize,
    strings_len: usize,
    base: Option<&'a Raw<'a>>,
}

impl<'a> Raw<'a> {
    fn new(bytes: &'a [u8], base: Option<&'a Raw<'a>>) -> Self {
        let types = word(bytes, 4) + word(bytes, 8);
        let (end, strings) = (types + word(bytes, 12), word(bytes, 4) + word(bytes, 16));
        let mut raw = Self { bytes, starts: Vec::new(), strings, strings_len: word(bytes, 20), base };
        let mut at = types;
        while at < end {
            raw.starts.push(at);
            at += 12 + raw.rest(at);
        }
        raw
    }

    fn kind(&self, at: usize) -> usize {
        word(self.bytes, at + 4) >> 24 & 0x1f
    }

    fn count(&self, at: usize) -> usize {
        word(self.bytes, at + 4) & 0xffff
    }

    fn rest(&self, at: usize) -> usize {
        match self.kind(at) {
            1 | 14 | 17 => 4,
            3 => 12,
            4 | 5 | 15 | 19 => 12 * self.count(at),
            6 | 13 => 8 * self.count(at),
            _ => 0,
        }
    }

    fn first(&self) -> usize {
        self.base.map_or(1, |base| base.first() + base.starts.len())
    }

    fn first_string(&self) -> usize {
        self.base.map_or(0, |base| base.strings_len)
    }

    fn string(&self, offset: usize) -> &[u8] {
        match offset.checked_sub(self.first_string()) {
            Some(own) => self.bytes[self.strings + own..].split(|&byte| byte == 0).next().expect("a string"),
            None => self.base.expect("a base").string(offset),
        }
    }

    /// Adds to `base_strings` what it needs of its base's strings; a base keeps these.
    fn reduced(&self, base_strings: &mut BTreeSet<usize>) -> Vec<u8> {
        let functions = functions();
        let mut kept = BTreeSet::new();
        for &at in &self.starts {
            let name = self.string(word(self.bytes, at));
            let keep = match self.kind(at) {
                4 => STRUCTURES.iter().any(|wanted| wanted.as_bytes() == name),
                6 => {
                    (0..self.count(at)).any(|n| self.string(word(self.bytes, at + 12 + 8 * n)) == ENUMERATOR.as_bytes())
                }
                12 => functions.iter().any(|wanted| wanted.as_bytes() == name),
                _ => false,
            };
            if keep {
                self.keep(at, &mut kept);
            }
        }
        let mut types = Vec::new();
        let mut strings = vec![0; self.strings_len];
        let needed = std::mem::take(base_strings);
        let mut keep_string = |offset: usize| match offset.checked_sub(self.first_string()) {
            Some(own) => {
                let string = self.string(offset);
                strings[own..own + string.len()].copy_from_slice(string);
            }
            None => {
                base_strings.insert(offset);
            }
        };
        if self.base.is_none() {
            needed.iter().for_each(|&offset| keep_string(offset));
        }
        for &at in &self.starts {
            if !kept.contains(&at) {
                types.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0]);
                continue;
            }
            types.extend_from_slice(&self.bytes[at..at + 12 + self.rest(at)]);
            keep_string(word(self.bytes, at));
            let each = if self.kind(at) == 6 { 8 } else { 12 };
            (0..self.rest(at) / each).for_each(|n| keep_string(word(self.bytes, at + 12 + each * n)));
        }
        base_strings.extend(needed);
        let mut bytes = self.bytes[..8].to_vec();
        bytes[4] = 24;
        for number in [0, types.len(), types.len(), strings.len()] {
            bytes.extend_from_slice(&u32::try_from(number).expect("small").to_ne_bytes());
        }
        bytes.extend(types);
        bytes.extend(strings);
        bytes
    }

    /// Keeps a type, and of a structure's members what a path may lead through.
    fn keep(&self, at: usize, kept: &mut BTreeSet<usize>) {
        if !kept.insert(at) || !matches!(self.kind(at), 4 | 5) {
            return;
        }
        for member in (0..self.count(at)).map(|n| at + 12 + 12 * n) {
            let mut id = word(self.bytes, member + 4);
            let mut through = Vec::new();
            while let Some(own) = id.checked_sub(self.first()) {
                let of = self.starts[own];
                match self.kind(of) {
                    8..=11 | 18 => {
                        through.push(of);
                        id = word(self.bytes, of + 8);
                    }
                    4 | 5 => {
                        let name = self.string(word(self.bytes, of));
                        if name.is_empty() || STRUCTURES.iter().any(|wanted| wanted.as_bytes() == name) {
                            kept.extend(through.drain(..));
                            self.keep(of, kept);
                        }
                        break;
                    }
                    _ => break,
                }
            }
        }
    }
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
}
