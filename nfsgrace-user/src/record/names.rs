//! What numbers and kinds are called in the field.

use super::Tracker;

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
