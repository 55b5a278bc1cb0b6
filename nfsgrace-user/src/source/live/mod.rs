//! The running kernel.

pub mod decode;
pub mod kmsg;
pub mod load;
pub mod mounts;
pub mod surroundings;
