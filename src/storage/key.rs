//! Every kind of object in the store: where it lies, what it is, and how long a cache may keep it (`spec/layout.md`).
//!
//! Adding a kind makes the compiler ask for all three. Knows nothing of stores.

use std::fmt;
use std::str::FromStr;

use object_store::path::Path;
use uuid::Uuid;

use crate::domain::media_type::{OCI_INDEX, OCTET_STREAM};
use crate::domain::public::{PublicPath, content_path};
use crate::domain::{Area, Digest, Reference};
use crate::tlog::Tile;

/// The name of one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The layout's number.
    Format,
    /// Who commits to this store.
    Owner,
    /// One event, exact bytes.
    Event(u64),
    /// The state that the events up to this one fold into.
    EventSnapshot(u64),
    /// The events after the first of a batch, by the digest of the document.
    EventBatch(Digest),
    /// A blob of an area.
    Blob {
        /// Where it is deduplicated.
        area: Area,
        /// What it is called.
        digest: Digest,
    },
    /// One revision of a draft.
    Draft {
        /// The private area of its organisation.
        area: Area,
        /// Its identity.
        id: Uuid,
        /// From 1.
        revision: u64,
    },
    /// A blob whose bytes turned out not to have its digest.
    Quarantined {
        /// The area it was found in.
        area: Area,
        /// What it was called.
        digest: Digest,
    },
    /// What is known about an upload in flight.
    Upload(Uuid),
    /// The bytes of an upload in flight, on stores that can append.
    UploadData(Uuid),
    /// One part of the bytes of an upload in flight, on stores that cannot append.
    UploadPart(Uuid, PartName),
    /// Who writes to a store that several share over a network, one object each.
    Member(Uuid),
    /// Who collects in it.
    Collecting,
    /// A document of the static tree.
    Public(PublicPath),
    /// Whose transparency log this is, and what seals it.
    LogIdentity,
    /// The log's public key, for readers.
    LogKey,
    /// Head of the log at this size, in a store that owns itself.
    LogHead(u64),
    /// Head of the log, as readers are shown it.
    LogCheckpoint,
    /// A tile of the log, or a bundle of its entries.
    LogTile(Tile),
    /// An event for everybody that is too long for an entry of the log.
    LogLong(u64),
}

/// What a part of an upload is called: its place, and a number of its own, so that two who write the same place write two objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartName {
    /// Its place among the parts, from 0.
    pub place: u32,
    /// Drawn for this object alone.
    pub mark: u32,
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}-{:08x}", self.place, self.mark)
    }
}

impl FromStr for PartName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (place, mark) = text.split_once('-').ok_or(())?;
        let name = Self { place: place.parse().map_err(drop)?, mark: u32::from_str_radix(mark, 16).map_err(drop)? };
        // One name, one way to write it.
        if name.to_string() == text { Ok(name) } else { Err(()) }
    }
}

/// For objects that never change under their name. RFC 8246 defines `immutable`.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// For documents that change: as long as a reader may not know it.
const POINTER: &str = "public, max-age=30";
/// For what must be asked for each time; who has it already is told so.
const CURRENT: &str = "no-cache";
/// For objects that are not for readers at all.
const NO_STORE: &str = "no-store";

impl Key {
    /// Folder of the events.
    pub(super) const EVENTS: &'static str = "events";
    /// Folder of the snapshots.
    pub(super) const SNAPSHOTS: &'static str = "events/snapshot";
    /// Folder of the batches of events that are being committed.
    pub(super) const BATCHES: &'static str = "events/batch";
    /// Folder of the uploads in flight.
    pub(super) const UPLOADS: &'static str = "staging/uploads";
    /// Folder of the log's heads, in a store that owns itself.
    pub(super) const LOG_HEADS: &'static str = "log/head";
    /// Folder of what readers see of the log.
    pub(super) const LOG: &'static str = "public/log";
    /// Folder of those who write to a shared store.
    pub(super) const MEMBERS: &'static str = "staging/members";

