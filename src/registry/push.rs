//! Pushing a manifest, and publishing it where it is a version of a package.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::domain::{
    Accepted, Action, Actor, Algorithm, Area, Digest, Manifest, Name, Published, Reference, Repository, Tag, Version,
};
use crate::meta::{Accept, Act, ManifestFacts, Publication, Refused};
use crate::storage::Key;

use super::counted::Kept;
use super::uploads::Brought;
use super::{Registry, RegistryError};

/// A manifest to push.
pub struct Push<'a> {
    /// Where to.
    pub repository: &'a Repository,
    /// The tag or digest in the request.
    pub reference: Reference,
    /// Further tags, for a push by digest.
    pub tags: Vec<Tag>,
    /// The request's `Content-Type`.
    pub content_type: Option<&'a str>,
    /// The manifest.
    pub bytes: Bytes,
}

/// What became of a push.
#[derive(Debug)]
pub struct Pushed {
    /// Digest of the manifest.
    pub digest: Digest,
    /// The manifest that it refers to.
    pub subject: Option<Digest>,
    /// The version that it is now.
    pub published: Option<(Name, Version)>,
    /// Why an artifact of a known type was not indexed.
    pub warning: Option<String>,
}

/// A push whose bytes are in the store: what is to be committed, and what is durable before.
pub(super) struct Prepared {
    pub(super) accept: Box<Accept>,
    pub(super) settle: Vec<Key>,
    pub(super) pushed: Pushed,
    /// Until it is committed.
    pub(super) kept: (Kept, Option<Kept>),
}

impl Prepared {
    /// What it writes besides the blobs that were there before: the manifest, and its record.
    pub(super) fn brought(&self) -> Brought {
        let Accepted { repository, area, digest, .. } = &self.accept.accepted;
        let record = self.accept.publication.as_ref().map(|publication| publication.record);
        let digests = record.into_iter().chain([*digest]).collect();
        Brought { repository: repository.clone(), area: area.clone(), digests }
    }
}

impl Registry {
    /// Takes a manifest in. When it returns `Ok`, manifest, blobs and event are durable.
    pub async fn push_manifest(&self, actor: &Actor, push: Push<'_>) -> Result<Pushed, RegistryError> {
        let prepared = self.prepare_push(actor, push).await?;
        self.commit_push(actor, prepared).await
    }

    /// Commits what is prepared.
    pub(super) async fn commit_push(&self, actor: &Actor, prepared: Prepared) -> Result<Pushed, RegistryError> {
        let brought = prepared.brought();
        let Prepared { accept, settle, pushed, kept } = prepared;
        self.commit_brought(actor, Act::Accept(accept), settle, brought, kept).await?;
        Ok(pushed)
    }

    /// Checks a manifest and stores what a push of it takes, short of the commit.
    pub(super) async fn prepare_push(&self, actor: &Actor, push: Push<'_>) -> Result<Prepared, RegistryError> {
        let repository = push.repository;
        self.require_change(actor, Action::Push, repository).await?;
        let limit = self.0.limits.manifest;
        if push.bytes.len() > limit {
            return Err(RegistryError::TooLarge { what: "the manifest", limit: limit as u64 });
        }
        let (algorithm, mut tags) = match &push.reference {
            Reference::Digest(digest) => (digest.algorithm(), push.tags),
            Reference::Tag(tag) => (Algorithm::Sha256, [vec![tag.clone()], push.tags].concat()),
        };
        let mut seen = BTreeSet::new();
        tags.retain(|tag| seen.insert(tag.clone()));
        let manifest = Manifest::parse(push.bytes, push.content_type, algorithm)?;
        if let Reference::Digest(expected) = push.reference
            && expected != manifest.digest
        {
            let (expected, found) = (Box::new(expected), Box::new(manifest.digest));
            return Err(RegistryError::DigestDiffers { expected, found });
        }

        let area = self.area(repository).await?;
        let target = Target::of(repository, &manifest, &tags)?;
        let required = manifest.required_blobs().map(|blob| blob.digest);
        // Each to its end, and the first of them is believed first.
        let (kept, absent, known) = futures::join!(
            self.keep_named(&area, manifest.digest, required),
            self.absent_blobs(actor, repository, &manifest),
            self.known_version(&target),
        );
        let (kept, absent, known) = (kept?, absent?, known?);
        // What is published is whole, whatever is accepted of plain images. So is what is private: a rebuild takes every blob that a
        // manifest names for one that its repository may read, and there may be others in the area.
        let may_be_sparse =
            self.0.limits.sparse_images && area == Area::Public && !matches!(target, Target::Version(..));
        if !absent.is_empty() && !may_be_sparse {
            return Err(Refused::BlobsUnknown(absent).into());
        }
        let publication = match &target {
            Target::Version(name, version) => {
                let publication = self.publication(&area, &manifest, name, version, known).await;
                publication.inspect_err(|error| self.forget_lost(repository, error))?
            }
            Target::Plain | Target::NotIndexed(_) => None,
        };
        let (publication, record) = publication.unzip();
        let mut facts = manifest_facts(&manifest);
        facts.blobs.retain(|(digest, _)| !absent.contains(digest));
        let named = facts.blobs.iter().map(|(digest, _)| *digest).chain([manifest.digest]);
        let named = named.chain(publication.iter().map(|publication| publication.record));
        let settle: Vec<Key> = named.map(|digest| Key::Blob { area: area.clone(), digest }).collect();
        self.0.storage.put_blob(&area, manifest.bytes.clone(), &manifest.digest).await?;

        let accept = Accept {
            accepted: Accepted {
                repository: repository.clone(),
                area,
                digest: manifest.digest,
                media_type: manifest.media_type.clone(),
                size: manifest.bytes.len() as u64,
                tags,
            },
            facts: Some(facts),
            publication,
        };
        let subject = manifest.subject.map(|subject| subject.digest);
        let (published, warning) = match target {
            Target::Version(name, version) => (Some((name, version)), None),
            Target::NotIndexed(warning) => (None, Some(warning)),
            Target::Plain => (None, None),
        };
        let pushed = Pushed { digest: manifest.digest, subject, published, warning };
        Ok(Prepared { accept: Box::new(accept), settle, pushed, kept: (kept, record) })
    }

