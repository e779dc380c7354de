//! The decisions: one function an act.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::{
    Accepted, ActorId, Area, Body, Collection, Deprecation, Digest, Name, Repository, Tag, Version, Visibility,
};

use super::super::{Accept, Act, Refused};
use super::{Decision, Facts, ManifestState, Mode, Write, groups, visibility};

/// What the act does when this actor asks for it, given the facts, or why it is refused.
pub fn decide(act: &Act, actor: &ActorId, facts: &Facts, mode: Mode) -> Result<Decision, Refused> {
    match act {
        Act::Accept(accept) => decide_accept(accept, actor, facts, mode),
        Act::DeleteTag { repository, tag } => decide_delete_tag(repository, tag, facts),
        Act::DeleteManifest { repository, digest } => decide_delete_manifest(repository, digest, facts),
        Act::DeleteBlob { repository, digest } => decide_delete_blob(repository, digest, facts, mode),
        Act::Yank { name, version, reason, area } => {
            look_where(name, area.as_ref(), facts, mode)?;
            decide_yank(name, version, Some(*reason), facts, mode)
        }
        Act::Unyank { name, version } => decide_yank(name, version, None, facts, mode),
        Act::Deprecate { name, version, deprecation, area } => {
            look_where(name, area.as_ref(), facts, mode)?;
            decide_deprecate(name, version, Some(deprecation), facts, mode)
        }
        Act::Undeprecate { name, version } => decide_deprecate(name, version, None, facts, mode),
        Act::Pin { name, version } => decide_pin(name, Some(version), facts),
        Act::Unpin { name } => decide_pin(name, None, facts),
        Act::SetVisibility { name, visibility, copied } => visibility::decide(name, *visibility, copied, facts, mode),
        Act::SetOwners { name, owners, seen } => groups::decide_owners(name, owners, seen.as_deref(), facts, mode),
        Act::SetCollection { name, document, size, content, seen } => {
            let content = content.clone().unwrap_or_else(|| {
                // Nobody knows any more who was to find it.
                Arc::new(Collection { visibility: Visibility::Unlisted, ..Collection::default() })
            });
            groups::decide_collection(name, *document, *size, content, *seen, facts, mode)
        }
        Act::SetOrg { org, document, size, profile, seen } => {
            groups::decide_org(org, *document, *size, profile, *seen, facts, mode)
        }
        Act::DeleteCollection { name, seen } => groups::decide_delete_collection(name, *seen, facts),
        Act::Purge { name, version, digest } => decide_purge(name, version, digest, facts),
        Act::Restore { name, version } => decide_restore(name, version, facts),
    }
}

fn latest() -> Option<Tag> {
    Tag::LATEST.parse().ok()
}

