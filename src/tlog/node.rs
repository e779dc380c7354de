//! Nodes of the tree over complete runs of leaves, and how any part of a tree is made of them (RFC 6962, section 2.1).

use super::{Hash, Row, Tile};

/// The node over leaves `index · 2^level` up to, without, `(index + 1) · 2^level`. Its hash is the same in every tree that has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// Height above the leaves, 0 to 63.
    pub level: u8,
    /// Place in its level, from 0.
    pub index: u64,
}

/// A run of leaves that is a subtree of some tree: from `start` up to, without, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub start: u64,
    pub end: u64,
}

impl Node {
    /// The tile of a tree of `size` that it is computed from; `None` where that tree does not have all its leaves.
    pub fn tile(self, size: u64) -> Option<Tile> {
        let (tile, _, last) = self.place(size)?;
        (last < usize::from(tile.width())).then_some(tile)
    }

    /// Its hash out of the hashes of that tile; `None` if the tile does not reach it.
    pub(super) fn hash_in(self, size: u64, hashes: &[Hash]) -> Option<Hash> {
        let (_, first, last) = self.place(size)?;
        complete(hashes.get(first..=last)?)
    }

    /// The tile, and the first and last of its hashes that are below the node.
    fn place(self, size: u64) -> Option<(Tile, usize, usize)> {
        let (row, below) = (self.level / 8, u32::from(self.level % 8));
        let first = self.index.checked_mul(1 << below)?;
        let tile = Tile::in_tree(Row::Hashes(row), first >> 8, size)?;
        let first = usize::try_from(first & 0xff).ok()?;
        Some((tile, first, first + (1 << below) - 1))
    }
}

/// Hash over as many hashes as a power of two, a complete tree.
pub(super) fn complete(hashes: &[Hash]) -> Option<Hash> {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row
            .chunks(2)
            .map(|pair| if let [left, right] = pair { Hash::node(*left, *right) } else { pair[0] })
            .collect();
    }
    row.first().copied()
}

impl Run {
    /// The largest power of two smaller than the number of leaves is where a tree divides (RFC 6962, 2.1). For two leaves and more.
    pub fn split(self) -> u64 {
        self.start + (1 << (self.end - self.start - 1).ilog2())
    }

    /// The complete nodes that it is made of, from the left; each is smaller than the one before.
    pub fn nodes(self) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut start = self.start;
        while start < self.end {
            let level = (self.end - start).ilog2();
            // At most 63, the logarithm of a u64.
            nodes.push(Node { level: level as u8, index: start >> level });
            start += 1 << level;
        }
        nodes
    }
}

/// The hash over nodes that stand side by side, each smaller than the one before; the empty tree's for none.
pub(super) fn join(hashes: &[Hash]) -> Hash {
    let mut hashes = hashes.iter().rev().copied();
    let Some(last) = hashes.next() else { return Hash::EMPTY_TREE };
    hashes.fold(last, |right, left| Hash::node(left, right))
}
