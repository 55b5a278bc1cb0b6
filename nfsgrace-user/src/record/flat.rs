//! One line of a session as it is on disk: one flat object, parsed in one pass without a copy.
//!
//! serde's own `tag` and `flatten` buffer each object into a tree first, which costs more than all the rest of reading a
//! session. Here every field that any kind of record may have is an `Option` in one struct.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::scan::{Cursor, Scan as _};

/// A string of the line: borrowed where it has no escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Borrowing)
    }
}

macro_rules! flat {
    ($($name:ident $key:literal: $of:ty,)*) => {
        /// Every field of every kind of record.
        #[derive(Debug, Default)]
        pub(super) struct Flat<'a> {
            /// Fields that this program does not know.
            pub(super) unknown: u32,
            $(pub(super) $name: Option<$of>,)*
        }

        impl<'a> Flat<'a> {
            /// Reads a line the quick way, into fields that are all empty; `None` where it is unusual, or wrong.
            pub(super) fn scan(&mut self, line: &'a str) -> Option<()> {
                let mut from = Cursor::new(line)?;
                from.take(b'{')?;
                loop {
                    let key = from.string()?;
                    from.take(b':')?;
                    match key {
                        $($key => self.$name = Some(<$of>::scan(&mut from)?),)*
                        _ => return None,
                    }
                    if from.take(b'}').is_some() {
                        return from.is_at_end().then_some(());
                    }
                    from.take(b',')?;
                }
            }
        }

        impl<'de: 'a, 'a> Deserialize<'de> for Flat<'a> {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Fields;
                impl<'de> Visitor<'de> for Fields {
                    type Value = Flat<'de>;
                    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                        out.write_str("an object")
                    }
                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut flat = Flat::default();
                        while let Some(key) = map.next_key::<Text<'de>>()? {
                            match key.0.as_ref() {
                                $($key => flat.$name = map.next_value()?,)*
                                _ => {
                                    map.next_value::<IgnoredAny>()?;
                                    flat.unknown += 1;
                                }
                            }
                        }
                        Ok(flat)
                    }
                }
                from.deserialize_map(Fields)
            }
        }
    };
}

flat! {
    type_ "type": Text<'a>,
    t "t": u64,
    event "event": Text<'a>,
    netns "netns": u32,
    pid "pid": u32,
    tid "tid": u32,
    comm "comm": Text<'a>,
    status "status": i64,
    grace_s "grace_s": u64,
    lease_s "lease_s": u64,
    tracking "tracking": bool,
    tracks_reclaim_completes "tracks_reclaim_completes": bool,
    to_reclaim "to_reclaim": u32,
    reclaimed "reclaimed": u32,
    stack "stack": Vec<Text<'a>>,
    tracker "tracker": Text<'a>,
    running "running": bool,
    inferred "inferred": bool,
    name "name": Text<'a>,
    manager "manager": Text<'a>,
    by "by": Text<'a>,
    for_open "for_open": bool,
    in_grace "in_grace": bool,
    op "op": Text<'a>,
    client_addr "client_addr": Text<'a>,
    client_name "client_name": Text<'a>,
    minor "minor": u32,
    xid "xid": u32,
    claim "claim": Text<'a>,
    took_ns "took_ns": u64,
    rpc_pipefs "rpc_pipefs": Vec<Text<'a>>,
    nfsdcld_pid "nfsdcld_pid": u32,
    nfsdcld_pipe "nfsdcld_pipe": Text<'a>,
    nfsdcltrack "nfsdcltrack": bool,
    recovery_dir "recovery_dir": bool,
    text "text": Text<'a>,
    began "began": u64,
    began_seen "began_seen": bool,
    path "path": Text<'a>,
    server "server": Text<'a>,
    refusal "refusal": Text<'a>,
    timeout "timeout": i64,
    observed "observed": bool,
    sent "sent": u64,
    received "received": u64,
    transmissions "transmissions": u32,
    opens "opens": u64,
    opens_refused "opens_refused": u64,
    others_refused "others_refused": u64,
    grace_asked "grace_asked": u64,
    grace_true "grace_true": u64,
    delays "delays": u64,
    stalls_ended "stalls_ended": u64,
    realtime_minus_boottime_ns "realtime_minus_boottime_ns": i64,
    cause "cause": Text<'a>,
    count "count": u64,
    hides "hides": Text<'a>,
}
