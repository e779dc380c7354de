//! The objects of events: created once, never replaced by other bytes.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

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
        let keys: Vec<Key> = events.iter().map(|(n, _)| Key::Event(*n)).collect();
        let writes = events.into_iter().map(|(n, bytes)| async move {
            match n <= own {
                true => write_event(storage, n, bytes).await,
                false => create_event(storage, n, bytes).await.map(drop),
            }
        });
        stream::iter(writes).buffered(at_once(storage)).try_collect::<()>().await?;
        storage.settle(&keys).await?;
        *written = last;
    }
}

/// Creates the objects of events that a database has committed, durable on return.
pub(super) async fn write_events(storage: &Storage, events: Vec<(u64, Bytes)>) -> Result<(), RegistryError> {
    let keys: Vec<Key> = events.iter().map(|(n, _)| Key::Event(*n)).collect();
    let writes = events.into_iter().map(|(n, bytes)| write_event(storage, n, bytes));
    stream::iter(writes).buffered(at_once(storage)).try_collect::<()>().await?;
    Ok(storage.settle(&keys).await?)
}

/// How many objects are written at once. A store that is asked for each over a network answers many in the time of one; what a process
/// leaves out that ends between them, the next start finds (`open.rs`, `mend_tail`).
fn at_once(storage: &Storage) -> usize {
    if storage.disk().is_some() { 1 } else { 16 }
}

/// Creates an event's object. The same bytes may be there from a write that failed after it happened; other bytes are never replaced.
pub(super) async fn write_event(storage: &Storage, n: u64, bytes: Bytes) -> Result<(), RegistryError> {
    match create_event(storage, n, bytes.clone()).await? {
        Created::Created => Ok(()),
        // Only a disk can keep an object and fail to make it durable.
        Created::Exists if storage.disk().is_none() => Ok(()),
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
