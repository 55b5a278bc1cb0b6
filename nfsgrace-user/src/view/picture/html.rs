//! The picture as one page of HTML: nothing is fetched, nothing runs but its own script.

use super::Picture;

/// The page.
#[must_use]
pub fn page(_: &Picture) -> String {
    String::new()
}
