//! Collection in a store that owns itself: no database knows what lies there, so that it is listed.
//!
//! What is named follows from the events. Whatever else lies there for longer than the grace period goes, if nobody else writes to the
//! store meanwhile: a folder is locked, and of objects over a network the collection has a lease that whoever comes looks for, and
//! looks for whoever came before it.

use std::collections::HashSet;

use futures::TryStreamExt as _;

use crate::domain::Timestamp;
use crate::storage::{GONE_AFTER, Key, Role, Sharing, StorageError, Turn};

use super::rebuild::catch_up;
use super::{Registry, RegistryError};

impl Registry {
    /// Whether nobody but the events says what lies in the store.
    pub(super) fn owns_itself(&self) -> bool {
        self.0.snapshots.is_some()
    }

    /// Removes blobs that nothing names and documents of batches that never began, older than the grace period. Returns how many blobs.
    ///
    /// Errors with [`StorageError::Occupied`] if others write to the store.
    pub(super) async fn collect_owned(&self, turn: &mut Turn) -> Result<u64, RegistryError> {
        let Some(snapshots) = &self.0.snapshots else { return Ok(0) };
        let now = self.alone().await?;
        // What others committed before this process had the store to itself.
        catch_up(&self.0.storage, &self.0.meta, |_| {}).await?;
        let mut named = HashSet::new();
        snapshots.memory().references(|blob| {
            named.insert((blob.area, blob.digest));
        });
        let grace = i64::try_from(self.0.limits.grace.as_secs()).unwrap_or(i64::MAX);
        let before = now.plus_seconds(-grace);
        let mut listed = self.0.storage.list_all();
        let (mut deleted, mut since_renewed) = (0, 0);
        while let Some(object) = listed.try_next().await? {
            if object.written >= before {
                continue;
            }
            match object.key {
                Some(Key::Blob { area, digest }) if !named.contains(&(area.clone(), digest)) => {
                    self.0.storage.delete_blob(&area, &digest).await?;
                    self.0.cache.blobs.remove(&(area, digest));
                    deleted += 1;
                }
                Some(key @ Key::EventBatch(_)) => self.0.storage.delete(&key).await?,
                _ => continue,
            }
            since_renewed += 1;
            if since_renewed == 256 {
                since_renewed = 0;
                if !turn.renew().await? {
                    break;
                }
            }
        }
        self.forget_links();
        Ok(deleted)
    }

    /// That nobody else writes to the store, and what time it is there.
    async fn alone(&self) -> Result<Timestamp, RegistryError> {
        let storage = &self.0.storage;
        let Some(member) = self.0.present.member() else { return Ok(self.0.clock.now()) };
        if let Some(other) = storage.others(&member, GONE_AFTER).await?.into_iter().next() {
            return Err(StorageError::occupied(&other).into());
        }
        Ok(storage.time(&member).await?)
    }

    /// Whether this process may remove what a store that owns itself does not name.
    pub(super) fn may_collect_owned(&self) -> bool {
        self.0.storage.sharing() == Sharing::Alone || self.0.present.role() == Role::Collector
    }
}
