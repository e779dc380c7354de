//! What owners say of published versions: yank, deprecate, pin, restore. No change of these touches a version's bytes, and each
//! names the state that it leads to: asking again changes nothing.

use bytes::Bytes;

use crate::domain::{Action, Actor, Area, Deprecation, Digest, Name, Version};
use crate::meta::{Act, Applied, Refused};
use crate::storage::{Key, StorageError};

use super::counted::Kept;
use super::uploads::Brought;
use super::{Registry, RegistryError};

/// Longest reason, in bytes.
pub const REASON_MAX: u64 = 8000;

/// A reason whose bytes are there.
struct Reason {
    digest: Digest,
    area: Area,
    /// Until it is committed.
    kept: Kept,
}

/// What an act carries of a reason.
fn parts(reason: Option<&Reason>) -> (Option<Digest>, Option<Area>) {
    reason.map(|reason| (reason.digest, reason.area.clone())).unzip()
}

impl Registry {
    /// Takes a version out of ranges.
    pub async fn yank(
        &self,
        actor: &Actor,
        name: &Name,
        version: &Version,
        reason: Option<&str>,
    ) -> Result<(), RegistryError> {
        self.require_change(actor, Action::Manage, &name.repository()).await?;
        let reason = self.put_reason(name, reason).await?;
        let (digest, area) = parts(reason.as_ref());
        let act = Act::Yank { name: name.clone(), version: version.clone(), reason: digest, area };
        self.say(actor, name, version, act, reason).await
    }

    /// Takes a yank back.
    pub async fn unyank(&self, actor: &Actor, name: &Name, version: &Version) -> Result<(), RegistryError> {
        self.require_change(actor, Action::Manage, &name.repository()).await?;
        let act = Act::Unyank { name: name.clone(), version: version.clone() };
        self.change_version(actor, name, version, act).await
    }

    /// Says of a version that people had better leave it. Ranges still choose it. Said again, the last words count.
    pub async fn deprecate(
        &self,
        actor: &Actor,
        name: &Name,
        version: &Version,
        reason: Option<&str>,
        replacement: Option<Name>,
    ) -> Result<(), RegistryError> {
        self.require_change(actor, Action::Manage, &name.repository()).await?;
        let reason = self.put_reason(name, reason).await?;
        let (digest, area) = parts(reason.as_ref());
        let deprecation = Deprecation { reason: digest, replacement };
        let act = Act::Deprecate { name: name.clone(), version: version.clone(), deprecation, area };
        self.say(actor, name, version, act, reason).await
    }

    /// Takes a deprecation back.
    pub async fn undeprecate(&self, actor: &Actor, name: &Name, version: &Version) -> Result<(), RegistryError> {
        self.require_change(actor, Action::Manage, &name.repository()).await?;
        let act = Act::Undeprecate { name: name.clone(), version: version.clone() };
        self.change_version(actor, name, version, act).await
    }

    /// Lets `latest` name this version, whatever else is published, until it is unpinned.
    pub async fn pin(&self, actor: &Actor, name: &Name, version: &Version) -> Result<(), RegistryError> {
        self.require_change(actor, Action::Manage, &name.repository()).await?;
        let act = Act::Pin { name: name.clone(), version: version.clone() };
        self.change_version(actor, name, version, act).await
    }

    /// Lets `latest` be the highest version again.
    pub async fn unpin(&self, actor: &Actor, name: &Name) -> Result<(), RegistryError> {
        self.require_change(actor, Action::Manage, &name.repository()).await?;
        match self.commit(actor, Act::Unpin { name: name.clone() }, Vec::new()).await {
            Err(RegistryError::Refused(Refused::NotFound(_))) => Err(RegistryError::PackageUnknown(name.to_string())),
            other => other.map(drop),
        }
    }

    /// Brings a deleted version back.
    pub async fn restore(&self, actor: &Actor, name: &Name, version: &Version) -> Result<(), RegistryError> {
        self.require_change(actor, Action::Manage, &name.repository()).await?;
        let act = Act::Restore { name: name.clone(), version: version.clone() };
        self.change_version(actor, name, version, act).await
    }

    /// A change that may have a reason.
    async fn say(
        &self,
        actor: &Actor,
        name: &Name,
        version: &Version,
        act: Act,
        reason: Option<Reason>,
    ) -> Result<(), RegistryError> {
        let Some(Reason { digest, area, kept }) = reason else {
            return self.change_version(actor, name, version, act).await;
        };
        let settle = vec![Key::Blob { area: area.clone(), digest }];
        let brought = Brought { repository: name.repository(), area, digests: vec![digest] };
        of_version(self.commit_brought(actor, act, settle, brought, kept).await, name, version)
    }

    async fn change_version(
        &self,
        actor: &Actor,
        name: &Name,
        version: &Version,
        act: Act,
    ) -> Result<(), RegistryError> {
        of_version(self.commit(actor, act, Vec::new()).await, name, version)
    }

    /// Stores a reason. It is free text, so it is a blob that can be purged: events carry digests only.
    async fn put_reason(&self, name: &Name, reason: Option<&str>) -> Result<Option<Reason>, RegistryError> {
        let Some(reason) = reason else { return Ok(None) };
        let (area, bytes) = (self.area(&name.repository()).await?, Bytes::copy_from_slice(reason.as_bytes()));
        let digest = Digest::sha256(&bytes);
        let kept = self.keep(&area, &[digest]).await?;
        self.0.storage.put_blob(&area, bytes, &digest).await?;
        Ok(Some(Reason { digest, area, kept }))
    }

    /// The text of a reason; `None` if none was given, or it was purged.
    pub(super) async fn reason(&self, name: &Name, digest: Option<Digest>) -> Result<Option<String>, RegistryError> {
        let Some(digest) = digest else { return Ok(None) };
        let area = self.area(&name.repository()).await?;
        match self.0.storage.get_blob(&area, &digest, REASON_MAX).await {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// What became of a change of a version.
fn of_version(outcome: Result<Applied, RegistryError>, name: &Name, version: &Version) -> Result<(), RegistryError> {
    match outcome {
        Err(RegistryError::Refused(Refused::NotFound(_))) => {
            Err(RegistryError::VersionUnknown(version.clone(), name.to_string()))
        }
        other => other.map(drop),
    }
}
