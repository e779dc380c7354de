//! Organisations: those that have said something of themselves, and those that somebody has published into.

use std::sync::Arc;

use crate::domain::api::{DeletedPackage, OrgDocument};
use crate::domain::{
    Action, Actor, Area, Digest, Name, OrgName, PROFILE_MAX, Profile, Repository, Scope, Visibility, allows,
};
use crate::meta::{Act, OrgRow, Seen};
use crate::storage::Key;

use super::{Registry, RegistryError};

impl Registry {
    /// Organisations after `after` in the order of their names, at most `limit`.
    pub async fn orgs(
        &self,
        actor: &Actor,
        after: Option<&OrgName>,
        limit: usize,
    ) -> Result<Vec<OrgDocument>, RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        let rows = self.0.meta.groups.orgs(after, limit).await?;
        Ok(rows.into_iter().map(document).collect())
    }

    /// An organisation, and the digest of what it says of itself, if it has said anything.
    pub async fn org(&self, actor: &Actor, org: &OrgName) -> Result<(OrgDocument, Option<Digest>), RegistryError> {
        self.require(actor, Action::Read, Scope::Org(org))?;
        let row = self.0.meta.groups.org(org).await?.ok_or_else(|| RegistryError::OrgUnknown(org.clone()))?;
        let digest = row.said.as_ref().map(|said| said.document);
        Ok((document(row), digest))
    }

    /// Packages of an organisation of which no version can be read, after `after` in the order of their names, at most `limit`: for who may
    /// bring them back. What is private is among them for who sees all that is private there.
    pub async fn deleted(
        &self,
        actor: &Actor,
        org: &OrgName,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<DeletedPackage>, RegistryError> {
        let any: Option<Repository> = format!("{org}/any").parse().ok();
        let any = any.ok_or_else(|| RegistryError::OrgUnknown(org.clone()))?;
        self.require(actor, Action::Manage, Scope::Repository(&any))?;
        let mut visibilities = vec![Visibility::Public, Visibility::Unlisted];
        // What everybody may restore is not what everybody sees.
        if allows(actor, Action::Read, Scope::Private(&any, &[])) {
            visibilities.push(Visibility::Private);
        }
        let found = self.0.meta.groups.deleted(org, &visibilities, after, limit).await?;
        Ok(found.into_iter().map(|(name, visibility)| DeletedPackage { name, visibility }).collect())
    }

    /// Lets an organisation say something of itself. `seen`: what the caller saw; it is refused if that changed meanwhile.
    pub async fn put_org(
        &self,
        actor: &Actor,
        org: &OrgName,
        profile: Profile,
        seen: Seen,
    ) -> Result<OrgDocument, RegistryError> {
        self.require(actor, Action::Manage, Scope::Org(org))?;
        profile.check().map_err(RegistryError::BadRequest)?;
        let (area, bytes) = (Area::Public, profile.to_bytes());
        let (document, size) = (Digest::sha256(&bytes), bytes.len() as u64);
        if size > PROFILE_MAX {
            return Err(RegistryError::TooLarge { what: "the profile", limit: PROFILE_MAX });
        }
        let _kept = self.keep(&area, &[document]).await?;
        self.0.storage.put_blob(&area, bytes, &document).await?;
        let act = Act::SetOrg { org: org.clone(), document, size, profile: Arc::new(profile), seen };
        self.commit(actor, act, vec![Key::Blob { area, digest: document }]).await?;
        Ok(self.org(actor, org).await?.0)
    }
}

fn document(row: OrgRow) -> OrgDocument {
    let OrgRow { name, said, packages } = row;
    let (created, updated) = said.as_ref().map(|said| (said.created, said.updated)).unzip();
    OrgDocument { name, profile: said.map(|said| said.profile).unwrap_or_default(), packages, created, updated }
}
