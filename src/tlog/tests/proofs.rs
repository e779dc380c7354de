//! Wrong proofs, broken tiles and edges that do not fit are refused.

use super::super::{
    BundleError, Consistency, Edge, EdgeError, EntryTooLong, Frontier, Hash, Inclusion, Node, ProofError, Row, Tile,
    TileHashes, TileHashesError,
};
use super::{entries, entry, tree_hash};

fn leaves(size: u64) -> Vec<Hash> {
    entries(size).iter().map(|entry| Hash::leaf(entry)).collect()
}

fn reader(leaves: &[Hash]) -> impl Fn(Node) -> Result<Hash, std::convert::Infallible> {
    |node| {
        let first = (node.index << node.level) as usize;
        Ok(tree_hash(&leaves[first..first + (1 << node.level)]))
    }
}

/// All lists of hashes that differ from `proof` by one hash.
fn changed(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let other = Hash::leaf(b"other");
    let mut all = vec![[proof, &[other]].concat(), [&[other], proof].concat()];
    for at in 0..proof.len() {
        let mut flipped = proof.to_vec();
        let mut bytes = *proof[at].as_bytes();
        bytes[at % 32] ^= 1;
        flipped[at] = Hash::new(bytes);
        let (mut short, mut twice) = (proof.to_vec(), proof.to_vec());
        short.remove(at);
        twice.insert(at, proof[at]);
        all.extend([flipped, short, twice]);
        if at > 0 {
            let mut swapped = proof.to_vec();
            swapped.swap(at, at - 1);
            all.push(swapped);
        }
    }
    all
}

#[test]
fn a_wrong_inclusion_proof_is_refused() {
    for size in (1..=40u64).chain([64, 65, 257]) {
        let leaves = leaves(size);
        let root = tree_hash(&leaves);
        for index in 0..size {
            let (plan, leaf) = (Inclusion::new(index, size).unwrap(), leaves[index as usize]);
            let proof = plan.prove(reader(&leaves)).unwrap();
            for wrong in changed(&proof) {
                assert!(plan.verify(leaf, &wrong, root).is_err(), "{index} of {size}");
            }
            assert!(plan.verify(Hash::leaf(b"other"), &proof, root).is_err());
            assert!(plan.verify(leaf, &proof, Hash::leaf(b"other")).is_err());
            // The same proof for every other place.
            for other in (0..size).filter(|other| *other != index) {
                assert!(
                    Inclusion::new(other, size).unwrap().verify(leaf, &proof, root).is_err(),
                    "{index} as {other} of {size}"
                );
            }
        }
    }
}

#[test]
fn a_wrong_consistency_proof_is_refused() {
    let leaves = leaves(257);
    let roots: Vec<Hash> = (0..=257).map(|size| tree_hash(&leaves[..size])).collect();
    let other = Hash::leaf(b"other");
    for new in (1..=40u64).chain([64, 65, 257]) {
        for old in 1..=new {
            let plan = Consistency::new(old, new).unwrap();
            let (old_root, new_root) = (roots[old as usize], roots[new as usize]);
            let proof = plan.prove(reader(&leaves)).unwrap();
            for wrong in changed(&proof) {
                assert!(plan.verify(old_root, &wrong, new_root).is_err(), "{old} to {new}");
            }
            assert!(plan.verify(other, &proof, new_root).is_err() && plan.verify(old_root, &proof, other).is_err());
            for (size, root) in roots.iter().enumerate().take(new as usize + 2).filter(|(size, _)| *size as u64 != old)
            {
                assert!(plan.verify(*root, &proof, new_root).is_err(), "{size} as {old} to {new}");
            }
        }
    }
}

#[test]
fn the_roots_that_differ_are_told_apart() {
    let leaves = leaves(3);
    let (old, new) = (tree_hash(&leaves[..2]), tree_hash(&leaves));
    let plan = Consistency::new(2, 3).unwrap();
    let (proof, other) = ([leaves[2]], Hash::leaf(b"other"));
    assert_eq!(plan.verify(old, &proof, other), Err(ProofError::Root { expected: other, found: new }));
    assert_eq!(plan.verify(old, &[], new), Err(ProofError::Length { expected: 1, found: 0 }));
    let plan = Consistency::new(3, 3).unwrap();
    assert_eq!(plan.verify(new, &[], new), Ok(()));
    // What ends within a subtree shows its own root.
    let leaves = self::leaves(4);
    let plan = Consistency::new(3, 4).unwrap();
    let proof = plan.prove(reader(&leaves)).unwrap();
    let found = tree_hash(&leaves[..3]);
    assert_eq!(plan.verify(other, &proof, tree_hash(&leaves)), Err(ProofError::OldRoot { expected: other, found }));
}

