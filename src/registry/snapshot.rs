//! Snapshots of a registry without a database: read at start, written beside the requests and at the end.
//!
//! A snapshot is a projection (`spec/layout.md`): one that is not believed costs the time of a replay, and nothing else. It is created if
//! absent and durable before an older one goes, so that whenever the process ends there is one that is whole, or the events alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::{Mutex, watch};

use crate::meta::{Archive, Ledger as _, Memory, MetaError, Snapshot, Unbelievable};
use crate::storage::{Created, Key, Sharing, Storage, StorageError};

use super::replay::EVENT_MAX;
use super::{Inner, Registry, RegistryError};

/// Largest snapshot that is written and read, in bytes: it is in memory whole, beside the rows.
const SNAPSHOT_MAX: u64 = 4 << 30;

/// One part in so many is how far the events may run ahead of a snapshot: the rows are written whole each time.
const PART: u64 = 32;

/// Events read from the store at once.
const READS: usize = 32;

/// When snapshots are written, and the last that was.
pub(super) struct Snapshots {
    memory: Arc<Memory>,
    /// The least number of events between two.
    every: u64,
    /// The last event that a snapshot was written of, or was tried to.
    last: AtomicU64,
    turn: Mutex<()>,
}

/// The events of a store.
struct Events(Storage);

#[async_trait]
impl Archive for Events {
    async fn events(&self, numbers: &[u64]) -> Result<Vec<Bytes>, MetaError> {
        let event = |n: u64| async move {
            self.0.get(&Key::Event(n), EVENT_MAX).await.map_err(|error| match error {
                StorageError::NotFound { .. } => MetaError::Corrupt(format!("event {n} is not in the store")),
                error => MetaError::Unavailable(error.into()),
            })
        };
        stream::iter(numbers.iter().copied().map(event).collect::<Vec<_>>()).buffered(READS).try_collect().await
    }
}

impl Snapshots {
    /// Begins with the newest snapshot of the store that can be believed; without one the memory stays empty.
    pub(super) async fn begin(storage: &Storage, memory: Arc<Memory>, every: u64) -> Result<Self, StorageError> {
        memory.archive_in(Arc::new(Events(storage.clone())));
        let mut last = 0;
        for event in storage.snapshots().await?.into_iter().rev() {
            match restore(storage, &memory, event).await {
                Ok(()) => {
                    last = event;
                    break;
                }
                Err(why) => tracing::warn!(
                    snapshot = event,
                    %why,
                    "a snapshot is not believed: the start reads an older one, or every event"
                ),
            }
        }
        Ok(Self { memory, every: every.max(1), last: AtomicU64::new(last), turn: Mutex::default() })
    }

    /// The last event of the last snapshot.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }

    fn is_due(&self, head: u64) -> bool {
        head.saturating_sub(self.last()) >= self.every.max(head / PART)
    }

    /// Writes a snapshot, if there is any event since the last one, and removes older ones. Returns the event that it is of.
    pub(super) async fn write(&self, storage: &Storage) -> Result<Option<u64>, RegistryError> {
        let _turn = self.turn.lock().await;
        if self.memory.head().await?.n <= self.last() {
            return Ok(None);
        }
        let memory = Arc::clone(&self.memory);
        let written = tokio::task::spawn_blocking(move || memory.snapshot());
        let Some(snapshot) = written.await.map_err(|_| RegistryError::Stopping)?? else {
            return Ok(None);
        };
        let Snapshot { event, ref bytes, .. } = snapshot;
        // Whatever comes of it: what failed is tried again when as many events have come once more.
        if self.last.fetch_max(event, Ordering::Relaxed) >= event {
            return Ok(None);
        }
        let length = bytes.len() as u64;
        if length > SNAPSHOT_MAX {
            tracing::warn!(event, length, limit = SNAPSHOT_MAX, "a snapshot would be too long and is not written");
            return Ok(None);
        }
        let key = Key::EventSnapshot(event);
        if storage.create(&key, bytes.clone()).await? == Created::Exists {
            let found = storage.get(&key, SNAPSHOT_MAX).await?;
            match Memory::verify(&found, &snapshot) {
                Ok(()) => {}
                Err(Unbelievable::Newer(_)) => return Ok(None),
                Err(_) => storage.put(&key, bytes.clone()).await?,
            }
        }
        storage.settle(std::slice::from_ref(&key)).await?;
        let mut older: Vec<u64> = storage.snapshots().await?.into_iter().filter(|old| *old < event).collect();
        // Another who is starting may be reading the last one.
        if storage.sharing() == Sharing::Shared {
            older.pop();
        }
        for old in older {
            storage.delete(&Key::EventSnapshot(old)).await?;
        }
        self.memory.release_events(event);
        tracing::info!(event, length, "snapshot written");
        Ok(Some(event))
    }
}

/// Reads a snapshot into a memory without events.
pub(super) async fn restore(storage: &Storage, memory: &Arc<Memory>, event: u64) -> Result<(), Unbelievable> {
    let unreadable = |error: StorageError| Unbelievable::Damaged(error.to_string());
    let bytes = storage.get(&Key::EventSnapshot(event), SNAPSHOT_MAX).await.map_err(unreadable)?;
    let last = match storage.get(&Key::Event(event), EVENT_MAX).await {
        Ok(last) => last,
        Err(StorageError::NotFound { .. }) => return Err(Unbelievable::Foreign),
        Err(error) => return Err(unreadable(error)),
    };
    let (memory, archive) = (Arc::clone(memory), Arc::new(Events(storage.clone())));
    let restore = move || memory.restore(&bytes, event, &last, archive);
    let restored = tokio::task::spawn_blocking(restore).await;
    restored.map_err(|_| Unbelievable::Damaged("its rows cannot be read".into()))?.map(drop)
}

/// Writes snapshots when they are due, until the registry is dropped.
pub(super) async fn follow(registry: Weak<Inner>, mut head: watch::Receiver<u64>) {
    loop {
        let now = *head.borrow_and_update();
        if let Some(inner) = registry.upgrade()
            && let Some(snapshots) = inner.snapshots.as_ref().filter(|snapshots| snapshots.is_due(now))
            && let Err(error) = snapshots.write(&inner.storage).await
        {
            tracing::error!(%error, "a snapshot could not be written: the next start takes longer");
        }
        if head.changed().await.is_err() {
            return;
        }
    }
}

impl Registry {
    /// Writes a snapshot if enough events have come since the last one. For a command that ends.
    pub async fn save_snapshot_if_due(&self) -> Result<(), RegistryError> {
        let head = *self.0.committer.head().borrow();
        match self.0.snapshots.as_ref().filter(|snapshots| snapshots.is_due(head)) {
            Some(snapshots) => snapshots.write(&self.0.storage).await.map(drop),
            None => Ok(()),
        }
    }

    /// Writes down the catalogue of a registry without a database, so that its next start is quick. Returns the event that the
    /// snapshot is of; `None` if there is a database, or nothing new. For a server that stops.
    pub async fn save_snapshot(&self) -> Result<Option<u64>, RegistryError> {
        match &self.0.snapshots {
            Some(snapshots) => snapshots.write(&self.0.storage).await,
            None => Ok(None),
        }
    }
}
