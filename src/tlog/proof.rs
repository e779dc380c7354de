//! Proofs that an entry is in a tree, and that one tree extends another (RFC 6962, sections 2.1.1 and 2.1.2; RFC 9162, 2.1.3 and 2.1.4).
//!
//! A proof is a list of hashes and means nothing without the numbers that it is for, so those come first: [`Inclusion`] and
//! [`Consistency`] say which nodes a proof is made of, make it, and verify one.

use super::node::{Run, join};
use super::{Hash, Node};

/// No proof in a tree of fewer than 2⁶⁴ leaves has more hashes.
pub const PROOF_MAX: usize = 65;

/// The proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no such leaf.
    #[error("a log of {size} entries has no entry {index}: they are counted from 0")]
    Index {
        /// The leaf's.
        index: u64,
        /// The tree's number of leaves.
        size: u64,
    },
    /// The tree that shall be extended is the larger one.
    #[error("a log of {new} entries cannot extend one of {old}")]
    Sizes {
        /// Leaves of the tree that shall be extended.
        old: u64,
        /// Leaves of the other.
        new: u64,
    },
    /// Too many hashes, or too few.
    #[error("the proof has {found} hashes, and must have {expected}")]
    Length {
        /// How many it must have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// It leads to another root of the tree, of the larger one where there are two.
    #[error("the proof leads to root {found}, the log's is {expected}")]
    Root {
        /// The tree's.
        expected: Hash,
        /// The proof's.
        found: Hash,
    },
    /// It leads to another root of the smaller tree.
    #[error("the proof leads to root {found} of the smaller log, which is {expected}")]
    OldRoot {
        /// The tree's.
        expected: Hash,
        /// The proof's.
        found: Hash,
    },
}

/// One hash of a proof: over which leaves, and on which side of what is known already.
#[derive(Clone, Copy, Debug)]
struct Sibling {
    run: Run,
    is_left: bool,
}

/// Leaf `index` is in a tree of `size` leaves.
#[derive(Clone, Debug)]
pub struct Inclusion {
    siblings: Vec<Sibling>,
}

/// A tree of `new` leaves begins with the leaves of one of `old`.
#[derive(Clone, Debug)]
pub struct Consistency {
    old: u64,
    new: u64,
    /// The largest subtree of the new tree that ends where the old one does; `None` if that is the old tree itself, whose hash is known.
    start: Option<Run>,
    siblings: Vec<Sibling>,
}

impl Inclusion {
    /// Of leaf `index`, from 0, in a tree of `size` leaves.
    pub fn new(index: u64, size: u64) -> Result<Self, ProofError> {
        if index >= size {
            return Err(ProofError::Index { index, size });
        }
        let (_, siblings) = descend(Run { start: 0, end: size }, |run| run.end - run.start == 1, |split| index < split);
        Ok(Self { siblings })
    }

    /// The nodes that the proof is made of. Each is in the tree.
    pub fn nodes(&self) -> Vec<Node> {
        nodes(&self.siblings)
    }

    /// Makes the proof: the leaf's sibling first, the root's child last. `read` gives the hash of a node.
    pub fn prove<E>(&self, mut read: impl FnMut(Node) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
        self.siblings.iter().map(|sibling| hash_of(sibling.run, &mut read)).collect()
    }

    /// Whether `proof` leads from the hash of the leaf to the root.
    pub fn verify(&self, leaf: Hash, proof: &[Hash], root: Hash) -> Result<(), ProofError> {
        check_length(self.siblings.len(), proof)?;
        let found = self.siblings.iter().zip(proof).fold(leaf, |hash, (sibling, other)| sibling.join(hash, *other));
        if found == root { Ok(()) } else { Err(ProofError::Root { expected: root, found }) }
    }
}

impl Consistency {
    /// Of a tree of `old` leaves and one of `new`.
    pub fn new(old: u64, new: u64) -> Result<Self, ProofError> {
        if old > new {
            return Err(ProofError::Sizes { old, new });
        }
        // Every tree extends the empty one and itself: nothing has to be shown.
        if old == 0 || old == new {
            return Ok(Self { old, new, start: None, siblings: Vec::new() });
        }
        let (start, siblings) = descend(Run { start: 0, end: new }, |run| run.end == old, |split| old <= split);
        Ok(Self { old, new, start: (start.start != 0).then_some(start), siblings })
    }

    /// The nodes that the proof is made of. Each is in the larger tree.
    pub fn nodes(&self) -> Vec<Node> {
        let mut all: Vec<Node> = self.start.into_iter().flat_map(Run::nodes).collect();
        all.extend(nodes(&self.siblings));
        all
    }

    /// Makes the proof. `read` gives the hash of a node of the larger tree.
    pub fn prove<E>(&self, mut read: impl FnMut(Node) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
        self.start
            .into_iter()
            .chain(self.siblings.iter().map(|sibling| sibling.run))
            .map(|run| hash_of(run, &mut read))
            .collect()
    }

