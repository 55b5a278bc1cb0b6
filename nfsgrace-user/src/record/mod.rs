//! The stream of records, the same from a kernel, a file, or another host.

pub mod event;

pub use event::{
    Claim, Client, Counts, EndedBy, Event, Kind, Manager, Netns, Refusal, ServerOp, ServerState, Stamp, Surroundings,
    Task, Tracker,
};
