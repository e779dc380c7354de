//! Deleting: tags, manifests, and the right to read a blob.

use uuid::Uuid;

use crate::domain::{Action, Actor, Digest, Reference, Repository};
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
        self.require_change(actor, Action::Delete, repository).await?;
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
        self.require_change(actor, Action::Delete, repository).await?;
        let act = Act::DeleteBlob { repository: repository.clone(), digest: *digest };
        match self.commit(actor, act, Vec::new()).await {
            Err(RegistryError::Refused(Refused::NotFound(_))) => Err(RegistryError::BlobUnknown(*digest)),
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
