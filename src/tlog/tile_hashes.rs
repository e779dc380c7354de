//! Tiles that were read, as what frontiers and proofs are made of.

use std::collections::{BTreeMap, BTreeSet};

use super::{Frontier, Hash, Node, Tile};

/// Tiles of one tree that somebody read. They are believed: what is made of them proves something only once it is verified against
/// a root that is signed.
#[derive(Clone, Debug)]
pub struct TileHashes {
    size: u64,
    tiles: BTreeMap<Tile, Vec<Hash>>,
}

/// A tile that is needed cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileHashesError {
    /// Its bytes are not as many hashes as its path says.
    #[error("{tile} holds {length} bytes instead of {} hashes of 32 bytes", tile.width())]
    Length {
        /// Which.
        tile: Tile,
        /// How many bytes there were.
        length: usize,
    },
    /// It was not handed over.
    #[error("{0} was not read")]
    Missing(Tile),
    /// The tree is too small to have the node.
    #[error("a tree of {size} leaves has no node {} of level {}", node.index, node.level)]
    Outside {
        /// Which node.
        node: Node,
        /// The tree's number of leaves.
        size: u64,
    },
}

impl TileHashes {
    /// No tiles yet of a tree of `size` leaves.
    pub fn new(size: u64) -> Self {
        Self { size, tiles: BTreeMap::new() }
    }

    /// The tiles that these nodes are computed from, each once. Nodes that are not in the tree have none.
    pub fn needed(size: u64, nodes: &[Node]) -> BTreeSet<Tile> {
        nodes.iter().filter_map(|node| node.tile(size)).collect()
    }

    /// Takes the bytes of a tile of this tree, or of the full tile at its place, where the log has removed the partial one.
    pub fn insert(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), TileHashesError> {
        let refuse = || TileHashesError::Length { tile, length: bytes.len() };
        let hashes = tile.hashes(bytes).or_else(|| tile.full().hashes(bytes)).ok_or_else(refuse)?;
        self.tiles.insert(tile, hashes);
        Ok(())
    }

    /// Hash of a node.
    pub fn node(&self, node: Node) -> Result<Hash, TileHashesError> {
        let outside = || TileHashesError::Outside { node, size: self.size };
        let tile = node.tile(self.size).ok_or_else(outside)?;
        let hashes = self.tiles.get(&tile).ok_or(TileHashesError::Missing(tile))?;
        node.hash_in(self.size, hashes).ok_or_else(outside)
    }

    /// The frontier of this tree, out of the tiles of [`Frontier::nodes`].
    pub fn frontier(&self) -> Result<Frontier, TileHashesError> {
        let hashes =
            Frontier::nodes(self.size).into_iter().map(|node| self.node(node)).collect::<Result<Vec<_>, _>>()?;
        Ok(Frontier { size: self.size, hashes })
    }
}
