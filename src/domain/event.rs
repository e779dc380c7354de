//! Events: every change of the catalogue, in order (`spec/events.md`).
//!
//! An event is canonical JSON, hashed and stored as written. It carries digests and names, no address, e-mail or free text,
//! so that content can be purged while the sequence stays whole.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ActorId, Area, Digest, Kind, Name, OrgName, Repository, Tag, Timestamp, UserName, Version, Visibility};

/// The version of the event format that this code writes and reads.
pub const EVENT_FORMAT: u32 = 1;

/// One change of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// [`EVENT_FORMAT`].
    pub v: u32,
    /// Its place in the sequence, from 1 without gaps.
    pub n: u64,
    /// UUIDv7.
    pub id: Uuid,
    /// The later of the clock and the previous event's time.
    pub time: Timestamp,
    /// Who did it.
    pub actor: ActorId,
    /// It is the first of events that count only together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<EventBatch>,
    /// Whether what it tells is not for everybody. `None` in events of older releases, which did not say: to be treated as if it were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<bool>,
    /// What happened.
    #[serde(flatten)]
    pub body: Body,
}

/// Events that count only together, in a store that owns itself (`spec/layout.md`, "events/batch/").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBatch {
    /// How many, the first included.
    pub count: u64,
    /// Digest of the document that holds the others.
    pub digest: Digest,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Body {
    /// A manifest was accepted into a repository, and perhaps tagged.
    #[serde(rename = "manifest")]
    Manifest(Accepted),
    /// A manifest was accepted, and is a version of a package from now on.
    #[serde(rename = "publish")]
    Publish {
        /// The manifest and its tags.
        #[serde(flatten)]
        accepted: Accepted,
        /// The version, build metadata included.
        version: Version,
        /// What the artifact is.
        kind: Kind,
        /// Digest of the [`super::Record`] blob.
        record: Digest,
    },
    /// A tag was removed. If it was a version's tag, the version is deleted, and can be restored.
    #[serde(rename = "tag.delete")]
    TagDelete {
        /// Where.
        repository: Repository,
        /// Which.
        tag: Tag,
    },
    /// A manifest and all tags on it were removed. Versions that it was are deleted, and can be restored.
    #[serde(rename = "manifest.delete")]
    ManifestDelete {
        /// Where.
        repository: Repository,
        /// Which.
        digest: Digest,
    },
    /// A blob can no longer be read through a repository.
    #[serde(rename = "blob.delete")]
    BlobDelete {
        /// Where.
        repository: Repository,
        /// Which.
        digest: Digest,
    },
    /// A version is no longer chosen for ranges; it can still be read by its exact number.
    #[serde(rename = "yank")]
    Yank {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
        /// Digest of a blob with the reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Digest>,
    },
    /// A yank was taken back.
    #[serde(rename = "unyank")]
    Unyank {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
    },
    /// People had better leave a version; ranges still choose it.
    #[serde(rename = "deprecate")]
    Deprecate {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
        /// Digest of a blob with the reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Digest>,
        /// The package to use instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replacement: Option<Name>,
    },
    /// A deprecation was taken back.
    #[serde(rename = "undeprecate")]
    Undeprecate {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
    },
    /// `latest` names this version, whatever else is published.
    #[serde(rename = "pin")]
    Pin {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
    },
    /// `latest` is computed again.
    #[serde(rename = "unpin")]
    Unpin {
        /// The package.
        name: Name,
    },
    /// Somebody else sees a package from now on.
    #[serde(rename = "visibility")]
    Visibility {
        /// The package.
        name: Name,
        /// Who sees it.
        visibility: Visibility,
    },
    /// Other users own a package from now on.
    #[serde(rename = "owners")]
    Owners {
        /// The package.
        name: Name,
        /// All of them, sorted, each once.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        owners: Vec<UserName>,
    },
    /// A collection says this from now on.
    #[serde(rename = "collection")]
    Collection {
        /// The collection.
        collection: Name,
        /// Digest of the blob with the [`super::Collection`].
        document: Digest,
    },
    /// A collection was removed.
    #[serde(rename = "collection.delete")]
    CollectionDelete {
        /// The collection.
        collection: Name,
    },
    /// An organisation says this of itself from now on.
    #[serde(rename = "org")]
    Org {
        /// The organisation.
        org: OrgName,
        /// Digest of the blob with the [`super::Profile`].
        profile: Digest,
        /// Who sees its packages when they are new; it stands in the profile too.
        #[serde(default, skip_serializing_if = "is_public")]
        visibility: Visibility,
    },
    /// A deleted version is gone for good: its number stays burnt, its bytes are removed.
    #[serde(rename = "purge")]
    Purge {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
        /// Digest of its manifest.
        digest: Digest,
    },
    /// A deleted version is back.
    #[serde(rename = "restore")]
    Restore {
        /// The package.
        name: Name,
        /// The version.
        version: Version,
    },
}

