//! Trees of every size up to 300 against another implementation, and against the plain definition of RFC 6962.

mod oracle;
mod proofs;
mod rfc6962;
mod vectors;

use super::Hash;

/// The entry at `index` of the trees here.
fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

/// The entries of a tree of `size`.
fn entries(size: u64) -> Vec<Vec<u8>> {
    (0..size).map(entry).collect()
}

/// Merkle Tree Hash over leaf hashes, as RFC 6962 defines it in section 2.1.
fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY_TREE,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
            Hash::node(tree_hash(left), tree_hash(right))
        }
    }
}