/// A log of `size` entries as bytes by path.
fn log(size: u64) -> (Edge, std::collections::BTreeMap<Tile, Vec<u8>>) {
    let mut edge = Edge::EMPTY;
    let tiles = edge.append(&entries(size)).unwrap().into_iter().collect();
    (edge, tiles)
}

#[test]
fn an_edge_is_loaded_from_full_tiles_where_partial_ones_are_gone() {
    let (_, later) = log(70_000);
    for size in [1, 255, 257, 300, 65_537, 69_999] {
        let edge = Edge::load(size, |tile| later.get(&tile).or_else(|| later.get(&tile.full())).cloned());
        // The last partial tiles of the larger log are not full either.
        if size < 69_000 {
            assert_eq!(edge, Ok(log(size).0), "{size}");
        } else {
            assert!(matches!(edge, Err(EdgeError::Hashes(TileHashesError::Missing(_)))));
        }
    }
}

#[test]
fn a_broken_edge_is_refused() {
    let size = 300;
    let (edge, tiles) = log(size);
    let load = |tile: &Tile, bytes: Option<Vec<u8>>| {
        Edge::load(size, |wanted| if wanted == *tile { bytes.clone() } else { tiles.get(&wanted).cloned() })
    };
    let [bundle, hashes, above] = Edge::tiles(size)[..] else { panic!("three tiles") };
    assert_eq!(load(&bundle, tiles.get(&bundle).cloned()), Ok(edge));
    for tile in [bundle, hashes, above] {
        assert_eq!(load(&tile, None), Err(EdgeError::Hashes(TileHashesError::Missing(tile))));
    }
    let short = tiles[&hashes][1..].to_vec();
    assert_eq!(
        load(&hashes, Some(short)),
        Err(EdgeError::Hashes(TileHashesError::Length { tile: hashes, length: 44 * 32 - 1 }))
    );
    let cut = tiles[&bundle][..10].to_vec();
    assert_eq!(load(&bundle, Some(cut)), Err(EdgeError::Bundle(BundleError::Truncated { tile: bundle, at: 0 })));
    let mut other = tiles[&bundle].clone();
    *other.last_mut().unwrap() ^= 1;
    let differs = EdgeError::Differs { bundle, tile: hashes, index: 43 };
    assert_eq!(load(&bundle, Some(other)).unwrap_err(), differs);
    assert_eq!(differs.to_string(), "entry 43 of tile/entries/001.p/44 is not what its hash in tile/0/001.p/44 says");
}

#[test]
fn an_entry_that_is_too_long_changes_nothing() {
    let (mut edge, _) = log(3);
    let before = edge.clone();
    assert_eq!(edge.append(&[entry(3), vec![0; 65_536]]), Err(EntryTooLong(65_536)));
    assert_eq!(edge, before);
    assert_eq!(edge.append::<&[u8]>(&[]), Ok(Vec::new()));
}

#[test]
fn tiles_say_what_they_lack() {
    let (_, tiles) = log(300);
    let mut read = TileHashes::new(300);
    let partial: Tile = "tile/0/001.p/44".parse().unwrap();
    assert_eq!(read.node(Node { level: 0, index: 299 }), Err(TileHashesError::Missing(partial)));
    assert_eq!(read.insert(partial, &[0; 45 * 32]), Err(TileHashesError::Length { tile: partial, length: 45 * 32 }));
    let whole = log(512).1;
    for bytes in [&tiles[&partial], &whole[&partial.full()]] {
        read.insert(partial, bytes).unwrap();
        assert_eq!(read.node(Node { level: 0, index: 299 }), Ok(Hash::leaf(&entry(299))));
    }
    for node in [
        Node { level: 0, index: 300 },
        Node { level: 8, index: 1 },
        Node { level: 9, index: 0 },
        Node { level: 255, index: 7 },
        Node { level: 5, index: u64::MAX },
    ] {
        assert_eq!(read.node(node), Err(TileHashesError::Outside { node, size: 300 }));
    }
    assert!(read.frontier().is_err());
    assert_eq!(Frontier::nodes(300)[0], Node { level: 8, index: 0 });
    assert_eq!(Tile::in_tree(Row::Hashes(1), 0, 300).map(|tile| tile.width()), Some(1));
}
