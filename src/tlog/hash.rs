//! The hashes of the tree (RFC 6962, section 2.1), all SHA-256.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// A hash of the tree: of a leaf, of a node, or the root. Written in base64, as every text of the log does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

/// The text is no hash: 44 characters of base64 in the standard alphabet, padded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a hash: expected base64 of 32 bytes")]
pub struct HashError(String);

impl Hash {
    /// Length in bytes.
    pub const SIZE: usize = 32;

    /// Root of the tree without leaves: SHA-256 of nothing.
    pub const EMPTY_TREE: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae,
        0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// A hash that somebody else computed.
    pub const fn new(bytes: [u8; Self::SIZE]) -> Self {
        Self(bytes)
    }

    /// Hash of a leaf: SHA-256(0x00 ‖ `entry`).
    pub fn leaf(entry: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
    }

    /// Hash of a node: SHA-256(0x01 ‖ `left` ‖ `right`).
    pub fn node(left: Self, right: Self) -> Self {
        Self(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::SIZE] {
        &self.0
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        // The engine refuses missing padding and bits that stand for nothing: one hash, one text.
        let bytes = if text.len() == 44 { STANDARD.decode(text).ok() } else { None };
        match bytes.and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(HashError(text.chars().take(60).collect())),
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_nodes_and_the_empty_tree_are_told_apart() {
        let hex = |hash: Hash| hex::encode(hash.as_bytes());
        assert_eq!(<[u8; 32]>::from(Sha256::digest(b"")), Hash::EMPTY_TREE.0);
        assert_eq!(hex(Hash::leaf(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        let node = Hash::node(Hash::leaf(b""), Hash::leaf(&[0]));
        assert_eq!(hex(node), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    }

    #[test]
    fn a_hash_is_written_in_one_way() {
        let hash = Hash::leaf(b"x");
        let text = hash.to_string();
        assert_eq!(text.parse(), Ok(hash));
        let (bare, last) = (text.trim_end_matches('='), format!("{}1=", &text[..42]));
        for wrong in ["", bare, &last, &format!("{text}="), &format!(" {text}"), &text.replace(&text[..1], "-")] {
            assert!(wrong.parse::<Hash>().is_err(), "{wrong:?}");
        }
    }
}
