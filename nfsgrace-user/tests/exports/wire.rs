//! Reads protocol buffers without any schema: owes nothing to what wrote them.

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

impl<'a> Wire<'a> {
    pub fn number(self) -> u64 {
        match self {
            Self::Varint(number) | Self::Fixed64(number) => number,
            Self::Bytes(bytes) => panic!("{bytes:?} is no number"),
        }
    }

    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            number => panic!("{number:?} is no message"),
        }
    }

    pub fn text(self) -> &'a str {
        std::str::from_utf8(self.bytes()).expect("strings are UTF-8")
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for place in 0..10 {
        let (&first, rest) = bytes.split_first().expect("a varint is cut off");
        *bytes = rest;
        value |= u64::from(first & 0x7f) << (7 * place);
        if first & 0x80 == 0 {
            return value;
        }
    }
    panic!("a varint of more than ten bytes");
}

/// The fields of a message, in order.
pub fn fields(mut bytes: &[u8]) -> Vec<(u64, Wire<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => None,
            1 => Some(8),
            2 => Some(usize::try_from(varint(&mut bytes)).expect("a length")),
            other => panic!("wire type {other}"),
        };
        let value = match length {
            None => Wire::Varint(varint(&mut bytes)),
            Some(length) => {
                let (taken, rest) = bytes.split_at_checked(length).expect("a field is cut off");
                bytes = rest;
                match (key & 7, taken.try_into()) {
                    (1, Ok(eight)) => Wire::Fixed64(u64::from_le_bytes(eight)),
                    _ => Wire::Bytes(taken),
                }
            }
        };
        fields.push((key >> 3, value));
    }
    fields
}

/// The only field of a number.
pub fn field<'a>(fields: &[(u64, Wire<'a>)], number: u64) -> Option<Wire<'a>> {
    fields.iter().find(|(it, _)| *it == number).map(|(_, value)| *value)
}
