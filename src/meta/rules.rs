//! What a change does to the rows, and when it is refused: decided here once, for every store.
//!
//! A store calls [`wanted`], reads those facts inside its transaction, calls [`decide`], carries out the writes in order,
//! and seals the event with [`seal`]. Nothing here does I/O, so the same decision stands on every database.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{Accepted, Area, Body, Config, Digest, EVENT_FORMAT, Event, Kind, Name, Repository, Tag, Version};

use super::{Accept, Act, Applied, Change, Head, ManifestFacts, Publication, Refused, Replay};

/// Whether a change is new or happened before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Asked for now: everything is checked.
    New,
    /// An event from the store: it was checked when it happened, and links that no event records may be absent.
    Replay,
}

/// Which facts [`decide`] needs for an act.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The repository; if its name has two components, the package of that name too.
    pub repository: Repository,
    /// The targets of these tags.
    pub tags: Vec<Tag>,
    /// State of this manifest, the versions that it is, the tags on it.
    pub manifest: Option<Digest>,
    /// These versions of the package, by number.
    pub versions: Vec<Version>,
    /// Which of these blobs the repository cannot read.
    pub blobs: Vec<Digest>,
    /// Which live version of the package needs this blob.
    pub needed: Option<Digest>,
}

/// The facts, as they stand inside the transaction.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Kind of the package, if the repository is one.
    pub package: Option<Kind>,
    /// Targets of the wanted tags that exist.
    pub tags: BTreeMap<Tag, Digest>,
    /// The wanted manifest, if the repository has it.
    pub manifest: Option<ManifestState>,
    /// Tags on the wanted manifest.
    pub tags_on_manifest: Vec<Tag>,
    /// Versions whose manifest is the wanted one, deleted ones too.
    pub versions_of_manifest: Vec<VersionFacts>,
    /// The wanted versions that exist, deleted ones too.
    pub versions: Vec<VersionFacts>,
    /// The wanted blobs that have no link in the repository, or are being deleted.
    pub unreadable: Vec<Digest>,
    /// A version, not deleted, whose manifest names the needed blob.
    pub needed_by: Option<Version>,
}

/// Whether a manifest is there to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestState {
    /// It is.
    Live,
    /// It was a version and was deleted: kept for a restore, hidden from reads.
    Deleted,
}

/// What is known of a version.
#[derive(Clone, Debug)]
pub struct VersionFacts {
    /// As published, build metadata included.
    pub version: Version,
    /// Its manifest.
    pub digest: Digest,
    /// Whether it is yanked.
    pub yanked: bool,
    /// Whether it is deleted.
    pub deleted: bool,
}

/// One write to the rows. All are idempotent: writing a row that is there replaces it.
#[derive(Clone, Debug)]
pub enum Write {
    /// A blob lies in the area. If it was condemned it lives again; its last touch is the event's time.
    Blob {
        /// Area.
        area: Area,
        /// Digest.
        digest: Digest,
        /// Length in bytes; 0 if unknown.
        size: u64,
    },
    /// The repository may read the blob.
    Link {
        /// Repository.
        repository: Repository,
        /// Area.
        area: Area,
        /// Digest.
        digest: Digest,
    },
    /// The repository may no longer read the blob.
    Unlink {
        /// Repository.
        repository: Repository,
        /// Digest.
        digest: Digest,
    },
    /// The repository holds the manifest, live, and it names these blobs.
    Manifest {
        /// What the event says.
        accepted: Accepted,
        /// What the bytes say.
        facts: ManifestFacts,
    },
    /// The manifest is there no more.
    RemoveManifest {
        /// Repository.
        repository: Repository,
        /// Digest.
        digest: Digest,
    },
    /// The manifest is hidden, or visible again.
    HideManifest {
        /// Repository.
        repository: Repository,
        /// Digest.
        digest: Digest,
        /// Live or deleted.
        state: ManifestState,
    },
    /// The tag names the digest.
    Tag {
        /// Repository.
        repository: Repository,
        /// Tag.
        tag: Tag,
        /// Digest.
        digest: Digest,
    },
    /// The tag is gone.
    Untag {
        /// Repository.
        repository: Repository,
        /// Tag.
        tag: Tag,
    },
    /// The package exists. Its organisation's default visibility applies when it is new.
    Package {
        /// Name.
        name: Name,
        /// Kind.
        kind: Kind,
    },
    /// A new version, published at the event's time, by the event.
    Version {
        /// Package.
        name: Name,
        /// Manifest.
        digest: Digest,
        /// The rest.
        publication: Publication,
    },
    /// A version is deleted, or back.
    Deleted {
        /// Package.
        name: Name,
        /// Version, by number.
        version: Version,
        /// Which.
        deleted: bool,
    },
    /// A version is yanked, or not any more.
    Yanked {
        /// Package.
        name: Name,
        /// Version, by number.
        version: Version,
        /// Which.
        yanked: bool,
        /// Blob with the reason.
        reason: Option<Digest>,
    },
    /// Choose again which version the package shows, by [`rank`], and let the tag `latest` name it if it is stable,
    /// else remove that tag. A package whose versions are all deleted shows nothing and is not found.
    Reshow {
        /// Package.
        name: Name,
    },
}

