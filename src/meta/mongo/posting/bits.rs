//! The numbers of one chunk: as bytes, and what becomes of them.
//!
//! The bytes are the shorter of two forms. Fewer than 1,024 numbers are a list of their places within the chunk, rising, of two
//! bytes each, the lower one first. More are a bitmap of 2,048 bytes: place p is bit p % 8 of byte p / 8. So the length tells which
//! it is, and the same numbers are the same bytes always. No number at all has no bytes.

use std::array;

use mongodb::bson::Binary;
use mongodb::bson::spec::BinarySubtype;
use serde::{Deserialize, Serialize};

use super::super::super::MetaError;

/// Numbers of one chunk.
const CHUNK: u16 = 16_384;
/// From so many numbers on a list would be no shorter than the bitmap.
const MANY: usize = 1024;
/// Words of a bitmap.
const WORDS: usize = CHUNK as usize / 64;
/// Bytes of a bitmap.
const BYTES: usize = CHUNK as usize / 8;

type Bitmap = Box<[u64; WORDS]>;

/// The chunk of a number.
pub fn chunk(number: i64) -> i64 {
    number.div_euclid(i64::from(CHUNK))
}

/// The place of a number within its chunk.
fn place(number: i64) -> u16 {
    u16::try_from(number.rem_euclid(i64::from(CHUNK))).unwrap_or_default()
}

/// The word of a place, and its bit there.
fn bit(place: u16) -> (usize, u64) {
    (usize::from(place / 64), 1_u64 << (place % 64))
}

/// A set of numbers that lie in one chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Binary", into = "Binary")]
pub struct Bits(Form);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// Fewer than [`MANY`] places, rising.
    List(Vec<u16>),
    /// [`MANY`] or more.
    Bitmap(Bitmap),
}

impl Default for Bits {
    fn default() -> Self {
        Self(Form::List(Vec::new()))
    }
}

impl Bits {
    /// Adds a number of this chunk, unless it is there.
    pub fn insert(&mut self, number: i64) {
        let place = place(number);
        match &mut self.0 {
            Form::List(places) => {
                let Err(at) = places.binary_search(&place) else { return };
                places.insert(at, place);
                if places.len() >= MANY {
                    let bitmap = bitmap(places);
                    self.0 = Form::Bitmap(bitmap);
                }
            }
            Form::Bitmap(words) => {
                let (word, bit) = bit(place);
                words[word] |= bit;
            }
        }
    }

    /// Takes a number of this chunk away, if it is there.
    pub fn remove(&mut self, number: i64) {
        let place = place(number);
        match &mut self.0 {
            Form::List(places) => {
                if let Ok(at) = places.binary_search(&place) {
                    places.remove(at);
                }
            }
            Form::Bitmap(words) => {
                let (word, bit) = bit(place);
                words[word] &= !bit;
                if ones(words) < MANY {
                    let places = places(words);
                    self.0 = Form::List(places);
                }
            }
        }
    }

    /// The numbers that are in both.
    pub fn and(&self, other: &Self) -> Self {
        self.combined(other, |one, other| one & other)
    }

