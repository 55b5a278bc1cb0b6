//! Where a file system is mounted, so that a path reads as the task wrote it.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

/// A device number is given to another file system when its own is unmounted: what was looked up is believed this long.
const BELIEVED: Duration = Duration::from_secs(10);

/// Mount points by device, looked up once for all tasks that are stalled at the same time.
#[derive(Debug, Default)]
pub struct Mounts {
    known: HashMap<u32, Option<Mount>>,
    since: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    /// Directory of the file system that is mounted.
    root: String,
    /// Where.
    point: String,
}

impl Mounts {
    /// The full path of `below`, a path below the root of the file system on `dev`, as the task `pid` sees it; just
    /// `below` where the mount is not found.
    pub fn full(&mut self, dev: u32, pid: u32, below: &str) -> String {
        if self.since.is_none_or(|since| since.elapsed() > BELIEVED) {
            self.known.clear();
            self.since = Some(Instant::now());
        }
        let mount = self.known.entry(dev).or_insert_with(|| {
            fs::read_to_string(format!("/proc/{pid}/mountinfo"))
                .or_else(|_| fs::read_to_string("/proc/self/mountinfo"))
                .ok()
                .and_then(|text| find(&text, dev))
        });
        mount.as_ref().map_or_else(|| below.to_owned(), |mount| join(mount, below))
    }
}

/// `dev` is the kernel's own `dev_t`: twenty bits of minor number below the major one (include/linux/kdev_t.h).
fn find(mountinfo: &str, dev: u32) -> Option<Mount> {
    let number = format!("{}:{}", dev >> 20, dev & 0xf_ffff);
    mountinfo.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(2);
        (fields.next()? == number)
            .then(|| Some(Mount { root: fields.next()?.to_owned(), point: unescape(fields.next()?) }))?
    })
}

fn join(mount: &Mount, below: &str) -> String {
    let inside = mount.root.trim_start_matches('/');
    let rest = below.strip_prefix(inside).unwrap_or(below).trim_start_matches('/');
    format!("{}/{rest}", mount.point.trim_end_matches('/'))
}

/// Spaces and the like are octal in `mountinfo`.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "36 1 0:45 / /mnt/a\\040b rw,relatime shared:9 - nfs4 srv:/ rw,vers=4.1\n\
                             37 1 0:46 /sub /home rw - nfs4 srv:/x rw\n";

    #[test]
    fn path_as_the_task_sees_it() {
        let mount = find(MOUNTINFO, 45).unwrap();
        assert_eq!(join(&mount, "dir/file"), "/mnt/a b/dir/file");
        assert_eq!(join(&find(MOUNTINFO, 46).unwrap(), "sub/file"), "/home/file");
        assert_eq!(find(MOUNTINFO, 47), None);
    }
}
