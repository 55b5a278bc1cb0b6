//! Where records come from.

pub mod file;
pub mod live;
