//! How bad each cause is.

use crate::record::{Cause, Severity};

impl Cause {
    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Healthy => Severity::Fine,
            Self::GraceShortenedToZero => Severity::Warning,
            _ => Severity::Problem,
        }
    }
}
