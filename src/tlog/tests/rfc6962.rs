//! The tree of eight entries that implementations of RFC 6962 share as their example.

use super::super::{Consistency, Frontier, Hash, Inclusion, Node};
use super::tree_hash;

const ENTRIES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const A: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const B: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const C: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const D: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const E: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const F: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";

fn leaves() -> Vec<Hash> {
    ENTRIES.iter().map(|entry| Hash::leaf(&hex::decode(entry).unwrap())).collect()
}

fn read(node: Node) -> Result<Hash, std::convert::Infallible> {
    let first = (node.index << node.level) as usize;
    Ok(tree_hash(&leaves()[first..first + (1 << node.level)]))
}

fn hexes(proof: &[Hash]) -> Vec<String> {
    proof.iter().map(|hash| hex::encode(hash.as_bytes())).collect()
}

#[test]
fn roots_are_those_of_the_reference() {
    let mut tree = Frontier::EMPTY;
    for (leaf, root) in leaves().into_iter().zip(ROOTS) {
        tree.push(leaf);
        assert_eq!(hexes(&[tree.root()]), [root]);
    }
}

#[test]
fn inclusion_proofs_are_those_of_the_reference() {
    for (index, size, proof) in [
        (0, 1, vec![]),
        (0, 8, vec![A, B, C]),
        (5, 8, vec![D, E, ROOTS[3]]),
        (2, 3, vec![ROOTS[1]]),
        (1, 5, vec![ROOTS[0], B, D]),
    ] {
        assert_eq!(hexes(&Inclusion::new(index, size).unwrap().prove(read).unwrap()), proof, "{index} of {size}");
    }
}

#[test]
fn consistency_proofs_are_those_of_the_reference() {
    for (old, new, proof) in [(1, 1, vec![]), (1, 8, vec![A, B, C]), (6, 8, vec![F, E, ROOTS[3]]), (2, 5, vec![B, D])] {
        assert_eq!(hexes(&Consistency::new(old, new).unwrap().prove(read).unwrap()), proof, "{old} to {new}");
    }
}
