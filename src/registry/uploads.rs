//! Uploading blobs: in one piece, or in a session of chunks that survives a restart.

use bytes::Bytes;
use futures::Stream;
use uuid::Uuid;

use crate::cache::CachedLink;
use crate::domain::{Action, Actor, Algorithm, Area, Digest, Repository};
use crate::meta::{Act, Applied, Linked, Refused, Unknown};
use crate::storage::{Key, StorageError, Upload};

use super::counted::Kept;
use super::{Registry, RegistryError};

/// Bytes that were written for a change before it is committed.
pub(super) struct Brought {
    pub(super) repository: Repository,
    pub(super) area: Area,
    pub(super) digests: Vec<Digest>,
}

impl Registry {
    /// Takes a whole blob whose digest is known before its bytes. Wrong bytes are never stored.
    pub async fn push_blob<E>(
        &self,
        actor: &Actor,
        repository: &Repository,
        digest: &Digest,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<(), RegistryError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.require_change(actor, Action::Push, repository).await?;
        let area = self.area(repository).await?;
        let kept = self.keep(&area, &[*digest]).await?;
        let size = self.0.storage.put_blob_stream(&area, digest, body, self.0.limits.blob).await?;
        self.link(repository, &area, digest, size, kept).await
    }

    /// Takes a small blob that is in memory.
    pub(super) async fn put_blob(
        &self,
        actor: &Actor,
        repository: &Repository,
        digest: &Digest,
        content: Bytes,
    ) -> Result<(), RegistryError> {
        self.require_change(actor, Action::Push, repository).await?;
        let size = content.len() as u64;
        let area = self.area(repository).await?;
        let kept = self.keep(&area, &[*digest]).await?;
        self.0.storage.put_blob(&area, content, digest).await?;
        self.link(repository, &area, digest, size, kept).await
    }

    /// Opens an upload session. The hash runs under `algorithm` while bytes arrive.
    pub async fn begin_upload(
        &self,
        actor: &Actor,
        repository: &Repository,
        algorithm: Algorithm,
    ) -> Result<Upload, RegistryError> {
        self.require_change(actor, Action::Push, repository).await?;
        let area = self.area(repository).await?;
        Ok(self.0.storage.begin_upload(repository, &area, algorithm, self.0.clock.now()).await?)
    }

    /// Writes down the sessions that only this process knows yet. For a server that stops.
    pub async fn save_uploads(&self) -> Result<(), RegistryError> {
        Ok(self.0.storage.save_uploads().await?)
    }

    /// How far a session is. One that was begun when the repository was seen by others, and its bytes lay elsewhere, is over.
    pub async fn upload(&self, actor: &Actor, repository: &Repository, id: Uuid) -> Result<Upload, RegistryError> {
        self.require_change(actor, Action::Push, repository).await?;
        let upload = self.0.storage.upload(id).await?;
        let is_of_it = upload.repository == *repository && upload.area == self.area(repository).await?;
        if is_of_it { Ok(upload) } else { Err(RegistryError::UploadUnknown) }
    }

    /// Adds a chunk. `offset`: where the client says that it begins. Returns the new offset.
    pub async fn append_upload<E>(
        &self,
        actor: &Actor,
        repository: &Repository,
        id: Uuid,
        offset: Option<u64>,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<u64, RegistryError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.upload(actor, repository, id).await?;
        Ok(self.0.storage.append(id, offset, body, self.0.limits.blob, self.0.clock.now()).await?)
    }

    /// Ends a session: the bytes are the blob `digest`, or nothing is stored.
    pub async fn finish_upload(
        &self,
        actor: &Actor,
        repository: &Repository,
        id: Uuid,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let upload = self.upload(actor, repository, id).await?;
        let kept = self.keep(&upload.area, &[*digest]).await?;
        let size = self.0.storage.finish(id, digest).await?;
        self.link(repository, &upload.area, digest, size, kept).await
    }

