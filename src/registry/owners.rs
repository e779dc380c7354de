//! Who owns a package: users who manage it, whatever their roles in the organisation.

use crate::domain::{Action, Actor, Name, Scope, UserName, allows};
use crate::meta::{Act, Refused};

use super::{Registry, RegistryError};

/// Most owners of one package.
pub const OWNERS_MAX: usize = 100;

impl Registry {
    /// Who owns a package, by name.
    pub async fn owners(&self, actor: &Actor, name: &Name) -> Result<Vec<UserName>, RegistryError> {
        let unknown = || RegistryError::PackageUnknown(name.to_string());
        if !self.sees(actor, &name.repository()).await? {
            return Err(unknown());
        }
        self.0.meta.groups.owners(name).await?.ok_or_else(unknown)
    }

    /// Lets these users own a package, and nobody else. `seen`: who owned it when the caller looked; it is refused if that
    /// changed meanwhile. Whoever may only as one of the owners is refused so in any case: somebody may just take that away. Nobody is
    /// asked whether there are such users: events outlast accounts.
    pub async fn set_owners(
        &self,
        actor: &Actor,
        name: &Name,
        owners: Vec<UserName>,
        seen: Option<Vec<UserName>>,
    ) -> Result<(), RegistryError> {
        let known = match actor {
            Actor::User(_) => self.0.meta.groups.owners(name).await?.unwrap_or_default(),
            Actor::Anonymous(_) | Actor::Operator => Vec::new(),
        };
        let repository = name.repository();
        self.require(actor, Action::Manage, Scope::Owners(&repository, &known))?;
        let seen = match allows(actor, Action::Manage, Scope::Owners(&repository, &[])) {
            true => seen,
            false => seen.or(Some(known)),
        };
        if owners.len() > OWNERS_MAX {
            let message = format!("{} owners are more than the {OWNERS_MAX} that a package may have", owners.len());
            return Err(RegistryError::BadRequest(message));
        }
        match self.commit(actor, Act::SetOwners { name: name.clone(), owners, seen }, Vec::new()).await {
            Err(RegistryError::Refused(Refused::NotFound(_))) => Err(RegistryError::PackageUnknown(name.to_string())),
            other => other.map(drop),
        }
    }
}
