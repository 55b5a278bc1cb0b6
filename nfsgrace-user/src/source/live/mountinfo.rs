//! The mounts that a process sees: `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).

use std::{fs, path::Path};

/// One line: `36 1 0:45 / /mnt/a\040b rw,relatime shared:9 - nfs4 srv:/ rw,vers=4.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MountedAt {
    /// Major and minor number of the device.
    pub(super) device: (u32, u32),
    /// Directory of the file system that is mounted.
    pub(super) root: String,
    /// Where.
    pub(super) point: String,
    /// Type of the file system.
    pub(super) kind: String,
}

/// The text for the process `pid`, or for this one where that is gone.
pub(super) fn read(proc: &Path, pid: u32) -> Option<String> {
    let text = |process: &str| fs::read(proc.join(process).join("mountinfo")).ok();
    text(&pid.to_string()).or_else(|| text("self")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines of a `mountinfo`. One that is not understood is left out: the others still count.
pub(super) fn parse(text: &str) -> impl Iterator<Item = MountedAt> {
    text.lines().filter_map(line)
}

fn line(line: &str) -> Option<MountedAt> {
    // Optional fields, of any number, end with the hyphen.
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ').skip(2);
    let (major, minor) = fields.next()?.split_once(':')?;
    Some(MountedAt {
        device: (major.parse().ok()?, minor.parse().ok()?),
        root: unescape(fields.next()?),
        point: unescape(fields.next()?),
        kind: after.split(' ').next()?.to_owned(),
    })
}

/// Blanks, line feeds, `#` and the backslash stand there as a backslash and three octal digits (`mangle_path`,
/// fs/seq_file.c).
fn unescape(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, octal(after)) {
            (b'\\', Some(byte)) => (byte, &after[3..]),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What the first three bytes say, if they are octal digits of a byte.
fn octal(bytes: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(bytes.get(..3)?).ok().filter(|digits| !digits.starts_with('+'))?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_with_blanks_in_its_names() {
        let text = "36 1 0:45 /a\\040dir /mnt/b\\011c\\134d\\043e rw,relatime shared:9 master:2 - nfs4 srv:/ rw\n";
        let mount = MountedAt {
            device: (0, 45),
            root: "/a dir".to_owned(),
            point: "/mnt/b\tc\\d#e".to_owned(),
            kind: "nfs4".to_owned(),
        };
        assert_eq!(parse(text).collect::<Vec<_>>(), [mount]);
    }

    #[test]
    fn what_is_no_escape_stays() {
        for name in ["/plain", "/end\\", "/end\\04", "/\\999", "/\\+12", "/\\777", "/\\é12", "/ü"] {
            assert_eq!(unescape(name), name);
        }
        assert_eq!(unescape("/\\303\\274"), "/ü", "bytes of UTF-8, not characters");
        assert_eq!(unescape("/\\134040"), "/\\040", "unescaped once only");
    }

    #[test]
    fn a_line_without_optional_fields_counts_and_one_that_is_cut_does_not() {
        let text = "37 1 0:46 /sub /home rw - nfs4 srv:/x rw\n38 1 0:47 / /cut\n\n39 1 zero / /odd rw - tmpfs t rw\n";
        assert_eq!(parse(text).map(|mount| mount.point).collect::<Vec<_>>(), ["/home"]);
    }
}
