//! What kinds are called where a program reads them: as in the session format.

use std::borrow::Cow;

use super::clean;
use crate::record::{Claim, EndedBy, Errno, Excess, Manager, ServerOp, Tracker, Word};

/// An operation, as RFC 8881 writes it.
pub(super) fn op(op: ServerOp) -> &'static str {
    match op {
        ServerOp::Open => "OPEN",
        ServerOp::Lock => "LOCK",
        ServerOp::Remove => "REMOVE",
        ServerOp::Rename => "RENAME",
    }
}

pub(super) fn claim(claim: Claim) -> &'static str {
    match claim {
        Claim::Null => "null",
        Claim::Previous => "previous",
        Claim::DelegateCur => "delegate_cur",
        Claim::DelegatePrev => "delegate_prev",
        Claim::Fh => "fh",
        Claim::DelegCurFh => "deleg_cur_fh",
        Claim::DelegPrevFh => "deleg_prev_fh",
    }
}

pub(super) fn tracker(tracker: Tracker) -> &'static str {
    match tracker {
        Tracker::Cld => "cld",
        Tracker::CldV0 => "cld_v0",
        Tracker::Umh => "umh",
        Tracker::Legacy => "legacy",
    }
}

pub(super) fn ended_by(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Skipped => "skipped",
        EndedBy::Timer => "timer",
        EndedBy::AllReclaimed => "all_reclaimed",
        EndedBy::V4EndGrace => "v4_end_grace",
        EndedBy::Shutdown => "shutdown",
        EndedBy::Unknown => "unknown",
    }
}

pub(super) fn manager(manager: Manager) -> &'static str {
    match manager {
        Manager::Nfsd => "nfsd",
        Manager::Lockd => "lockd",
    }
}

/// Why a sleep was longer than asked for, in words.
pub(super) fn excess(excess: Option<&Word<Excess>>) -> Cow<'_, str> {
    match excess {
        None => "–".into(),
        Some(Word::Known(Excess::TimerWheel)) => "timer wheel".into(),
        Some(Word::Known(Excess::Late)) => "LATE".into(),
        Some(Word::Known(Excess::Short)) => "SHORTER".into(),
        Some(Word::Known(Excess::Interrupted)) => "interrupted".into(),
        Some(Word::Newer(word)) => clean(word),
    }
}

/// What a kernel function returned: `ok`, `ETIMEDOUT (-110)`, `-9999`.
pub(super) fn status(status: i32) -> String {
    if status == 0 { "ok".to_owned() } else { Errno(status).to_string() }
}