    /// Ends a session that has received nothing yet: the body is the whole blob and streams straight to its place.
    pub async fn finish_upload_whole<E>(
        &self,
        actor: &Actor,
        repository: &Repository,
        id: Uuid,
        digest: &Digest,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<(), RegistryError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.upload(actor, repository, id).await?;
        self.push_blob(actor, repository, digest, body).await?;
        match self.0.storage.cancel_upload(id).await {
            Ok(()) | Err(StorageError::UploadUnknown(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a session and forgets its bytes.
    pub async fn cancel_upload(&self, actor: &Actor, repository: &Repository, id: Uuid) -> Result<(), RegistryError> {
        self.upload(actor, repository, id).await?;
        Ok(self.0.storage.cancel_upload(id).await?)
    }

    /// Keeps collection and purges away from blobs whose bytes are about to be written, and may be there already: what is found
    /// there must still be there when a row says so. Hold what it returns until then.
    pub(super) async fn keep(&self, area: &Area, digests: &[Digest]) -> Result<Kept, RegistryError> {
        self.keep_as(area, digests, digests, Unknown::PassOver).await
    }

    /// The same for a manifest, and the blobs that it names. Of these, what was touched a moment ago is not touched again: no collection
    /// takes it, and the change that names it meets a purge that does.
    pub(super) async fn keep_named(
        &self,
        area: &Area,
        manifest: Digest,
        blobs: impl Iterator<Item = Digest>,
    ) -> Result<Kept, RegistryError> {
        let now = self.0.clock.now();
        let named: Vec<Digest> = blobs.chain([manifest]).collect();
        let is_due = |digest: &&Digest| **digest == manifest || !self.was_just_touched(&(area.clone(), **digest), now);
        let due: Vec<Digest> = named.iter().filter(is_due).copied().collect();
        self.keep_as(area, &named, &due, Unknown::PassOver).await
    }

    /// The same for bytes that nothing tells of until a change names them: they are known to lie there before the first is written, so
    /// that they are collected if the change never comes.
    pub(super) async fn keep_recorded(&self, area: &Area, digests: &[Digest]) -> Result<Kept, RegistryError> {
        self.keep_as(area, digests, digests, Unknown::Record).await
    }

    /// Commits a change that names what was brought for it. What was brought to an area that is not the right one any more is taken away
    /// again. `kept`: that somebody counts on it.
    ///
    /// Goes on to its end, whether or not the caller waits for it: else it would lie there because somebody left.
    pub(super) async fn commit_brought(
        &self,
        actor: &Actor,
        act: Act,
        settle: Vec<Key>,
        brought: Brought,
        kept: impl Send + 'static,
    ) -> Result<Applied, RegistryError> {
        let (registry, actor) = (self.clone(), actor.clone());
        let commit = async move {
            let outcome = registry.commit(&actor, act, settle).await;
            drop(kept);
            if let Err(RegistryError::Refused(Refused::Elsewhere(_))) = &outcome {
                registry.take_back(brought).await?;
            }
            outcome
        };
        tokio::spawn(commit).await.map_err(|_| RegistryError::Stopping)?
    }

    /// Takes away again what was brought to an area that is not the right one any more. What others count on stays, and goes with
    /// collection.
    pub(super) async fn take_back(&self, brought: Brought) -> Result<(), RegistryError> {
        let Brought { repository, area, digests } = brought;
        self.0.meta.blobs.touch(&area, &digests, Unknown::Record, self.0.clock.now()).await?;
        self.remove_unneeded(&repository, digests, &[area]).await
    }

    /// Lets the repository read a blob whose bytes are there, if its area is still the one that they were brought to. Else they are
    /// taken away again: what is private now must not lie in the open because its upload took longer than the change.
    ///
    /// Goes on to its end, whether or not the caller waits for it: else it would lie there because somebody left.
    pub(super) async fn link(
        &self,
        repository: &Repository,
        area: &Area,
        digest: &Digest,
        size: u64,
        kept: Kept,
    ) -> Result<(), RegistryError> {
        let (registry, repository, area, digest) = (self.clone(), repository.clone(), area.clone(), *digest);
        let linked = async move { registry.link_and_look(&repository, &area, &digest, size, kept).await };
        tokio::spawn(linked).await.map_err(|_| RegistryError::Stopping)?
    }

    /// Counts on `digests`, and touches `due`.
    async fn keep_as(
        &self,
        area: &Area,
        digests: &[Digest],
        due: &[Digest],
        unknown: Unknown,
    ) -> Result<Kept, RegistryError> {
        let counting = self.0.counted.counting().await;
        let kept = self.0.counted.keep(area, digests);
        let touch = || self.0.meta.blobs.touch(area, due, unknown, self.0.clock.now());
        let Some(vanishing) = touch().await?.first().copied() else { return Ok(kept) };
        drop(counting);
        // Where a removal was interrupted nobody is at it any more.
        if self.finish_removals().await? && touch().await?.is_empty() {
            return Ok(kept);
        }
        Err(RegistryError::BlobBusy(vanishing))
    }

    async fn link_and_look(
        &self,
        repository: &Repository,
        area: &Area,
        digest: &Digest,
        size: u64,
        kept: Kept,
    ) -> Result<(), RegistryError> {
        let now = self.0.clock.now();
        let link = || self.0.meta.blobs.link(repository, area, digest, size, now);
        let (cache, key) = (&self.0.cache, (repository.clone(), *digest));
        let mut linked = Linked::Vanishing;
        // Kept for the manifest that is to name the blob, unless something changes from here on.
        let look = async {
            linked = link().await?;
            if linked == Linked::Elsewhere && self.area_now(repository).await? == *area {
                // It was uploaded before the area changed, and its old link is in the way.
                self.0.meta.carrier.unlink(repository, &area.other(repository), &[*digest]).await?;
                linked = link().await?;
            }
            // One to another area may have been here before.
            cache.links.remove(&key);
            // A change of the area before this look is seen by it, and one after it finds the link.
            let is_here = linked == Linked::Done && self.area_now(repository).await? == *area;
            Ok::<_, RegistryError>(is_here.then(|| CachedLink { area: area.clone(), size }))
        };
        if cache.load(&cache.links, key.clone(), look).await?.is_some() {
            cache.touched.insert((area.clone(), *digest), now);
            return Ok(());
        }
        match linked {
            // The change may have come between, and taken the link along.
            Linked::Done => self.0.meta.carrier.unlink(repository, area, &[*digest]).await?,
            // Collection is deleting these very bytes; once it is done the client's next try stores them anew.
            Linked::Vanishing => return Err(RegistryError::BlobBusy(*digest)),
            // The repository reads what lies in the other area.
            Linked::Elsewhere => {}
        }
        self.0.cache.seen.remove(repository);
        drop(kept);
        self.remove_unneeded(repository, vec![*digest], std::slice::from_ref(area)).await?;
        Err(Refused::Elsewhere(repository.clone()).into())
    }
}
