//! Drafts made of what is there: the next version of a published one, and other words for a draft.
//!
//! What is published never changes. Whoever wants other words for a version gets a draft with its files, under the next number.

use uuid::Uuid;

use crate::domain::{AboutPatch, Actor, Config, Draft, Name, PatchError, Step, Version};

use super::{Registry, RegistryError};

impl Registry {
    /// Begins a draft of the version that follows `version` by `step` and was never used, with the files of that one, and what the patch
    /// makes of its words. What it says to have changed is not taken over.
    pub async fn revise(
        &self,
        actor: &Actor,
        name: &Name,
        version: &Version,
        step: Step,
        patch: &AboutPatch,
    ) -> Result<Draft, RegistryError> {
        self.may_draft(actor, name).await?;
        let published = self.version(actor, name, version).await?.published;
        let purged = || RegistryError::VersionUnknown(version.clone(), name.to_string());
        let mut config = published.config.ok_or_else(purged)?;
        config.about.changelog = None;
        config.about = patch.apply(&config.about).map_err(refused)?;
        config.version = self.unused_version(name, &published.version, step).await?;
        let (tree, _room) = self.tree(actor, name, &published.digest).await?;
        self.begin_draft(actor, name, config, tree).await
    }

    /// Changes what a draft says, not its files. `revision`: the one that the caller saw.
    pub async fn describe_draft(
        &self,
        actor: &Actor,
        org: &str,
        id: Uuid,
        revision: u64,
        patch: &AboutPatch,
    ) -> Result<Draft, RegistryError> {
        let (known, tree) = self.read_draft(actor, org, id).await?;
        let about = patch.apply(&known.config.about).map_err(refused)?;
        let config = Config { about, ..known.config.clone() };
        self.save_draft(actor, known, revision, config, tree).await
    }

    /// The first version after `version`, by steps of that size, that was never used, deleted ones included.
    async fn unused_version(&self, name: &Name, version: &Version, step: Step) -> Result<Version, RegistryError> {
        let mut next = version.clone();
        loop {
            let none = || RegistryError::BadRequest(format!("{name} has no version left after {next}"));
            next = next.bump(step).ok_or_else(none)?;
            if self.0.meta.catalog.version(name, &next).await?.is_none() {
                return Ok(next);
            }
        }
    }
}

fn refused(error: PatchError) -> RegistryError {
    RegistryError::BadRequest(error.to_string())
}
