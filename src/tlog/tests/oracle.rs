//! Roots, proofs, tiles and their paths as crate `tlog_tiles` has them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tlog_tiles::{HashReader, stored_hash_index};

use super::super::{Consistency, Edge, Frontier, Hash, Inclusion, Node, Row, Tile, TileHashes, read_bundle};
use super::{entries, entry};

/// All hashes of a tree that the oracle has grown.
struct Oracle(Vec<tlog_tiles::Hash>);

impl HashReader for Oracle {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

impl Oracle {
    fn new(size: u64) -> Self {
        let mut oracle = Self(Vec::new());
        for index in 0..size {
            let hashes = tlog_tiles::stored_hashes(index, &entry(index), &oracle).unwrap();
            oracle.0.extend(hashes);
        }
        oracle
    }

    fn root(&self, size: u64) -> Hash {
        Hash::new(tlog_tiles::tree_hash(size, self).unwrap().0)
    }

    fn node(&self, node: Node) -> Result<Hash, std::convert::Infallible> {
        Ok(Hash::new(self.0[stored_hash_index(node.level, node.index) as usize].0))
    }

    /// The bytes of one of our tiles of hashes.
    fn tile(&self, tile: &Tile) -> Vec<u8> {
        theirs(tile).read_data(self).unwrap()
    }
}

fn theirs(tile: &Tile) -> tlog_tiles::Tile {
    let (level, is_data) = match tile.row() {
        Row::Entries => (0, true),
        Row::Hashes(level) => (level, false),
    };
    tlog_tiles::Tile::new(8, level, tile.index(), tile.width().into(), is_data)
}

fn ours(proof: Vec<tlog_tiles::Hash>) -> Vec<Hash> {
    proof.into_iter().map(|hash| Hash::new(hash.0)).collect()
}

#[test]
fn every_inclusion_and_consistency_proof_is_the_oracles() {
    let oracle = Oracle::new(300);
    let mut tree = Frontier::EMPTY;
    let mut roots = vec![tree.root()];
    for size in 1..=300u64 {
        tree.push(Hash::leaf(&entry(size - 1)));
        let root = tree.root();
        assert_eq!(root, oracle.root(size), "{size}");
        roots.push(root);
        for other in 0..size {
            let inclusion = Inclusion::new(other, size).unwrap();
            let proof = inclusion.prove(|node| oracle.node(node)).unwrap();
            assert_eq!(proof, ours(tlog_tiles::prove_record(size, other, &oracle).unwrap()), "{other} in {size}");
            assert_eq!(inclusion.verify(Hash::leaf(&entry(other)), &proof, root), Ok(()));

            let old = other + 1;
            let consistency = Consistency::new(old, size).unwrap();
            let proof = consistency.prove(|node| oracle.node(node)).unwrap();
            assert_eq!(proof, ours(tlog_tiles::prove_tree(size, old, &oracle).unwrap()), "{old} to {size}");
            assert_eq!(consistency.verify(roots[old as usize], &proof, root), Ok(()));
        }
    }
}

#[test]
fn proofs_and_frontiers_are_made_of_tiles_alone() {
    let oracle = Oracle::new(70_000);
    for (index, old, size) in
        [(0, 1, 1), (7, 200, 255), (255, 255, 257), (256, 256, 70_000), (69_999, 65_537, 70_000), (65_536, 512, 65_537)]
    {
        let (inclusion, consistency) =
            (Inclusion::new(index.min(size - 1), size).unwrap(), Consistency::new(old, size).unwrap());
        let nodes = [inclusion.nodes(), consistency.nodes(), Frontier::nodes(size)].concat();
        let mut tiles = TileHashes::new(size);
        for tile in TileHashes::needed(size, &nodes) {
            tiles.insert(tile, &oracle.tile(&tile)).unwrap();
        }
        let proof = inclusion.prove(|node| tiles.node(node)).unwrap();
        assert_eq!(proof, ours(tlog_tiles::prove_record(size, index.min(size - 1), &oracle).unwrap()));
        let proof = consistency.prove(|node| tiles.node(node)).unwrap();
        assert_eq!(proof, ours(tlog_tiles::prove_tree(size, old, &oracle).unwrap()));
        assert_eq!(tiles.frontier().unwrap().root(), oracle.root(size));
    }
}

#[test]
fn a_log_that_grows_writes_the_oracles_tiles() {
    let oracle = Oracle::new(66_000);
    let mut edge = Edge::EMPTY;
    let mut store: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    // Batches that end before, at and after the edges of tiles of all levels.
    for size in [1, 2, 255, 256, 257, 300, 511, 512, 1023, 1025, 65_535, 65_536, 65_537, 66_000] {
        let old = edge.size();
        let batch: Vec<_> = (old..size).map(entry).collect();
        let grown = edge.append(&batch).unwrap();
        assert_eq!((edge.size(), edge.root()), (size, oracle.root(size)));

        let mut paths: Vec<_> = grown.iter().map(|(tile, _)| tile.to_string()).collect();
        let mut expected: Vec<_> = tlog_tiles::Tile::new_tiles(8, old, size)
            .iter()
            .flat_map(|tile| {
                let mut bundle = *tile;
                bundle.set_is_data();
                [Some(tile.path()), (tile.level() == 0).then(|| bundle.path())].into_iter().flatten()
            })
            .map(|path| path.replace("tile/8/", "tile/").replace("/data/", "/entries/"))
            .collect();
        let mut listed: Vec<_> = Tile::grown(old, size).map(|tile| tile.to_string()).collect();
        for paths in [&mut paths, &mut expected, &mut listed] {
            paths.sort();
        }
        assert_eq!((&paths, &listed), (&expected, &expected), "{old} to {size}");

        for (tile, bytes) in grown {
            match tile.row() {
                Row::Hashes(_) => assert_eq!(bytes, oracle.tile(&tile), "{tile}"),
                Row::Entries => {
                    let first = tile.index() * 256;
                    let all: Vec<_> = (first..first + u64::from(tile.width())).map(entry).collect();
                    assert_eq!(read_bundle(tile, &bytes).unwrap(), all, "{tile}");
                }
            }
            store.insert(tile.to_string(), bytes);
        }
        assert_eq!(Edge::load(size, |tile| store.get(&tile.to_string()).cloned()), Ok(edge.clone()));
    }
    assert_eq!(store.values().map(Vec::len).max(), Some(8192));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn batches_of_any_length_make_the_same_log(cuts in proptest::collection::vec(0usize..300, 0..5)) {
        let all = entries(cuts.iter().sum::<usize>() as u64);
        let (mut once, mut often) = (Edge::EMPTY, Edge::EMPTY);
        let mut whole = BTreeMap::from_iter(once.append(&all)?);
        let (mut parts, mut start) = (BTreeMap::new(), 0);
        for cut in cuts {
            parts.extend(often.append(&all[start..start + cut])?);
            start += cut;
        }
        prop_assert_eq!(&once, &often);
        // Partial tiles of sizes in between stay behind; nothing else differs.
        parts.retain(|tile, _| whole.contains_key(tile));
        whole.retain(|_, bytes| !bytes.is_empty());
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn paths_are_the_oracles(row in 0u8..9, index in any::<u64>(), cut in 0u32..64, size in any::<u64>()) {
        let row = row.checked_sub(1).map_or(Row::Entries, Row::Hashes);
        if let Some(tile) = Tile::in_tree(row, index >> cut, size) {
            let path = theirs(&tile).path().replace("tile/8/", "tile/").replace("/data/", "/entries/");
            prop_assert_eq!(tile.to_string(), path);
        }
    }
}
