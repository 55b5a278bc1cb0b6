//! The causes that can be told apart. Their ids are what scripts match on: they never change.

use std::fmt;

/// Why clients hang after a server restart, or that they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Nobody held the pipe `nfsd/cld` open, and nfsdcld does not run.
    NfsdcldNotRunning,
    /// Nobody could: no rpc_pipefs is mounted, or nfsdcld looks at another one.
    RpcPipefsMissing,
    /// nfsdcld cannot use its storage.
    NfsdcldStorage,
    /// nfsdcld's database is newer than nfsdcld.
    NfsdcldSchema,
    /// nfsdcld speaks an old protocol.
    NfsdcldTooOld,
    /// nfsdcld was called and does not answer.
    NfsdcldHung,
    /// The user-mode helper nfsdcltrack failed.
    UmhHelperFailed,
    /// The recovery directory is missing.
    LegacyDirMissing,
    /// The server runs in a namespace that has no tracker of its own.
    NetnsNoTracker,
    /// A recorded client did not come back.
    ClientNeverReturned,
    /// A recorded client speaks NFSv4.0, which cannot say that it is done.
    ClientMinorVersion0,
    /// Clients were still reclaiming when the time was up.
    SlowReclaim,
    /// lockd's own grace period, longer than nfsd's.
    LockdGrace,
    /// A client opens files without ever having said RECLAIM_COMPLETE.
    ReclaimCompleteMissing,
    /// Several clients use one client id.
    ClientIdCollision,
    /// `v4_end_grace` was written and refused.
    EndGraceRefused,
    /// The grace period is too short for the lease.
    GraceShortenedToZero,
    /// The server is out of grace, and a client still sleeps.
    BackoffTail,
    /// The tracker works and the grace period ended early.
    Healthy,
}

/// How bad a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is wrong.
    Fine,
    /// Nothing hangs because of it; something else will go wrong.
    Warning,
    /// Something hangs because of it.
    Problem,
}

impl Severity {
    /// Its name in the session schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::NfsdcldNotRunning,
        Self::RpcPipefsMissing,
        Self::NfsdcldStorage,
        Self::NfsdcldSchema,
        Self::NfsdcldTooOld,
        Self::NfsdcldHung,
        Self::UmhHelperFailed,
        Self::LegacyDirMissing,
        Self::NetnsNoTracker,
        Self::ClientNeverReturned,
        Self::ClientMinorVersion0,
        Self::SlowReclaim,
        Self::LockdGrace,
        Self::ReclaimCompleteMissing,
        Self::ClientIdCollision,
        Self::EndGraceRefused,
        Self::GraceShortenedToZero,
        Self::BackoffTail,
        Self::Healthy,
    ];

    /// Its stable id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::NfsdcldNotRunning => "nfsdcld-not-running",
            Self::RpcPipefsMissing => "rpc-pipefs-missing",
            Self::NfsdcldStorage => "nfsdcld-storage",
            Self::NfsdcldSchema => "nfsdcld-schema",
            Self::NfsdcldTooOld => "nfsdcld-too-old",
            Self::NfsdcldHung => "nfsdcld-hung",
            Self::UmhHelperFailed => "umh-helper-failed",
            Self::LegacyDirMissing => "legacy-dir-missing",
            Self::NetnsNoTracker => "netns-no-tracker",
            Self::ClientNeverReturned => "client-never-returned",
            Self::ClientMinorVersion0 => "client-minor-version-0",
            Self::SlowReclaim => "slow-reclaim",
            Self::LockdGrace => "lockd-grace",
            Self::ReclaimCompleteMissing => "reclaim-complete-missing",
            Self::ClientIdCollision => "client-id-collision",
            Self::EndGraceRefused => "end-grace-refused",
            Self::GraceShortenedToZero => "grace-shortened-to-zero",
            Self::BackoffTail => "backoff-tail",
            Self::Healthy => "healthy",
        }
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Healthy => Severity::Fine,
            Self::GraceShortenedToZero => Severity::Warning,
            _ => Severity::Problem,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.id())
    }
}
