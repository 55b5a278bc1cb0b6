//! The thorough way to read a record: one flat object, in any form that JSON allows, with its fields in any order.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    decode::Why,
    field::{Fields, Key, Value, json},
};

/// The fields of an object, each with its value as it stands in the line.
#[derive(Debug)]
pub(super) struct Object<'a> {
    fields: Vec<Pair<'a>>,
}

#[derive(Debug)]
struct Pair<'a> {
    name: Name<'a>,
    value: &'a RawValue,
    /// Whether somebody asked for it.
    known: bool,
}

/// Without a copy where it has no escapes.
#[derive(Debug, Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Object<'a> {
    /// Takes a line apart.
    ///
    /// # Errors
    ///
    /// Where it is not an object in JSON.
    pub(super) fn parse(line: &'a str) -> Result<Self, Why> {
        serde_json::from_str(line).map_err(|error| Why::not_json(&error))
    }

    /// How many fields nobody has asked for.
    pub(super) fn unknown(&self) -> u32 {
        let unknown = self.fields.iter().filter(|pair| !pair.known).count();
        u32::try_from(unknown).unwrap_or(u32::MAX)
    }

    /// The value of a field, the last where there are several; absent is as good as null.
    fn take(&mut self, key: Key) -> Option<&'a str> {
        let mut value = None;
        for pair in self.fields.iter_mut().filter(|pair| pair.name.0 == key.name) {
            pair.known = true;
            value = Some(pair.value.get());
        }
        value.filter(|value| *value != "null")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                // As many as most events have.
                let mut fields = Vec::with_capacity(16);
                while let Some((name, value)) = map.next_entry()? {
                    fields.push(Pair { name, value, known: false });
                }
                Ok(Object { fields })
            }
        }
        from.deserialize_map(Pairs)
    }
}

impl<'a> Fields<'a> for Object<'a> {
    type Refusal = Why;

    fn has(&self, key: Key) -> bool {
        let last = self.fields.iter().rfind(|pair| pair.name.0 == key.name);
        last.is_some_and(|pair| pair.value.get() != "null")
    }

    fn value<T: Value>(&mut self, key: Key) -> Result<Option<T>, Why> {
        self.take(key).map(|value| T::parse(value, key)).transpose()
    }

    fn text(&mut self, key: Key) -> Result<Option<Cow<'a, str>>, Why> {
        self.take(key).map(|value| json(value).map(Cow::Owned)).transpose()
    }
}
