//! Channel tags: the tags of a package that are no version numbers, such as `stable` or `next`, and move from version to version.
//! `latest` is one of them; it follows from the versions, and is moved by a pin.

use std::str;

use crate::domain::api::{ChannelTag, Resolved};
use crate::domain::{Action, Actor, Digest, Name, Reference, Release, Tag, Version};

use super::{Push, Registry, RegistryError};

/// Tags that are read at once where version numbers lie between them.
const READ_AT_ONCE: usize = 1000;

impl Registry {
    /// Up to `limit` channel tags after `last` in the order of their bytes, each with what it names.
    pub async fn channel_tags(
        &self,
        actor: &Actor,
        name: &Name,
        last: Option<&Tag>,
        limit: usize,
    ) -> Result<Vec<ChannelTag>, RegistryError> {
        let (releases, repository) = (self.releases(actor, name).await?, name.repository());
        let (mut found, mut last) = (Vec::new(), last.cloned());
        loop {
            let after = last.as_ref().map(Tag::as_str);
            let (page, has_more) = self.tags(actor, &repository, after, READ_AT_ONCE).await?;
            for tag in page.iter().filter(|tag| Version::from_tag(tag).is_none()) {
                // One that was removed since is left out.
                let Some(digest) = self.tag(&repository, tag).await? else { continue };
                let version = named(&releases, &digest).map(|release| release.version.clone());
                found.push(ChannelTag { tag: tag.clone(), digest, version });
                if found.len() == limit {
                    return Ok(found);
                }
            }
            last = page.into_iter().next_back();
            if !has_more {
                return Ok(found);
            }
        }
    }

    /// The release that a tag names, whether it is `latest`, a channel tag or a version number; yanked ones too.
    pub async fn resolve_tag(&self, actor: &Actor, name: &Name, tag: &Tag) -> Result<Resolved, RegistryError> {
        let releases = self.releases(actor, name).await?;
        let digest = self.tag(&name.repository(), tag).await?;
        let release = digest.and_then(|digest| named(&releases, &digest)).cloned();
        let release = release.ok_or_else(|| RegistryError::TagUnknown(tag.clone(), name.to_string()))?;
        Ok(Resolved { name: name.clone(), range: release.version.to_string(), tag: Some(tag.clone()), release })
    }

    /// Lets a tag name this version from now on.
    pub async fn set_channel_tag(
        &self,
        actor: &Actor,
        name: &Name,
        tag: &Tag,
        version: &Version,
    ) -> Result<(), RegistryError> {
        let repository = name.repository();
        self.require_change(actor, Action::Push, &repository).await?;
        require_channel(tag)?;
        let known = self.0.meta.catalog.version(name, version).await?.filter(|known| !known.deleted);
        let unknown = || RegistryError::VersionUnknown(version.clone(), name.to_string());
        let digest = known.ok_or_else(unknown)?.digest;
        let manifest = self.manifest(actor, &repository, &Reference::Digest(digest)).await?;
        let push = Push {
            repository: &repository,
            reference: Reference::Digest(digest),
            tags: vec![tag.clone()],
            content_type: str::from_utf8(&manifest.media_type).ok(),
            bytes: manifest.bytes.clone(),
        };
        self.push_manifest(actor, push).await.map(drop)
    }

    /// Removes a tag. The version that it named stays.
    pub async fn remove_channel_tag(&self, actor: &Actor, name: &Name, tag: &Tag) -> Result<(), RegistryError> {
        let repository = name.repository();
        self.require_change(actor, Action::Delete, &repository).await?;
        require_channel(tag)?;
        match self.delete_manifest(actor, &repository, &Reference::Tag(tag.clone())).await {
            Err(RegistryError::ManifestUnknown(_)) => Err(RegistryError::TagUnknown(tag.clone(), name.to_string())),
            other => other,
        }
    }
}

/// The release that a manifest is. Where one manifest is several, the highest that `latest` could name.
fn named<'a>(releases: &'a [Release], digest: &Digest) -> Option<&'a Release> {
    let same: Vec<&Release> = releases.iter().filter(|release| release.digest == *digest).collect();
    let best = same.iter().find(|release| !release.yanked && !release.version.is_prerelease());
    best.or(same.first()).copied()
}

/// Refuses the tags that nobody moves by hand.
fn require_channel(tag: &Tag) -> Result<(), RegistryError> {
    if tag.as_str() == Tag::LATEST || Version::from_tag(tag).is_some() {
        return Err(RegistryError::TagInvalid(tag.clone(), "follows from the published versions"));
    }
    Ok(())
}
