//! What the tables hold, in the form in which it is written down, too.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{Area, Config, Deprecation, Digest, Kind, Timestamp, UserName, Version, Visibility};

use super::super::rules::ManifestState;
use super::super::{CollectionRow, Life, ManifestRow, OrgSaid};
use super::packed::{self, Labels, Packed};

/// A manifest in a repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Held {
    pub row: ManifestRow,
    /// Sorted, each once.
    pub blobs: Vec<Digest>,
    pub state: ManifestState,
    /// The event that accepted it first.
    pub n: u64,
}

/// A package, also one that cannot be found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PackageRow {
    pub kind: Kind,
    pub visibility: Visibility,
    #[serde(with = "packed::micros")]
    pub created: Timestamp,
    #[serde(with = "packed::micros")]
    pub updated: Timestamp,
    /// Sorted.
    pub owners: Vec<UserName>,
    /// What `latest` is pinned to, by number.
    pub pinned: Option<Version>,
    /// `None` when all versions are deleted.
    pub shown: Option<ShownVersion>,
    /// What it can be found by; empty if it cannot be found.
    pub labels: Labels,
}

/// The version whose words lists and pages show.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ShownVersion {
    pub number: String,
    /// Whether `latest` is this version, too.
    pub is_latest: bool,
    /// How many versions can be read.
    pub versions: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct VersionRow {
    /// Of the event that published it.
    pub id: Uuid,
    pub version: Version,
    pub kind: Kind,
    pub digest: Digest,
    pub record: Digest,
    pub config: Option<Packed<Config>>,
    pub yanked: bool,
    pub reason: Option<Digest>,
    #[serde(with = "packed::as_json")]
    pub deprecation: Option<Deprecation>,
    pub deleted: bool,
    pub purged: bool,
    #[serde(with = "packed::micros")]
    pub published: Timestamp,
    pub event: u64,
}

/// A collection, and the names of the packages in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Gathered {
    pub row: CollectionRow,
    pub packages: Vec<String>,
}

/// What an organisation says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Said(#[serde(with = "packed::as_json")] pub OrgSaid);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct BlobState {
    pub size: u64,
    #[serde(with = "packed::micros")]
    pub touched: Timestamp,
    pub life: Life,
}

/// A repository's right to read a blob. `recorded`: an event says so.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Link {
    pub area: Area,
    pub recorded: bool,
}
