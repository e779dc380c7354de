//! Entries as they lie in a bundle (C2SP tlog-tiles, "Log entries"): each with its length in front, a big-endian uint16.

use super::Tile;

/// The longest entry, in bytes.
pub const ENTRY_MAX: usize = 65_535;

/// The longest bundle, in bytes: what a reader has to take.
pub const BUNDLE_MAX: usize = 256 * (2 + ENTRY_MAX);

/// The entry does not fit into a bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry of {0} bytes does not fit into the log, which takes {ENTRY_MAX}")]
pub struct EntryTooLong(pub usize);

/// The bytes are not the bundle that they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bytes end within an entry, or before the last.
    #[error("{tile} ends within or before its entry {at}, and must have {}", tile.width())]
    Truncated {
        /// Which.
        tile: Tile,
        /// Place in the bundle, from 0.
        at: u16,
    },
    /// Something comes after the last entry.
    #[error("{tile} has {left} bytes after its last entry")]
    Trailing {
        /// Which.
        tile: Tile,
        /// How many bytes.
        left: usize,
    },
}

/// Adds an entry to the end of a bundle.
pub fn write_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), EntryTooLong> {
    let length = u16::try_from(entry.len()).map_err(|_| EntryTooLong(entry.len()))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The entries of a bundle: exactly as many as it is wide, and nothing after them.
pub fn read_bundle(tile: Tile, bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let (entries, rest) = read(tile, bytes)?;
    if rest.is_empty() { Ok(entries) } else { Err(BundleError::Trailing { tile, left: rest.len() }) }
}

/// The entries, and what comes after them.
pub(super) fn read(tile: Tile, bytes: &[u8]) -> Result<(Vec<&[u8]>, &[u8]), BundleError> {
    let mut rest = bytes;
    let mut entries = Vec::with_capacity(usize::from(tile.width()));
    for at in 0..tile.width() {
        let entry = rest
            .split_first_chunk::<2>()
            .and_then(|(length, rest)| rest.split_at_checked(usize::from(u16::from_be_bytes(*length))));
        let (entry, after) = entry.ok_or(BundleError::Truncated { tile, at })?;
        entries.push(entry);
        rest = after;
    }
    Ok((entries, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tile(width: usize) -> Tile {
        let path = if width == 256 { "tile/entries/000".to_owned() } else { format!("tile/entries/000.p/{width}") };
        path.parse().unwrap()
    }

    #[test]
    fn a_bundle_is_its_entries_and_nothing_else() {
        let bytes = b"\0\x01a\0\0\0\x02bc";
        assert_eq!(read_bundle(tile(3), bytes), Ok(vec![&b"a"[..], b"", b"bc"]));
        assert_eq!(read_bundle(tile(2), bytes), Err(BundleError::Trailing { tile: tile(2), left: 4 }));
        let error = read_bundle(tile(4), bytes).unwrap_err().to_string();
        assert_eq!(error, "tile/entries/000.p/4 ends within or before its entry 3, and must have 4");
        for end in 0..bytes.len() {
            assert!(matches!(read_bundle(tile(3), &bytes[..end]), Err(BundleError::Truncated { .. })), "{end}");
        }
    }

    #[test]
    fn an_entry_has_a_length_that_sixteen_bits_can_tell() {
        let mut bundle = Vec::new();
        write_entry(&mut bundle, &[7; ENTRY_MAX]).unwrap();
        assert_eq!(write_entry(&mut bundle, &[7; ENTRY_MAX + 1]), Err(EntryTooLong(ENTRY_MAX + 1)));
        assert_eq!(read_bundle(tile(1), &bundle), Ok(vec![&[7; ENTRY_MAX][..]]));
    }

    proptest! {
        #[test]
        fn any_entries_come_back(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 1..=256)) {
            let mut bundle = Vec::new();
            for entry in &entries {
                write_entry(&mut bundle, entry)?;
            }
            prop_assert!(bundle.len() <= BUNDLE_MAX);
            prop_assert_eq!(read_bundle(tile(entries.len()), &bundle)?, entries);
        }
    }
}
