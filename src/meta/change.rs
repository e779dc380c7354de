//! Changes: what a caller asks of the catalogue, and what comes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::domain::{
    Accepted, ActorId, Area, Collection, Config, Deprecation, Digest, Event, Kind, Name, OrgName, Profile, Repository,
    Tag, Timestamp, UserName, Version, Visibility,
};

/// One change. If it is not refused and changes anything, it becomes exactly one event.
#[derive(Clone, Debug)]
pub struct Change {
    /// Id of the event, UUIDv7.
    pub id: Uuid,
    /// Who asks.
    pub actor: ActorId,
    /// The caller's clock; the event's time is the later of this and the previous event's.
    pub time: Timestamp,
    /// What is to be done.
    pub act: Act,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Act {
    /// Take a manifest into a repository, tag it, and perhaps publish it as a version.
    Accept(Box<Accept>),
    /// Remove a tag; if it is a version's, delete the version.
    DeleteTag {
        /// Where.
        repository: Repository,
        /// Which.
        tag: Tag,
    },
    /// Remove a manifest and its tags; versions that it is are deleted.
    DeleteManifest {
        /// Where.
        repository: Repository,
        /// Which.
        digest: Digest,
    },
    /// End a repository's right to read a blob.
    DeleteBlob {
        /// Where.
        repository: Repository,
        /// Which.
        digest: Digest,
    },
    /// Take a version out of ranges.
    Yank {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
        /// Blob with the reason.
        reason: Option<Digest>,
        /// Where its bytes were brought, if somebody knows. [`Refused::Elsewhere`] if that is not where the package lies.
        area: Option<Area>,
    },
    /// Put a yanked version back.
    Unyank {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
    },
    /// Say of a version that people had better leave it. Said again with other words, those count.
    Deprecate {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
        /// What is said.
        deprecation: Deprecation,
        /// Where the bytes of its reason were brought, as for a yank.
        area: Option<Area>,
    },
    /// Take a deprecation back.
    Undeprecate {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
    },
    /// Let `latest` name a version until it is unpinned.
    Pin {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
    },
    /// Let `latest` be computed again.
    Unpin {
        /// The package.
        name: Name,
    },
    /// Let others see a package than before; or a name be private before anything is pushed under it.
    SetVisibility {
        /// The package.
        name: Name,
        /// Who sees it.
        visibility: Visibility,
        /// What lies in the area that is right then, as was made sure of. [`Refused::Changed`] if that is not all that the package
        /// keeps and its area changes.
        copied: Vec<Digest>,
    },
    /// Let other users own a package.
    SetOwners {
        /// The package.
        name: Name,
        /// All of them.
        owners: Vec<UserName>,
        /// Who owned it when the caller looked. [`Refused::Changed`] if it is others now.
        seen: Option<Vec<UserName>>,
    },
    /// Let a collection say something, whether or not it is there.
    SetCollection {
        /// The collection.
        name: Name,
        /// Digest of its document.
        document: Digest,
        /// Length of the document in bytes; 0 only on replay, when it was purged.
        size: u64,
        /// What the document says. `None` only on replay, when it was purged.
        content: Option<Arc<Collection>>,
        /// What the caller saw. [`Refused::Changed`] if it is something else now.
        seen: Seen,
    },
    /// Remove a collection.
    DeleteCollection {
        /// The collection.
        name: Name,
        /// What the caller saw.
        seen: Seen,
    },
    /// Let an organisation say something of itself.
    SetOrg {
        /// The organisation.
        org: OrgName,
        /// Digest of its document.
        document: Digest,
        /// Length of the document in bytes; 0 only on replay, when it was purged.
        size: u64,
        /// What the document says. On replay, when it was purged, what the event says of it.
        profile: Arc<Profile>,
        /// What the caller saw.
        seen: Seen,
    },
    /// Give up a deleted version for good, with its manifest and all tags on that.
    Purge {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
        /// Its manifest.
        digest: Digest,
    },
    /// Bring a deleted version back.
    Restore {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
    },
}

/// A manifest to take in.
#[derive(Clone, Debug)]
pub struct Accept {
    /// The part that the event will carry.
    pub accepted: Accepted,
    /// What the manifest says. `None` only on replay, when its bytes were purged.
    pub facts: Option<ManifestFacts>,
    /// The version that it becomes.
    pub publication: Option<Publication>,
}

/// What the store needs to know of a manifest's content.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ManifestFacts {
    /// The manifest that it refers to.
    pub subject: Option<Digest>,
    /// Its type of artifact, for referrers.
    pub artifact_type: Option<String>,
    /// Its annotations, for referrers.
    pub annotations: BTreeMap<String, String>,
    /// Blobs that must be readable through the repository, with their sizes in bytes.
    pub blobs: Vec<(Digest, u64)>,
}

