//! Where the tree lies: coordinates of tiles and bundles, and their paths (C2SP tlog-tiles).

use std::fmt;
use std::str::FromStr;

use super::Hash;
use super::decimal::decimal;

/// How many hashes a full tile holds, and how many entries a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// Length of a full tile of hashes, in bytes.
pub const TILE_BYTES: usize = 8192;

/// The highest level of a tree of fewer than 2⁶⁴ leaves: a hash of level 8 would stand for 2⁶⁴.
const LEVEL_MAX: u8 = 7;

/// The longest path of a tile has seven elements of the index and a width: `tile/entries/x072/x057/x594/x037/x927/935.p/255`.
const PATH_MAX: usize = 64;

/// One row of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Row {
    /// The entries themselves, in bundles.
    Entries,
    /// Hashes of this level, 0 to 7: of leaves at 0, of full tiles of the level below above that.
    Hashes(u8),
}

/// One tile, or one bundle of entries: which part of which row, and how much of it there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    row: Row,
    index: u64,
    width: u16,
}

/// The text is no path of a tile, or the tile can be in no tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no path of a tile: expected tile/<0 to 7, or entries>/<index>, such as tile/0/x001/234 or tile/entries/005.p/17"
)]
pub struct TileError(String);

impl Tile {
    /// The tile of `row` with this index, in a tree of `size` leaves; `None` where that tree has nothing there.
    pub fn in_tree(row: Row, index: u64, size: u64) -> Option<Self> {
        // The partial tile at level l has floor(s / 256^l) mod 256 hashes.
        let count = match row {
            Row::Entries => size,
            Row::Hashes(level) if level <= LEVEL_MAX => size >> (8 * u32::from(level)),
            Row::Hashes(_) => return None,
        };
        let before = index.checked_mul(TILE_WIDTH)?;
        let width = u16::try_from(count.checked_sub(before)?.min(TILE_WIDTH)).ok()?;
        if width == 0 { None } else { Some(Self { row, index, width }) }
    }

    /// Its row.
    pub fn row(&self) -> Row {
        self.row
    }

    /// Its place in the row, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it has, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether it can grow no more.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// The full tile at the same place. A log may remove a partial tile once this one lies there; it begins with the same bytes.
    pub fn full(&self) -> Self {
        Self { width: 256, ..*self }
    }

    /// The hashes that its bytes are; `None` if there are more or fewer than its width, or if it holds entries.
    pub fn hashes(&self, bytes: &[u8]) -> Option<Vec<Hash>> {
        let (hashes, rest) = bytes.as_chunks::<{ Hash::SIZE }>();
        let fits = rest.is_empty() && hashes.len() == usize::from(self.width) && self.row != Row::Entries;
        fits.then(|| hashes.iter().copied().map(Hash::new).collect())
    }
}