/// What a change comes to.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The event's body; `None` if everything was so already, and there is nothing to write.
    pub body: Option<Body>,
    /// The writes, in order.
    pub writes: Vec<Write>,
    /// Tags that may name something else afterwards.
    pub tags: Vec<Tag>,
}

/// A text whose byte order is the order in which versions are shown: stable ones above pre-releases above yanked ones, then by
/// precedence. `None` for a deleted version. A rank that [`is_stable`] may be `latest`.
pub fn rank(version: &Version, yanked: bool, deleted: bool) -> Option<String> {
    let class = match (deleted, yanked, version.is_prerelease()) {
        (true, ..) => return None,
        (_, true, _) => '1',
        (_, _, true) => '2',
        _ => '3',
    };
    Some(format!("{class}{}", version.sort_key()))
}

/// Whether a version of this [`rank`] may be `latest`.
pub fn is_stable(rank: &str) -> bool {
    rank.starts_with('3')
}

/// The facts that [`decide`] needs for the act.
pub fn wanted(act: &Act) -> Wanted {
    let none = |repository: &Repository| Wanted {
        repository: repository.clone(),
        tags: Vec::new(),
        manifest: None,
        versions: Vec::new(),
        blobs: Vec::new(),
        needed: None,
    };
    match act {
        Act::Accept(accept) => {
            let accepted = &accept.accepted;
            let blobs = accept.facts.iter().flat_map(|facts| &facts.blobs).map(|(digest, _)| *digest).collect();
            let mut versions: Vec<Version> = accepted.tags.iter().filter_map(Version::from_tag).collect();
            versions.extend(accept.publication.iter().map(|publication| publication.version.clone()));
            Wanted {
                tags: accepted.tags.clone(),
                manifest: Some(accepted.digest),
                versions,
                blobs,
                ..none(&accepted.repository)
            }
        }
        Act::DeleteTag { repository, tag } => Wanted {
            tags: vec![tag.clone()],
            versions: Version::from_tag(tag).into_iter().collect(),
            ..none(repository)
        },
        Act::DeleteManifest { repository, digest } => Wanted { manifest: Some(*digest), ..none(repository) },
        Act::DeleteBlob { repository, digest } => {
            Wanted { blobs: vec![*digest], needed: Some(*digest), ..none(repository) }
        }
        Act::Yank { name, version, .. } | Act::Unyank { name, version } | Act::Restore { name, version } => {
            Wanted { versions: vec![version.clone()], ..none(&name.repository()) }
        }
    }
}

/// What the act does, given the facts, or why it is refused.
pub fn decide(act: &Act, facts: &Facts, mode: Mode) -> Result<Decision, Refused> {
    match act {
        Act::Accept(accept) => decide_accept(accept, facts, mode),
        Act::DeleteTag { repository, tag } => decide_delete_tag(repository, tag, facts),
        Act::DeleteManifest { repository, digest } => decide_delete_manifest(repository, digest, facts),
        Act::DeleteBlob { repository, digest } => decide_delete_blob(repository, digest, facts, mode),
        Act::Yank { name, version, reason } => decide_yank(name, version, Some(*reason), facts),
        Act::Unyank { name, version } => decide_yank(name, version, None, facts),
        Act::Restore { name, version } => decide_restore(name, version, facts),
    }
}

/// Gives the change its number and time, and its exact bytes.
pub fn seal(change: &Change, body: Body, head: Head) -> (Event, Bytes) {
    let event = Event {
        v: EVENT_FORMAT,
        n: head.n + 1,
        id: change.id,
        time: change.time.max(head.time),
        actor: change.actor.clone(),
        body,
    };
    let bytes = event.to_bytes();
    (event, bytes)
}

/// What a change came to, for its caller.
pub fn applied(event: Option<(Event, Bytes)>, decision: Decision) -> Applied {
    Applied { event, tags: decision.tags }
}

