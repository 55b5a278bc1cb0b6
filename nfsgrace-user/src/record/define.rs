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
