//! The stream of records, the same from a kernel, a file, or another host.
//!
//! A session is a sequence of [`Line`]s: a [`Header`], then [`Event`]s, [`ClockSample`]s and [`Loss`]es as they happen,
//! and, where a view wrote it, [`VerdictRecord`]s and one [`Summary`]. On disk and on a wire it is NDJSON
//! (`docs/session-format.md`): [`encode`] writes a line, [`decode`] reads one, [`Reader`] reads many and outlives bad ones.

mod cause;
mod continuation;
mod decode;
mod define;
mod encode;
pub mod event;
mod field;
mod filter;
mod header;
mod names;
mod outcome;
mod paired;
mod probe;
mod quick;
mod reader;
#[cfg(feature = "arbitrary")]
mod sample;
mod selection;
mod several;
mod status;
mod thorough;
mod verdict;
mod window;
mod word;

pub use cause::Cause;
pub use continuation::Continuation;
pub use decode::{Decoded, Why, decode, decode_thoroughly};
pub use encode::{encode, text};
pub use event::{
    Claim, Client, Counts, EndedBy, Event, Kind, MAX_SPAN, Manager, Netns, Refusal, Rpc, ServerOp, ServerState, Stamp,
    Surroundings, Task, Tracker,
};
pub use field::{FieldAbout, KindAbout};
pub use filter::Filter;
pub use header::{Continues, Header, Role, SCHEMA};
pub use names::{frame_function, moment_text, span_text};
pub use outcome::{
    AttemptRow, ClientRow, Excess, KnownFrom, LossRow, RestartRow, StallRow, StallState, StallTotals, Summary,
    TrackerRow,
};
pub use paired::{
    CauseRow, ClientCostRow, ClockOutcome, ClockRow, CostRow, HostRow, PairedAttemptRow, PairedStallRow, PairedSummary,
    RpcRow, SplitRow, StepRow, Unmatched, WorstRow,
};
pub use probe::{Absence, HookId, ProbeRow, ProbeStatus};
pub use reader::{Item, MAX_EVENT, MAX_LINE, Reader, Skipped};
pub use selection::{RestartId, Selection};
pub use several::encode_from;
pub use status::{Errno, NfsStatus};
pub use verdict::{EvidenceRecord, Question, Severity, VerdictRecord, VerdictState, WaitRow, Waiting};
pub use window::{Moment, Span, Window};
pub use word::{Vocabulary, Word};

use define::{describe, fields, key, read};
use field::{Field, Fields, Key};

/// One line of a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// Who recorded, where, and with which probes; the first line.
    Header(Box<Header>),
    /// An observation.
    Event(Event),
    /// Where the wall clock stood.
    Clock(ClockSample),
    /// Something was seen and not recorded.
    Loss(Loss),
    /// What the program concluded.
    Verdict(Box<VerdictRecord>),
    /// The tables at the end of a session.
    Summary(Box<Summary>),
    /// What the sessions of several hosts come to together.
    Paired(Box<PairedSummary>),
}

impl Line {
    /// Whether it is no observation but what a program concluded.
    #[must_use]
    pub fn is_concluded(&self) -> bool {
        matches!(self, Self::Verdict(_) | Self::Summary(_) | Self::Paired(_))
    }

    /// When it was written, or what it tells of was seen.
    #[must_use]
    pub fn at(&self) -> Stamp {
        match self {
            Self::Header(it) => it.started,
            Self::Event(it) => it.at,
            Self::Clock(it) => it.at,
            Self::Loss(it) => it.at,
            Self::Verdict(it) => it.t,
            Self::Summary(it) => it.t,
            Self::Paired(it) => it.t,
        }
    }
}

fields! {
    /// Ties the session's clock to the wall clock, once more.
    #[derive(Copy)]
    pub struct ClockSample {
        /// When it was taken.
        at "t": Stamp,
        /// `CLOCK_REALTIME - CLOCK_BOOTTIME` at that moment, nanoseconds.
        realtime_minus_boottime_ns: i64,
    }
}

fields! {
    /// Observations that were made and could not be kept.
    pub struct Loss {
        /// When it was noticed.
        at "t": Stamp,
        /// Why, as a stable `snake_case` id (`ring_full`).
        cause: String,
        /// How many since the last `Loss` of this cause.
        count: u64,
        /// What may be missing from the session because of it, in words.
        hides: String = (String::new()),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
