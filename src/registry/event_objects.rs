//! The objects of events: created once, never replaced by other bytes.

use bytes::Bytes;

use crate::meta::{Meta, MetaError};
use crate::storage::{Created, Key, Storage};

use super::RegistryError;
use super::replay::EVENT_MAX;

/// Writes the objects of events that the ledger holds beyond `written`, which it moves along. Those up to `own` this process may
/// have written before, and failed to sync.
pub(super) async fn write_missing_events(
    storage: &Storage,
    meta: &Meta,
    written: &mut u64,
    own: u64,
) -> Result<(), RegistryError> {
    if meta.ledger.head().await?.n <= *written {
        return Ok(());
    }
    loop {
        let events = meta.ledger.events(*written, 256).await?;
        let Some((last, _)) = events.last() else { return Ok(()) };
        let last = *last;
        let mut keys = Vec::new();
        for (n, bytes) in events {
            match n <= own {
                true => write_event(storage, n, bytes).await?,
                false => create_event(storage, n, bytes).await.map(drop)?,
            }
            keys.push(Key::Event(n));
        }
        storage.settle(&keys).await?;
        *written = last;
    }
}

/// Creates an event's object. The same bytes may be there from a write that failed after it happened; other bytes are never replaced.
pub(super) async fn write_event(storage: &Storage, n: u64, bytes: Bytes) -> Result<(), RegistryError> {
    match create_event(storage, n, bytes.clone()).await? {
        Created::Created => Ok(()),
        // Written again: an object whose sync failed once is not trusted until it is.
        Created::Exists => Ok(storage.put(&Key::Event(n), bytes).await?),
    }
}

/// Creates an event's object unless these very bytes are there.
async fn create_event(storage: &Storage, n: u64, bytes: Bytes) -> Result<Created, RegistryError> {
    let created = storage.create(&Key::Event(n), bytes.clone()).await?;
    if created == Created::Exists && storage.get(&Key::Event(n), EVENT_MAX).await? != bytes {
        return Err(MetaError::Diverged(n).into());
    }
    Ok(created)
}
