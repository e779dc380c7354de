//! The transparency log as mathematics and text: a Merkle tree in tiles, its proofs, signed checkpoints, and what an entry says of an
//! event (`spec/log.md`).
//!
//! Byte-compatible with C2SP's tlog-tiles, signed-note, tlog-checkpoint, tlog-cosignature and tlog-proof, and with RFC 6962.
//! Pure: whoever asks hands over the bytes that were read, and writes those that are answered. Knows nothing of stores, networks,
//! clocks or chance.

mod advance;
mod checkpoint;
mod cosignature;
mod decimal;
mod entries;
mod hash;
mod key;
mod leaf;
mod log_proof;
mod node;
mod note;
mod opening;
mod proof;
mod tile;
mod tile_hashes;
mod tiles;
mod tree;

pub use advance::{AdvanceError, advance};
pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use cosignature::Cosigner;
pub use entries::{BUNDLE_MAX, BundleError, ENTRY_MAX, EntryTooLong, read_bundle, write_entry};
pub use hash::{Hash, HashError};
pub use key::{KEY_TEXT_MAX, KeyError, KeyName, KeyNameError, NoteSigner, NoteVerifier, SignatureType};
pub use leaf::{Entry, EntryError, LOG_SECRET_LENGTH, LogSecret};
pub use log_proof::{LOG_PROOF_EXTRA_MAX, LOG_PROOF_MAX, LogProof, LogProofError};
pub use node::Node;
pub use note::{NOTE_MAX, Note, NoteError, NoteSignature, SIGNATURES_MAX, Verified};
pub use opening::{OPENED_EVENT_MAX, OPENING_MAX, Opening, OpeningError};
pub use proof::{Consistency, Inclusion, PROOF_MAX, ProofError};
pub use tile::{Row, TILE_BYTES, TILE_WIDTH, Tile, TileError};
pub use tile_hashes::{TileHashes, TileHashesError};
pub use tiles::{Edge, EdgeError, Grown};
pub use tree::{Frontier, FrontierError};

#[cfg(test)]
mod tests;
