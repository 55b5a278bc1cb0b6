//! Whatever a file holds, the reader of BTF has an answer or none, in time.

use std::sync::Arc;

use nfsgrace::kernel::{Btf, BtfKind, TypeId};
use proptest::prelude::*;

const NAMES: [&str; 3] = ["net", "dentry", "nfsd_net"];
const PATHS: [&str; 3] = ["ns.inum", "d_name.name", "a.b.c"];

fn ask(btf: &Btf) {
    for kind in [BtfKind::Struct, BtfKind::Function] {
        for id in btf.find(kind, &NAMES).into_values() {
            for path in PATHS {
                let _ = btf.offset(id, path);
            }
        }
    }
    for id in [0, 1, 2, 7, u32::MAX] {
        for path in PATHS {
            let _ = btf.offset(TypeId(id), path);
        }
    }
    let _ = btf.enumerator("a");
}

fn header(types: &[u8], strings: &[u8]) -> Vec<u8> {
    let mut bytes = 0xeb9f_u16.to_ne_bytes().to_vec();
    bytes.extend([1, 0]);
    for number in [24, 0, types.len(), types.len(), strings.len()] {
        bytes.extend(u32::try_from(number).expect("small").to_ne_bytes());
    }
    [&bytes, types, strings].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

const STRINGS: &[u8] = b"\0net\0ns\0inum\0a\0";
const STRUCT: u32 = 4 << 24;
const TYPEDEF: u32 = 8 << 24;

proptest! {
    #[test]
    fn garbage(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        if let Ok(btf) = Btf::parse(bytes, None) {
            ask(&btf);
        }
    }

    #[test]
    fn garbage_in_a_sound_frame(
        types in proptest::collection::vec(prop_oneof![0_u32..20, any::<u32>(), (0_u32..20, 0_u32..4).prop_map(|(kind, count)| kind << 24 | count)], 0..64),
        strings in proptest::collection::vec(any::<u8>(), 0..32),
    ) {
        if let Ok(btf) = Btf::parse(header(&words(&types), &strings), None) {
            ask(&btf);
            let base = Arc::new(btf);
            if let Ok(split) = Btf::parse(header(&words(&types), &strings), Some(base)) {
                ask(&split);
            }
        }
    }

    #[test]
    fn truncated(length in 0_usize..200) {
        let types = words(&[1, STRUCT | 1, 8, 5, 2, 0, 5, STRUCT | 1, 8, 8, 0, 64]);
        let mut bytes = header(&types, STRINGS);
        bytes.truncate(length);
        let whole = length >= 24 + types.len() + STRINGS.len();
        prop_assert_eq!(Btf::parse(bytes, None).is_ok(), whole);
    }
}

#[test]
fn a_path_through_structures() {
    let types = words(&[1, STRUCT | 1, 8, 5, 2, 0, 5, STRUCT | 1, 8, 8, 0, 64]);
    let btf = Btf::parse(header(&types, STRINGS), None).expect("sound");
    let net = btf.find(BtfKind::Struct, &["net"])["net"];
    assert_eq!(net, TypeId(1));
    assert_eq!(btf.offset(net, "ns"), Some(0));
    assert_eq!(btf.offset(net, "ns.inum"), Some(8));
    assert_eq!(btf.offset(net, "inum"), None);
}

#[test]
fn a_structure_that_contains_itself_nameless() {
    // Sixteen nameless members, each the structure itself: 16^16 ways to go without a bound.
    let mut types = vec![1, STRUCT | 16, 8];
    types.extend([0, 1, 0].repeat(16));
    let btf = Btf::parse(header(&words(&types), STRINGS), None).expect("sound");
    assert_eq!(btf.offset(TypeId(1), "a"), None);
}

#[test]
fn a_name_for_itself() {
    let btf = Btf::parse(header(&words(&[13, TYPEDEF, 1]), STRINGS), None).expect("sound");
    assert_eq!(btf.offset(TypeId(1), "a"), None);
}

#[test]
fn a_type_of_the_future() {
    let error = Btf::parse(header(&words(&[1, 25 << 24, 1]), STRINGS), None).expect_err("unknown");
    assert_eq!(error.to_string(), "BTF with types of unknown kind 25");
}
