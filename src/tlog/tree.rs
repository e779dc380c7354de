//! The frontier of a tree: the few hashes that its root, and that of every tree that extends it, follow from.

use super::node::{Run, join};
use super::{Hash, Node};

/// A tree of `size` leaves as the hashes of the complete subtrees that it is made of, from the left: one for each bit of its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    pub(super) size: u64,
    pub(super) hashes: Vec<Hash>,
}

/// The hashes are not a tree's of this size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves has {expected} hashes on its frontier, not {found}")]
pub struct FrontierError {
    /// The tree's.
    pub size: u64,
    /// How many there must be.
    pub expected: u32,
    /// How many there were.
    pub found: usize,
}

impl Frontier {
    /// The tree without leaves.
    pub const EMPTY: Self = Self { size: 0, hashes: Vec::new() };

    /// The nodes whose hashes [`Frontier::new`] asks for, in that order.
    pub fn nodes(size: u64) -> Vec<Node> {
        Run { start: 0, end: size }.nodes()
    }

    /// The tree of `size` leaves with these hashes.
    pub fn new(size: u64, hashes: Vec<Hash>) -> Result<Self, FrontierError> {
        let expected = size.count_ones();
        if hashes.len() != expected as usize {
            return Err(FrontierError { size, expected, found: hashes.len() });
        }
        Ok(Self { size, hashes })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of [`Frontier::nodes`].
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Adds a leaf on the right.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each complete subtree as large as the one that came is joined with it, as a carry runs through a binary number.
        for _ in 0..self.size.trailing_ones() {
            hash = self.hashes.pop().map_or(hash, |left| Hash::node(left, hash));
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// Root of the tree.
    pub fn root(&self) -> Hash {
        join(&self.hashes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frontier_has_a_hash_for_each_bit_of_its_size() {
        assert_eq!(Frontier::EMPTY.root(), Hash::EMPTY_TREE);
        let mut tree = Frontier::EMPTY;
        for size in 0..100u64 {
            assert_eq!(
                (tree.size(), tree.hashes().len(), Frontier::nodes(size).len()),
                (size, size.count_ones() as usize, size.count_ones() as usize)
            );
            assert_eq!(Frontier::new(size, tree.hashes().to_vec()), Ok(tree.clone()));
            tree.push(Hash::leaf(&size.to_be_bytes()));
        }
        let error = Frontier::new(3, vec![Hash::EMPTY_TREE; 3]).unwrap_err();
        assert_eq!(error.to_string(), "a tree of 3 leaves has 2 hashes on its frontier, not 3");
    }
}
