//! Words with a fixed meaning, of which a newer program may know more.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The words that a field of the session may hold.
pub trait Vocabulary: Copy + Eq + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// As it is written in a session.
    fn word(self) -> &'static str;
}

/// A word of a vocabulary, or one that only a newer program knows: it is kept as it is, so that a line is written again as
/// it was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word<V> {
    /// One that this program knows.
    Known(V),
    /// One of a newer program; empty where the field is not there.
    Newer(Box<str>),
}

impl<V: Vocabulary> Word<V> {
    /// What it means, where this program knows it.
    #[must_use]
    pub fn known(&self) -> Option<V> {
        match self {
            Self::Known(word) => Some(*word),
            Self::Newer(_) => None,
        }
    }

    /// As it is written in a session.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(word) => word.word(),
            Self::Newer(word) => word,
        }
    }
}

impl<V> From<V> for Word<V> {
    fn from(word: V) -> Self {
        Self::Known(word)
    }
}

impl<V: Vocabulary> PartialEq<V> for Word<V> {
    fn eq(&self, other: &V) -> bool {
        self.known() == Some(*other)
    }
}

impl<V> Default for Word<V> {
    fn default() -> Self {
        Self::Newer(Box::default())
    }
}

impl<V: Vocabulary> fmt::Display for Word<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<V: Vocabulary> Serialize for Word<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, V: Vocabulary> Deserialize<'de> for Word<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = V::ALL.iter().copied().find(|known| known.word() == word);
        Ok(known.map_or_else(|| Self::Newer(word.into()), Self::Known))
    }
}

/// Makes an enum that is a vocabulary, in the order of its variants.
macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $(#[$doc])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As it is written in a session.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl $crate::record::Vocabulary for $name {
            const ALL: &'static [Self] = Self::ALL;

            fn word(self) -> &'static str {
                self.word()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    };
}
pub(super) use vocabulary;
