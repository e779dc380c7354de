//! Keys: the `_id` of every document, made of names that the domain gives.
//!
//! A key of two parts is a string with a space between them. No repository, tag, digest, version number or area has a space in
//! it, and none has a byte below it, so that the order of keys is the order of the pairs, and everything of one repository is
//! one range. A sub-document would compare by the order of its fields as they happen to be stored, and has no ranges.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use crate::domain::Digest;

pub(super) use super::super::column::parse_text as parse;
use super::super::{Label, MetaError};
use super::posting;

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

/// What a package of a kind is found by.
pub(super) fn kind(name: &str) -> String {
    pair("kind", name)
}

/// What a package is found by that everybody sees.
pub(super) const PUBLIC: &str = "visible public";

/// Hexadecimal digits of a [`stem`].
const STEM: usize = 32;

/// What the keys of the postings of a label begin with: its hash, as a label may be long. Half of that is enough, since who finds two
/// labels with the same finds both with either, and nobody else's.
pub(super) fn stem(found_by: &str) -> String {
    let mut stem = Digest::sha256(found_by.as_bytes()).hex();
    stem.truncate(STEM);
    stem
}

/// The key of the posting that has the number of a package, if the package is found by this.
pub(super) fn posting(found_by: &str, number: i64) -> String {
    format!("{}{:08x}", stem(found_by), posting::chunk(number))
}

/// The keys of all postings of a stem.
pub(super) fn postings(stem: &str) -> RangeInclusive<String> {
    format!("{stem}{:08x}", 0)..=format!("{stem}{:08x}", u32::MAX)
}

/// Stem and chunk of the key of a posting.
pub(super) fn of_posting(key: &str) -> Result<(&str, i64), MetaError> {
    let parts = key.split_at_checked(STEM);
    let parts = parts.and_then(|(stem, chunk)| Some((stem, u32::from_str_radix(chunk, 16).ok()?)));
    let (stem, chunk) = parts.ok_or_else(|| MetaError::Corrupt(format!("{key:?} is no key of a posting")))?;
    Ok((stem, i64::from(chunk)))
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

    #[test]
    fn postings_of_a_label_are_one_range() {
        let keys = [0, 16_383, 16_384, 1 << 40].map(|number| posting("tag x", number));
        assert_eq!(keys[0], keys[1], "they share a chunk");
        assert!(keys.is_sorted());
        let of_label = postings(&stem("tag x"));
        assert!(keys.iter().all(|key| of_label.contains(key)));
        assert!(!of_label.contains(&posting("tag y", 0)));
        for (key, chunk) in keys.iter().zip([0, 0, 1, 1 << 26]) {
            assert_eq!(key.len(), 40);
            assert_eq!(of_posting(key).unwrap(), (stem("tag x").as_str(), chunk));
        }
        for garbled in ["", "00", "é", &keys[0][..32], &keys[0].replace('0', "x")] {
            assert!(of_posting(garbled).is_err(), "{garbled}");
        }
    }
}