/// The act that an event recorded.
pub fn act_of(replay: &Replay) -> Act {
    let accept = |accepted: &Accepted, publication| {
        Act::Accept(Box::new(Accept { accepted: accepted.clone(), facts: replay.facts.clone(), publication }))
    };
    match &replay.event.body {
        Body::Manifest(accepted) => accept(accepted, None),
        Body::Publish { accepted, version, kind, record } => {
            let (config, record_size) = match &replay.record {
                Some((config, size)) => (Some(Arc::<Config>::clone(config)), *size),
                None => (None, 0),
            };
            let publication =
                Publication { version: version.clone(), kind: *kind, record: *record, record_size, config };
            accept(accepted, Some(publication))
        }
        Body::TagDelete { repository, tag } => Act::DeleteTag { repository: repository.clone(), tag: tag.clone() },
        Body::ManifestDelete { repository, digest } => {
            Act::DeleteManifest { repository: repository.clone(), digest: *digest }
        }
        Body::BlobDelete { repository, digest } => Act::DeleteBlob { repository: repository.clone(), digest: *digest },
        Body::Yank { name, version, reason } => {
            Act::Yank { name: name.clone(), version: version.clone(), reason: *reason }
        }
        Body::Unyank { name, version } => Act::Unyank { name: name.clone(), version: version.clone() },
        Body::Restore { name, version } => Act::Restore { name: name.clone(), version: version.clone() },
    }
}

impl Facts {
    fn version(&self, version: &Version) -> Option<&VersionFacts> {
        self.versions.iter().find(|facts| facts.version == *version)
    }
}

fn latest() -> Option<Tag> {
    Tag::LATEST.parse().ok()
}

fn decide_accept(accept: &Accept, facts: &Facts, mode: Mode) -> Result<Decision, Refused> {
    let accepted = &accept.accepted;
    if mode == Mode::New && !facts.unreadable.is_empty() {
        return Err(Refused::BlobsUnknown(facts.unreadable.clone()));
    }
    if let (Some(package), Some(publication)) = (facts.package, &accept.publication)
        && package != publication.kind
    {
        return Err(Refused::KindDiffers { package, pushed: publication.kind });
    }
    let mut tags = Vec::new();
    for tag in &accepted.tags {
        if is_moved(tag, accept, facts)? && !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    let known = accept.publication.as_ref().is_some_and(|publication| facts.version(&publication.version).is_some());
    let publication = accept.publication.as_ref().filter(|_| !known);
    if facts.manifest == Some(ManifestState::Live) && tags.is_empty() && publication.is_none() {
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
        let record = (publication.record, publication.record_size);
        writes.extend([
            Write::Blob { area: area.clone(), digest: record.0, size: record.1 },
            Write::Package { name: name.clone(), kind: publication.kind },
            Write::Version { name: name.clone(), digest, publication: publication.clone() },
            Write::Reshow { name },
        ]);
        tags.extend(latest());
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
    match (facts.version(&version), target) {
        (Some(known), _) if known.deleted => Err(Refused::VersionDeleted(known.version.clone())),
        (Some(known), _) if known.digest != digest || known.version.to_string() != version.to_string() => {
            Err(Refused::VersionExists { version: known.version.clone(), digest: known.digest })
        }
        (Some(_), _) => Ok(false),
        (None, Some(other)) if *other != digest && facts.package.is_some() => {
            Err(Refused::VersionExists { version, digest: *other })
        }
        (None, target) => Ok(target != Some(&digest)),
    }
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
        Some(name) if !facts.versions_of_manifest.is_empty() => {
            let live = facts.versions_of_manifest.iter().filter(|version| !version.deleted);
            writes.extend(live.map(|version| Write::Deleted {
                name: name.clone(),
                version: version.version.clone(),
                deleted: true,
            }));
            let state = ManifestState::Deleted;
            writes.push(Write::HideManifest { repository: repository.clone(), digest, state });
            writes.push(Write::Reshow { name });
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

/// `reason`: `Some` yanks, with a reason or without; `None` takes a yank back.
fn decide_yank(
    name: &Name,
    version: &Version,
    reason: Option<Option<Digest>>,
    facts: &Facts,
) -> Result<Decision, Refused> {
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
        writes.push(Write::Blob { area: Area::Public, digest, size: 0 });
    }
    let body = match reason {
        Some(reason) => Body::Yank { name, version, reason },
        None => Body::Unyank { name, version },
    };
    Ok(Decision { body: Some(body), writes, tags: latest().into_iter().collect() })
}

fn decide_restore(name: &Name, version: &Version, facts: &Facts) -> Result<Decision, Refused> {
    let found = facts.version(version).ok_or(Refused::NotFound("the version"))?;
    if !found.deleted {
        return Ok(Decision::default());
    }
    let tag: Tag = found.version.tag().parse().map_err(|_| Refused::NotFound("the version's tag"))?;
    let repository = name.repository();
    let writes = vec![
        Write::Deleted { name: name.clone(), version: found.version.clone(), deleted: false },
        Write::HideManifest { repository: repository.clone(), digest: found.digest, state: ManifestState::Live },
        Write::Tag { repository, tag: tag.clone(), digest: found.digest },
        Write::Reshow { name: name.clone() },
    ];
    let body = Body::Restore { name: name.clone(), version: found.version.clone() };
    Ok(Decision { body: Some(body), writes, tags: latest().into_iter().chain([tag]).collect() })
}
