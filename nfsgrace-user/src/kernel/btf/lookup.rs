//! Finding types, members and enumerators.

use std::collections::HashMap;

use super::{
    Btf, TypeId,
    raw::{BtfKind, RawType, word},
};

/// Members looked at for one path; a kernel structure has a few hundred.
const MEMBERS: u32 = 100_000;
/// Anonymous structures in anonymous structures.
const DEPTH: u32 = 16;
/// `const volatile` of a `typedef` of a `typedef` …
const ALIASES: u32 = 32;

/// A member of a structure.
struct Member {
    name: u32,
    of: TypeId,
    /// Bits from the start of the structure.
    offset: u32,
    bit_field: bool,
}

impl Btf {
    /// The first own type of `kind` for each of `names` that has one, in one pass.
    #[must_use]
    pub fn find<'a>(&self, kind: BtfKind, names: &[&'a str]) -> HashMap<&'a str, TypeId> {
        let mut found = HashMap::new();
        for (index, &start) in self.starts.iter().enumerate() {
            let Some(of) = RawType::parse(&self.bytes, start as usize).filter(|of| of.kind() == kind && of.name != 0)
            else {
                continue;
            };
            let name = self.string(of.name);
            if let Some(name) = names.iter().find(|wanted| wanted.as_bytes() == name) {
                found.entry(*name).or_insert(TypeId(self.first().saturating_add(index as u32)));
                if found.len() == names.len() {
                    break;
                }
            }
        }
        found
    }

    /// Bytes from the start of structure `id` to the member at `path`: `f_path.dentry`.
    ///
    /// Members of anonymous structures and unions count as the outer one's own, as they do in C.
    #[must_use]
    pub fn offset(&self, id: TypeId, path: &str) -> Option<u32> {
        let mut fuel = MEMBERS;
        let mut at: u32 = 0;
        let mut within = id;
        for name in path.split('.') {
            let (offset, of) = self.member(within, name.as_bytes(), DEPTH, &mut fuel)?;
            at = at.checked_add(offset)?;
            within = of;
        }
        at.is_multiple_of(8).then_some(at / 8)
    }

    /// Bits to the member, and its type.
    fn member(&self, id: TypeId, name: &[u8], depth: u32, fuel: &mut u32) -> Option<(u32, TypeId)> {
        let (home, of) = self.resolve(id)?;
        if depth == 0 || !matches!(of.kind(), BtfKind::Struct | BtfKind::Union) {
            return None;
        }
        for index in 0..of.count() {
            *fuel = fuel.checked_sub(1)?;
            let member = home.nth_member(of, index)?;
            if member.name == 0 {
                if let Some((offset, of)) = self.member(member.of, name, depth - 1, fuel) {
                    return Some((member.offset.checked_add(offset)?, of));
                }
            } else if home.string(member.name) == name {
                return (!member.bit_field).then_some((member.offset, member.of));
            }
        }
        None
    }

    fn nth_member(&self, of: RawType, index: usize) -> Option<Member> {
        let at = of.rest + 12 * index;
        let placed = word(&self.bytes, at + 8)?;
        // With the flag the highest byte is the size of a bit field.
        let (offset, bit_field) = if of.flag() { (placed & 0xff_ffff, placed >> 24 != 0) } else { (placed, false) };
        Some(Member { name: word(&self.bytes, at)?, of: TypeId(word(&self.bytes, at + 4)?), offset, bit_field })
    }

    /// The type behind names and qualifiers.
    fn resolve(&self, mut id: TypeId) -> Option<(&Self, RawType)> {
        for _ in 0..ALIASES {
            let (home, of) = self.get(id)?;
            if of.kind() != BtfKind::Alias {
                return Some((home, of));
            }
            id = TypeId(of.size_or_type);
        }
        None
    }

    /// The value of an enumerator of any own enumeration.
    #[must_use]
    pub fn enumerator(&self, name: &str) -> Option<i64> {
        self.starts.iter().find_map(|&start| {
            let of = RawType::parse(&self.bytes, start as usize)?;
            let length = match of.kind() {
                BtfKind::Enum => 8,
                BtfKind::Enum64 => 12,
                _ => return None,
            };
            (0..of.count()).map(|index| of.rest + length * index).find_map(|at| {
                let low = word(&self.bytes, at + 4)?;
                if self.string(word(&self.bytes, at)?) != name.as_bytes() {
                    return None;
                }
                Some(match of.kind() {
                    BtfKind::Enum64 => (u64::from(word(&self.bytes, at + 8)?) << 32 | u64::from(low)).cast_signed(),
                    _ if of.flag() => i64::from(low.cast_signed()),
                    _ => i64::from(low),
                })
            })
        })
    }
}
