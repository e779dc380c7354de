//! Who sees a package.

use crate::domain::{Action, Actor, Name, Visibility};
use crate::meta::{Act, Refused};

use super::{Registry, RegistryError};

impl Registry {
    /// Lets a package be seen by others than before. What was public stays known to whoever read it.
    pub async fn set_visibility(
        &self,
        actor: &Actor,
        name: &Name,
        visibility: Visibility,
    ) -> Result<(), RegistryError> {
        self.require_change(actor, Action::Manage, &name.repository()).await?;
        if visibility == Visibility::Private {
            let message =
                "private packages are not offered by this release\nhint: unlisted keeps a package out of every list";
            return Err(RegistryError::BadRequest(message.to_owned()));
        }
        let act = Act::SetVisibility { name: name.clone(), visibility, copied: Vec::new() };
        match self.commit(actor, act, Vec::new()).await {
            Err(RegistryError::Refused(Refused::NotFound(_))) => Err(RegistryError::PackageUnknown(name.to_string())),
            other => other.map(drop),
        }
    }
}
