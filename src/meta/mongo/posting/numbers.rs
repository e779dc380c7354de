//! Numbers of packages over all chunks.

use std::collections::BTreeMap;

use super::bits::Bits;

/// A set of numbers, chunk by chunk; a chunk without numbers is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers(BTreeMap<i64, Bits>);

impl Numbers {
    /// Takes what lies in a chunk.
    pub fn put(&mut self, chunk: i64, bits: Bits) {
        if !bits.is_empty() {
            self.0.insert(chunk, bits);
        }
    }

    /// The numbers that are in both.
    pub fn and(&self, other: &Self) -> Self {
        let mut both = Self::default();
        for (chunk, bits) in &self.0 {
            if let Some(others) = other.0.get(chunk) {
                both.put(*chunk, bits.and(others));
            }
        }
        both
    }

    /// The numbers that are in either.
    pub fn or(mut self, other: &Self) -> Self {
        for (chunk, bits) in &other.0 {
            let either = self.0.get(chunk).map_or_else(|| bits.clone(), |held| held.or(bits));
            self.0.insert(*chunk, either);
        }
        self
    }

    pub fn len(&self) -> u64 {
        self.0.values().map(|bits| bits.len() as u64).sum()
    }

    /// All of them, rising.
    pub fn all(&self) -> Vec<i64> {
        self.0.iter().flat_map(|(chunk, bits)| bits.numbers(*chunk)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::chunk;
    use super::*;

    fn numbers(all: &[i64]) -> Numbers {
        let mut chunks = BTreeMap::<i64, Bits>::new();
        all.iter().for_each(|number| chunks.entry(chunk(*number)).or_default().insert(*number));
        let mut numbers = Numbers::default();
        chunks.into_iter().for_each(|(chunk, bits)| numbers.put(chunk, bits));
        numbers
    }

    #[test]
    fn chunks_meet_each_their_own() {
        let (one, other) = (numbers(&[1, 2, 16_385, 50_000]), numbers(&[2, 3, 16_384, 50_000, 99_999]));
        assert_eq!(one.and(&other), numbers(&[2, 50_000]));
        assert_eq!(one.clone().or(&other).all(), [1, 2, 3, 16_384, 16_385, 50_000, 99_999]);
        assert_eq!((one.len(), one.and(&Numbers::default()).len()), (4, 0));
        assert_eq!(one.clone().or(&Numbers::default()), one);
        assert_eq!(Numbers::default().or(&one), one);
    }
}
