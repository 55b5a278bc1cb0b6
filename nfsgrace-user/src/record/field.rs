//! What a field of a record is: how it is written, read, and described.
//!
//! A record is read by one piece of code in two ways. Both ask for the fields in the order in which they are written: the
//! [quick way](super::quick) finds them in that order or gives up, the [thorough way](super::thorough) finds them
//! anywhere.

use std::{borrow::Cow, net::IpAddr};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Netns, Rpc, Stamp,
    decode::{Why, quote},
    define::key,
    encode::put,
    quick::Cursor,
};

/// Name of a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// `status`
    pub(super) name: &'static str,
    /// `,"status":`, as it stands in a line.
    pub(super) written: &'static str,
}

/// Fields of a record that is being read.
pub(super) trait Fields<'a> {
    /// That no record can be made of them.
    type Refusal: From<Why>;

    /// Whether the next field that is asked for is this one, and is there.
    fn has(&self, key: Key) -> bool;

    /// The value of a field; `None` where it is absent.
    fn value<T: Value>(&mut self, key: Key) -> Result<Option<T>, Self::Refusal>;

    /// A text, without a copy if possible; `None` where it is absent.
    fn text(&mut self, key: Key) -> Result<Option<Cow<'a, str>>, Self::Refusal>;
}

/// A type that is one value in JSON.
pub(super) trait Value: Serialize + DeserializeOwned {
    /// Reads it in the form in which this program writes it, and steps over it.
    fn scan(from: &mut Cursor<'_>) -> Option<Self>;

    /// What it is in terms of JSON Schema, without the braces.
    fn schema() -> String;

    /// Reads it in any form that JSON allows.
    fn parse(text: &str, _: Key) -> Result<Self, Why> {
        json(text)
    }

    /// Appends it as JSON.
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        put(self, out);
    }
}

/// A type that a field can have: a value, one that may be absent, or several fields that belong together.
pub(super) trait Field: Sized {
    /// Appends what is there.
    fn write(&self, key: Key, out: &mut Vec<u8>);

    /// Reads it.
    fn read<'a, F: Fields<'a>>(key: Key, from: &mut F) -> Result<Self, F::Refusal>;

    /// Adds what there is to say about it.
    fn describe(key: Key, about: &str, to: &mut Vec<FieldAbout>);
}

/// What is published about a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldAbout {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub about: String,
    /// What it is in terms of JSON Schema, without the braces.
    pub schema: String,
    /// Whether it is always there.
    pub required: bool,
    /// The field without which it is not there.
    pub only_with: Option<&'static str>,
}

/// What is published about a kind of event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindAbout {
    /// Its name.
    pub name: &'static str,
    /// What happened.
    pub about: String,
    /// Its fields; those that belong together have the name of their group.
    pub fields: Vec<(&'static str, Vec<FieldAbout>)>,
}

impl KindAbout {
    pub(super) fn new(name: &'static str, about: &str) -> Self {
        Self { name, about: about.trim().to_owned(), fields: Vec::new() }
    }

    /// Adds a field, or fields that belong together.
    pub(super) fn with(mut self, name: &'static str, describe: impl FnOnce(&mut Vec<FieldAbout>)) -> Self {
        let mut fields = Vec::new();
        describe(&mut fields);
        self.fields.push((name, fields));
        self
    }

    /// Adds fields that are all that there is.
    pub(super) fn with_all(mut self, describe: impl FnOnce(&mut Vec<FieldAbout>)) -> Self {
        let mut fields = Vec::new();
        describe(&mut fields);
        self.fields.extend(fields.into_iter().map(|field| (field.name, vec![field])));
        self
    }
}

/// Implements [`Field`] for values that are always there.
macro_rules! always_there {
    ($($type:ty),* $(,)?) => {$(
        impl Field for $type {
            #[inline]
            fn write(&self, key: Key, out: &mut Vec<u8>) {
                out.extend_from_slice(key.written.as_bytes());
                self.put(out);
            }

            #[inline]
            fn read<'a, F: Fields<'a>>(key: Key, from: &mut F) -> Result<Self, F::Refusal> {
                from.value(key)?.ok_or_else(|| Why::Missing(key.name).into())
            }

            fn describe(key: Key, about: &str, to: &mut Vec<FieldAbout>) {
                let (about, schema) = (about.to_owned(), <$type as Value>::schema());
                to.push(FieldAbout { name: key.name, about, schema, required: true, only_with: None });
            }
        }
    )*};
}
pub(super) use always_there;

always_there!(bool, u32, u64, i32, i64, String, Stamp, Netns);

impl<T: Value> Field for Option<T> {
    #[inline]
    fn write(&self, key: Key, out: &mut Vec<u8>) {
        if let Some(value) = self {
            out.extend_from_slice(key.written.as_bytes());
            value.put(out);
        }
    }

    #[inline]
    fn read<'a, F: Fields<'a>>(key: Key, from: &mut F) -> Result<Self, F::Refusal> {
        from.value(key)
    }

    fn describe(key: Key, about: &str, to: &mut Vec<FieldAbout>) {
        let about = about.to_owned();
        to.push(FieldAbout { name: key.name, about, schema: T::schema(), required: false, only_with: None });
    }
}

/// A list that is absent where it is empty.
impl Field for Vec<String> {
    #[inline]
    fn write(&self, key: Key, out: &mut Vec<u8>) {
        if !self.is_empty() {
            out.extend_from_slice(key.written.as_bytes());
            self.put(out);
        }
    }

    #[inline]
    fn read<'a, F: Fields<'a>>(key: Key, from: &mut F) -> Result<Self, F::Refusal> {
        Ok(from.value(key)?.unwrap_or_default())
    }

    fn describe(key: Key, about: &str, to: &mut Vec<FieldAbout>) {
        Option::<Self>::describe(key, about, to);
    }
}

