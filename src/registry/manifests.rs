//! Reading manifests and tags.

use std::sync::Arc;

use crate::cache::CachedManifest;
use crate::domain::{Action, Actor, Area, Digest, MANIFEST_READ_MAX, Manifest, Reference, Repository, Scope, Tag};
use crate::storage::StorageError;

use super::commit::unknown;
use super::{Registry, RegistryError};

/// Most tags of a repository whose list is kept in memory.
const TAGS_KEPT: usize = 1000;

impl Registry {
    /// A manifest by tag or digest, in its own bytes and type. Warm, this is two cache lookups.
    pub async fn manifest(
        &self,
        actor: &Actor,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Arc<CachedManifest>, RegistryError> {
        let sees = match reference {
            Reference::Tag(tag) => self.sees_tag(actor, repository, tag).await,
            Reference::Digest(_) => self.sees(actor, repository).await,
        };
        let digest = match (sees, reference) {
            (Ok(false), _) => return Err(unknown(reference)),
            (Err(error), Reference::Digest(digest)) if error.is_outage() => {
                return self.public_manifest(digest).await.ok_or(error);
            }
            (Err(error), _) => return Err(error),
            (Ok(true), Reference::Digest(digest)) => Some(*digest),
            (Ok(true), Reference::Tag(tag)) => self.tag(repository, tag).await?,
        };
        if let Reference::Tag(tag) = reference
            && let Some(index) = self.fallback_index(repository, tag, digest).await?
        {
            return Ok(index);
        }
        let digest = digest.ok_or_else(|| unknown(reference))?;
        if let Some(manifest) = self.manifest_by_digest(repository, &digest).await? {
            return Ok(manifest);
        }
        self.composed_index(repository, &digest).await?.ok_or_else(|| unknown(reference))
    }

    /// Tags after `last` in the order of their bytes, and whether there are more.
    pub async fn tags(
        &self,
        actor: &Actor,
        repository: &Repository,
        last: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Tag>, bool), RegistryError> {
        if !self.sees(actor, repository).await? {
            return Err(RegistryError::RepositoryUnknown);
        }
        let (mut tags, more) = match self.short_list(repository).await? {
            Some(all) => {
                let after = last.map_or(0, |last| all.partition_point(|tag| tag.as_str() <= last));
                let rest = &all[after..];
                (rest[..rest.len().min(limit)].to_vec(), rest.len() > limit)
            }
            None => {
                let tags = self.0.meta.refs.tags(repository, last, limit.saturating_add(1)).await?;
                let tags = tags.ok_or(RegistryError::RepositoryUnknown)?;
                let more = tags.len() > limit;
                (tags, more)
            }
        };
        tags.truncate(limit);
        Ok((tags, more))
    }

    /// Whether anything was ever pushed to the repository.
    pub(super) async fn is_known(&self, repository: &Repository) -> Result<bool, RegistryError> {
        match self.short_list(repository).await {
            Err(RegistryError::RepositoryUnknown) => Ok(false),
            list => list.map(|_| true),
        }
    }

    /// All tags of a repository, unless they are too many.
    async fn short_list(&self, repository: &Repository) -> Result<Option<Arc<[Tag]>>, RegistryError> {
        let load = async {
            let tags = self.0.meta.refs.tags(repository, None, TAGS_KEPT + 1).await?;
            let short = |tags: Vec<Tag>| (tags.len() <= TAGS_KEPT).then(|| Arc::from(tags));
            Ok::<_, RegistryError>(tags.map(short))
        };
        let list = self.0.cache.get_or_load(&self.0.cache.tag_lists, repository.clone(), load).await?;
        list.ok_or(RegistryError::RepositoryUnknown)
    }

    /// Repositories after `last` in the order of their bytes, and whether there are more.
    pub async fn repositories(
        &self,
        actor: &Actor,
        last: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Repository>, bool), RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        let mut repositories = self.0.meta.refs.repositories(last, limit.saturating_add(1)).await?;
        let more = repositories.len() > limit;
        repositories.truncate(limit);
        Ok((repositories, more))
    }

    pub(super) async fn tag(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, RegistryError> {
        let key = (repository.clone(), tag.clone());
        let load = async { Ok::<_, RegistryError>(Some(self.0.meta.refs.tag(repository, tag).await?)) };
        Ok(self.0.cache.get_or_load(&self.0.cache.tags, key, load).await?.flatten())
    }

    pub(super) async fn manifest_by_digest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Arc<CachedManifest>>, RegistryError> {
        let load = async {
            let Some(row) = self.0.meta.refs.manifest(repository, digest).await? else { return Ok(None) };
            match self.0.storage.get_blob(&row.area, digest, MANIFEST_READ_MAX as u64).await {
                Ok(bytes) => {
                    let pulls = repository.package().map(|name| self.0.counting.watch(name, *digest));
                    Ok(Some(Arc::new(CachedManifest::new(bytes, *digest, &row.media_type).counted(pulls))))
                }
                // Purged, or quarantined: the next push of these bytes brings it back.
                Err(StorageError::NotFound { .. }) => Ok(None),
                Err(error) => Err(RegistryError::from(error)),
            }
        };
        match self.0.cache.get_or_load(&self.0.cache.manifests, (repository.clone(), *digest), load).await {
            Err(error) if error.is_outage() => self.public_manifest(digest).await.map(Some).ok_or(error),
            manifest => manifest,
        }
    }

    /// A manifest of the public area, read without the database. Public bytes are public, whatever repository is named; those of
    /// a private area are never looked at. What says its type is the manifest itself.
    async fn public_manifest(&self, digest: &Digest) -> Option<Arc<CachedManifest>> {
        let bytes = self.0.storage.get_blob(&Area::Public, digest, MANIFEST_READ_MAX as u64).await.ok()?;
        let manifest = Manifest::parse(bytes, None, digest.algorithm()).ok()?;
        // Not kept: once the database is back, it says again what the repository has.
        Some(Arc::new(CachedManifest::new(manifest.bytes, *digest, &manifest.media_type)))
    }
}
