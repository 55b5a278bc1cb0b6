//! Where a file system is mounted, so that a path reads as the task wrote it.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use super::mountinfo::{self, MountedAt};

/// A device number is given to another file system when its own is unmounted: what was looked up is believed this long.
const BELIEVED: Duration = Duration::from_secs(10);

/// Mount points by device, looked up once for all tasks that are stalled at the same time.
#[derive(Debug, Default)]
pub struct Mounts {
    known: HashMap<u32, Option<MountedAt>>,
    since: Option<Instant>,
}

impl Mounts {
    /// The full path of `below`, a path below the root of the file system on `dev`, as the task `pid` sees it; just
    /// `below` where the mount is not found.
    pub fn full(&mut self, dev: u32, pid: u32, below: &str) -> String {
        if self.since.is_none_or(|since| since.elapsed() > BELIEVED) {
            self.known.clear();
            self.since = Some(Instant::now());
        }
        let look_up = || find(&mountinfo::read(Path::new("/proc"), pid)?, dev);
        let mount = self.known.entry(dev).or_insert_with(look_up);
        mount.as_ref().map_or_else(|| below.to_owned(), |mount| join(mount, below))
    }
}

/// `dev` is the kernel's own `dev_t`: twenty bits of minor number below the major one (include/linux/kdev_t.h).
fn find(text: &str, dev: u32) -> Option<MountedAt> {
    mountinfo::parse(text).find(|mount| mount.device == (dev >> 20, dev & 0xf_ffff))
}

fn join(mount: &MountedAt, below: &str) -> String {
    let inside = mount.root.trim_start_matches('/');
    let below_it =
        below.strip_prefix(inside).filter(|rest| inside.is_empty() || rest.is_empty() || rest.starts_with('/'));
    let rest = below_it.unwrap_or(below).trim_start_matches('/');
    format!("{}/{rest}", mount.point.trim_end_matches('/'))
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
        assert_eq!(join(&find(MOUNTINFO, 46).unwrap(), "subway/file"), "/home/subway/file", "another directory");
        assert_eq!(find(MOUNTINFO, 47), None);
    }
}