fn decide_accept(accept: &Accept, actor: &ActorId, facts: &Facts, mode: Mode) -> Result<Decision, Refused> {
    let accepted = &accept.accepted;
    let visibility = facts.seen();
    if mode == Mode::New && accepted.area != Area::of(&accepted.repository, visibility) {
        return Err(Refused::Elsewhere(accepted.repository.clone()));
    }
    if mode == Mode::New && !(facts.unreadable.is_empty() && facts.vanishing.is_empty()) {
        return Err(Refused::BlobsUnknown([facts.unreadable.as_slice(), &facts.vanishing].concat()));
    }
    if let (Some(package), Some(publication)) = (facts.package, &accept.publication)
        && package != publication.kind
    {
        return Err(Refused::KindDiffers { package, pushed: publication.kind });
    }
    let mut tags = Vec::new();
    let mut seen = HashSet::new();
    for tag in &accepted.tags {
        if seen.insert(tag) && is_moved(tag, accept, facts)? {
            tags.push(tag.clone());
        }
    }
    let publication = match &accept.publication {
        Some(publication) if is_published(&publication.version, accept, facts)? => None,
        publication => publication.as_ref(),
    };
    let is_known = facts.manifest == Some(ManifestState::Live) && !facts.unrecorded;
    if mode == Mode::New && is_known && tags.is_empty() && publication.is_none() {
        return Ok(Decision::default());
    }

    let (repository, area, digest) = (&accepted.repository, &accepted.area, accepted.digest);
    let accepted = Accepted { tags: tags.clone(), ..accepted.clone() };
    let manifest_facts = accept.facts.clone().unwrap_or_default();
    let mut writes = vec![Write::Blob { area: area.clone(), digest, size: accepted.size }];
    for (blob, size) in &manifest_facts.blobs {
        writes.push(Write::Blob { area: area.clone(), digest: *blob, size: *size });
        writes.push(Write::Link { repository: repository.clone(), area: area.clone(), digest: *blob });
    }
    writes.push(Write::Manifest { accepted: accepted.clone(), facts: manifest_facts });
    for tag in &tags {
        writes.push(Write::Tag { repository: repository.clone(), tag: tag.clone(), digest });
    }
    let mut body = Body::Manifest(accepted.clone());
    if let (Some(publication), Some(name)) = (publication, repository.package()) {
        body = Body::Publish {
            accepted,
            version: publication.version.clone(),
            kind: publication.kind,
            record: publication.record,
        };
        // Where the bytes lie decides: an event says that and no more.
        let visibility = match (area, visibility) {
            (Area::Private(_), _) => Visibility::Private,
            (Area::Public, Visibility::Private) => Visibility::Public,
            (Area::Public, visibility) => visibility,
        };
        writes.extend([
            Write::Blob { area: area.clone(), digest: publication.record, size: publication.record_size },
            // The user who begins a package owns it.
            Write::Package {
                name: name.clone(),
                kind: publication.kind,
                visibility,
                owners: actor.user().into_iter().collect(),
            },
            Write::Version { name: name.clone(), digest, publication: publication.clone() },
            Write::Reshow { name },
        ]);
        tags.extend(latest());
    } else if let (None, Some(name)) = (facts.package, repository.package()) {
        // What lies in a private area stays private, whatever its organisation says of new packages later.
        let visibility = match area {
            Area::Private(_) => Some(Visibility::Private),
            Area::Public => facts.said,
        };
        writes.extend(visibility.map(|visibility| Write::Visible { name, visibility }));
    }
    Ok(Decision { body: Some(body), writes, tags })
}

/// Whether the push makes the tag name something else, or why it may not.
fn is_moved(tag: &Tag, accept: &Accept, facts: &Facts) -> Result<bool, Refused> {
    let digest = accept.accepted.digest;
    let target = facts.tags.get(tag);
    let is_package = facts.package.is_some() || accept.publication.is_some();
    if !is_package {
        return Ok(target != Some(&digest));
    }
    if tag.as_str() == Tag::LATEST {
        let published =
            accept.publication.is_some() || facts.versions_of_manifest.iter().any(|version| !version.deleted);
        return if published { Ok(false) } else { Err(Refused::LatestIsComputed) };
    }
    // In a package a version's tag is written once, whatever the manifest is.
    let Some(version) = Version::from_tag(tag) else { return Ok(target != Some(&digest)) };
    if is_published(&version, accept, facts)? {
        return Ok(false);
    }
    match target {
        Some(other) if *other != digest && facts.package.is_some() => {
            Err(Refused::VersionExists { version, digest: *other })
        }
        target => Ok(target != Some(&digest)),
    }
}

/// Whether the pushed manifest is that version already, or why it cannot become it.
fn is_published(version: &Version, accept: &Accept, facts: &Facts) -> Result<bool, Refused> {
    let Some(known) = facts.version(version) else { return Ok(false) };
    if known.purged {
        return Err(Refused::VersionPurged(known.version.clone()));
    }
    if known.deleted {
        return Err(Refused::VersionDeleted(known.version.clone()));
    }
    // Versions that differ in build metadata alone are equal, and the second is refused.
    if known.digest != accept.accepted.digest || known.version.to_string() != version.to_string() {
        return Err(Refused::VersionExists { version: known.version.clone(), digest: known.digest });
    }
    Ok(true)
}

fn decide_delete_tag(repository: &Repository, tag: &Tag, facts: &Facts) -> Result<Decision, Refused> {
    if !facts.tags.contains_key(tag) {
        return Err(Refused::NotFound("the tag"));
    }
    if facts.package.is_some() && tag.as_str() == Tag::LATEST {
        return Err(Refused::LatestIsComputed);
    }
    let mut writes = vec![Write::Untag { repository: repository.clone(), tag: tag.clone() }];
    let mut tags = vec![tag.clone()];
    let version = Version::from_tag(tag).and_then(|version| facts.version(&version)).filter(|version| !version.deleted);
    if let (Some(version), Some(name)) = (version, repository.package()) {
        writes.push(Write::Deleted { name: name.clone(), version: version.version.clone(), deleted: true });
        writes.push(Write::Reshow { name });
        tags.extend(latest());
    }
    let body = Body::TagDelete { repository: repository.clone(), tag: tag.clone() };
    Ok(Decision { body: Some(body), writes, tags })
}

