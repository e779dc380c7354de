//! Events back into rows: what every rebuild, catch-up and store-owned start is made of.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{
    Accepted, Algorithm, Area, Body, COLLECTION_MAX, Digest, Event, MANIFEST_READ_MAX, Manifest, PROFILE_MAX,
    RECORD_MAX, Record,
};
use crate::meta::{MetaError, Replay};
use crate::storage::{Key, Storage, StorageError};

use super::RegistryError;
use super::push::manifest_facts;

/// Largest event, in bytes: a few names and digests, and at most as many tags as a request line holds.
pub(super) const EVENT_MAX: u64 = 1 << 20;

/// Where the contents of blobs come from.
pub(super) trait Contents: Sync {
    /// The bytes of a blob, at most `limit`, or `None` if it was purged.
    fn content(
        &self,
        area: &Area,
        digest: Digest,
        limit: u64,
    ) -> impl Future<Output = Result<Option<Bytes>, RegistryError>> + Send;
}

impl Contents for Storage {
    /// One that was damaged and moved away is an error: what it said would be lost.
    async fn content(&self, area: &Area, digest: Digest, limit: u64) -> Result<Option<Bytes>, RegistryError> {
        match self.get_blob(area, &digest, limit).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StorageError::NotFound { .. })
                if self.exists(&Key::Quarantined { area: area.clone(), digest }).await? =>
            {
                Err(RegistryError::Storage(StorageError::Corrupt(digest)))
            }
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// An event with what its blobs say. Blobs that were purged are left out; that they are absent is no error.
pub(super) async fn replay_of(contents: &impl Contents, n: u64, bytes: Bytes) -> Result<Replay, RegistryError> {
    let corrupt = |why: String| RegistryError::Meta(MetaError::Corrupt(format!("event {n}: {why}")));
    let event = Event::parse(&bytes).map_err(|error| corrupt(error.to_string()))?;
    if event.n != n {
        return Err(corrupt(format!("it says that it is event {}", event.n)));
    }
    let (mut facts, mut record, mut collection, mut profile) = (None, None, None, None);
    if let Body::Manifest(accepted) | Body::Publish { accepted, .. } = &event.body
        && let Some(bytes) = moved(contents, accepted, accepted.digest, MANIFEST_READ_MAX as u64).await?
    {
        let manifest = Manifest::parse(bytes, Some(&accepted.media_type), Algorithm::Sha256);
        facts = Some(manifest_facts(&manifest.map_err(|error| corrupt(error.to_string()))?));
    }
    if let Body::Publish { accepted, record: digest, .. } = &event.body
        && let Some(bytes) = moved(contents, accepted, *digest, RECORD_MAX).await?
    {
        let found: Record = serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
        record = Some((Arc::new(found.config), bytes.len() as u64));
    }
    if let Body::Collection { document, .. } = &event.body
        && let Some(bytes) = contents.content(&Area::Public, *document, COLLECTION_MAX).await?
    {
        let content = serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
        collection = Some((Arc::new(content), bytes.len() as u64));
    }
    if let Body::Org { profile: document, .. } = &event.body
        && let Some(bytes) = contents.content(&Area::Public, *document, PROFILE_MAX).await?
    {
        let said = serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
        profile = Some((Arc::new(said), bytes.len() as u64));
    }
    Ok(Replay { event, bytes, facts, record, collection, profile })
}

/// The bytes of a blob that came with a manifest. They are in the area that the event names, unless who sees the repository was said
/// anew since: then they are in the other one that it can have.
async fn moved(
    contents: &impl Contents,
    accepted: &Accepted,
    digest: Digest,
    limit: u64,
) -> Result<Option<Bytes>, RegistryError> {
    let other = accepted.area.other(&accepted.repository);
    match contents.content(&accepted.area, digest, limit).await {
        Ok(None) => contents.content(&other, digest, limit).await,
        // Damage in the one does not matter if it is whole in the other.
        Err(error) => contents.content(&other, digest, limit).await?.map(Some).ok_or(error),
        found => found,
    }
}
