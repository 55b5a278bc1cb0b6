//! The causes that can be told apart. Their ids are what scripts match on: they never change.

use super::word::vocabulary;

vocabulary! {
    /// Why clients hang after a server restart, or that they do not.
    Cause {
        /// Nobody held the pipe `nfsd/cld` open, and nfsdcld does not run.
        NfsdcldNotRunning = "nfsdcld-not-running",
        /// Nobody could: no rpc_pipefs is mounted, or nfsdcld looks at another one.
        RpcPipefsMissing = "rpc-pipefs-missing",
        /// nfsdcld cannot use its storage.
        NfsdcldStorage = "nfsdcld-storage",
        /// nfsdcld's database is newer than nfsdcld.
        NfsdcldSchema = "nfsdcld-schema",
        /// nfsdcld speaks an old protocol.
        NfsdcldTooOld = "nfsdcld-too-old",
        /// nfsdcld was called and does not answer.
        NfsdcldHung = "nfsdcld-hung",
        /// The user-mode helper nfsdcltrack failed.
        UmhHelperFailed = "umh-helper-failed",
        /// The recovery directory is missing.
        LegacyDirMissing = "legacy-dir-missing",
        /// The server runs in a namespace that has no tracker of its own.
        NetnsNoTracker = "netns-no-tracker",
        /// A recorded client did not come back.
        ClientNeverReturned = "client-never-returned",
        /// A recorded client speaks NFSv4.0, which cannot say that it is done.
        ClientMinorVersion0 = "client-minor-version-0",
        /// Clients were still reclaiming when the time was up.
        SlowReclaim = "slow-reclaim",
        /// lockd's own grace period, longer than nfsd's.
        LockdGrace = "lockd-grace",
        /// A client opens files without ever having said RECLAIM_COMPLETE.
        ReclaimCompleteMissing = "reclaim-complete-missing",
        /// Several clients use one client id.
        ClientIdCollision = "client-id-collision",
        /// `v4_end_grace` was written and refused.
        EndGraceRefused = "end-grace-refused",
        /// The grace period is too short for the lease.
        GraceShortenedToZero = "grace-shortened-to-zero",
        /// The server is out of grace, and a client still sleeps.
        BackoffTail = "backoff-tail",
        /// The tracker works and the grace period ended early.
        Healthy = "healthy",
    }
}

impl Cause {
    /// Its stable id.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.word()
    }
}
