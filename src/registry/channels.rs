//! Channel tags: the tags of a package that are no version numbers, such as `stable` or `next`, and move from version to version.
//! `latest` is one of them; it follows from the versions, and is moved by a pin.

use std::str;

use crate::domain::api::{ChannelTag, Resolved};
use crate::domain::{Action, Actor, Digest, Name, Reference, Release, Tag, Version};

use super::{Push, Registry, RegistryError};

/// Tags that are read at once where version numbers lie between them.
const READ_AT_ONCE: usize = 1000;

impl Registry {
    /// Channel tags after `last` in the order of their bytes, each with what it names, and whether there are more.
    pub async fn channel_tags(
        &self,
        actor: &Actor,
        name: &Name,
        last: Option<&Tag>,
        limit: usize,
    ) -> Result<(Vec<ChannelTag>, bool), RegistryError> {
        let (releases, repository) = (self.releases(actor, name).await?, name.repository());
        let (mut tags, mut last) = (Vec::new(), last.cloned());
        loop {
            let after = last.as_ref().map(Tag::as_str);
            let (page, more) = self.tags(actor, &repository, after, READ_AT_ONCE).await?;
            last = page.last().cloned();
            tags.extend(page.into_iter().filter(|tag| Version::from_tag(tag).is_none()));
            if !more || tags.len() > limit {
                break;
            }
        }
        let has_more = tags.len() > limit;
        tags.truncate(limit);
        let mut found = Vec::new();
        for tag in tags {
            // One that was removed since is left out.
            let Some(digest) = self.tag(&repository, &tag).await? else { continue };
            let version = named(&releases, &digest).map(|release| release.version.clone());
            found.push(ChannelTag { tag, digest, version });
        }
        Ok((found, has_more))
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
        let digest = self.version(actor, name, version).await?.published.digest;
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
