//! From sessions to rows of the published schema: the one place that all views begin at.
//!
//! * [`summary`]: what one session comes to;
//! * [`verdicts`], [`verdict`], [`closing`]: what is concluded, as lines of the session;
//! * [`paired`]: what the sessions of several hosts come to together.

mod cost;
mod paired;
mod split;
mod summary;
mod verdict;

use std::time::Duration;

pub use paired::paired;
pub use split::{Span, Split};
pub(crate) use summary::attempt_row;
pub use summary::summary;
pub use verdict::{closing, verdict, verdicts};

fn ns(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
