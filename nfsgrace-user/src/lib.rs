//! nfsgrace explains why NFS clients hang after a server restart.
//!
//! The flow runs one way: probe → record → clock → timeline → diagnosis → paired → outcome → view.

pub mod cli;
pub mod clock;
pub mod command;
pub mod conductor;
pub mod diagnosis;
pub mod kernel;
pub mod outcome;
pub mod paired;
pub mod probe;
pub mod record;
pub mod replay;
pub mod session;
pub mod source;
pub mod timeline;
pub mod view;
