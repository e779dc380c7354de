//! How a log grows: which tiles and bundles are written when entries come, and their bytes.

use super::entries::{read, write_entry};
use super::node::{Run, complete, join};
use super::{BundleError, ENTRY_MAX, EntryTooLong, Hash, Node, Row, TILE_BYTES, TILE_WIDTH, Tile, TileHashesError};

/// The right edge of a log: the partial tile of each row, which is all that one must know to add entries.
///
/// At most eight tiles of 8,160 bytes, and a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// Hashes of the partial tile of each level from 0; none where there is no partial tile.
    rows: Vec<Vec<Hash>>,
    /// Bytes of the partial bundle.
    bundle: Vec<u8>,
}

/// Tiles and bundles to be written, with their bytes. What is full first; no place comes twice.
pub type Grown = Vec<(Tile, Vec<u8>)>;

/// The tiles at the edge cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// A tile of hashes is missing or has another length.
    #[error(transparent)]
    Hashes(#[from] TileHashesError),
    /// The bundle is broken.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The entries of the bundle are not those whose hashes are in the tile.
    #[error("entry {index} of {bundle} is not what its hash in {tile} says")]
    Differs {
        /// The bundle.
        bundle: Tile,
        /// The tile of their hashes.
        tile: Tile,
        /// Place in the bundle, from 0.
        index: usize,
    },
}

impl Edge {
    /// Of a log without entries.
    pub const EMPTY: Self = Self { size: 0, rows: Vec::new(), bundle: Vec::new() };

    /// What must be read to know the edge of a log of `size` entries: the partial tiles and the partial bundle.
    pub fn tiles(size: u64) -> Vec<Tile> {
        let partial = |row, count: u64| Tile::in_tree(row, count >> 8, size);
        let hashes = (0..8u8).filter_map(|level| partial(Row::Hashes(level), size >> (8 * u32::from(level))));
        partial(Row::Entries, size).into_iter().chain(hashes).collect()
    }

    /// The edge of a log of `size` entries. `read` gives the bytes of each of [`Edge::tiles`], or of the full tile at its place; `None`
    /// for what is not there.
    ///
    /// The tiles are believed: compare [`Edge::root`] with the root that was signed.
    pub fn load(size: u64, mut bytes_of: impl FnMut(Tile) -> Option<Vec<u8>>) -> Result<Self, EdgeError> {
        let mut edge = Self { size, ..Self::EMPTY };
        for tile in Self::tiles(size) {
            let bytes = bytes_of(tile).ok_or(TileHashesError::Missing(tile))?;
            match tile.row() {
                Row::Entries => edge.bundle = bytes,
                Row::Hashes(level) => {
                    let length = TileHashesError::Length { tile, length: bytes.len() };
                    let mut hashes = tile.hashes(&bytes).or_else(|| tile.full().hashes(&bytes)).ok_or(length)?;
                    hashes.truncate(usize::from(tile.width()));
                    edge.rows.resize(usize::from(level), Vec::new());
                    edge.rows.push(hashes);
                }
            }
        }
        edge.check_bundle()?;
        Ok(edge)
    }

    /// Leaves of the bundle what belongs to it, and compares each entry with its hash.
    fn check_bundle(&mut self) -> Result<(), EdgeError> {
        let partial = |row| Tile::in_tree(row, self.size >> 8, self.size);
        let (Some(bundle), Some(tile)) = (partial(Row::Entries), partial(Row::Hashes(0))) else { return Ok(()) };
        let (entries, rest) = read(bundle, &self.bundle)?;
        let hashes = self.rows.first().map(Vec::as_slice).unwrap_or_default();
        if let Some(index) = entries.iter().zip(hashes).position(|(entry, hash)| Hash::leaf(entry) != *hash) {
            return Err(EdgeError::Differs { bundle, tile, index });
        }
        self.bundle.truncate(self.bundle.len() - rest.len());
        Ok(())
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree.
    pub fn root(&self) -> Hash {
        let hash = |node: Node| self.rows.get(usize::from(node.level / 8)).and_then(|row| in_partial(node, row));
        join(&Run { start: 0, end: self.size }.nodes().into_iter().filter_map(hash).collect::<Vec<_>>())
    }

    /// Adds entries, and answers what is to be written for the tree that they make: each tile and bundle that became full, and the
    /// partial ones of the new size. After an error nothing has changed.
    pub fn append<E: AsRef<[u8]>>(&mut self, entries: &[E]) -> Result<Grown, EntryTooLong> {
        if let Some(entry) = entries.iter().find(|entry| entry.as_ref().len() > ENTRY_MAX) {
            return Err(EntryTooLong(entry.as_ref().len()));
        }
        let before = self.size;
        let mut grown = Grown::new();
        for entry in entries {
            let entry = entry.as_ref();
            write_entry(&mut self.bundle, entry)?;
            self.size += 1;
            if self.size.is_multiple_of(TILE_WIDTH) {
                let tile = Tile::in_tree(Row::Entries, (self.size >> 8) - 1, self.size);
                grown.extend(tile.map(|tile| (tile, std::mem::take(&mut self.bundle))));
            }
            self.push(0, Hash::leaf(entry), &mut grown);
        }
        for tile in Self::tiles(self.size) {
            let count = |size: u64| match tile.row() {
                Row::Entries => size,
                Row::Hashes(level) => size >> (8 * u32::from(level)),
            };
            if count(before) == count(self.size) {
                continue;
            }
            let bytes = match tile.row() {
                Row::Entries => self.bundle.clone(),
                Row::Hashes(level) => self.rows.get(usize::from(level)).map(|row| bytes_of(row)).unwrap_or_default(),
            };
            grown.push((tile, bytes));
        }
        Ok(grown)
    }

    /// Adds a hash to a row. A tile that is full is one hash of the row above.
    fn push(&mut self, level: u8, hash: Hash, grown: &mut Grown) {
        let at = usize::from(level);
        if self.rows.len() <= at {
            self.rows.resize(at + 1, Vec::new());
        }
        let row = &mut self.rows[at];
        row.push(hash);
        if row.len() * Hash::SIZE < TILE_BYTES {
            return;
        }
        let row = std::mem::take(row);
        let count = self.size >> (8 * u32::from(level));
        let tile = Tile::in_tree(Row::Hashes(level), (count >> 8) - 1, self.size);
        grown.extend(tile.map(|tile| (tile, bytes_of(&row))));
        if let Some(above) = complete(&row) {
            self.push(level + 1, above, grown);
        }
    }
}

fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.as_bytes()).copied().collect()
}

/// Hash of a node of the frontier, which lies in the partial tile of its row.
fn in_partial(node: Node, row: &[Hash]) -> Option<Hash> {
    let below = u32::from(node.level % 8);
    let first = usize::try_from((node.index << below) & 0xff).ok()?;
    complete(row.get(first..first + (1 << below))?)
}

impl Tile {
    /// The bundles and tiles of hashes that a log of `new` entries has and one of `old` had not, or not as wide: what a mirror copies.
    /// Partial tiles of sizes in between are not among them.
    pub fn grown(old: u64, new: u64) -> impl Iterator<Item = Self> {
        let rows =
            std::iter::once((Row::Entries, 0)).chain((0..8u8).map(|level| (Row::Hashes(level), 8 * u32::from(level))));
        rows.flat_map(move |(row, shift)| {
            let (before, now) = (old >> shift, new >> shift);
            // From the first tile that was not full to the last one.
            let tiles = if before < now { before >> 8..now.div_ceil(TILE_WIDTH) } else { 0..0 };
            tiles.filter_map(move |index| Self::in_tree(row, index, new))
        })
    }
}
