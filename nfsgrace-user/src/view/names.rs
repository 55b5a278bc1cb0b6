//! What words of a session are called where people read them.

use std::borrow::Cow;

use super::clean;
use crate::record::{Errno, Excess, ServerOp, Word};

/// An operation, as RFC 8881 writes it.
pub(super) fn op(op: ServerOp) -> &'static str {
    match op {
        ServerOp::Open => "OPEN",
        ServerOp::Lock => "LOCK",
        ServerOp::Remove => "REMOVE",
        ServerOp::Rename => "RENAME",
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
pub(super) fn status(status: Errno) -> String {
    if status == Errno::OK { "ok".to_owned() } else { status.to_string() }
}
