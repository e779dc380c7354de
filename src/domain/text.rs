//! One way in for values that are written as text: serde goes through `FromStr`, so nothing enters unchecked.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserializer;
use serde::de::Visitor;

/// Reads a string and parses it where it lies: catalogues are read by the million values.
pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err: Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

/// What is wrong with a text that people read, if anything: it is longer than `most` bytes, or has characters that move cursors.
pub(super) fn text_fault(text: &str, most: usize) -> Option<String> {
    if text.len() > most {
        return Some(format!("has {} bytes, {most} at most", text.len()));
    }
    let is_bad = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    text.chars().any(is_bad).then(|| "has control characters".to_owned())
}

/// `Display`, `Debug`, `Serialize` and `Deserialize` for a type with `as_str` and `FromStr`.
macro_rules! text_value {
    ($type:ty) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::domain::text::deserialize(deserializer)
            }
        }
    };
}

pub(super) use text_value;
