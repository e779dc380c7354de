//! Collection in a store that owns itself: no database knows what lies there, so that it is listed.
//!
//! What is named follows from the events. Whatever else lies there for longer than the grace period goes, if nobody else writes to the
//! store meanwhile: a folder is locked, and of objects over a network the collection has a lease that whoever comes looks for, and
//! looks for whoever came before it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use futures::TryStreamExt as _;

use crate::domain::Timestamp;
use crate::meta::{Memory, Role as BlobRole};
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
    /// Errors with [`StorageError::Occupied`] if others write to the store, and with [`RegistryError::ManifestsLost`] if it is not known what
    /// is named; nothing is removed then.
    pub(super) async fn collect_owned(&self, turn: &mut Turn) -> Result<u64, RegistryError> {
        let now = self.alone().await?;
        // What others committed before this process had the store to itself.
        catch_up(&self.0.storage, &self.0.meta, |_| {}).await?;
        // From the events alone: a snapshot may be of a time when a manifest was not there, and says that it names nothing.
        let memory = Arc::new(Memory::new());
        catch_up(&self.0.storage, &Arc::clone(&memory).meta(), |_| {}).await?;
        // What a manifest names is known from the manifest alone.
        let (mut named, mut manifests) = (HashSet::new(), HashSet::new());
        memory.references(|blob| {
            let digest = blob.digest;
            if blob.role == BlobRole::Manifest {
                manifests.insert((blob.area.clone(), digest));
            }
            named.insert((blob.area, digest));
        });
        let grace = i64::try_from(self.0.limits.grace.as_secs()).unwrap_or(i64::MAX);
        let before = now.plus_seconds(-grace);
        let gone = now.plus_seconds(-i64::try_from(GONE_AFTER.as_secs()).unwrap_or(i64::MAX));
        let mut listed = self.0.storage.list_all();
        let mut unnamed = Vec::new();
        while let Some(object) = listed.try_next().await? {
            let is_old = object.written < before;
            match object.key {
                Some(Key::Blob { area, digest }) => {
                    let blob = (area, digest);
                    if named.contains(&blob) {
                        // One that was damaged and taken away leaves an empty object.
                        if object.size > 0 {
                            manifests.remove(&blob);
                        }
                    } else if is_old {
                        unnamed.push(Key::Blob { area: blob.0, digest });
                    }
                }
                Some(key @ Key::EventBatch(_)) if is_old => unnamed.push(key),
                // Of somebody who died.
                Some(key @ Key::Member(_)) if object.written < gone => unnamed.push(key),
                _ => {}
            }
        }
        if !manifests.is_empty() {
            return Err(RegistryError::ManifestsLost(manifests.len()));
        }
        self.remove_unnamed(unnamed, turn).await
    }

    async fn remove_unnamed(&self, unnamed: Vec<Key>, turn: &mut Turn) -> Result<u64, RegistryError> {
        let mut deleted = 0;
        for piece in unnamed.chunks(64) {
            if !turn.renew().await? {
                break;
            }
            let begun = SystemTime::now();
            for key in piece {
                if Turn::is_over(begun) {
                    tracing::warn!("a collection came to a stand, and is given up");
                    return Ok(deleted);
                }
                if let Key::Blob { area, digest } = key {
                    self.0.storage.delete_blob(area, digest).await?;
                    self.0.cache.blobs.remove(&(area.clone(), *digest));
                    deleted += 1;
                } else {
                    self.0.storage.delete(key).await?;
                }
            }
        }
        self.forget_links();
        Ok(deleted)
    }

    /// That nobody else writes to the store, and what time it is there.
    async fn alone(&self) -> Result<Timestamp, RegistryError> {
        let storage = &self.0.storage;
        let Some(member) = self.0.present.member().await else { return Ok(self.0.clock.now()) };
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
