//! Drafts as objects: one object a revision, the highest counts. Creating the next one if it is absent is the
//! compare-and-swap: of any number who saw the same revision, one saves.
//!
//! A draft that is removed leaves an empty object as its last revision, so that nobody who saw an earlier one brings it back.
//! Knows nothing of what a draft is made of.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::ObjectStore as _;
use object_store::path::Path;
use uuid::Uuid;

use super::{Created, Key, Storage, StorageError};
use crate::domain::Area;

/// How many names after the last known revision are looked at, where a list may be late: earlier revisions are gone, so that the names
/// in between are free.
const AHEAD: u64 = 4;

impl Storage {
    /// Saves a revision of a draft, durable on return. `false`, and nothing done, if that revision is there already.
    /// Earlier ones are removed. No bytes: the draft is removed.
    pub async fn save_draft(&self, area: &Area, id: Uuid, revision: u64, bytes: Bytes) -> Result<bool, StorageError> {
        let key = |revision| Key::Draft { area: area.clone(), id, revision };
        if self.create(&key(revision), bytes).await? == Created::Exists {
            return Ok(false);
        }
        self.settle(&[key(revision)]).await?;
        // What a crash leaves of them is passed over, and removed by the next save.
        for (_, revisions) in self.draft_revisions(area, Some(id)).await? {
            for earlier in revisions.into_iter().filter(|earlier| *earlier < revision) {
                self.delete(&key(earlier)).await?;
            }
        }
        Ok(true)
    }

    /// The last revision of a draft, of at most `limit` bytes; `None` if there is no such draft, or it was removed.
    pub async fn draft(&self, area: &Area, id: Uuid, limit: u64) -> Result<Option<(u64, Bytes)>, StorageError> {
        // The one that was found may be replaced before it is read: then there is a later one.
        loop {
            let mut found = self.draft_revisions(area, Some(id)).await?;
            let listed = found.remove(&id).and_then(|revisions| revisions.into_iter().max());
            let revision = self.last_revision(area, id, listed.unwrap_or(0)).await?;
            if revision == 0 {
                return Ok(None);
            }
            match self.get(&Key::Draft { area: area.clone(), id, revision }, limit).await {
                Ok(bytes) => return Ok((!bytes.is_empty()).then_some((revision, bytes))),
                Err(StorageError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Identities of all drafts in the area that were ever begun, oldest first, removed ones too.
    pub async fn drafts(&self, area: &Area) -> Result<Vec<Uuid>, StorageError> {
        Ok(self.draft_revisions(area, None).await?.into_keys().collect())
    }

    /// The last revision from `known` on, 0 for none. Away from a disk a list may not show yet what was saved a moment ago, or show what
    /// is gone: what it says is where to look.
    async fn last_revision(&self, area: &Area, id: Uuid, known: u64) -> Result<u64, StorageError> {
        let mut last = known;
        while self.0.disk.is_none() {
            let looks = (last + 1..=last + AHEAD).map(|revision| async move {
                let is_there = self.exists(&Key::Draft { area: area.clone(), id, revision }).await?;
                Ok::<_, StorageError>(is_there.then_some(revision))
            });
            let found = futures::future::try_join_all(looks).await?;
            match found.into_iter().flatten().max() {
                Some(later) => last = later,
                None => break,
            }
        }
        Ok(last)
    }

    async fn draft_revisions(&self, area: &Area, of: Option<Uuid>) -> Result<BTreeMap<Uuid, Vec<u64>>, StorageError> {
        let folder = match of {
            Some(id) => format!("{}/drafts/{id}", area.as_str()),
            None => format!("{}/drafts", area.as_str()),
        };
        let failed = |error| StorageError::object(&folder, error);
        let found: Vec<_> =
            self.0.objects.list(Some(&Path::from(folder.as_str()))).try_collect().await.map_err(failed)?;
        let mut drafts: BTreeMap<Uuid, Vec<u64>> = BTreeMap::new();
        for meta in found {
            let mut components = meta.location.as_ref().rsplit('/');
            let revision = components.next().and_then(|text| text.parse().ok());
            let id = components.next().and_then(|text| text.parse().ok());
            if let (Some(revision), Some(id)) = (revision, id) {
                drafts.entry(id).or_default().push(revision);
            }
        }
        Ok(drafts)
    }
}
