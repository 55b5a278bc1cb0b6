//! The thorough way to read a record: one flat object, in any form that JSON allows, with its fields in any order.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    decode::Why,
    field::{Fields, Key, Value, json},
};

/// The fields of an object that were not asked for yet, each with its value as it stands in the line.
#[derive(Debug)]
pub(super) struct Object<'a> {
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

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
    pub(super) fn left(&self) -> u32 {
        u32::try_from(self.fields.len()).unwrap_or(u32::MAX)
    }

    /// The value of a field, the last where there are several; absent is as good as null.
    fn take(&mut self, key: Key) -> Option<&'a str> {
        let last = self.fields.iter().rfind(|(name, _)| name == key.name)?.1.get();
        self.fields.retain(|(name, _)| name != key.name);
        (last != "null").then_some(last)
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
                let mut fields = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    fields.push(pair);
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
        self.fields.iter().rfind(|(name, _)| name == key.name).is_some_and(|(_, value)| value.get() != "null")
    }

    fn value<T: Value>(&mut self, key: Key) -> Result<Option<T>, Why> {
        self.take(key).map(|value| T::parse(value, key)).transpose()
    }

    fn text(&mut self, key: Key) -> Result<Option<Cow<'a, str>>, Why> {
        self.take(key).map(|value| json(value).map(Cow::Owned)).transpose()
    }
}