    /// The numbers that are in either.
    pub fn or(&self, other: &Self) -> Self {
        self.combined(other, |one, other| one | other)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn len(&self) -> usize {
        match &self.0 {
            Form::List(places) => places.len(),
            Form::Bitmap(words) => ones(words),
        }
    }

    /// The numbers, rising, of the chunk that this is.
    pub fn numbers(&self, chunk: i64) -> Vec<i64> {
        let number = |place: &u16| chunk * i64::from(CHUNK) + i64::from(*place);
        match &self.0 {
            Form::List(places) => places.iter().map(number).collect(),
            Form::Bitmap(words) => places(words).iter().map(number).collect(),
        }
    }

    fn combined(&self, other: &Self, by: impl Fn(u64, u64) -> u64) -> Self {
        let (one, other) = (self.bitmap(), other.bitmap());
        let words: Bitmap = Box::new(array::from_fn(|word| by(one[word], other[word])));
        match ones(&words) < MANY {
            true => Self(Form::List(places(&words))),
            false => Self(Form::Bitmap(words)),
        }
    }

    fn bitmap(&self) -> Bitmap {
        match &self.0 {
            Form::List(places) => bitmap(places),
            Form::Bitmap(words) => words.clone(),
        }
    }
}

fn bitmap(places: &[u16]) -> Bitmap {
    let mut words: Bitmap = Box::new([0; WORDS]);
    for place in places {
        let (word, bit) = bit(*place);
        words[word] |= bit;
    }
    words
}

fn ones(words: &[u64; WORDS]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

fn places(words: &[u64; WORDS]) -> Vec<u16> {
    let mut places = Vec::new();
    for (word, first) in words.iter().zip((0..CHUNK).step_by(64)) {
        let mut rest = *word;
        while rest != 0 {
            places.push(first + rest.trailing_zeros() as u16);
            // The lowest of them is done.
            rest &= rest - 1;
        }
    }
    places
}

impl From<Bits> for Binary {
    fn from(bits: Bits) -> Self {
        let bytes = match bits.0 {
            Form::List(places) => places.iter().flat_map(|place| place.to_le_bytes()).collect(),
            Form::Bitmap(words) => words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        };
        Self { subtype: BinarySubtype::Generic, bytes }
    }
}

/// [`MetaError::Corrupt`] if the bytes are not those that these numbers always have.
impl TryFrom<Binary> for Bits {
    type Error = MetaError;

    fn try_from(binary: Binary) -> Result<Self, MetaError> {
        let bytes = &binary.bytes;
        let bits = match bytes.len() {
            BYTES => {
                let mut words: Bitmap = Box::new([0; WORDS]);
                for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
                    *word = u64::from_le_bytes(*bytes);
                }
                let are_many = ones(&words) >= MANY;
                Some(Form::Bitmap(words)).filter(|_| are_many)
            }
            1..BYTES => {
                let (pairs, rest) = bytes.as_chunks::<2>();
                let places: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
                let rise = places.is_sorted_by(|one, other| one < other);
                let fit = places.iter().all(|place| *place < CHUNK);
                Some(Form::List(places)).filter(|_| rest.is_empty() && rise && fit)
            }
            _ => None,
        };
        bits.map(Self).ok_or_else(|| MetaError::Corrupt(format!("{} bytes that are no posting", bytes.len())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn bits(numbers: &BTreeSet<i64>) -> Bits {
        let mut bits = Bits::default();
        numbers.iter().for_each(|number| bits.insert(*number));
        bits
    }

    fn binary(bytes: Vec<u8>) -> Binary {
        Binary { subtype: BinarySubtype::Generic, bytes }
    }

    /// Sets of the first chunk: few numbers, or so many that they lie on both sides of the length at which the form changes.
    fn sets() -> impl Strategy<Value = BTreeSet<i64>> {
        let few = prop::collection::btree_set(0..i64::from(CHUNK), 0..20);
        // Every so many-th number, from some on, so many of them.
        let many = (1..15i64, 0..500i64, 1000..1060i64)
            .prop_map(|(step, from, number)| (0..number).map(|at| from + at * step).collect::<BTreeSet<i64>>());
        prop_oneof![few, many]
    }

    proptest! {
        #[test]
        fn they_are_a_set(one in sets(), other in sets()) {
            let (a, b) = (bits(&one), bits(&other));
            prop_assert_eq!(a.len(), one.len());
            prop_assert_eq!(a.numbers(0), one.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(a.and(&b), bits(&one.intersection(&other).copied().collect()));
            prop_assert_eq!(a.or(&b), bits(&one.union(&other).copied().collect()));
        }

        #[test]
        fn what_was_added_can_be_taken_away(one in sets(), other in sets()) {
            let mut left = bits(&one.union(&other).copied().collect());
            other.iter().for_each(|number| left.remove(*number));
            prop_assert_eq!(&left, &bits(&one.difference(&other).copied().collect()));
            one.iter().for_each(|number| left.remove(*number));
            prop_assert!(left.is_empty());
        }

        #[test]
        fn bytes_come_back(one in sets()) {
            let bits = bits(&one);
            let bytes = Binary::from(bits.clone());
            prop_assert_eq!(bytes.bytes.len(), if one.len() < MANY { 2 * one.len() } else { BYTES });
            match one.is_empty() {
                true => prop_assert!(Bits::try_from(bytes).is_err()),
                false => prop_assert_eq!(Bits::try_from(bytes).ok(), Some(bits)),
            }
        }

        #[test]
        fn no_other_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(bits) = Bits::try_from(binary(bytes.clone())) {
                prop_assert_eq!(Binary::from(bits).bytes, bytes);
            }
        }
    }

    #[test]
    fn the_form_follows_from_the_number() {
        let mut bits = bits(&(0..1023).collect());
        let list = Binary::from(bits.clone());
        assert_eq!(list.bytes.len(), 2046);
        assert_eq!(list.bytes[..4], [0, 0, 1, 0]);
        bits.insert(16_383);
        let map = Binary::from(bits.clone());
        assert_eq!(map.bytes.len(), 2048);
        assert_eq!((map.bytes[0], map.bytes[127], map.bytes[128], map.bytes[2047]), (0xff, 0x7f, 0, 0x80));
        bits.remove(16_383);
        assert_eq!(Binary::from(bits), list);
    }

    #[test]
    fn numbers_lie_in_chunks() {
        for (number, expected) in [(0, 0), (16_383, 0), (16_384, 1), (i64::from(u32::MAX), 262_143)] {
            assert_eq!(chunk(number), expected);
            let mut bits = Bits::default();
            bits.insert(number);
            assert_eq!(bits.numbers(expected), [number]);
        }
    }

    #[test]
    fn malformed_bytes_are_refused() {
        let mut sparse = vec![0xff; BYTES / 16];
        sparse.resize(BYTES, 0);
        assert_eq!(Bits::try_from(binary(sparse.clone())).unwrap().len(), MANY);
        sparse[0] = 0xfe;
        let malformed = [
            ("no bytes", vec![]),
            ("half a place", vec![0]),
            ("half a second place", vec![0, 0, 1]),
            ("twice the same", vec![5, 0, 5, 0]),
            ("falling", vec![5, 0, 4, 0]),
            ("outside the chunk", vec![0, 0x40]),
            ("a bitmap of few", sparse),
            ("too long", vec![0xff; BYTES + 1]),
        ];
        for (what, bytes) in malformed {
            assert!(matches!(Bits::try_from(binary(bytes)), Err(MetaError::Corrupt(_))), "{what}");
        }
    }
}