    /// The path from the root of the store, with `/` between components. Holds only `a-z 0-9 . _ - /`, and below `public/v2/` also
    /// what tags and digests are written with, and `@`.
    pub fn path(&self) -> String {
        match self {
            Self::Format => "format.json".to_owned(),
            Self::Owner => "owner.json".to_owned(),
            Self::Event(number) => format!("{}/{number:020}", Self::EVENTS),
            Self::EventSnapshot(number) => format!("{}/{number:020}", Self::SNAPSHOTS),
            Self::EventBatch(digest) => format!("{}/{}", Self::BATCHES, digest.hex()),
            Self::Blob { area, digest } => blob_path(area, digest),
            Self::Draft { area, id, revision } => format!("{}/drafts/{id}/{revision:020}", area.as_str()),
            Self::Quarantined { area, digest } => format!("quarantine/{}", blob_path(area, digest)),
            Self::Upload(id) => format!("{}/{id}.json", Self::UPLOADS),
            Self::UploadData(id) => format!("{}/{id}.data", Self::UPLOADS),
            Self::UploadPart(id, name) => format!("{}/{name}", Self::upload_folder(*id)),
            Self::Member(id) => format!("{}/{id}.json", Self::MEMBERS),
            Self::Collecting => "staging/collecting.json".to_owned(),
            Self::Public(document) => format!("{}/{}", Area::Public.as_str(), document.path()),
            Self::LogIdentity => "log/identity.json".to_owned(),
            Self::LogHead(size) => format!("{}/{size:020}", Self::LOG_HEADS),
            Self::LogKey => format!("{}/key", Self::LOG),
            Self::LogCheckpoint => format!("{}/checkpoint", Self::LOG),
            Self::LogTile(tile) => format!("{}/{tile}", Self::LOG),
            Self::LogLong(number) => format!("{}/long/{number:020}", Self::LOG),
        }
    }

    /// The media type that stores which keep one are told.
    pub fn media_type(&self) -> &'static str {
        match self {
            Self::Format | Self::Owner | Self::Event(_) | Self::Upload(_) | Self::Member(_) | Self::Collecting => {
                "application/json"
            }
            Self::LogIdentity | Self::LogLong(_) => "application/json",
            Self::LogHead(_) | Self::LogCheckpoint | Self::LogKey => "text/plain; charset=utf-8",
            // Lines of JSON.
            Self::EventBatch(_) => "application/x-ndjson",
            // A blob's type is in the manifests that name it, and may differ from one to the next.
            // A draft is a line of JSON, and an archive behind it.
            Self::Blob { .. }
            | Self::Draft { .. }
            | Self::Quarantined { .. }
            | Self::EventSnapshot(_)
            | Self::UploadData(_)
            | Self::UploadPart(..)
            | Self::LogTile(_) => OCTET_STREAM,
            Self::Public(document) => public_type(document),
        }
    }

    /// The `Cache-Control` that stores which keep one are told.
    pub fn cache_control(&self) -> &'static str {
        match self {
            Self::Blob { area: Area::Public, .. } => IMMUTABLE,
            // Served to members by the server alone, which sends its own header.
            Self::Blob { area: Area::Private(_), .. } => NO_STORE,
            Self::Format | Self::Owner | Self::Event(_) | Self::EventSnapshot(_) | Self::EventBatch(_) => NO_STORE,
            Self::Draft { .. } | Self::Member(_) | Self::Collecting => NO_STORE,
            Self::Quarantined { .. } | Self::Upload(_) | Self::UploadData(_) | Self::UploadPart(..) => NO_STORE,
            Self::Public(document) => public_caching(document),
            Self::LogIdentity | Self::LogHead(_) => NO_STORE,
            // Whoever has pulled what was published a second ago looks for it in the log.
            Self::LogCheckpoint => CURRENT,
            Self::LogTile(_) | Self::LogLong(_) => IMMUTABLE,
            Self::LogKey => POINTER,
        }
    }

    /// Folder of the parts of an upload.
    pub(super) fn upload_folder(id: Uuid) -> String {
        format!("{}/{id}", Self::UPLOADS)
    }

    /// The path as the object store's own type.
    pub(super) fn location(&self) -> Path {
        Path::from(self.path())
    }
}

/// Folder of an area's blobs.
pub(super) fn blobs_folder(area: &Area) -> String {
    format!("{}/blobs", area.as_str())
}

/// 256 folders hold a million blobs at 4,000 each.
fn blob_path(area: &Area, digest: &Digest) -> String {
    format!("{}/{}", area.as_str(), content_path(digest))
}

fn public_type(document: &PublicPath) -> &'static str {
    match document {
        PublicPath::Registry
        | PublicPath::Package(_)
        | PublicPath::Repository(_)
        | PublicPath::TagList(_)
        | PublicPath::Skills => "application/json",
        PublicPath::Manifest { form, .. } | PublicPath::TypedManifest { form, .. } => form.media_type(),
        PublicPath::Referrers { .. } => OCI_INDEX,
        PublicPath::Blob { .. } => OCTET_STREAM,
        PublicPath::Page(_) | PublicPath::Home => "text/html; charset=utf-8",
        // Compressed whoever asks: `Content-Encoding` would have clients of some stores undo it, and of others not.
        PublicPath::Shard(_) => "application/gzip",
    }
}

