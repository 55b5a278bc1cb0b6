//! What a session comes to: gathered once as plain rows, shown as tables or as one line of JSON.

mod tables;

pub(super) use tables::{Sheet, in_order, nothing, one_error, sheets, table, tables, verdicts};
pub use tables::{alone, text};
pub(super) use tables::{client_name, grace, tracking};
