//! Deleting, yanking and restoring: changes that carry no bytes.

use uuid::Uuid;

use crate::domain::{Action, Actor, Digest, Name, Reference, Repository, Scope, Version};
use crate::meta::{Act, Applied, Change, Refused};

use super::commit::unknown;
use super::{Registry, RegistryError};

impl Registry {
    /// Removes a tag, or a manifest with all its tags. Effective at once. Versions are deleted softly.
    pub async fn delete_manifest(
        &self,
        actor: &Actor,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<(), RegistryError> {
        self.require(actor, Action::Delete, Scope::Repository(repository))?;
        let repository = repository.clone();
        let act = match reference {
            Reference::Tag(tag) => Act::DeleteTag { repository, tag: tag.clone() },
            Reference::Digest(digest) => Act::DeleteManifest { repository, digest: *digest },
        };
        match self.commit(actor, act, Vec::new()).await {
            Err(RegistryError::Refused(Refused::NotFound(_))) => Err(unknown(reference)),
            other => other.map(drop),
        }
    }

    /// Ends the repository's right to read a blob. The bytes stay while others use them.
    pub async fn delete_blob(
        &self,
        actor: &Actor,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        self.require(actor, Action::Delete, Scope::Repository(repository))?;
        let act = Act::DeleteBlob { repository: repository.clone(), digest: *digest };
        match self.commit(actor, act, Vec::new()).await {
            Err(RegistryError::Refused(Refused::NotFound(_))) => Err(RegistryError::BlobUnknown(*digest)),
            other => other.map(drop),
        }
    }

    /// Takes a version out of ranges. Doing so again changes nothing.
    pub async fn yank(
        &self,
        actor: &Actor,
        name: &Name,
        version: &Version,
        reason: Option<&str>,
    ) -> Result<(), RegistryError> {
        let repository = name.repository();
        self.require(actor, Action::Manage, Scope::Repository(&repository))?;
        let mut settle = Vec::new();
        let mut digest = None;
        if let Some(reason) = reason {
            // A reason is free text, so it is a blob that can be purged; events carry digests only.
            let bytes = bytes::Bytes::copy_from_slice(reason.as_bytes());
            let found = Digest::sha256(&bytes);
            let area = self.area(&repository);
            self.keep(&area, &[found]).await?;
            self.0.storage.put_blob(&area, bytes, &found).await?;
            settle.push(self.blob_key(&repository, found));
            digest = Some(found);
        }
        let act = Act::Yank { name: name.clone(), version: version.clone(), reason: digest };
        self.manage(actor, name, version, act, settle).await
    }

    /// Takes a yank back.
    pub async fn unyank(&self, actor: &Actor, name: &Name, version: &Version) -> Result<(), RegistryError> {
        self.require(actor, Action::Manage, Scope::Repository(&name.repository()))?;
        let act = Act::Unyank { name: name.clone(), version: version.clone() };
        self.manage(actor, name, version, act, Vec::new()).await
    }

    /// Brings a deleted version back.
    pub async fn restore(&self, actor: &Actor, name: &Name, version: &Version) -> Result<(), RegistryError> {
        self.require(actor, Action::Manage, Scope::Repository(&name.repository()))?;
        let act = Act::Restore { name: name.clone(), version: version.clone() };
        self.manage(actor, name, version, act, Vec::new()).await
    }

    async fn manage(
        &self,
        actor: &Actor,
        name: &Name,
        version: &Version,
        act: Act,
        settle: Vec<crate::storage::Key>,
    ) -> Result<(), RegistryError> {
        match self.commit(actor, act, settle).await {
            Err(RegistryError::Refused(Refused::NotFound(_))) => {
                Err(RegistryError::VersionUnknown(version.clone(), name.to_string()))
            }
            other => other.map(drop),
        }
    }

    /// One change as the actor's, now.
    pub(super) async fn commit(
        &self,
        actor: &Actor,
        act: Act,
        settle: Vec<crate::storage::Key>,
    ) -> Result<Applied, RegistryError> {
        let change = Change { id: Uuid::now_v7(), actor: actor.id(), time: self.0.clock.now(), act };
        self.0.committer.commit(change, settle).await
    }
}