    /// The blobs that the manifest needs and the repository cannot read. Errors where one has another size than the manifest
    /// says. The transaction looks again; this spares work on manifests that come too early.
    async fn absent_blobs(
        &self,
        actor: &Actor,
        repository: &Repository,
        manifest: &Manifest,
    ) -> Result<Vec<Digest>, RegistryError> {
        let mut absent = Vec::new();
        for blob in manifest.required_blobs() {
            match self.blob(actor, repository, &blob.digest).await {
                Ok(found) if found.size != blob.size => {
                    let (digest, expected, found) = (blob.digest, blob.size, found.size);
                    return Err(RegistryError::SizeDiffers { digest, expected, found });
                }
                Ok(_) => {}
                Err(RegistryError::BlobUnknown(digest)) => absent.push(digest),
                Err(error) => return Err(error),
            }
        }
        Ok(absent)
    }

    /// Bytes that are gone, behind our back or collected by another server: whoever asks again must be told to send them.
    fn forget_lost(&self, repository: &Repository, error: &RegistryError) {
        let RegistryError::Refused(Refused::BlobsUnknown(lost)) = error else { return };
        self.0.cache.advance();
        lost.iter().for_each(|digest| self.0.cache.links.remove(&(repository.clone(), *digest)));
    }

    /// The version that the push would be, if there is one. The transaction decides; this look spares opening the layers of what is
    /// refused or known anyway.
    async fn known_version(&self, target: &Target) -> Result<Option<Published>, RegistryError> {
        match target {
            Target::Version(name, version) => Ok(self.0.meta.catalog.bare_version(name, version).await?),
            Target::Plain | Target::NotIndexed(_) => Ok(None),
        }
    }

    /// The publication that the push is, or `None` if the very same one was made before.
    async fn publication(
        &self,
        area: &Area,
        manifest: &Manifest,
        name: &Name,
        version: &Version,
        known: Option<Published>,
    ) -> Result<Option<(Publication, Kept)>, RegistryError> {
        if let Some(known) = known {
            if known.purged {
                return Err(Refused::VersionPurged(known.version).into());
            }
            if known.deleted {
                return Err(Refused::VersionDeleted(known.version).into());
            }
            if known.digest != manifest.digest {
                return Err(Refused::VersionExists { version: known.version, digest: known.digest }.into());
            }
            self.mend_record(area, manifest, name, &known).await?;
            return Ok(None);
        }
        self.make_record(area, manifest, name, version).await.map(Some)
    }

    /// Makes the record of a version once more if it is lost, so that pushing again mends that as well. What this release reads may be
    /// another one than was published: then it stays lost.
    async fn mend_record(
        &self,
        area: &Area,
        manifest: &Manifest,
        name: &Name,
        known: &Published,
    ) -> Result<(), RegistryError> {
        if self.0.storage.blob_size(area, &known.record).await?.is_some() {
            return Ok(());
        }
        let record = Key::Blob { area: area.clone(), digest: known.record };
        let (publication, _kept) = self.make_record(area, manifest, name, &known.version).await?;
        match publication.record == known.record {
            true => Ok(self.0.storage.settle(&[record]).await?),
            false => Ok(()),
        }
    }
}

/// What a push is, besides content.
enum Target {
    /// Content alone.
    Plain,
    /// An artifact that cannot be indexed here, and why.
    NotIndexed(String),
    /// A version of a package.
    Version(Name, Version),
}

impl Target {
    fn of(repository: &Repository, manifest: &Manifest, tags: &[Tag]) -> Result<Self, RegistryError> {
        let Some(kind) = manifest.kind() else { return Ok(Self::Plain) };
        let versions: Vec<Version> = tags.iter().filter_map(Version::from_tag).collect();
        let Some(name) = repository.package() else {
            return Ok(Self::NotIndexed(format!(
                "this {kind} is not indexed: only repositories of the form org/name are packages"
            )));
        };
        match versions.as_slice() {
            [] => Ok(Self::NotIndexed(format!(
                "this {kind} is not indexed: push it under a semantic version as tag, such as 1.0.0, to publish it"
            ))),
            [version] => Ok(Self::Version(name, version.clone())),
            [_, ..] => Err(RegistryError::ManifestInvalid(
                "a manifest is one version, several of the tags are versions; push each version's own manifest"
                    .to_owned(),
            )),
        }
    }
}

/// What the metadata store needs to know of a manifest.
pub(super) fn manifest_facts(manifest: &Manifest) -> ManifestFacts {
    let blobs: BTreeSet<(Digest, u64)> = manifest.required_blobs().map(|blob| (blob.digest, blob.size)).collect();
    ManifestFacts {
        subject: manifest.subject.as_ref().map(|subject| subject.digest),
        artifact_type: manifest.artifact_type.clone(),
        annotations: manifest.annotations.clone(),
        blobs: blobs.into_iter().collect(),
    }
}
