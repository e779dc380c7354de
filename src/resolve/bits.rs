//! Sets of outcomes of one package: each of its releases, by position, and "not installed", the last.
//!
//! npm's rule for pre-releases makes a range no interval, so a set is spelt out position by position.

/// A set over a fixed number of outcomes. Sets of one package have the same number, and only they are combined.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bits {
    words: Vec<u64>,
    outcomes: usize,
}

impl Bits {
    /// The empty set for a package with so many releases.
    pub fn none(releases: usize) -> Self {
        let outcomes = releases + 1;
        Self { words: vec![0; outcomes.div_ceil(64)], outcomes }
    }

    /// Every outcome.
    pub fn all(releases: usize) -> Self {
        Self::none(releases).complement()
    }

    /// One release.
    pub fn one(releases: usize, position: usize) -> Self {
        let mut bits = Self::none(releases);
        bits.insert(position);
        bits
    }

    pub fn insert(&mut self, position: usize) {
        if let Some(word) = self.words.get_mut(position / 64) {
            *word |= 1 << (position % 64);
        }
    }

    pub fn contains(&self, position: usize) -> bool {
        self.words.get(position / 64).is_some_and(|word| word & (1 << (position % 64)) != 0)
    }

    pub fn complement(&self) -> Self {
        let mut words: Vec<u64> = self.words.iter().map(|word| !word).collect();
        let used = self.outcomes % 64;
        if let Some(last) = words.last_mut().filter(|_| used != 0) {
            *last &= (1 << used) - 1;
        }
        Self { words, outcomes: self.outcomes }
    }

    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    pub fn union(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    pub fn is_subset(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(a, b)| a & !b == 0)
    }

    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(a, b)| a & b == 0)
    }

    pub fn is_all(&self) -> bool {
        *self == Self::all(self.outcomes - 1)
    }

    /// Whether the package is installed in every outcome of the set.
    pub fn is_positive(&self) -> bool {
        !self.contains(self.outcomes - 1)
    }

    /// The releases in the set, by position.
    pub fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.outcomes - 1).filter(|position| self.contains(*position))
    }

    fn zip(&self, other: &Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        let words = self.words.iter().zip(&other.words).map(|(a, b)| combine(*a, *b)).collect();
        Self { words, outcomes: self.outcomes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_behave_at_the_edges_of_words() {
        for releases in [0, 1, 62, 63, 64, 65, 200] {
            let all = Bits::all(releases);
            assert!(all.is_all() && !all.is_positive(), "{releases}");
            assert_eq!(all.positions().count(), releases);
            assert_eq!(all.complement(), Bits::none(releases), "{releases}");
            for position in 0..releases {
                let one = Bits::one(releases, position);
                assert!(one.is_positive() && one.is_subset(&all) && !one.is_all());
                assert!(one.is_disjoint(&one.complement()));
                assert_eq!(one.union(&one.complement()), all);
                assert_eq!(one.positions().collect::<Vec<_>>(), [position]);
            }
        }
    }
}
