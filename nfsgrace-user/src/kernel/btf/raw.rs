//! The encoding (include/uapi/linux/btf.h).

use std::ops::Range;

use super::BtfError;

const MAGIC: u16 = 0xeb9f;
const HEADER_LEN: usize = 24;
const TYPE_LEN: usize = 12;

/// The kinds of types that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BtfKind {
    /// `BTF_KIND_STRUCT`
    Struct,
    /// `BTF_KIND_UNION`
    Union,
    /// `BTF_KIND_ENUM`
    Enum,
    /// `BTF_KIND_ENUM64`
    Enum64,
    /// `BTF_KIND_FUNC`
    Function,
    /// `BTF_KIND_TYPEDEF`, `_CONST`, `_VOLATILE`, `_RESTRICT`, `_TYPE_TAG`: another type under a name or a qualifier.
    Alias,
    /// Any other.
    Other,
}

/// Where the parts are.
pub(super) struct BtfHeader {
    pub types: Range<usize>,
    pub strings: Range<usize>,
}

impl BtfHeader {
    pub fn parse(bytes: &[u8]) -> Result<Self, BtfError> {
        let magic = bytes.get(..2).and_then(|magic| magic.try_into().ok()).map(u16::from_ne_bytes);
        if magic != Some(MAGIC) {
            return Err(BtfError::NoBtf);
        }
        let field = |at| word(bytes, at).map(|field| field as usize).ok_or(BtfError::Truncated);
        let header_len = field(4)?;
        if header_len < HEADER_LEN {
            return Err(BtfError::NoBtf);
        }
        let part = |offset: usize, length: usize| {
            let start = header_len.checked_add(offset)?;
            let end = start.checked_add(length)?;
            (end <= bytes.len()).then_some(start..end)
        };
        let types = part(field(8)?, field(12)?).ok_or(BtfError::Truncated)?;
        let strings = part(field(16)?, field(20)?).ok_or(BtfError::Truncated)?;
        Ok(Self { types, strings })
    }
}

/// `struct btf_type`, and where what follows it starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawType {
    pub name: u32,
    info: u32,
    /// Size, or number of the type referred to.
    pub size_or_type: u32,
    pub rest: usize,
}

impl RawType {
    pub fn parse(bytes: &[u8], at: usize) -> Option<Self> {
        let fields = bytes.get(at..at.checked_add(TYPE_LEN)?)?;
        Some(Self {
            name: word(fields, 0)?,
            info: word(fields, 4)?,
            size_or_type: word(fields, 8)?,
            rest: at + TYPE_LEN,
        })
    }

    fn number(self) -> u8 {
        (self.info >> 24 & 0x1f) as u8
    }

    pub fn kind(self) -> BtfKind {
        match self.number() {
            4 => BtfKind::Struct,
            5 => BtfKind::Union,
            6 => BtfKind::Enum,
            8..=11 | 18 => BtfKind::Alias,
            12 => BtfKind::Function,
            19 => BtfKind::Enum64,
            _ => BtfKind::Other,
        }
    }

    /// How many members, enumerators or parameters follow.
    pub fn count(self) -> usize {
        (self.info & 0xffff) as usize
    }

    /// For structures: members tell the size of bit fields. For enumerations: values are signed.
    pub fn flag(self) -> bool {
        self.info >> 31 == 1
    }

    /// Bytes up to the next type.
    pub fn length(self) -> Result<usize, BtfError> {
        let rest = match self.number() {
            // pointer, forward, typedef, volatile, const, restrict, function, float, type tag
            2 | 7..=12 | 16 | 18 => 0,
            // integer, variable, declaration tag
            1 | 14 | 17 => 4,
            // array
            3 => 12,
            // structure, union, data section, 64-bit enumeration
            4 | 5 | 15 | 19 => 12 * self.count(),
            // enumeration, prototype
            6 | 13 => 8 * self.count(),
            unknown => return Err(BtfError::UnknownKind(unknown)),
        };
        Ok(TYPE_LEN + rest)
    }
}

pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(four.try_into().ok()?))
}
