//! Keys: the `_id` of every document, made of names that the domain gives.
//!
//! A key of two parts is a string with a space between them. No repository, tag, digest, version number or area has a space in
//! it, and none has a byte below it, so that the order of keys is the order of the pairs, and everything of one repository is
//! one range. A sub-document would compare by the order of its fields as they happen to be stored, and has no ranges.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

pub(super) use super::super::column::parse_text as parse;
use super::super::{Label, MetaError};

/// The key of a pair.
pub(super) fn pair(first: impl Display, second: impl Display) -> String {
    format!("{first} {second}")
}

/// The keys of all pairs with this first part and a second part after `after`; the first of the range is not in it.
pub(super) fn pairs_after(first: impl Display, after: &str) -> Range<String> {
    // '!' is the byte after the space.
    pair(&first, after)..format!("{first}!")
}

/// The second part of a pair.
pub(super) fn second<T: FromStr>(key: &str) -> Result<T, MetaError> {
    parse(key.rsplit_once(' ').map_or(key, |(_, second)| second))
}

/// Both parts of a pair.
pub(super) fn parts<A: FromStr, B: FromStr>(key: &str) -> Result<(A, B), MetaError> {
    let (first, second) =
        key.split_once(' ').ok_or_else(|| MetaError::Corrupt(format!("the key {key:?} has no second part")))?;
    Ok((parse(first)?, parse(second)?))
}

/// The key of a label, which may be any text.
pub(super) fn label(label: Label, text: &str) -> String {
    pair(label_type(label), text)
}

/// The type of organisations among the labels: counted as those are, and never listed with them.
pub(super) const ORG: &str = "org";

/// The key of the count of an organisation's packages.
pub(super) fn org(name: &str) -> String {
    pair(ORG, name)
}

/// How labels are told apart.
pub(super) fn label_type(label: Label) -> &'static str {
    match label {
        Label::Tag => "tag",
        Label::Skill => "skill",
        Label::Author => "author",
        Label::License => "license",
        Label::Field => "field",
        Label::Need => "need",
        Label::State => "state",
        Label::Owner => "owner",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_their_pairs() {
        let mut pairs = vec![
            ("a", "1"),
            ("a", "1.0"),
            ("a-b", "0"),
            ("a.b", "0"),
            ("a/b", "0"),
            ("a0", "0"),
            ("ab", "0"),
            ("a", "Z"),
            ("a", "_"),
        ];
        pairs.sort_unstable();
        let keys: Vec<String> = pairs.iter().map(|(first, second)| pair(first, second)).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        let of_a = pairs_after("a", "");
        for (key, (first, _)) in keys.iter().zip(&pairs) {
            assert_eq!(*key > of_a.start && *key < of_a.end, *first == "a", "{key}");
        }
    }
}
