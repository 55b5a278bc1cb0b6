//! Errors, by name and number: `ETIMEDOUT (-110)`, `NFS4ERR_GRACE (10013)`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Refusal;

/// What a kernel function returned: zero, a negative errno, or a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Errno(pub i32);

/// The names of 1 and on (include/uapi/asm-generic/errno*.h); `-` where there is none.
const ERRNOS: &str = "EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK \
    EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE \
    EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG \
    EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG \
    EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD \
    ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT \
    EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH \
    ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN \
    EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE \
    ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON";

/// Those of 512 and on, which stay within the kernel (include/linux/errno.h).
const INTERNAL_ERRNOS: &str = "ERESTARTSYS ERESTARTNOINTR ERESTARTNOHAND ENOIOCTLCMD ERESTART_RESTARTBLOCK EPROBE_DEFER \
    EOPENSTALE ENOPARAM - EBADHANDLE ENOTSYNC EBADCOOKIE ENOTSUPP ETOOSMALL ESERVERFAULT EBADTYPE EJUKEBOX EIOCBQUEUED \
    ERECALLCONFLICT ENOGRACE";

/// The name of a number in a list of names that begins with `first`.
fn name_in(names: &'static str, first: u32, number: u32) -> Option<&'static str> {
    let nth = usize::try_from(number.checked_sub(first)?).ok()?;
    names.split_ascii_whitespace().nth(nth).filter(|name| *name != "-")
}

impl Errno {
    /// No error.
    pub const OK: Self = Self(0);
    /// No such file or directory.
    pub const ENOENT: Self = Self(-2);
    /// Permission denied.
    pub const EACCES: Self = Self(-13);
    /// Not a directory.
    pub const ENOTDIR: Self = Self(-20);
    /// Invalid argument.
    pub const EINVAL: Self = Self(-22);
    /// Operation not supported: what an old nfsdcld answers.
    pub const EOPNOTSUPP: Self = Self(-95);
    /// Timed out: nobody held nfsdcld's pipe open.
    pub const ETIMEDOUT: Self = Self(-110);
    /// Remote I/O error: what nfsdcld answers when it cannot use its database.
    pub const EREMOTEIO: Self = Self(-121);

    /// Whether it is an error.
    #[must_use]
    pub fn is_error(self) -> bool {
        self.0 < 0
    }

    /// Its name, where it is an error that has one here.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let number = self.is_error().then_some(self.0.unsigned_abs())?;
        name_in(ERRNOS, 1, number).or_else(|| name_in(INTERNAL_ERRNOS, 512, number))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// What an NFS server answered: zero, or an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NfsStatus(pub u32);

/// The errors of `enum nfsstat4` from 10001 on (RFC 8881, section 15.1); `-` where there is none.
const NFS4ERR: &str = "BADHANDLE NOT_SYNC BAD_COOKIE NOTSUPP TOOSMALL SERVERFAULT BADTYPE DELAY SAME DENIED EXPIRED \
    LOCKED GRACE FHEXPIRED SHARE_DENIED WRONGSEC CLID_INUSE RESOURCE MOVED NOFILEHANDLE MINOR_VERS_MISMATCH \
    STALE_CLIENTID STALE_STATEID OLD_STATEID BAD_STATEID BAD_SEQID NOT_SAME LOCK_RANGE SYMLINK RESTOREFH LEASE_MOVED \
    ATTRNOTSUPP NO_GRACE RECLAIM_BAD RECLAIM_CONFLICT BADXDR LOCKS_HELD OPENMODE BADOWNER BADCHAR BADNAME BAD_RANGE \
    LOCK_NOTSUPP OP_ILLEGAL DEADLOCK FILE_OPEN ADMIN_REVOKED CB_PATH_DOWN BADIOMODE BADLAYOUT BAD_SESSION_DIGEST \
    BADSESSION BADSLOT COMPLETE_ALREADY CONN_NOT_BOUND_TO_SESSION DELEG_ALREADY_WANTED BACK_CHAN_BUSY LAYOUTTRYLATER \
    LAYOUTUNAVAILABLE NOMATCHING_LAYOUT RECALLCONFLICT UNKNOWN_LAYOUTTYPE SEQ_MISORDERED SEQUENCE_POS REQ_TOO_BIG \
    REP_TOO_BIG REP_TOO_BIG_TO_CACHE RETRY_UNCACHED_REP UNSAFE_COMPOUND TOO_MANY_OPS OP_NOT_IN_SESSION \
    HASH_ALG_UNSUPP - CLIENTID_BUSY PNFS_IO_HOLE SEQ_FALSE_RETRY BAD_HIGH_SLOT DEADSESSION ENCR_ALG_UNSUPP \
    PNFS_NO_LAYOUT NOT_ONLY_OP WRONG_CRED WRONG_TYPE DIRDELEG_UNAVAIL REJECT_DELEG RETURNCONFLICT DELEG_REVOKED";

/// Those below, which are errnos by another name.
const LOW: [(u32, &str); 18] = [
    (1, "PERM"),
    (2, "NOENT"),
    (5, "IO"),
    (6, "NXIO"),
    (13, "ACCESS"),
    (17, "EXIST"),
    (18, "XDEV"),
    (20, "NOTDIR"),
    (21, "ISDIR"),
    (22, "INVAL"),
    (27, "FBIG"),
    (28, "NOSPC"),
    (30, "ROFS"),
    (31, "MLINK"),
    (63, "NAMETOOLONG"),
    (66, "NOTEMPTY"),
    (69, "DQUOT"),
    (70, "STALE"),
];

impl NfsStatus {
    /// The server is busy.
    pub const DELAY: Self = Self(10_008);
    /// The server is in its grace period.
    pub const GRACE: Self = Self(10_013);

    /// Its name without `NFS4ERR_`.
    fn name(self) -> Option<&'static str> {
        let low = || LOW.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name);
        name_in(NFS4ERR, 10_001, self.0).or_else(low)
    }
}

