//! How the records of a session are defined: once, and all that must agree with the definition is made from it.
//!
//! [`kinds!`](kinds) makes an enum of kinds of events, [`fields!`](fields) a structure of fields that belong together,
//! [`choices!`](choices) an enum that is one of a few words. From the same lines come what writes them, what reads them in
//! both ways, what the fuzzer feeds to the program, and what is published about them: a field is written under its own
//! name, in the order of the definition, and its doc comment is its description.
//!
//! | a field | is |
//! |---|---|
//! | `status: i32` | always there |
//! | `claim: Option<Claim>` | absent where it is not known |
//! | `took_ns: u64 = 0` | always written; 0 is read where an older program did not |
//! | `addr "client_addr": Option<IpAddr>` | written under another name |
//! | `lease_s: Option<u64> where at_most(MAX_SPAN)` | refused where it is larger |
//! | `stack: Vec<String>` | absent where it is empty |
//! | `client: Client` | the fields of another structure, among the others |

/// Defines an enum that is one of a few words in JSON.
macro_rules! choices {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[doc = $doc:literal])* $variant:ident = $word:literal, )* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
        pub enum $name { $( $(#[doc = $doc])* #[serde(rename = $word)] $variant, )* }

        impl $name {
            /// Its word in a session.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            fn from_word(word: &str) -> Option<Self> {
                Some(match word {
                    $($word => Self::$variant,)*
                    _ => return None,
                })
            }
        }

        impl Value for $name {
            #[inline]
            fn scan(from: &mut Cursor<'_>) -> Option<Self> {
                Self::from_word(from.string()?)
            }

            fn schema() -> String {
                format!("\"enum\": [{}]", [$(concat!("\"", $word, "\"")),*].join(", "))
            }

            fn parse(text: &str, key: Key) -> Result<Self, Why> {
                let word: String = json(text)?;
                Self::from_word(&word).ok_or_else(|| Why::BadValue(key.name, quote(&word)))
            }
        }

        always_there!($name);

        #[cfg(feature = "arbitrary")]
        impl sample::Sample for $name {
            fn sample(from: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Self> {
                arbitrary::Arbitrary::arbitrary(from)
            }
        }
    };
}

/// Defines a structure of fields that belong together.
macro_rules! fields {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(
                $(#[doc = $doc:literal])*
                $field:ident $($key:literal)? : $type:ty $(= $default:tt)? $(where at_most($most:expr))?,
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
        pub struct $name {
            $(
                $(#[doc = $doc])*
                #[cfg_attr(feature = "arbitrary", arbitrary(with = |from: &mut arbitrary::Unstructured<'_>| {
                    sample::of(from) $(.map(|it| Bounded::within(it, $most)))?
                }))]
                pub $field: $type,
            )*
        }

        impl Field for $name {
            #[inline]
            fn write(&self, _: Key, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($field.write(key!($field $($key)?), out);)*
            }

            #[inline]
            fn read<'a, F: Fields<'a>>(_: Key, from: &mut F) -> Result<Self, F::Refusal> {
                Ok(Self { $($field: read!(from, key!($field $($key)?), $type $(, = $default)? $(, at_most $most)?),)* })
            }

            fn describe(_: Key, _: &str, to: &mut Vec<FieldAbout>) {
                $(describe!(to, key!($field $($key)?), $type, concat!($($doc),*) $(, at_most $most)?);)*
            }
        }

        #[cfg(feature = "arbitrary")]
        impl sample::Sample for $name {
            fn sample(from: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Self> {
                arbitrary::Arbitrary::arbitrary(from)
            }
        }
    };
}

