//! Purging: a deleted version is given up, and the bytes that only it used are removed at once.
//!
//! The order: the event, then the bytes. From the event on nothing names them, so that a crash in between leaves bytes that
//! nobody can read; the same purge asked for again removes them, and collection finds them by itself.
//! Bytes that another version, another repository or a push that runs just now needs stay.

use std::collections::BTreeSet;

use crate::domain::{
    Action, Actor, Algorithm, Area, Digest, MANIFEST_READ_MAX, Manifest, Name, Published, Repository, Timestamp,
    Version,
};
use crate::meta::{Act, Refused};
use crate::storage::{Key, Sharing, StorageError};

use super::{Registry, RegistryError};

/// Most blobs that are removed because an earlier removal was interrupted.
const LEFT_MAX: usize = 256;

impl Registry {
    /// Deletes a version: hidden, its number burnt, restorable. One that is deleted already stays so.
    pub async fn delete_version(&self, actor: &Actor, name: &Name, version: &Version) -> Result<(), RegistryError> {
        let repository = name.repository();
        self.require_change(actor, Action::Delete, &repository).await?;
        let unknown = || RegistryError::VersionUnknown(version.clone(), name.to_string());
        let known = self.0.meta.catalog.version(name, version).await?.ok_or_else(unknown)?;
        let tag = known.version.tag().parse().map_err(|_| unknown())?;
        match self.commit(actor, Act::DeleteTag { repository, tag }, Vec::new()).await {
            Err(RegistryError::Refused(Refused::NotFound(_))) => {
                let known = self.0.meta.catalog.version(name, version).await?;
                known.filter(|known| known.deleted).map(drop).ok_or_else(unknown)
            }
            other => other.map(drop),
        }
    }

    /// Gives a deleted version up for good: it cannot be restored, its number stays burnt, and what only it used is removed. One
    /// that is purged already stays so, and what is left of its bytes is removed.
    pub async fn purge(&self, actor: &Actor, name: &Name, version: &Version) -> Result<(), RegistryError> {
        let repository = name.repository();
        // Owners of the package may not: it cannot be taken back.
        self.require_of_org(actor, Action::Delete, &repository).await?;
        let unknown = || RegistryError::VersionUnknown(version.clone(), name.to_string());
        let known = self.0.meta.catalog.version(name, version).await?.ok_or_else(unknown)?;
        let areas = [Area::Public, Area::private(&repository)];
        // Afterwards nothing says any more what it used.
        let used = self.used_by(&known, &areas).await?;
        let act = Act::Purge { name: name.clone(), version: version.clone(), digest: known.digest };
        match self.commit(actor, act, Vec::new()).await {
            Err(RegistryError::Refused(Refused::NotFound(_))) => return Err(unknown()),
            other => other?,
        };
        self.remove_unneeded(&repository, used, &areas).await
    }

    /// Manifest, config, layers, record and reasons of a version, the manifest last: what it names can be read as long as it
    /// is there.
    async fn used_by(&self, version: &Published, areas: &[Area]) -> Result<Vec<Digest>, RegistryError> {
        let deprecated = version.deprecation.as_ref().and_then(|deprecation| deprecation.reason);
        let mut used: BTreeSet<Digest> = version.yank_reason.into_iter().chain(deprecated).collect();
        used.insert(version.record);
        for area in areas {
            match self.0.storage.get_blob(area, &version.digest, MANIFEST_READ_MAX as u64).await {
                Ok(bytes) => {
                    if let Ok(manifest) = Manifest::parse(bytes, None, Algorithm::Sha256) {
                        used.extend(manifest.required_blobs().map(|blob| blob.digest));
                    }
                }
                // Damaged, or gone: what it named is left to collection.
                Err(StorageError::NotFound { .. } | StorageError::Corrupt(_) | StorageError::TooLarge { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        used.remove(&version.digest);
        Ok(used.into_iter().chain([version.digest]).collect())
    }

    /// Removes those of the bytes that nothing references and nobody counts on just now.
    pub(super) async fn remove_unneeded(
        &self,
        repository: &Repository,
        digests: Vec<Digest>,
        areas: &[Area],
    ) -> Result<(), RegistryError> {
        // What other servers of a shared folder count on just now is not known here: collection removes it, after its grace period, or
        // the same purge by a server that has the folder to itself.
        if self.0.storage.sharing() == Sharing::Shared {
            return Ok(());
        }
        // What one removal found in this state another must not remove after somebody has brought it anew.
        let _turn = self.0.removing.lock().await;
        let blobs = digests.iter().flat_map(|digest| areas.iter().map(|area| (area.clone(), *digest)));
        let blobs: Vec<_> = blobs.collect();
        let (free, mut taken) = {
            let (_settled, _still) = (self.0.committer.settled().await, self.0.counted.still().await);
            let free = self.0.counted.free(blobs);
            let taken = self.0.meta.blobs.take_unneeded(&free).await?;
            (free, taken)
        };
        // In the order in which they were named: the manifest last.
        taken.sort_by_key(|blob| free.iter().position(|named| named == blob));
        // What an earlier removal was interrupted in is finished first: nobody can push those bytes until it is.
        let left = self.interrupted().await?;
        let left: Vec<_> = left.into_iter().filter(|blob| !taken.contains(blob)).collect();
        taken.splice(0..0, left);
        self.remove(&taken).await?;
        for (_, digest) in taken {
            self.0.cache.manifests.remove(&(repository.clone(), digest));
        }
        Ok(())
    }

    /// Finishes removals that were interrupted, unless one is being made just now. Gives whether it did.
    pub(super) async fn finish_removals(&self) -> Result<bool, RegistryError> {
        // Another server of a shared folder may be making it.
        if self.0.storage.sharing() == Sharing::Shared {
            return Ok(false);
        }
        let Ok(_turn) = self.0.removing.try_lock() else { return Ok(false) };
        self.remove(&self.interrupted().await?).await?;
        Ok(true)
    }

    /// Blobs that a removal took, and neither removed nor forgot.
    async fn interrupted(&self) -> Result<Vec<(Area, Digest)>, RegistryError> {
        Ok(self.0.meta.blobs.take_condemned(Timestamp::from_micros(i64::MIN), LEFT_MAX).await?)
    }

    /// Removes the bytes of blobs that were taken, and forgets them.
    async fn remove(&self, taken: &[(Area, Digest)]) -> Result<(), RegistryError> {
        self.forget_links();
        for (area, digest) in taken {
            self.0.storage.delete_blob(area, digest).await?;
            self.0.storage.delete(&Key::Quarantined { area: area.clone(), digest: *digest }).await?;
            self.0.cache.blobs.remove(&(area.clone(), *digest));
        }
        Ok(self.0.meta.blobs.forget(taken).await?)
    }
}
