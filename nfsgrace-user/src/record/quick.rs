//! The quick way to read a record: what this program writes, byte for byte in the form and the order in which it writes it.
//!
//! It gives up at whatever is unusual, a space, an escape, another order, a value of another type, and then the
//! [thorough way](super::thorough) reads the line and says what is wrong with it, if anything is. What it does read it
//! reads as serde would: a test compares the two.

use std::borrow::Cow;

use super::{
    decode::Why,
    field::{Fields, Key, Value},
};

/// A place in a line.
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

/// The line is not in the usual form, or is wrong.
pub(super) struct Unusual;

impl From<Why> for Unusual {
    fn from(_: Why) -> Self {
        Self
    }
}

impl<'a> Cursor<'a> {
    /// The beginning of a line, unless it has an escape or a control character somewhere.
    pub(super) fn new(line: &'a str) -> Option<Self> {
        // All bytes at once, which is quicker than to look for an end at the first.
        let unusual = line.bytes().fold(false, |unusual, byte| unusual | (byte < 0x20) | (byte == b'\\'));
        (!unusual).then_some(Self { rest: line })
    }

    /// Steps over some text, if it is this.
    #[inline]
    pub(super) fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// A string in its quotes.
    #[inline]
    pub(super) fn string(&mut self) -> Option<&'a str> {
        self.take("\"")?;
        let end = memchr::memchr(b'"', self.rest.as_bytes())?;
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        self.take("\"")?;
        Some(text)
    }

    /// A whole number; zero alone may begin with zero.
    #[inline]
    pub(super) fn digits(&mut self) -> Option<u64> {
        let bytes = self.rest.as_bytes();
        let mut value = 0_u64;
        let mut length = 0;
        while let Some(digit) = bytes.get(length).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            value = value.checked_mul(10)?.checked_add(digit.into())?;
            length += 1;
        }
        if length == 0 || length > 1 && bytes.first() == Some(&b'0') {
            return None;
        }
        self.rest = self.rest.get(length..)?;
        // A fraction, an exponent: no whole number as this program writes it.
        (!matches!(self.rest.as_bytes().first(), Some(b'.' | b'e' | b'E'))).then_some(value)
    }

    /// A whole number that may be negative.
    #[inline]
    pub(super) fn signed(&mut self) -> Option<i64> {
        if self.take("-").is_none() {
            return i64::try_from(self.digits()?).ok();
        }
        // Minus zero is a number with a fraction to serde.
        self.digits().filter(|digits| *digits != 0).and_then(|digits| 0_i64.checked_sub_unsigned(digits))
    }

    /// `true` or `false`.
    #[inline]
    pub(super) fn boolean(&mut self) -> Option<bool> {
        match self.take("true") {
            Some(()) => Some(true),
            None => self.take("false").map(|()| false),
        }
    }

    /// A list.
    pub(super) fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.take("[")?;
        let mut list = Vec::new();
        if self.take("]").is_some() {
            return Some(list);
        }
        loop {
            list.push(one(self)?);
            if self.take("]").is_some() {
                return Some(list);
            }
            self.take(",")?;
        }
    }
}

impl<'a> Fields<'a> for Cursor<'a> {
    type Refusal = Unusual;

    #[inline]
    fn has(&self, key: Key) -> bool {
        self.rest.starts_with(key.written)
    }

    #[inline]
    fn value<T: Value>(&mut self, key: Key) -> Result<Option<T>, Unusual> {
        match self.take(key.written) {
            Some(()) => T::scan(self).map(Some).ok_or(Unusual),
            None => Ok(None),
        }
    }

    #[inline]
    fn text(&mut self, key: Key) -> Result<Option<Cow<'a, str>>, Unusual> {
        match self.take(key.written) {
            Some(()) => self.string().map(|text| Some(Cow::Borrowed(text))).ok_or(Unusual),
            None => Ok(None),
        }
    }
}