/// Defines an enum of kinds of events: each has a name in a session, and fields of its own or those of a structure.
macro_rules! kinds {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $(
                $(#[doc = $about:literal])*
                $variant:ident = $word:literal
                $({
                    $(
                        $(#[doc = $doc:literal])*
                        $field:ident $($key:literal)? : $type:ty $(= $default:tt)? $(where at_most($most:expr))?,
                    )*
                })?
                $(( $all:ident : $group:ty ))?,
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        #[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
        pub enum $name {
            $(
                $(#[doc = $about])*
                $variant
                $({
                    $(
                        $(#[doc = $doc])*
                        #[cfg_attr(feature = "arbitrary", arbitrary(with = |from: &mut arbitrary::Unstructured<'_>| {
                            sample::of(from) $(.map(|it| Bounded::within(it, $most)))?
                        }))]
                        $field: $type,
                    )*
                })?
                $(( $group ))?,
            )*
        }

        impl $name {
            /// Its name in a session.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $word,)* }
            }

            /// Appends its fields.
            pub(super) fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $({ $($field),* })? $(($all))? => {
                        $($($field.write(key!($field $($key)?), out);)*)?
                        $($all.write(key!($all), out);)?
                    })*
                }
            }

            /// Reads the fields of the kind with this name.
            #[inline]
            pub(super) fn read<'a, F: Fields<'a>>(word: &str, from: &mut F) -> Result<Self, F::Refusal> {
                Ok(match word {
                    $($word => Self::$variant
                        $({ $(
                            $field: read!(from, key!($field $($key)?), $type $(, = $default)? $(, at_most $most)?),
                        )* })?
                        $((read!(from, key!($all), $group)))?,
                    )*
                    other => return Err(Why::UnknownEvent(quote(other)).into()),
                })
            }

            /// The stall that it belongs to, which a field `began` names.
            #[must_use]
            pub fn stall(&self) -> Option<Stamp> {
                $($(find!(began in self, $name::$variant { $($field)* });)?)*
                None
            }

            /// The client of a server that it tells of, which is a field of this name.
            #[must_use]
            pub fn client(&self) -> Option<&Client> {
                $($(find!(client in self, $name::$variant { $($field)* });)?)*
                None
            }

            /// What is published about each of them.
            #[must_use]
            pub fn about() -> Vec<KindAbout> {
                vec![$(
                    KindAbout::new($word, concat!($($about),*))
                        $($(.with(stringify!($field), |to| {
                            describe!(to, key!($field $($key)?), $type, concat!($($doc),*) $(, at_most $most)?);
                        }))*)?
                        $(.with_all(|to| describe!(to, key!($all), $group, "")))?
                ),*]
            }
        }
    };
}

/// Key of a field: its own name, or another.
macro_rules! key {
    ($field:ident) => {
        Key { name: stringify!($field), written: concat!(",\"", stringify!($field), "\":") }
    };
    ($field:ident $key:literal) => {
        Key { name: $key, written: concat!(",\"", $key, "\":") }
    };
}

/// Reads a field.
macro_rules! read {
    ($from:ident, $key:expr, $type:ty) => {
        <$type as Field>::read($key, $from)?
    };
    ($from:ident, $key:expr, $type:ty, = $default:tt) => {
        <Option<$type> as Field>::read($key, $from)?.unwrap_or($default)
    };
    ($from:ident, $key:expr, $type:ty, at_most $most:expr) => {
        <$type as Field>::read($key, $from)?.at_most($most, $key)?
    };
}

/// Describes a field.
macro_rules! describe {
    ($to:expr, $key:expr, $type:ty, $doc:expr) => {
        <$type as Field>::describe($key, $doc.trim(), $to)
    };
    ($to:expr, $key:expr, $type:ty, $doc:expr, at_most $most:expr) => {
        <$type as Field>::describe($key, $doc.trim(), $to);
        if let Some(field) = $to.last_mut() {
            field.schema = <$type as Bounded>::schema($most);
        }
    };
}

/// Returns a field of this name, where a kind has one.
macro_rules! find {
    (began in $self:ident, $name:ident::$variant:ident { began $($rest:ident)* }) => {
        if let $name::$variant { began, .. } = $self {
            return Option::from(*began);
        }
    };
    (client in $self:ident, $name:ident::$variant:ident { client $($rest:ident)* }) => {
        if let $name::$variant { client, .. } = $self {
            return Some(client);
        }
    };
    ($field:ident in $self:ident, $name:ident::$variant:ident { $other:ident $($rest:ident)* }) => {
        find!($field in $self, $name::$variant { $($rest)* })
    };
    ($field:ident in $self:ident, $name:ident::$variant:ident {}) => {};
}

pub(super) use {choices, describe, fields, find, key, kinds, read};

#[cfg(test)]
mod tests {
    use arbitrary::{Arbitrary as _, Unstructured};

    use crate::record::{
        Client, Stamp, Why,
        decode::quote,
        field::{Bounded, Field, Fields, Key, KindAbout},
        quick::Cursor,
        sample,
        thorough::Object,
    };