fn decide_delete_manifest(repository: &Repository, digest: &Digest, facts: &Facts) -> Result<Decision, Refused> {
    if facts.manifest != Some(ManifestState::Live) {
        return Err(Refused::NotFound("the manifest"));
    }
    let mut tags = facts.tags_on_manifest.clone();
    let mut writes: Vec<Write> =
        tags.iter().map(|tag| Write::Untag { repository: repository.clone(), tag: tag.clone() }).collect();
    let (repository, digest) = (repository.clone(), *digest);
    match repository.package() {
        Some(name) if facts.versions_of_manifest.iter().any(|version| !version.purged) => {
            let live = facts.versions_of_manifest.iter().filter(|version| !version.deleted);
            writes.extend(live.map(|version| Write::Deleted {
                name: name.clone(),
                version: version.version.clone(),
                deleted: true,
            }));
            let state = ManifestState::Deleted;
            writes.push(Write::HideManifest { repository: repository.clone(), digest, state });
            writes.push(Write::Reshow { name });
            tags.retain(|tag| tag.as_str() != Tag::LATEST);
            tags.extend(latest());
        }
        _ => writes.push(Write::RemoveManifest { repository: repository.clone(), digest }),
    }
    Ok(Decision { body: Some(Body::ManifestDelete { repository, digest }), writes, tags })
}

fn decide_delete_blob(
    repository: &Repository,
    digest: &Digest,
    facts: &Facts,
    mode: Mode,
) -> Result<Decision, Refused> {
    if mode == Mode::New && facts.unreadable.contains(digest) {
        return Err(Refused::NotFound("the blob"));
    }
    if let Some(version) = &facts.needed_by {
        return Err(Refused::BlobInUse(version.clone()));
    }
    let (repository, digest) = (repository.clone(), *digest);
    let writes = vec![Write::Unlink { repository: repository.clone(), digest }];
    Ok(Decision { body: Some(Body::BlobDelete { repository, digest }), writes, tags: Vec::new() })
}

/// A reason lies where its package does.
fn look_where(name: &Name, area: Option<&Area>, facts: &Facts, mode: Mode) -> Result<(), Refused> {
    let repository = name.repository();
    let right = Area::of(&repository, facts.seen());
    match area {
        Some(area) if mode == Mode::New && *area != right => Err(Refused::Elsewhere(repository)),
        _ => Ok(()),
    }
}

/// `reason`: `Some` yanks, with a reason or without; `None` takes a yank back.
fn decide_yank(
    name: &Name,
    version: &Version,
    reason: Option<Option<Digest>>,
    facts: &Facts,
    mode: Mode,
) -> Result<Decision, Refused> {
    if mode == Mode::New && !facts.vanishing.is_empty() {
        return Err(Refused::BlobsUnknown(facts.vanishing.clone()));
    }
    let found = facts.version(version).filter(|found| !found.deleted).ok_or(Refused::NotFound("the version"))?;
    if found.yanked == reason.is_some() {
        return Ok(Decision::default());
    }
    let (name, version) = (name.clone(), found.version.clone());
    let yanked = Write::Yanked {
        name: name.clone(),
        version: version.clone(),
        yanked: reason.is_some(),
        reason: reason.flatten(),
    };
    let mut writes = vec![yanked, Write::Reshow { name: name.clone() }];
    if let Some(Some(digest)) = reason {
        writes.push(Write::Blob { area: Area::of(&name.repository(), facts.seen()), digest, size: 0 });
    }
    let body = match reason {
        Some(reason) => Body::Yank { name, version, reason },
        None => Body::Unyank { name, version },
    };
    Ok(Decision { body: Some(body), writes, tags: latest().into_iter().collect() })
}

