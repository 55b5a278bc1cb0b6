//! What a session comes to: gathered once as plain rows, shown as tables or as one line of JSON.

mod tables;

pub use tables::text;
pub(super) use tables::{
    Sheet, elsewhere, in_order, nothing, one_error, rank, sheets, table, tables, verdicts, waited_for,
};
pub(super) use tables::{client_name, grace, tracking};
