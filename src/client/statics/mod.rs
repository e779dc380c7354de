//! Registries that are nothing but files: a copied `public/` behind any file server (`spec/static.md`).
//!
//! Promises that all that is read of one are its documents and `blobs/`, never `v2/`, whose names not every medium keeps, and that
//! content counts only if it has the digest that it was asked for by. Whether an address is such a registry is asked once, when it answers
//! as no server of ours or of anybody's would.

mod catalogue;
mod content;
mod find;
mod package;
mod staging;
mod tree;

pub use catalogue::{CatalogueReader, FetchedShard, SHARDS_AT_ONCE};
pub use tree::{Hashing, Problem, Rebuilt, rebuild_tree};
