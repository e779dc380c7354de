//! Reading blobs, taking them over from other repositories, and collection's side of them.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;

use crate::cache::{BLOB_MAX, CachedLink};
use crate::domain::{Action, Actor, Area, Digest, Repository, Scope, Timestamp, allows};
use crate::meta::{Refused, Unknown};
use crate::storage::{BlobStream, StorageError};

use super::seen::is_seen;
use super::{Registry, RegistryError};

/// A blob that the caller may read.
#[derive(Clone, Debug)]
pub struct BlobInfo {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    area: Area,
}

/// The bytes of a blob or of a range of it.
pub enum BlobBody {
    /// In memory.
    Bytes(Bytes),
    /// As they come from the store.
    Stream(BlobStream),
}

impl Registry {
    /// A blob's size, if the repository is linked to it: knowing a digest is not permission to read.
    ///
    /// While the metadata store is not available, a blob of the public area is found without it.
    pub async fn blob(
        &self,
        actor: &Actor,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<BlobInfo, RegistryError> {
        self.require(actor, Action::Read, Scope::Repository(repository))?;
        match self.readable_blob(actor, repository, digest).await {
            Err(error) if error.is_outage() => self.public_blob(digest).await.ok_or(error),
            found => found,
        }
    }

    /// The same, as the metadata store has it.
    async fn readable_blob(
        &self,
        actor: &Actor,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<BlobInfo, RegistryError> {
        let seen = self.seen_by(repository).await?;
        if !is_seen(actor, repository, &seen) {
            self.miss(repository).await?;
            return Err(RegistryError::BlobUnknown(*digest));
        }
        self.forget_damaged();
        let link = self.link_in(repository, digest, &Area::of(repository, seen.visibility)).await?;
        let link = link.ok_or(RegistryError::BlobUnknown(*digest))?;
        Ok(BlobInfo { digest: *digest, size: link.size, area: link.area })
    }

    /// The link of a repository to a blob in the area that all of it lies in. One to another area gives nothing, and is not kept: what was
    /// uploaded before the area changed lies where the repository has nothing any more, and is sent again.
    async fn link_in(
        &self,
        repository: &Repository,
        digest: &Digest,
        area: &Area,
    ) -> Result<Option<CachedLink>, RegistryError> {
        let (cache, key) = (&self.0.cache, (repository.clone(), *digest));
        match cache.links.get(&key) {
            Some(link) if link.area == *area => return Ok(Some(link)),
            Some(_) => cache.links.remove(&key),
            None => {}
        }
        let load = async {
            let Some(row) = self.0.meta.blobs.blob(repository, digest).await? else {
                return Ok::<_, RegistryError>(None);
            };
            if row.area != *area {
                // Perhaps it is the area that is not known yet to be another, after a change by another server.
                cache.seen.remove(repository);
                return Ok(None);
            }
            // A row whose bytes are lost, in quarantine for one, must not tell a client that it need not send them.
            let found = self.0.storage.blob_size(&row.area, digest).await?;
            Ok(found.map(|_| CachedLink { area: row.area, size: row.size }))
        };
        let link = cache.get_or_load(&cache.links, key, load).await?;
        // Another may have loaded it in between, who knew of another area.
        Ok(link.filter(|link| link.area == *area))
    }

    /// A blob of the public area, found without the database. Public bytes are public, whatever repository is named; private
    /// areas are never looked at. Not kept: once the database is back, it says again who may read.
    async fn public_blob(&self, digest: &Digest) -> Option<BlobInfo> {
        let size = self.0.storage.blob_size(&Area::Public, digest).await.ok()??;
        Some(BlobInfo { digest: *digest, size, area: Area::Public })
    }

    /// Forgets what the cache says of blobs once some were found to be damaged since it was asked last.
    fn forget_damaged(&self) {
        let found = self.0.storage.corruptions();
        if self.0.corruptions.load(Ordering::Relaxed) != found
            && self.0.corruptions.swap(found, Ordering::Relaxed) != found
        {
            self.forget_links();
        }
    }

    pub(super) fn forget_links(&self) {
        self.0.cache.forget_links();
    }

    /// A blob's bytes, all or a range that lies within its size.
    pub async fn read_blob(&self, blob: &BlobInfo, range: Option<Range<u64>>) -> Result<BlobBody, RegistryError> {
        let unknown = |error| match error {
            StorageError::NotFound { .. } => {
                // Lost behind our back: a client that asks before it pushes must not be told that the bytes are here.
                tracing::error!(digest = %blob.digest, "the bytes of a blob are gone from the store; push it again");
                self.forget_links();
                RegistryError::BlobUnknown(blob.digest)
            }
            error => RegistryError::from(error),
        };
        if blob.size > BLOB_MAX {
            return match self.0.storage.read_blob(&blob.area, &blob.digest, range).await {
                Ok(stream) if stream.size == blob.size => Ok(BlobBody::Stream(stream)),
                Ok(_) | Err(StorageError::Range { .. }) => Err(self.wrong_size(blob).await),
                Err(error) => Err(unknown(error)),
            };
        }
        let key = (blob.area.clone(), blob.digest);
        let bytes = match self.0.cache.blobs.get(&key) {
            Some(bytes) => bytes,
            None => {
                let bytes = match self.0.storage.get_blob(&blob.area, &blob.digest, BLOB_MAX).await {
                    Err(StorageError::TooLarge { .. }) => return Err(self.wrong_size(blob).await),
                    bytes => bytes.map_err(unknown)?,
                };
                self.0.cache.blobs.insert(key, bytes.clone());
                bytes
            }
        };
        let whole = 0..bytes.len() as u64;
        let range = range.unwrap_or(whole);
        Ok(BlobBody::Bytes(bytes.slice(range.start as usize..range.end as usize)))
    }

    /// Where the store itself hands out the blob for a while, to whoever has the address; `None` if it does not, or the blob is not
    /// there as it should be, which reading it tells.
    pub async fn blob_address(&self, blob: &BlobInfo, expires_in: Duration) -> Result<Option<String>, RegistryError> {
        let storage = &self.0.storage;
        if storage.signer().is_none() || storage.blob_size(&blob.area, &blob.digest).await? != Some(blob.size) {
            return Ok(None);
        }
        match storage.signed_blob(&blob.area, &blob.digest, expires_in).await {
            Ok(address) => Ok(address),
            Err(error) => {
                // Not all credentials of a cloud can sign. The bytes can be sent from here, too.
                tracing::warn!(%error, "the store signs no address, so the blob is read through this server");
                Ok(None)
            }
        }
    }

    /// Whether the store can hand out blobs itself.
    pub fn can_redirect(&self) -> bool {
        self.0.storage.signer().is_some()
    }

    /// A file that has grown or shrunk is damaged, whatever part of it was asked for: reading it whole moves it away.
    async fn wrong_size(&self, blob: &BlobInfo) -> RegistryError {
        match self.0.storage.read_blob(&blob.area, &blob.digest, None).await {
            Ok(stream) => stream.for_each(|_| std::future::ready(())).await,
            Err(error) => return error.into(),
        }
        RegistryError::Storage(StorageError::Corrupt(blob.digest))
    }

    /// Says that somebody counts on the blob (a HEAD before a push): keeps it from collection for the grace period.
    /// Written at most once in an eighth of that period, so that reads stay free of the database. One that collection is deleting
    /// just now is [`RegistryError::BlobUnknown`].
    pub async fn touch_blob(&self, blob: &BlobInfo) -> Result<(), RegistryError> {
        let (key, now) = ((blob.area.clone(), blob.digest), self.0.clock.now());
        if self.was_just_touched(&key, now) {
            return Ok(());
        }
        match self
            .0
            .meta
            .blobs
            .touch(&blob.area, &[blob.digest], Unknown::PassOver, now)
            .await
            .map_err(RegistryError::from)
        {
            Ok(vanishing) if vanishing.is_empty() => {}
            Ok(_) => return Err(RegistryError::BlobUnknown(blob.digest)),
            // Nothing is collected without the database either, and a push asks for its blobs again.
            Err(error) if error.is_outage() => return Ok(()),
            Err(error) => return Err(error),
        }
        self.0.cache.touched.insert(key, now);
        Ok(())
    }

    /// Whether a blob was touched within the last eighth of the grace period: no collection takes it yet.
    pub(super) fn was_just_touched(&self, blob: &(Area, Digest), now: Timestamp) -> bool {
        let fresh = i64::try_from(self.0.limits.grace.as_micros() / 8).unwrap_or(i64::MAX);
        let touched = self.0.cache.touched.get(blob);
        touched.is_some_and(|touched| now.micros().saturating_sub(touched.micros()) < fresh)
    }

    /// Links the repository to a blob that the area holds already, without its bytes being sent.
    ///
    /// `from`: only if that repository can read it, and the actor that repository; else if any can whose content the actor may read.
    /// `false` if the bytes must be sent after all.
    pub async fn mount(
        &self,
        actor: &Actor,
        repository: &Repository,
        digest: &Digest,
        from: Option<&Repository>,
    ) -> Result<bool, RegistryError> {
        self.require_change(actor, Action::Push, repository).await?;
        let area = self.area(repository).await?;
        let is_readable = match (from, &area) {
            (Some(from), _) => self.sees(actor, from).await?,
            (None, Area::Public) => true,
            // Of an organisation's private area, owners of one package see that package alone.
            (None, Area::Private(_)) => allows(actor, Action::Read, Scope::Private(repository, &[])),
        };
        if !is_readable {
            return Ok(false);
        }
        let kept = match self.keep(&area, &[*digest]).await {
            Err(RegistryError::BlobBusy(_)) => return Ok(false),
            kept => kept?,
        };
        let Some(size) = self.0.meta.blobs.find(&area, digest, from).await? else { return Ok(false) };
        if self.0.storage.blob_size(&area, digest).await? != Some(size) {
            return Ok(false);
        }
        match self.link(repository, &area, digest, size, kept).await {
            Err(RegistryError::BlobBusy(_) | RegistryError::Refused(Refused::Elsewhere(_))) => Ok(false),
            linked => linked.map(|()| true),
        }
    }
}