fn public_caching(document: &PublicPath) -> &'static str {
    match document {
        PublicPath::Manifest { reference, .. } | PublicPath::TypedManifest { reference, .. } => match reference {
            Reference::Digest(_) => IMMUTABLE,
            Reference::Tag(_) => POINTER,
        },
        PublicPath::Blob { .. } => IMMUTABLE,
        PublicPath::Registry
        | PublicPath::Package(_)
        | PublicPath::Repository(_)
        | PublicPath::TagList(_)
        | PublicPath::Referrers { .. }
        | PublicPath::Page(_)
        | PublicPath::Home
        | PublicPath::Shard(_)
        | PublicPath::Skills => POINTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::public::{ManifestForm, Shard};
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Vector {
        key: String,
        number: Option<u64>,
        area: Option<Area>,
        digest: Option<Digest>,
        upload: Option<Uuid>,
        name: Option<String>,
        reference: Option<String>,
        form: Option<String>,
        part: Option<String>,
        tile: Option<String>,
        path: String,
        media_type: String,
        cache_control: String,
    }

    fn key(vector: &Vector) -> Key {
        let number = || vector.number.unwrap();
        let area = || vector.area.clone().unwrap();
        let digest = || vector.digest.unwrap();
        let upload = || vector.upload.unwrap();
        match vector.key.as_str() {
            "format" => Key::Format,
            "owner" => Key::Owner,
            "event" => Key::Event(number()),
            "event-snapshot" => Key::EventSnapshot(number()),
            "event-batch" => Key::EventBatch(digest()),
            "blob" => Key::Blob { area: area(), digest: digest() },
            "draft" => Key::Draft { area: area(), id: upload(), revision: number() },
            "quarantined" => Key::Quarantined { area: area(), digest: digest() },
            "upload" => Key::Upload(upload()),
            "upload-data" => Key::UploadData(upload()),
            "member" => Key::Member(upload()),
            "collecting" => Key::Collecting,
            "upload-part" => Key::UploadPart(upload(), vector.part.as_deref().unwrap().parse().unwrap()),
            "log-identity" => Key::LogIdentity,
            "log-key" => Key::LogKey,
            "log-head" => Key::LogHead(number()),
            "log-checkpoint" => Key::LogCheckpoint,
            "log-tile" => Key::LogTile(vector.tile.as_deref().unwrap().parse().unwrap()),
            "log-long" => Key::LogLong(number()),
            public if public.starts_with("public-") => Key::Public(public_path(vector)),
            other => panic!("spec/vectors/keys.json names {other}, which is no key"),
        }
    }

    fn public_path(vector: &Vector) -> PublicPath {
        let name = || vector.name.clone().unwrap();
        let package = || name().parse().unwrap();
        let repository = || name().parse().unwrap();
        let reference = || {
            let text = vector.reference.clone().unwrap();
            text.parse().map(Reference::Digest).unwrap_or_else(|_| Reference::Tag(text.parse().unwrap()))
        };
        let form = || ManifestForm::of(vector.form.as_deref().unwrap()).unwrap();
        let digest = || vector.digest.unwrap();
        match vector.key.as_str() {
            "public-registry" => PublicPath::Registry,
            "public-package" => PublicPath::Package(package()),
            "public-repository" => PublicPath::Repository(repository()),
            "public-manifest" => {
                PublicPath::Manifest { repository: repository(), reference: reference(), form: form() }
            }
            "public-typed-manifest" => {
                PublicPath::TypedManifest { repository: repository(), reference: reference(), form: form() }
            }
            "public-tags" => PublicPath::TagList(repository()),
            "public-referrers" => PublicPath::Referrers { repository: repository(), subject: digest() },
            "public-blob" => PublicPath::Blob { repository: repository(), digest: digest() },
            "public-page" => PublicPath::Page(package()),
            "public-home" => PublicPath::Home,
            "public-shard" => PublicPath::Shard(Shard::of(&package())),
            "public-skills" => PublicPath::Skills,
            other => panic!("spec/vectors/keys.json names {other}, which is no document of the tree"),
        }
    }

    #[test]
    fn a_part_has_one_name() {
        let name = PartName { place: 7, mark: 0xa1b2 };
        assert_eq!(name.to_string(), "00000007-0000a1b2");
        assert_eq!("00000007-0000a1b2".parse(), Ok(name));
        for other in ["", "00000007", "7-0000a1b2", "00000007-0000A1B2", "00000007-a1b2", "+0000007-0000a1b2", "../x-1"]
        {
            assert_eq!(other.parse::<PartName>(), Err(()), "{other}");
        }
    }

    #[test]
    fn every_vector_of_the_contract_holds() {
        let text = include_str!("../../spec/vectors/keys.json");
        let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
        let mut kinds = std::collections::BTreeSet::new();
        for vector in &vectors {
            let key = key(vector);
            kinds.insert(vector.key.clone());
            assert_eq!(key.path(), vector.path);
            assert_eq!(key.media_type(), vector.media_type, "{}", vector.path);
            assert_eq!(key.cache_control(), vector.cache_control, "{}", vector.path);
            assert_eq!(key.location().as_ref(), vector.path, "needs no escaping");
        }
        assert_eq!(kinds.len(), 31, "every kind has a vector: {kinds:?}");
    }
}
