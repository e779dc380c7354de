//! Paths of tiles, bundles of entries, and the entries: what is accepted comes back as it was written.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pure::tlog::{Entry, LogSecret, Opening, Row, TILE_WIDTH, Tile, read_bundle, write_entry};

fuzz_target!(|input: (u8, &[u8])| {
    let (width, bytes) = input;
    if let Some(tile) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Tile>().ok()) {
        assert_eq!(tile.to_string().as_bytes(), bytes);
        assert!((1..=TILE_WIDTH).contains(&tile.width().into()));
    }
    let Some(tile) = Tile::in_tree(Row::Entries, 0, u64::from(width) + 1) else { return };
    if let Ok(entries) = read_bundle(tile, bytes) {
        assert_eq!(entries.len(), usize::from(tile.width()));
        let mut again = Vec::new();
        for entry in &entries {
            assert!(write_entry(&mut again, entry).is_ok());
        }
        assert_eq!(again, bytes);
    }
    let entry = Bytes::copy_from_slice(bytes);
    if let Ok(parsed) = Entry::parse(width.into(), &entry) {
        assert_eq!((parsed.bytes(), parsed.n()), (entry.clone(), u64::from(width) + 1));
    }
    let secret = LogSecret::new(&[7; 32]);
    if let Ok(made) = Entry::of_event(&entry, &secret) {
        let place = made.n().checked_sub(1);
        assert!(place.is_none_or(|place| Entry::parse(place, &made.bytes()).as_ref() == Ok(&made)));
        if let Entry::Sealed { n, .. } = made {
            assert_eq!(Opening::new(n, entry, &secret).verify(&made), Ok(()));
        }
    }
    if let Ok(opening) = Opening::parse(bytes) {
        assert_eq!(Opening::parse(opening.to_json().as_bytes()), Ok(opening));
    }
});