/// A manifest as a repository accepted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Where.
    pub repository: Repository,
    /// Area that holds the bytes.
    #[serde(default)]
    pub area: Area,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its length in bytes.
    pub size: u64,
    /// Tags that point at it from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// Bytes that are no event this code can apply. A rebuild stops here rather than skip one.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Written by a newer release.
    #[error("event {n} has format {v}, this program reads format {EVENT_FORMAT}: use a newer release")]
    NewerFormat {
        /// Its number.
        n: u64,
        /// Its format.
        v: u32,
    },
    /// Not an event, or of a type not known here.
    #[error("not a readable event: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl Event {
    /// The bytes that are stored and hashed: JSON with sorted keys and no white space.
    pub fn to_bytes(&self) -> Bytes {
        // Going through Value sorts the keys; an event has only strings, integers, arrays and objects, so this is RFC 8785's form.
        let value = serde_json::to_value(self).unwrap_or_default();
        Bytes::from(value.to_string())
    }

    /// Reads what [`Event::to_bytes`] wrote, or a newer release with more fields.
    pub fn parse(bytes: &[u8]) -> Result<Self, EventError> {
        #[derive(Deserialize)]
        struct Head {
            v: u32,
            n: u64,
        }
        let head: Head = serde_json::from_slice(bytes)?;
        if head.v != EVENT_FORMAT {
            return Err(EventError::NewerFormat { n: head.n, v: head.v });
        }
        Ok(serde_json::from_slice(bytes)?)
    }
}

impl Body {
    /// Its `type`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Manifest(_) => "manifest",
            Self::Publish { .. } => "publish",
            Self::TagDelete { .. } => "tag.delete",
            Self::ManifestDelete { .. } => "manifest.delete",
            Self::BlobDelete { .. } => "blob.delete",
            Self::Yank { .. } => "yank",
            Self::Unyank { .. } => "unyank",
            Self::Deprecate { .. } => "deprecate",
            Self::Undeprecate { .. } => "undeprecate",
            Self::Pin { .. } => "pin",
            Self::Unpin { .. } => "unpin",
            Self::Visibility { .. } => "visibility",
            Self::Owners { .. } => "owners",
            Self::Collection { .. } => "collection",
            Self::CollectionDelete { .. } => "collection.delete",
            Self::Org { .. } => "org",
            Self::Purge { .. } => "purge",
            Self::Restore { .. } => "restore",
        }
    }

    /// The repository that it changed, if it is about one.
    pub fn repository(&self) -> Option<Repository> {
        let repository = match self {
            Self::Manifest(accepted) | Self::Publish { accepted, .. } => accepted.repository.clone(),
            Self::TagDelete { repository, .. }
            | Self::ManifestDelete { repository, .. }
            | Self::BlobDelete { repository, .. } => repository.clone(),
            Self::Yank { name, .. }
            | Self::Unyank { name, .. }
            | Self::Deprecate { name, .. }
            | Self::Undeprecate { name, .. }
            | Self::Pin { name, .. }
            | Self::Unpin { name }
            | Self::Visibility { name, .. }
            | Self::Owners { name, .. }
            | Self::Purge { name, .. }
            | Self::Restore { name, .. } => name.repository(),
            Self::Collection { .. } | Self::CollectionDelete { .. } | Self::Org { .. } => return None,
        };
        Some(repository)
    }
}

/// What need not be said.
fn is_public(visibility: &Visibility) -> bool {
    *visibility == Visibility::Public
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: Body) -> Event {
        Event {
            v: EVENT_FORMAT,
            n: 7,
            id: Uuid::from_u128(1),
            time: Timestamp::from_micros(1),
            actor: crate::domain::Actor::Operator.id(),
            batch: None,
            hidden: Some(false),
            body,
        }
    }

    #[test]
    fn canonical_bytes_come_back() -> Result<(), Box<dyn std::error::Error>> {
        let yank = event(Body::Yank { name: "acme/hello".parse()?, version: "1.0.0".parse()?, reason: None });
        let bytes = yank.to_bytes();
        assert_eq!(
            bytes,
            r#"{"actor":"operator","hidden":false,"id":"00000000-0000-0000-0000-000000000001","n":7,"name":"acme/hello","time":"1970-01-01T00:00:00.000001Z","type":"yank","v":1,"version":"1.0.0"}"#
        );
        assert_eq!(Event::parse(&bytes)?, yank);
        Ok(())
    }

    #[test]
    fn newer_and_unknown_events_stop_a_rebuild() {
        let newer = br#"{"v":2,"n":9}"#;
        assert!(matches!(Event::parse(newer), Err(EventError::NewerFormat { n: 9, v: 2 })));
        let unknown = br#"{"v":1,"n":9,"id":"00000000-0000-0000-0000-000000000001","time":"1970-01-01T00:00:00Z","actor":"operator","type":"explode"}"#;
        assert!(matches!(Event::parse(unknown), Err(EventError::Malformed(_))));
    }
}