    /// Whether `proof` leads to both roots.
    pub fn verify(&self, old_root: Hash, proof: &[Hash], new_root: Hash) -> Result<(), ProofError> {
        check_length(usize::from(self.start.is_some()) + self.siblings.len(), proof)?;
        if self.old == 0 {
            return same_old(old_root, Hash::EMPTY_TREE);
        }
        if self.old == self.new {
            return if old_root == new_root {
                Ok(())
            } else {
                Err(ProofError::Root { expected: new_root, found: old_root })
            };
        }
        let (first, rest) = match (self.start, proof.split_first()) {
            (Some(_), Some((first, rest))) => (*first, rest),
            _ => (old_root, proof),
        };
        let (mut old, mut new) = (first, first);
        for (sibling, other) in self.siblings.iter().zip(rest) {
            new = sibling.join(new, *other);
            // What lies on the right is not in the old tree.
            if sibling.is_left {
                old = sibling.join(old, *other);
            }
        }
        same_old(old_root, old)?;
        if new == new_root { Ok(()) } else { Err(ProofError::Root { expected: new_root, found: new }) }
    }
}

impl Sibling {
    fn join(self, hash: Hash, sibling: Hash) -> Hash {
        if self.is_left { Hash::node(sibling, hash) } else { Hash::node(hash, sibling) }
    }
}

/// Goes down from `run`, to the left where `to_left` of the dividing leaf says so, until `done`. Answers where it ended and what was
/// passed by, the last first.
fn descend(mut run: Run, done: impl Fn(Run) -> bool, to_left: impl Fn(u64) -> bool) -> (Run, Vec<Sibling>) {
    let mut siblings = Vec::new();
    while !done(run) {
        let split = run.split();
        let (left, right) = (Run { end: split, ..run }, Run { start: split, ..run });
        let (next, sibling) = if to_left(split) {
            (left, Sibling { run: right, is_left: false })
        } else {
            (right, Sibling { run: left, is_left: true })
        };
        siblings.push(sibling);
        run = next;
    }
    siblings.reverse();
    (run, siblings)
}

fn nodes(siblings: &[Sibling]) -> Vec<Node> {
    siblings.iter().flat_map(|sibling| sibling.run.nodes()).collect()
}

fn hash_of<E>(run: Run, read: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    Ok(join(&run.nodes().into_iter().map(read).collect::<Result<Vec<_>, E>>()?))
}

fn check_length(expected: usize, proof: &[Hash]) -> Result<(), ProofError> {
    if proof.len() == expected { Ok(()) } else { Err(ProofError::Length { expected, found: proof.len() }) }
}

fn same_old(expected: Hash, found: Hash) -> Result<(), ProofError> {
    if expected == found { Ok(()) } else { Err(ProofError::OldRoot { expected, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_proof_can_show_is_told() {
        let error = |result: Result<(), ProofError>| result.unwrap_err().to_string();
        assert_eq!(error(Inclusion::new(3, 3).map(drop)), "a log of 3 entries has no entry 3: they are counted from 0");
        assert_eq!(error(Consistency::new(4, 3).map(drop)), "a log of 3 entries cannot extend one of 4");
        let (a, b) = (Hash::leaf(b"a"), Hash::leaf(b"b"));
        let only = Inclusion::new(0, 1).unwrap();
        assert_eq!(only.verify(a, &[], a), Ok(()));
        assert_eq!(error(only.verify(a, &[b], a)), "the proof has 1 hashes, and must have 0");
        assert_eq!(only.verify(a, &[], b), Err(ProofError::Root { expected: b, found: a }));
    }

    #[test]
    fn every_tree_extends_the_empty_one_and_itself_only_if_the_roots_say_so() {
        let (a, b) = (Hash::leaf(b"a"), Hash::leaf(b"b"));
        let (from_nothing, still) = (Consistency::new(0, 1).unwrap(), Consistency::new(1, 1).unwrap());
        assert_eq!(from_nothing.verify(Hash::EMPTY_TREE, &[], a), Ok(()));
        assert_eq!(from_nothing.verify(b, &[], a), Err(ProofError::OldRoot { expected: b, found: Hash::EMPTY_TREE }));
        assert_eq!(still.verify(a, &[], a), Ok(()));
        assert!(still.verify(a, &[], b).is_err() && still.verify(a, &[a], a).is_err());
    }

    #[test]
    fn no_proof_is_longer_than_is_said() {
        for index in [0, 1, u64::MAX - 1, u64::MAX / 2] {
            assert!(Inclusion::new(index, u64::MAX).unwrap().siblings.len() <= PROOF_MAX);
        }
        for old in [1, 2, u64::MAX - 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX / 2 + 2] {
            let proof = Consistency::new(old, u64::MAX).unwrap();
            assert!(proof.siblings.len() < PROOF_MAX);
            assert!(proof.nodes().iter().all(|node| node.tile(u64::MAX).is_some()));
        }
    }
}
