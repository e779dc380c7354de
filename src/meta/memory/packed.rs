//! Rows in little room. A registry without a database holds every row, and reads them all when it starts: what few ask for stays text
//! until they do, and a text is one piece of memory instead of a hundred.

use std::fmt;
use std::fmt::Write as _;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::column::{json, to_json};
use super::super::{Label, MetaError};

/// A value as its JSON.
pub(super) struct Packed<T> {
    json: Box<str>,
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> Packed<T> {
    pub fn of(value: &T) -> Result<Self, MetaError> {
        Ok(Self { json: to_json(value)?.into(), of: PhantomData })
    }

    /// The value, read anew each time.
    pub fn get(&self) -> Result<T, MetaError> {
        json(&self.json)
    }
}

impl<T> Clone for Packed<T> {
    fn clone(&self) -> Self {
        Self { json: self.json.clone(), of: PhantomData }
    }
}

impl<T> fmt::Debug for Packed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json)
    }
}

impl<T> Serialize for Packed<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(to)
    }
}

impl<'de, T> Deserialize<'de> for Packed<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self { json: Box::deserialize(from)?, of: PhantomData })
    }
}

/// The labels of a package in one text, in their order: of each its place in [`Label::ALL`], its length in bytes, a colon, itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Labels(Box<str>);

impl Labels {
    pub fn of<'a>(labels: impl IntoIterator<Item = &'a (Label, String)>) -> Self {
        let mut text = String::new();
        for (label, word) in labels {
            // Writing to a text cannot fail.
            let _ = write!(text, "{}{}:{word}", *label as u8, word.len());
        }
        Self(text.into())
    }

    pub fn iter(&self) -> impl Iterator<Item = (Label, &str)> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (head, behind) = rest.split_once(':')?;
            let (label, length) = head.split_at_checked(1)?;
            let (word, behind) = behind.split_at_checked(length.parse().ok()?)?;
            rest = behind;
            Some((*Label::ALL.get(label.parse::<usize>().ok()?)?, word))
        })
    }

    pub fn has(&self, label: Label, word: &str) -> bool {
        self.iter().any(|found| found == (label, word))
    }
}

/// A value within a row as its JSON, for `#[serde(with)]`: one whose members are left out where they are empty.
pub(super) mod as_json {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

    pub fn serialize<T: Serialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&serde_json::to_string(value).map_err(ser::Error::custom)?)
    }

    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        serde_json::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// A time as its microseconds, for `#[serde(with)]`.
pub(super) mod micros {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::domain::Timestamp;

    pub fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(time.micros())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn labels_come_back_in_their_order(
            words in proptest::collection::btree_set((0..Label::ALL.len(), ".{0,12}"), 0..12),
            other in ".{0,3}",
        ) {
            let labels: BTreeSet<(Label, String)> =
                words.into_iter().map(|(label, word)| (Label::ALL[label], word)).collect();
            let packed = Labels::of(&labels);
            let found: Vec<(Label, String)> = packed.iter().map(|(label, word)| (label, word.to_owned())).collect();
            prop_assert_eq!(&found, &labels.iter().cloned().collect::<Vec<_>>());
            for label in Label::ALL {
                prop_assert_eq!(packed.has(label, &other), labels.contains(&(label, other.clone())));
            }
            for (label, word) in &found {
                prop_assert!(packed.has(*label, word));
            }
        }
    }

    #[test]
    fn there_are_ten_labels_at_most() {
        assert!(Label::ALL.len() <= 10, "of each one digit is written");
        assert!(Label::ALL.iter().enumerate().all(|(place, label)| place == *label as usize));
    }
}
