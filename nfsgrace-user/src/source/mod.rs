//! Where records come from.
//!
//! [`Spec`](spec::Spec) is a source as a user names it; [`Sources`](several::Sources) are all of a session, polled fairly.

pub mod file;
pub mod heard;
pub mod live;
pub mod several;
pub mod spec;
pub mod ssh;
pub mod stdin;
mod stop;
pub mod stream;
