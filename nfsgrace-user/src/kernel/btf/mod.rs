//! A reader of BTF, the kernel's own description of its types (Documentation/bpf/btf.rst).
//!
//! It answers three questions: which types have this name, where in a structure is this member, what is the value of
//! this enumerator. Module BTF is split: it continues the type numbers and the strings of the kernel's BTF, its base.
//!
//! The bytes come from the kernel, or from anybody's file: whatever they hold, there is an answer or none, in bounded
//! time.

mod lookup;
mod raw;

use std::sync::Arc;

pub use raw::BtfKind;
use raw::{BtfHeader, RawType};

/// A type's number; 0 is `void`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

/// What is wrong with bytes that should be BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// They do not start as BTF of this machine's byte order does.
    #[error("no BTF")]
    NoBtf,
    /// They end too early.
    #[error("truncated BTF")]
    Truncated,
    /// A type is of a kind that came after this program, so that its length is not known.
    #[error("BTF with types of unknown kind {0}")]
    UnknownKind(u8),
}

/// The types of a kernel, or of a module.
pub struct Btf {
    bytes: Vec<u8>,
    header: BtfHeader,
    /// Where in `bytes` each of the own types starts.
    starts: Vec<u32>,
    base: Option<Arc<Btf>>,
}

impl std::fmt::Debug for Btf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Btf").field("types", &self.starts.len()).field("split", &self.base.is_some()).finish()
    }
}

impl Btf {
    /// Takes the bytes of `/sys/kernel/btf/…`, for a module with the kernel's as `base`.
    ///
    /// # Errors
    ///
    /// Where the bytes are not BTF from beginning to end.
    pub fn parse(bytes: Vec<u8>, base: Option<Arc<Self>>) -> Result<Self, BtfError> {
        let header = BtfHeader::parse(&bytes)?;
        let mut starts = Vec::with_capacity(header.types.len() / 32);
        let mut at = header.types.start;
        while at < header.types.end {
            let length = RawType::parse(&bytes[..header.types.end], at).ok_or(BtfError::Truncated)?.length()?;
            starts.push(u32::try_from(at).map_err(|_| BtfError::Truncated)?);
            at += length;
        }
        if at != header.types.end {
            return Err(BtfError::Truncated);
        }
        starts.shrink_to_fit();
        Ok(Self { bytes, header, starts, base })
    }

    /// Number of the first own type.
    fn first(&self) -> u32 {
        self.base.as_ref().map_or(1, |base| base.first().saturating_add(base.starts.len() as u32))
    }

    /// Length of the strings up to and with the own ones.
    fn strings_end(&self) -> usize {
        self.base.as_ref().map_or(0, |base| base.strings_end()) + self.header.strings.len()
    }

    /// The type with this number, and the BTF that it is in.
    fn get(&self, TypeId(id): TypeId) -> Option<(&Self, RawType)> {
        match id.checked_sub(self.first()) {
            Some(index) => {
                let start = *self.starts.get(index as usize)?;
                Some((self, RawType::parse(&self.bytes, start as usize)?))
            }
            None => self.base.as_ref()?.get(TypeId(id)),
        }
    }

    /// The string at `offset`, without its NUL.
    fn string(&self, offset: u32) -> &[u8] {
        let own = match &self.base {
            Some(base) if (offset as usize) < base.strings_end() => return base.string(offset),
            Some(base) => offset as usize - base.strings_end(),
            None => offset as usize,
        };
        let strings = &self.bytes[self.header.strings.clone()];
        let rest = strings.get(own..).unwrap_or_default();
        rest.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}
