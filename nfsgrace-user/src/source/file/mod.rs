//! Session files: both halves of one format.
//!
//! [`SessionFile`] reads a file in whatever state it is, and [`Store`] writes one such that no crash can hurt it. They stand
//! together because each relies on what the other does: what the writer leaves behind after a kill, a power cut or a full
//! disk is what the reader must get over.

mod read;
mod write;

pub use read::{OpenError, Progress, SessionFile, end};
pub use write::{CannotCreate, Notice, Retain, Rotation, SYNC_EVERY, Store, Written};