/// It is there where its XID is.
impl Field for Option<Rpc> {
    fn write(&self, key: Key, out: &mut Vec<u8>) {
        if let Some(rpc) = self {
            rpc.write(key, out);
        }
    }

    fn read<'a, F: Fields<'a>>(key: Key, from: &mut F) -> Result<Self, F::Refusal> {
        from.has(key!(xid)).then(|| Rpc::read(key, from)).transpose()
    }

    fn describe(key: Key, about: &str, to: &mut Vec<FieldAbout>) {
        let before = to.len();
        Rpc::describe(key, about, to);
        for field in to.iter_mut().skip(before) {
            field.required = false;
            field.only_with = (field.name != "xid").then_some("xid");
        }
    }
}

/// A number of which only so much is believed.
pub(super) trait Bounded: Sized {
    /// Refuses what is larger.
    fn at_most(self, most: u64, key: Key) -> Result<Self, Why>;

    /// What it is in terms of JSON Schema, without the braces.
    fn schema(most: u64) -> String;

    /// As much of it as is not refused.
    #[cfg(feature = "arbitrary")]
    fn within(self, most: u64) -> Self;
}

impl Bounded for Option<u64> {
    fn at_most(self, most: u64, key: Key) -> Result<Self, Why> {
        match self {
            Some(value) if value > most => Err(Why::BadValue(key.name, value.to_string())),
            value => Ok(value),
        }
    }

    fn schema(most: u64) -> String {
        format!(r#""type": "integer", "minimum": 0, "maximum": {most}"#)
    }

    #[cfg(feature = "arbitrary")]
    fn within(self, most: u64) -> Self {
        self.map(|value| value.min(most))
    }
}

/// In both directions.
impl Bounded for Option<i64> {
    fn at_most(self, most: u64, key: Key) -> Result<Self, Why> {
        match self {
            Some(value) if value.unsigned_abs() > most => Err(Why::BadValue(key.name, value.to_string())),
            value => Ok(value),
        }
    }

    fn schema(most: u64) -> String {
        format!(r#""type": "integer", "minimum": -{most}, "maximum": {most}"#)
    }

    #[cfg(feature = "arbitrary")]
    fn within(self, most: u64) -> Self {
        let most = most.cast_signed();
        self.map(|value| value.clamp(-most, most))
    }
}

/// Reads any JSON.
pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T, Why> {
    serde_json::from_str(text).map_err(|error| Why::not_json(&error))
}

/// Reads a number that has fewer bits than JSON allows.
fn narrow<T: TryFrom<i64>>(text: &str, key: Key) -> Result<T, Why> {
    let number: i64 = json(text)?;
    T::try_from(number).map_err(|_| Why::BadValue(key.name, number.to_string()))
}

impl Value for bool {
    #[inline]
    fn scan(from: &mut Cursor<'_>) -> Option<Self> {
        from.boolean()
    }

    fn schema() -> String {
        r#""type": "boolean""#.to_owned()
    }
}

impl Value for u64 {
    #[inline]
    fn scan(from: &mut Cursor<'_>) -> Option<Self> {
        from.digits()
    }

    fn schema() -> String {
        r#""type": "integer", "minimum": 0"#.to_owned()
    }
}

impl Value for i64 {
    #[inline]
    fn scan(from: &mut Cursor<'_>) -> Option<Self> {
        from.signed()
    }

    fn schema() -> String {
        r#""type": "integer""#.to_owned()
    }
}

impl Value for u32 {
    #[inline]
    fn scan(from: &mut Cursor<'_>) -> Option<Self> {
        Self::try_from(from.digits()?).ok()
    }

    fn schema() -> String {
        format!(r#""type": "integer", "minimum": 0, "maximum": {}"#, Self::MAX)
    }

    fn parse(text: &str, key: Key) -> Result<Self, Why> {
        narrow(text, key)
    }
}

impl Value for i32 {
    #[inline]
    fn scan(from: &mut Cursor<'_>) -> Option<Self> {
        Self::try_from(from.signed()?).ok()
    }

    fn schema() -> String {
        format!(r#""type": "integer", "minimum": {}, "maximum": {}"#, Self::MIN, Self::MAX)
    }

    fn parse(text: &str, key: Key) -> Result<Self, Why> {
        narrow(text, key)
    }
}

impl Value for Stamp {
    #[inline]
    fn scan(from: &mut Cursor<'_>) -> Option<Self> {
        u64::scan(from).map(Self)
    }

    fn schema() -> String {
        r##""$ref": "#/$defs/stamp""##.to_owned()
    }
}

impl Value for Netns {
    #[inline]
    fn scan(from: &mut Cursor<'_>) -> Option<Self> {
        u32::scan(from).map(Self)
    }

    fn schema() -> String {
        u32::schema()
    }
}

impl Value for String {
    #[inline]
    fn scan(from: &mut Cursor<'_>) -> Option<Self> {
        from.string().map(str::to_owned)
    }

    fn schema() -> String {
        r#""type": "string""#.to_owned()
    }
}

impl Value for Vec<String> {
    fn scan(from: &mut Cursor<'_>) -> Option<Self> {
        from.list(String::scan)
    }

    fn schema() -> String {
        r#""type": "array", "items": {"type": "string"}"#.to_owned()
    }
}

impl Value for IpAddr {
    #[inline]
    fn scan(from: &mut Cursor<'_>) -> Option<Self> {
        from.string()?.parse().ok()
    }

    fn schema() -> String {
        r#""type": "string""#.to_owned()
    }

    fn parse(text: &str, key: Key) -> Result<Self, Why> {
        let text: String = json(text)?;
        text.parse().map_err(|_| Why::BadValue(key.name, quote(&text)))
    }
}
