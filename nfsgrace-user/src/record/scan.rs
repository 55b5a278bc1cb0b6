//! The quick way to read a flat object: what this program writes, byte for byte in the form in which it writes it.
//!
//! It gives up (`None`) at whatever is unusual, a space, an escape, a value of another type, and then serde reads the line
//! and says what is wrong with it, if anything is. What it does read it reads as serde would: a test compares the two.

use std::borrow::Cow;

use super::flat::Text;

/// A place in a line.
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// The beginning of a line, unless it has an escape or a control character somewhere.
    pub(super) fn new(line: &'a str) -> Option<Self> {
        // All bytes at once, which is quicker than to look for an end at the first.
        let unusual = line.bytes().fold(false, |unusual, byte| unusual | (byte < 0x20) | (byte == b'\\'));
        (!unusual).then_some(Self { rest: line })
    }

    /// Steps over one character of ASCII, if it is this.
    #[inline]
    pub(super) fn take(&mut self, what: u8) -> Option<()> {
        let (first, _) = self.rest.as_bytes().split_first()?;
        (*first == what).then(|| self.rest = self.rest.get(1..).unwrap_or_default())
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn take_word(&mut self, word: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    /// A string in its quotes.
    #[inline]
    pub(super) fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let end = memchr::memchr(b'"', self.rest.as_bytes())?;
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        self.take(b'"')?;
        Some(text)
    }

    /// The digits of a whole number; zero alone may begin with zero.
    #[inline]
    fn digits(&mut self) -> Option<u64> {
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
}

/// A type of field that is read the quick way.
pub(super) trait Scan<'a>: Sized {
    /// Reads a value and steps over it.
    fn scan(from: &mut Cursor<'a>) -> Option<Self>;
}

impl<'a> Scan<'a> for u64 {
    #[inline]
    fn scan(from: &mut Cursor<'a>) -> Option<Self> {
        from.digits()
    }
}

impl<'a> Scan<'a> for u32 {
    #[inline]
    fn scan(from: &mut Cursor<'a>) -> Option<Self> {
        Self::try_from(from.digits()?).ok()
    }
}

impl<'a> Scan<'a> for i64 {
    #[inline]
    fn scan(from: &mut Cursor<'a>) -> Option<Self> {
        if from.take(b'-').is_none() {
            return Self::try_from(from.digits()?).ok();
        }
        // Minus zero is a number with a fraction to serde.
        from.digits().filter(|digits| *digits != 0).and_then(|digits| 0_i64.checked_sub_unsigned(digits))
    }
}

impl<'a> Scan<'a> for bool {
    #[inline]
    fn scan(from: &mut Cursor<'a>) -> Option<Self> {
        match from.take_word("true") {
            Some(()) => Some(true),
            None => from.take_word("false").map(|()| false),
        }
    }
}

impl<'a> Scan<'a> for Text<'a> {
    #[inline]
    fn scan(from: &mut Cursor<'a>) -> Option<Self> {
        from.string().map(|text| Self(Cow::Borrowed(text)))
    }
}

impl<'a> Scan<'a> for Vec<Text<'a>> {
    fn scan(from: &mut Cursor<'a>) -> Option<Self> {
        from.take(b'[')?;
        let mut list = Self::new();
        if from.take(b']').is_some() {
            return Some(list);
        }
        loop {
            list.push(Text::scan(from)?);
            if from.take(b']').is_some() {
                return Some(list);
            }
            from.take(b',')?;
        }
    }
}
