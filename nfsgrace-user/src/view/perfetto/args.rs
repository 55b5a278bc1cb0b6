//! Debug annotations: the exact values behind a slice, which Perfetto shows beside it and SQL finds as `debug.NAME`.

use std::time::Duration;

use super::proto::Message;
use crate::{
    record::{Errno, Stamp},
    view::clean,
};

/// Field of `TrackEvent`.
const DEBUG_ANNOTATIONS: u32 = 4;
/// Fields of `DebugAnnotation`.
const BOOL_VALUE: u32 = 2;
const UINT_VALUE: u32 = 3;
const INT_VALUE: u32 = 4;
const STRING_VALUE: u32 = 6;
const NAME: u32 = 10;

/// Annotations of one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Args(Message);

impl Args {
    /// No annotation.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// One more; none for `None`, since what is not known is absent.
    pub(super) fn with(mut self, name: &'static str, value: impl Value) -> Self {
        let mut annotation = Message::default();
        annotation.text(NAME, name);
        if value.write(&mut annotation) {
            self.0.message(DEBUG_ANNOTATIONS, &annotation);
        }
        self
    }

    /// As fields of a `TrackEvent`.
    pub(super) fn fields(&self) -> &Message {
        &self.0
    }
}

/// What an annotation can hold.
pub(super) trait Value {
    /// Writes it; false where there is nothing to write.
    fn write(self, to: &mut Message) -> bool;
}

impl Value for u64 {
    fn write(self, to: &mut Message) -> bool {
        to.uint(UINT_VALUE, self);
        true
    }
}

impl Value for u32 {
    fn write(self, to: &mut Message) -> bool {
        u64::from(self).write(to)
    }
}

impl Value for i32 {
    fn write(self, to: &mut Message) -> bool {
        to.int(INT_VALUE, i64::from(self));
        true
    }
}

/// Its number.
impl Value for Errno {
    fn write(self, to: &mut Message) -> bool {
        self.0.write(to)
    }
}

impl Value for bool {
    fn write(self, to: &mut Message) -> bool {
        to.flag(BOOL_VALUE, self);
        true
    }
}

impl Value for &str {
    fn write(self, to: &mut Message) -> bool {
        to.text(STRING_VALUE, &clean(self));
        true
    }
}

impl Value for &String {
    fn write(self, to: &mut Message) -> bool {
        self.as_str().write(to)
    }
}

/// Nanoseconds.
impl Value for Duration {
    fn write(self, to: &mut Message) -> bool {
        u64::try_from(self.as_nanos()).unwrap_or(u64::MAX).write(to)
    }
}

/// Nanoseconds of the host's own clock.
impl Value for Stamp {
    fn write(self, to: &mut Message) -> bool {
        self.0.write(to)
    }
}

impl<V: Value> Value for Option<V> {
    fn write(self, to: &mut Message) -> bool {
        self.is_some_and(|value| value.write(to))
    }
}
