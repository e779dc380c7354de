//! What can go wrong with the log, as decisions that a caller can take.

use crate::meta::MetaError;
use crate::storage::StorageError;
use crate::tlog::{CheckpointError, EntryError, EntryTooLong};

/// Why the log did not take events.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store failed. What was to be logged may have been.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The metadata store failed. What was to be logged may have been.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The store has a log with another key.
    #[error(
        "the log of this store is {found}, and the key is that of {given}\nhint: name the file with its key with --log-key; a log keeps its key for ever"
    )]
    OtherKey {
        /// Name and hash of the key that the store names.
        found: String,
        /// Of the key that was given.
        given: String,
    },
    /// The events are not those that the log has signed, or fewer.
    #[error(
        "the events of this store are not those that its log has signed up to event {size}: {why}\nhint: restore the events from a backup or a mirror; nothing is signed until they are back"
    )]
    Forked {
        /// Size of the log that was signed.
        size: u64,
        /// What does not fit.
        why: &'static str,
    },
    /// What is no event cannot be logged.
    #[error("the ledger holds what cannot be logged: {0}")]
    Event(#[from] EntryError),
    /// An entry does not fit into a bundle: only a mistake of this program makes one.
    #[error(transparent)]
    Entry(#[from] EntryTooLong),
    /// Nor a checkpoint that cannot be signed.
    #[error("the head of the log cannot be signed: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A document of the log cannot be read.
    #[error("{path} cannot be understood: {why}\nhint: restore it from a backup")]
    Malformed {
        /// Its path from the root of the store, or what it is.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}
