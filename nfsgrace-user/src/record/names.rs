//! What numbers and kinds are called in the field.

use std::time::Duration;

use super::{Stamp, Tracker};

/// Errnos that NFS tracking, opens and locks answer (include/uapi/asm-generic/errno*.h).
const ERRNOS: [(i32, &str); 33] = [
    (1, "EPERM"),
    (2, "ENOENT"),
    (4, "EINTR"),
    (5, "EIO"),
    (11, "EAGAIN"),
    (12, "ENOMEM"),
    (13, "EACCES"),
    (16, "EBUSY"),
    (17, "EEXIST"),
    (20, "ENOTDIR"),
    (21, "EISDIR"),
    (22, "EINVAL"),
    (23, "ENFILE"),
    (24, "EMFILE"),
    (26, "ETXTBSY"),
    (28, "ENOSPC"),
    (30, "EROFS"),
    (32, "EPIPE"),
    (36, "ENAMETOOLONG"),
    (38, "ENOSYS"),
    (40, "ELOOP"),
    (71, "EPROTO"),
    (95, "EOPNOTSUPP"),
    (107, "ENOTCONN"),
    (110, "ETIMEDOUT"),
    (111, "ECONNREFUSED"),
    (112, "EHOSTDOWN"),
    (113, "EHOSTUNREACH"),
    (116, "ESTALE"),
    (121, "EREMOTEIO"),
    (122, "EDQUOT"),
    (512, "ERESTARTSYS"),
    (523, "EBADCOOKIE"),
];

/// The name of an errno, negative or positive.
#[must_use]
pub fn errno_name(number: i32) -> Option<&'static str> {
    let number = number.checked_abs()?;
    ERRNOS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// A status with its name: `0`, `-110 [-ETIMEDOUT]`, `-9999`.
#[must_use]
pub fn status_text(status: i32) -> String {
    match errno_name(status) {
        Some(name) if status < 0 => format!("{status} [-{name}]"),
        _ => status.to_string(),
    }
}

/// A duration with its unit: `85 µs`, `1.2 ms`, `104 ms`, `1.039 s`, `101.915 s`.
#[must_use]
pub fn span_text(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
        10_000..1_000_000 => format!("{} ms", duration.as_millis()),
        _ => format!("{:.3} s", duration.as_secs_f64()),
    }
}

/// A moment, in seconds of the session's clock: `44.734`.
#[must_use]
pub fn moment_text(at: Stamp) -> String {
    format!("{}.{:03}", at.0 / 1_000_000_000, at.0 % 1_000_000_000 / 1_000_000)
}

/// The function of a stack frame: `nfsd4_open+0x1b [nfsd]` is `nfsd4_open`. `None` for the kernel's own trampolines, which
/// stand where a probed function was entered and say nothing of the way there.
#[must_use]
pub fn frame_function(frame: &str) -> Option<&str> {
    let name = frame.split(['+', ' ']).next()?;
    (!name.is_empty() && !name.contains("trampoline")).then_some(name)
}

impl Tracker {
    /// The kernel function that sets it up.
    #[must_use]
    pub fn init_function(self) -> &'static str {
        match self {
            Self::Cld => "nfsd4_cld_tracking_init",
            Self::CldV0 => "nfsd4_init_cld_pipe",
            Self::Umh => "nfsd4_umh_cltrack_init",
            Self::Legacy => "nfsd4_legacy_tracking_init",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_its_function() {
        let frames = ["ksys_write+0x6b", "nfsd_svc+0x1ac [nfsd]", "nfs4_do_open", "kretprobe_trampoline+0x0", ""];
        let functions: Vec<_> = frames.into_iter().filter_map(frame_function).collect();
        assert_eq!(functions, ["ksys_write", "nfsd_svc", "nfs4_do_open"]);
    }
}