fn decide_deprecate(
    name: &Name,
    version: &Version,
    deprecation: Option<&Deprecation>,
    facts: &Facts,
    mode: Mode,
) -> Result<Decision, Refused> {
    if mode == Mode::New && !facts.vanishing.is_empty() {
        return Err(Refused::BlobsUnknown(facts.vanishing.clone()));
    }
    let found = facts.version(version).filter(|found| !found.deleted).ok_or(Refused::NotFound("the version"))?;
    if found.deprecation.as_ref() == deprecation {
        return Ok(Decision::default());
    }
    let (name, version) = (name.clone(), found.version.clone());
    let deprecated =
        Write::Deprecated { name: name.clone(), version: version.clone(), deprecation: deprecation.cloned() };
    let mut writes = vec![deprecated, Write::Reshow { name: name.clone() }];
    let body = match deprecation {
        Some(Deprecation { reason, replacement }) => {
            let area = Area::of(&name.repository(), facts.seen());
            writes.extend(reason.map(|digest| Write::Blob { area, digest, size: 0 }));
            Body::Deprecate { name, version, reason: *reason, replacement: replacement.clone() }
        }
        None => Body::Undeprecate { name, version },
    };
    Ok(Decision { body: Some(body), writes, tags: Vec::new() })
}

/// `version`: `None` takes a pin back.
fn decide_pin(name: &Name, version: Option<&Version>, facts: &Facts) -> Result<Decision, Refused> {
    let name = name.clone();
    let body = match version {
        Some(version) => {
            let found =
                facts.version(version).filter(|found| !found.deleted).ok_or(Refused::NotFound("the version"))?;
            if found.yanked {
                return Err(Refused::PinOfYanked(found.version.clone()));
            }
            Body::Pin { name: name.clone(), version: found.version.clone() }
        }
        None if facts.package.is_none() => return Err(Refused::NotFound("the package")),
        None => Body::Unpin { name: name.clone() },
    };
    if facts.pinned.as_ref() == version {
        return Ok(Decision::default());
    }
    let writes = vec![Write::Pinned { name: name.clone(), version: version.cloned() }, Write::Reshow { name }];
    Ok(Decision { body: Some(body), writes, tags: latest().into_iter().collect() })
}

/// The manifest and the tags on it go too, unless another version that is not purged is the same manifest.
fn decide_purge(name: &Name, version: &Version, digest: &Digest, facts: &Facts) -> Result<Decision, Refused> {
    let found = facts.version(version).filter(|found| found.digest == *digest);
    let found = found.ok_or(Refused::NotFound("the version"))?;
    if found.purged {
        return Ok(Decision::default());
    }
    if !found.deleted {
        return Err(Refused::PurgeOfLive(found.version.clone()));
    }
    let mut writes = vec![Write::Purged { name: name.clone(), version: found.version.clone() }];
    let (repository, mut tags) = (name.repository(), Vec::new());
    let is_kept = facts.versions_of_manifest.iter().any(|other| !other.purged && other.version != found.version);
    if !is_kept {
        tags.clone_from(&facts.tags_on_manifest);
        writes.extend(tags.iter().map(|tag| Write::Untag { repository: repository.clone(), tag: tag.clone() }));
        writes.push(Write::RemoveManifest { repository, digest: *digest });
    }
    let body = Body::Purge { name: name.clone(), version: found.version.clone(), digest: *digest };
    Ok(Decision { body: Some(body), writes, tags })
}

fn decide_restore(name: &Name, version: &Version, facts: &Facts) -> Result<Decision, Refused> {
    let found = facts.version(version).ok_or(Refused::NotFound("the version"))?;
    if found.purged {
        return Err(Refused::VersionPurged(found.version.clone()));
    }
    if !found.deleted {
        return Ok(Decision::default());
    }
    let tag: Tag = found.version.tag().parse().map_err(|_| Refused::NotFound("the version's tag"))?;
    let repository = name.repository();
    let writes = vec![
        Write::Deleted { name: name.clone(), version: found.version.clone(), deleted: false },
        Write::HideManifest { repository: repository.clone(), digest: found.digest, state: ManifestState::Live },
        Write::LinkAll { repository: repository.clone(), digest: found.digest },
        Write::Tag { repository, tag: tag.clone(), digest: found.digest },
        Write::Reshow { name: name.clone() },
    ];
    let body = Body::Restore { name: name.clone(), version: found.version.clone() };
    Ok(Decision { body: Some(body), writes, tags: latest().into_iter().chain([tag]).collect() })
}