/// Path below the log's prefix.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Row::Entries => f.write_str("tile/entries/")?,
            Row::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        // The index is elements of three digits; all but the last begin with an x.
        let highest = self.index.checked_ilog(1000).unwrap_or(0);
        for power in (1..=highest).rev() {
            write!(f, "x{:03}/", self.index / 1000u64.pow(power) % 1000)?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for Tile {
    type Err = TileError;

    fn from_str(text: &str) -> Result<Self, TileError> {
        match parse(text) {
            // One tile, one path.
            Some(tile) if tile.to_string() == text => Ok(tile),
            _ => Err(TileError(text.chars().take(PATH_MAX).collect())),
        }
    }
}

fn parse(text: &str) -> Option<Tile> {
    if text.len() > PATH_MAX {
        return None;
    }
    let (row, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let row = if row == "entries" { Row::Entries } else { Row::Hashes(u8::try_from(decimal(row)?).ok()?) };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, u16::try_from(decimal(width)?).ok()?),
        None => (rest, 256),
    };
    let mut number = 0u64;
    for element in index.split('/') {
        let digits = element.strip_prefix('x').unwrap_or(element);
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        number = number.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    // A tile that no tree of fewer than 2⁶⁴ leaves has is refused with the rest.
    let tile = Tile { row, index: number, width };
    Tile::in_tree(row, number, u64::MAX).filter(|largest| (1..=largest.width).contains(&width)).map(|_| tile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        for (row, index, size, path) in [
            (Row::Hashes(0), 273, 70_000, "tile/0/273.p/112"),
            (Row::Hashes(0), 272, 70_000, "tile/0/272"),
            (Row::Hashes(1), 0, 70_000, "tile/1/000"),
            (Row::Hashes(1), 1, 70_000, "tile/1/001.p/17"),
            (Row::Hashes(2), 0, 70_000, "tile/2/000.p/1"),
            (Row::Hashes(0), 1_234_067, u64::MAX, "tile/0/x001/x234/067"),
            (Row::Entries, 1000, 256_001, "tile/entries/x001/000.p/1"),
            (Row::Hashes(7), 0, u64::MAX, "tile/7/000.p/255"),
            (Row::Entries, u64::MAX >> 8, u64::MAX, "tile/entries/x072/x057/x594/x037/x927/935.p/255"),
        ] {
            let tile = Tile::in_tree(row, index, size).unwrap();
            assert_eq!((tile.to_string().as_str(), path.parse()), (path, Ok(tile)));
        }
    }

    #[test]
    fn a_tree_has_no_tiles_beyond_its_edge() {
        for (row, index, size) in [
            (Row::Hashes(0), 0, 0),
            (Row::Hashes(0), 1, 256),
            (Row::Hashes(1), 0, 255),
            (Row::Hashes(2), 0, 65_535),
            (Row::Hashes(8), 0, u64::MAX),
            (Row::Hashes(7), 1, u64::MAX),
            (Row::Entries, u64::MAX, u64::MAX),
        ] {
            assert_eq!(Tile::in_tree(row, index, size), None, "{row:?} {index} {size}");
        }
    }

    #[test]
    fn other_paths_are_refused() {
        for path in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/1",
            "tile/0/0001",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/x001",
            "tile/0/x001/x002",
            "tile/00/001",
            "tile/8/000",
            "tile/63/000",
            "tile/-1/000",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/01",
            "tile/0/001.p/",
            "tile/0/001.p",
            "tile/0/001.p/1/",
            "/tile/0/001",
            "tile/0/001 ",
            "tile/0/+01",
            "tile/data/001",
            "tile/8/0/001",
            "tile/7/001",
            "tile/7/000",
            "tile/entries/0٣1",
            "tile/entries/x072/x057/x594/x037/x927/936",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "tile/0/../001",
        ] {
            assert!(path.parse::<Tile>().is_err(), "{path:?}");
        }
        assert!(format!("tile/0/{}001", "x001/".repeat(100_000)).parse::<Tile>().is_err());
    }

    #[test]
    fn bytes_are_exactly_as_many_hashes_as_the_tile_is_wide() {
        let tile: Tile = "tile/0/000.p/2".parse().unwrap();
        assert_eq!(tile.hashes(&[7; 64]), Some(vec![Hash::new([7; 32]); 2]));
        for length in [0, 32, 63, 65, 96, 8192] {
            assert_eq!(tile.hashes(&vec![7; length]), None);
        }
        assert_eq!("tile/entries/000.p/2".parse::<Tile>().unwrap().hashes(&[7; 64]), None);
        assert_eq!(tile.full().to_string(), "tile/0/000");
    }

    proptest! {
        #[test]
        fn every_path_comes_back(row in 0u8..9, index in any::<u64>(), cut in 0u32..64, size in any::<u64>()) {
            let row = row.checked_sub(1).map_or(Row::Entries, Row::Hashes);
            if let Some(tile) = Tile::in_tree(row, index >> cut, size) {
                prop_assert_eq!(tile.to_string().parse(), Ok(tile));
            }
        }
    }
}
