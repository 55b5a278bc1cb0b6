//! What a session comes to: gathered once as plain rows, shown as tables or as one line of JSON.

mod rows;
mod tables;

pub use rows::gather;
pub use tables::{alone, text};
