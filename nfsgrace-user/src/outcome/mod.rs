//! From sessions to rows of the published schema: the one place that all views begin at.
//!
//! * [`summary`]: what one session comes to; [`restart`], [`stall`] and [`attempt`]: single rows of it;
//! * [`Conclusion`]: a verdict that changes;
//! * [`SessionOutcome`]: verdicts and summary, which end a session;
//! * [`paired`]: what the sessions of several hosts come to together, made of the same rows.

mod clock;
mod cost;
mod paired;
mod restart;
mod stall;
mod summary;
mod verdict;

use std::time::Duration;

pub use paired::paired;
pub use restart::restart;
pub use stall::{attempt, stall, stall_without_attempts};
pub use summary::summary;
pub use verdict::{Conclusion, SessionOutcome};

fn ns(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
