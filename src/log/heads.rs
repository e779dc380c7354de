//! Where the head of the log lies: in the database that decides what is committed, or in the store that owns itself.

use std::sync::Arc;

use bytes::Bytes;

use crate::meta::{Ledger, LogHead};
use crate::storage::{Created, Key, Storage, StorageError};

use super::LogError;

/// Longest signed checkpoint that is read, in bytes.
pub(super) const CHECKPOINT_MAX: u64 = 64 << 10;

/// How often a head is looked for that others replace at the same time.
const ATTEMPTS: usize = 20;

/// The one place where the head of the log lies.
#[derive(Clone)]
pub enum Heads {
    /// A database, which swaps it.
    Database(Arc<dyn Ledger>),
    /// The store: each head is an object named by its size, created if absent, and the largest counts. Two who would write
    /// one of the same size write the same, or one of them has other events.
    Store(Storage),
}

impl Heads {
    /// The head; `None` if nothing was logged.
    pub async fn read(&self) -> Result<Option<LogHead>, LogError> {
        let storage = match self {
            Self::Database(ledger) => return Ok(ledger.log_head().await?),
            Self::Store(storage) => storage,
        };
        for _ in 0..ATTEMPTS {
            let Some(size) = storage.log_heads().await?.into_iter().max() else { return Ok(None) };
            match storage.get(&Key::LogHead(size), CHECKPOINT_MAX).await {
                Ok(bytes) => return Ok(Some(LogHead { size, checkpoint: text(&bytes, &Key::LogHead(size))? })),
                // A larger one is there by now.
                Err(StorageError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StorageError::Unavailable { path: "log/head".to_owned(), source: "others replace it all the time".into() }
            .into())
    }

    /// Makes `next` the head if it still is `seen`, and says whether `next` is the head, or was.
    pub async fn swap(&self, seen: Option<&LogHead>, next: &LogHead) -> Result<bool, LogError> {
        let storage = match self {
            Self::Database(ledger) => return Ok(ledger.swap_log_head(seen, next).await?),
            Self::Store(storage) => storage,
        };
        let key = Key::LogHead(next.size);
        let bytes = Bytes::from(next.checkpoint.clone());
        if storage.create(&key, bytes.clone()).await? == Created::Exists
            && storage.get(&key, CHECKPOINT_MAX).await? != bytes
        {
            return Ok(false);
        }
        storage.settle(std::slice::from_ref(&key)).await?;
        // The largest counts, so that the one before it is of no more use.
        if let Some(seen) = seen.filter(|seen| seen.size < next.size) {
            storage.delete(&Key::LogHead(seen.size)).await?;
        }
        Ok(true)
    }
}

/// A checkpoint as text.
pub(super) fn text(bytes: &[u8], key: &Key) -> Result<String, LogError> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| LogError::Malformed { path: key.path(), why: "it is no text".to_owned() })
}