impl fmt::Display for NfsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            _ if self.0 == 0 => f.write_str("NFS4_OK"),
            Some(name) => write!(f, "NFS4ERR_{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl From<Refusal> for NfsStatus {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Grace => Self::GRACE,
            Refusal::Delay => Self::DELAY,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        NfsStatus::from(*self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_name_and_its_number() {
        let shown = [-110, 0, -9_999, 2, i32::MIN].map(|status| Errno(status).to_string());
        assert_eq!(shown, ["ETIMEDOUT (-110)", "0", "-9999", "2", "-2147483648"]);
    }

    #[test]
    fn errnos_are_those_of_linux() {
        use rustix::io::Errno as Linux;
        let linux = [
            ("ENOENT", Linux::NOENT),
            ("EBUSY", Linux::BUSY),
            ("ENOSYS", Linux::NOSYS),
            ("ENOMSG", Linux::NOMSG),
            ("EBFONT", Linux::BFONT),
            ("EPROTO", Linux::PROTO),
            ("ETIMEDOUT", Linux::TIMEDOUT),
            ("EREMOTEIO", Linux::REMOTEIO),
            ("EHWPOISON", Linux::HWPOISON),
        ];
        for (name, number) in linux {
            assert_eq!(Errno(-number.raw_os_error()).name(), Some(name));
        }
        let internal = [512, 517, 520, 523, 531, 532].map(|number: i32| Errno(-number).name());
        let expected = ["ERESTARTSYS", "EPROBE_DEFER", "", "EBADCOOKIE", "ENOGRACE", ""];
        assert_eq!(internal.map(Option::unwrap_or_default), expected);
    }

    #[test]
    fn nfs_errors_are_those_of_the_rfc() {
        let shown = [0, 13, 10_001, 10_008, 10_013, 10_033, 10_054, 10_073, 10_087, 10_088]
            .map(|status| NfsStatus(status).to_string());
        let expected = [
            "NFS4_OK",
            "NFS4ERR_ACCESS (13)",
            "NFS4ERR_BADHANDLE (10001)",
            "NFS4ERR_DELAY (10008)",
            "NFS4ERR_GRACE (10013)",
            "NFS4ERR_NO_GRACE (10033)",
            "NFS4ERR_COMPLETE_ALREADY (10054)",
            "10073",
            "NFS4ERR_DELEG_REVOKED (10087)",
            "10088",
        ];
        assert_eq!(shown, expected);
    }
}