    kinds! {
        /// The example of docs/adding-an-event.md, between two others.
        pub enum Example {
            /// Before it.
            ServerStop = "server_stop",
            /// `nfs4_state_shutdown_net` returned: nfsd has stopped in this namespace.
            ServerStopped = "server_stopped" {
                /// How long it took, milliseconds.
                took_ms: u32,
            },
            /// After it, with what else a field can be.
            Rest = "rest" {
                /// Whose.
                client: Client,
                /// Which stall.
                began: Option<Stamp>,
                /// Was not written always.
                count: u64 = 7,
                /// Under another name.
                addr "address": Option<String>,
                /// At most so much.
                lease_s: Option<u64> where at_most(100),
                /// Absent where it is empty.
                stack: Vec<String>,
            },
        }
    }

    fn quickly(word: &str, fields: &str) -> Option<Example> {
        let mut from = Cursor::new(fields)?;
        Example::read(word, &mut from).ok().filter(|_| from.is_at_end())
    }

    fn thoroughly(word: &str, fields: &str) -> Result<Example, Why> {
        let object = format!("{{{}}}", fields.trim_start_matches(','));
        Example::read(word, &mut Object::parse(&object)?)
    }

    #[test]
    fn the_page_on_events_has_this_example() {
        let lines = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        let page = include_str!("../../../docs/adding-an-event.md");
        let diff = page.split("```diff").nth(1).and_then(|rest| rest.split("```").next()).expect("a first diff");
        let added: Vec<_> = diff.lines().filter_map(|line| line.strip_prefix('+')).skip(1).collect();
        assert!(!added.is_empty() && lines(include_str!("define.rs")).contains(&lines(&added.join("\n"))), "{added:?}");
    }

    #[test]
    fn it_is_written_and_read_in_both_ways() {
        let stopped = Example::ServerStopped { took_ms: 12 };
        let mut out = Vec::new();
        stopped.write(&mut out);
        assert_eq!(out, b",\"took_ms\":12");
        assert_eq!(quickly(stopped.name(), ",\"took_ms\":12"), Some(stopped.clone()));
        assert_eq!(thoroughly(stopped.name(), ",\"took_ms\": 12"), Ok(stopped));
        assert_eq!(thoroughly("server_stopped", ""), Err(Why::Missing("took_ms")));
        assert_eq!(thoroughly("server_gone", ""), Err(Why::UnknownEvent("server_gone".to_owned())));
    }

    #[test]
    fn every_form_of_a_field_is_written_and_read() {
        let client = Client { minor: Some(2), ..Client::default() };
        let rest = Example::Rest {
            client: client.clone(),
            began: Some(Stamp(5)),
            count: 7,
            addr: Some("here".to_owned()),
            lease_s: Some(100),
            stack: Vec::new(),
        };
        let written = ",\"minor\":2,\"began\":5,\"count\":7,\"address\":\"here\",\"lease_s\":100";
        let mut out = Vec::new();
        rest.write(&mut out);
        assert_eq!(String::from_utf8(out).expect("UTF-8"), written);
        assert_eq!(quickly("rest", written), Some(rest.clone()));
        assert_eq!(thoroughly("rest", written), Ok(rest.clone()));
        let older = written.replace(",\"count\":7", "");
        assert_eq!((quickly("rest", &older), thoroughly("rest", &older)), (Some(rest.clone()), Ok(rest.clone())));
        let large = written.replace("100", "101");
        assert_eq!(quickly("rest", &large), None);
        assert_eq!(thoroughly("rest", &large), Err(Why::BadValue("lease_s", "101".to_owned())));
        assert_eq!((rest.stall(), rest.client()), (Some(Stamp(5)), Some(&client)));
    }

    #[test]
    fn it_is_published_and_made_of_bytes() {
        let about = Example::about();
        assert_eq!(about[1].about, "`nfs4_state_shutdown_net` returned: nfsd has stopped in this namespace.");
        let (group, fields) = &about[1].fields[0];
        assert_eq!((*group, fields[0].about.as_str()), ("took_ms", "How long it took, milliseconds."));
        assert_eq!(fields[0].schema, "\"type\": \"integer\", \"minimum\": 0, \"maximum\": 4294967295");
        let made = (0..=u8::MAX).map(|byte| {
            Example::arbitrary(&mut Unstructured::new(&[0, 0, 0, byte, byte])).expect("any bytes make one").name()
        });
        let made: std::collections::BTreeSet<_> = made.collect();
        assert_eq!(made.into_iter().collect::<Vec<_>>(), ["rest", "server_stop", "server_stopped"]);
    }
}
