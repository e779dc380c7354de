//! Every use case over an object store that fails: at each of its writes and reads, in every way.
//!
//! The store is memory behind the decorator that plans failures, with the metadata in the store's own events and in SQLite. `crash.rs` does
//! the same for a folder.

mod artifacts;
mod bucket;
mod bytes;
mod collection;
mod pushers;
mod standing;
mod start;
mod table;
mod trees;
