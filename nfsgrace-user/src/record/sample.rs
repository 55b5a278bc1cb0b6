//! Records made of bytes, for a fuzzer and for tests: each piece is one small choice or one number.
//!
//! There are few values of each type, so that records meet, and the worst are among them.

use std::net::IpAddr;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{Netns, Stamp};

/// Texts that mean something to somebody, and texts that should mean nothing to a terminal.
const TEXTS: [&str; 18] = [
    "",
    "make",
    "/mnt/file",
    "127.0.0.1",
    "here",
    "[::1]",
    "Linux NFSv4.0 a",
    "Linux NFSv4.2 b",
    "nfs4_do_open+0x1b [nfsv4]",
    "kretprobe_trampoline",
    "/var/lib/nfs/rpc_pipefs/nfsd/cld",
    "NFSD: starting 20-second grace period (net 1)",
    "NFSD: starting 18446744073709551615-second grace period (net 0)",
    "NFSD: Unable to initialize client recovery tracking! (-110)",
    "NFSD: Using UMH upcall client tracking operations.",
    "NFSD: all clients done reclaiming, ending NFSv4 grace period (net 1)",
    "NFSD: Unable to end grace period: -110",
    "\u{1b}[2J\u{202e}\u{9b}31m|`\"\\\r\n\t\0\u{2603}\u{10ffff}",
];

/// A type of which values are made.
pub(super) trait Sample: Sized {
    /// Makes one.
    fn sample(from: &mut Unstructured<'_>) -> Result<Self>;
}

/// Makes a value of a type.
pub(super) fn of<T: Sample>(from: &mut Unstructured<'_>) -> Result<T> {
    T::sample(from)
}

impl Sample for bool {
    fn sample(from: &mut Unstructured<'_>) -> Result<Self> {
        Self::arbitrary(from)
    }
}

/// Small, in seconds, in fractions of them, absurd, or any.
impl Sample for u64 {
    fn sample(from: &mut Unstructured<'_>) -> Result<Self> {
        let byte = Self::from(u8::arbitrary(from)?);
        Ok(match byte {
            0..100 => byte,
            100..180 => (byte - 100) * 1_000_000_000,
            180..240 => (byte - 180) * 50_000_000,
            240 => Self::MAX,
            241 => Self::MAX - 1,
            242 => i64::MAX.cast_unsigned(),
            243 => 1 << 32,
            244 => u32::MAX.into(),
            245 => Self::MAX / 1_000_000_000,
            _ => Self::arbitrary(from)?,
        })
    }
}

/// One of a few, or any.
impl Sample for u32 {
    fn sample(from: &mut Unstructured<'_>) -> Result<Self> {
        let byte = Self::from(u8::arbitrary(from)?);
        Ok(match byte {
            0..200 => byte % 4,
            200..240 => byte,
            240 => Self::MAX,
            _ => Self::arbitrary(from)?,
        })
    }
}

impl Sample for i32 {
    fn sample(from: &mut Unstructured<'_>) -> Result<Self> {
        match from.choose(&[Some(0), Some(0), Some(-110), Some(-2), Some(-95), Some(-121), Some(-16), Some(2), None])? {
            Some(status) => Ok(*status),
            None => Self::arbitrary(from),
        }
    }
}

impl Sample for i64 {
    fn sample(from: &mut Unstructured<'_>) -> Result<Self> {
        match from.choose(&[Some(0), Some(-1), Some(25), Some(6_400), None])? {
            Some(jiffies) => Ok(*jiffies),
            None => Self::arbitrary(from),
        }
    }
}

impl Sample for Stamp {
    fn sample(from: &mut Unstructured<'_>) -> Result<Self> {
        u64::sample(from).map(Self)
    }
}

impl<'a> Arbitrary<'a> for Stamp {
    fn arbitrary(from: &mut Unstructured<'a>) -> Result<Self> {
        Self::sample(from)
    }
}

impl Sample for Netns {
    fn sample(from: &mut Unstructured<'_>) -> Result<Self> {
        u32::sample(from).map(Self)
    }
}

impl Sample for IpAddr {
    fn sample(from: &mut Unstructured<'_>) -> Result<Self> {
        Ok(match u8::arbitrary(from)? {
            last @ 0..4 => [192, 0, 2, last].into(),
            _ => <[u16; 8]>::arbitrary(from)?.into(),
        })
    }
}

impl Sample for String {
    fn sample(from: &mut Unstructured<'_>) -> Result<Self> {
        match TEXTS.get(usize::from(u8::arbitrary(from)?)) {
            Some(text) => Ok((*text).to_owned()),
            None => (0..from.int_in_range(0..=12)?).map(|_| char::arbitrary(from)).collect(),
        }
    }
}

impl Sample for Vec<String> {
    fn sample(from: &mut Unstructured<'_>) -> Result<Self> {
        (0..from.int_in_range(0..=2)?).map(|_| String::sample(from)).collect()
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(from: &mut Unstructured<'_>) -> Result<Self> {
        bool::arbitrary(from)?.then(|| T::sample(from)).transpose()
    }
}