/// What a caller saw of something that it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It does not say.
    Unsaid,
    /// That there was none.
    Absent,
    /// The document with this digest.
    Document(Digest),
}

impl Seen {
    /// Whether it is so.
    pub fn is(self, known: Option<Digest>) -> bool {
        match self {
            Self::Unsaid => true,
            Self::Absent => known.is_none(),
            Self::Document(digest) => known == Some(digest),
        }
    }
}

/// A manifest that becomes a version.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The version.
    pub version: Version,
    /// What the artifact is.
    pub kind: Kind,
    /// The record blob.
    pub record: Digest,
    /// Its length in bytes; 0 only on replay, when it was purged.
    pub record_size: u64,
    /// The record's config. `None` only on replay, when the record was purged.
    pub config: Option<Arc<Config>>,
}

/// How the changes of one batch hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atomicity {
    /// A refused change leaves the others.
    Each,
    /// All or none: one refusal refuses the batch. Each that is refused says why, and the others are [`Refused::Batch`].
    All,
}

/// What one change of a batch came to.
pub type Outcome = Result<Applied, Refused>;

/// A change that stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The event with its exact bytes; `None` if everything was so already.
    pub event: Option<(Event, Bytes)>,
    /// Tags that moved, appeared or vanished, computed ones included.
    pub tags: Vec<Tag>,
}

/// Why a change was refused. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// The version is published with other bytes.
    #[error("version {version} is published already, as {digest}; a version is written once, push a new one")]
    VersionExists {
        /// The version, as published.
        version: Version,
        /// Its manifest.
        digest: Digest,
    },
    /// The version was deleted, and its number is burnt.
    #[error("version {0} was deleted, its number cannot be used again; restore it or push a new version")]
    VersionDeleted(Version),
    /// The version was purged, and its number is burnt.
    #[error("version {0} was purged: its content is gone and its number cannot be used again; push a new version")]
    VersionPurged(Version),
    /// Only what is deleted can be purged.
    #[error("version {0} is not deleted, and only what is deleted can be purged; delete it first")]
    PurgeOfLive(Version),
    /// The package is of another kind.
    #[error(
        "the package is a {package}, this is a {pushed}; a package never changes its kind, push under another name"
    )]
    KindDiffers {
        /// What it is.
        package: Kind,
        /// What was pushed.
        pushed: Kind,
    },
    /// In a package, `latest` follows the versions.
    #[error("latest is computed from the published versions; push the version itself")]
    LatestIsComputed,
    /// Blobs that the manifest names are not in the repository.
    #[error("{} of the manifest's blobs are not in the repository; push them first", .0.len())]
    BlobsUnknown(Vec<Digest>),
    /// A published version needs the blob.
    #[error("version {0} needs this blob; delete the version first")]
    BlobInUse(Version),
    /// A yanked version cannot be what everybody gets.
    #[error("version {0} is yanked; take the yank back first, or pin another version")]
    PinOfYanked(Version),
    /// Its bytes were brought to an area that is not, or not any more, the one of the repository.
    #[error("who sees {0} changed while this was pushed, and with it where its content lies; push all of it again")]
    Elsewhere(Repository),
    /// Somebody else changed it since the caller looked.
    #[error("{0} changed since you read it; read it again and repeat what you want")]
    Changed(&'static str),
    /// The tag, manifest, version or blob is not there.
    #[error("{0} is not there")]
    NotFound(&'static str),
    /// Another change of the batch was refused.
    #[error("another change of the batch was refused")]
    Batch,
}

/// An event to apply again, with what its blobs say.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The event.
    pub event: Event,
    /// Its exact bytes.
    pub bytes: Bytes,
    /// The manifest's content, for events that carry a manifest, unless it was purged.
    pub facts: Option<ManifestFacts>,
    /// The record's config and length, for publications, unless it was purged.
    pub record: Option<(Arc<Config>, u64)>,
    /// What a collection says and the length of its document, for changes of collections, unless it was purged.
    pub collection: Option<(Arc<Collection>, u64)>,
    /// What an organisation says and the length of its document, for changes of organisations, unless it was purged.
    pub profile: Option<(Arc<Profile>, u64)>,
}
