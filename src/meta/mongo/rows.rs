//! The documents, one type a collection. `schema.rs` holds their validators and indexes.
//!
//! Times are microseconds since 1970. JSON that must come back as it was is text: as a document its keys could not hold `$`,
//! dots and NUL everywhere.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(super) use super::super::column::{json, signed, to_json, unsigned};
use super::super::{Head, MetaError, Needs};
use super::keys::pair;
use super::posting::Bits;
use crate::domain::{self, Timestamp, Version};

/// A document whose `_id` is a text.
pub(super) trait Row: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync {
    const COLLECTION: &'static str;
    fn id(&self) -> &str;
}

macro_rules! rows {
    ($($row:ident in $collection:literal),* $(,)?) => {$(
        impl Row for $row {
            const COLLECTION: &'static str = $collection;
            fn id(&self) -> &str {
                &self.id
            }
        }
    )*};
}

rows! {
    Repository in "repositories", Manifest in "manifests", Tag in "tags", Package in "packages", Label in "labels",
    Posting in "postings", Release in "versions", Config in "configs", Collection in "collections", Org in "orgs",
    Blob in "blobs", Link in "links", Account in "accounts", Downloads in "downloads", Daily in "daily_downloads",
    Batch in "download_batches", Star in "stars",
}

/// The collection of [`Event`]s.
pub(super) const EVENTS: &str = "events";
/// The collection of the counter, the identity and the number of the schema.
pub(super) const REGISTRY: &str = "registry";
/// `_id` of the [`Counter`].
pub(super) const COUNTER: &str = "counter";
/// `_id` of the identity.
pub(super) const IDENTITY: &str = "identity";

/// `_id` of the head of the transparency log, once there is one.
pub(super) const LOG: &str = "log";

/// The head of the sequence. Every change writes it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Counter {
    pub n: i64,
    pub time: i64,
    /// How many packages have begun: the number of the next one.
    #[serde(default)]
    pub packages: i64,
}

impl Counter {
    pub fn head(self) -> Head {
        Head { n: unsigned(self.n), time: Timestamp::from_micros(self.time) }
    }

    /// The same at another head.
    pub fn at(self, head: Head) -> Self {
        Self { n: signed(head.n), time: head.time.micros(), ..self }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Event {
    #[serde(rename = "_id")]
    pub n: i64,
    pub repository: String,
    pub bytes: mongodb::bson::Binary,
}

/// A repository that was ever pushed to, or a name of which something was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Repository {
    #[serde(rename = "_id")]
    pub id: String,
    /// How many manifests it has that are not hidden.
    pub live: i64,
    /// It is in no list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlisted: bool,
    /// Who sees what is under the name, as was said before there was a package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// Nothing was ever pushed to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpushed: bool,
}

/// `_id`: repository and digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    #[serde(rename = "_id")]
    pub id: String,
    /// Its own bytes: area and digest.
    pub blob: String,
    pub media_type: String,
    pub size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The `_id` that the manifest has, or would have, that it refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub annotations: String,
    /// What it names, each once, in order: area and digest.
    pub blobs: Vec<String>,
    pub hidden: bool,
    /// The event that accepted it first.
    pub n: i64,
}

/// `_id`: repository and tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tag {
    #[serde(rename = "_id")]
    pub id: String,
    /// Repository and digest.
    pub manifest: String,
}

/// `_id`: name. `shown` and what follows it describe the version that the package shows; without it the package is not found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Package {
    #[serde(rename = "_id")]
    pub id: String,
    /// Its own for ever, from 0, without gaps: postings have packages by it.
    pub number: i64,
    pub org: String,
    pub kind: String,
    pub visibility: String,
    pub created: i64,
    pub updated: i64,
    /// How many versions can be read.
    pub versions: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// Its rank, if it is shown because no other has a higher one; none if it is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// Number of the version that `latest` is pinned to. It does not count while that one is yanked or deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<String>,
    /// The words of that version, JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Keys of its labels.
    pub labels: Vec<String>,
    /// Names of the users who own it, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    pub downloads: i64,
    pub stars: i64,
}

/// `_id`: type and label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Label {
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(rename = "type")]
    pub of: String,
    /// Public packages that show it, or are in that organisation.
    pub count: i64,
}

/// `_id`: the hash of what packages are found by, and a chunk of numbers. None has no number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Posting {
    #[serde(rename = "_id")]
    pub id: String,
    /// Numbers of the packages that are found by it.
    pub bits: Bits,
}

/// `_id`: name and number, which is the version without build metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Release {
    #[serde(rename = "_id")]
    pub id: String,
    pub name: String,
    pub version: String,
    /// Its byte order is the order in which versions are shown; none when deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<String>,
    /// Name and digest.
    pub manifest: String,
    pub kind: String,
    pub record: String,
    pub yanked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is said against it, JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecation: Option<String>,
    /// What a resolver asks of it, JSON; none where that is longer than [`NEEDS_MAX`], and without a config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    pub deleted: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub purged: bool,
    pub published: i64,
    pub event: i64,
    /// Id of that event.
    pub event_id: String,
    /// What it keeps besides its manifest: the record first, then reasons; area and digest.
    pub blobs: Vec<String>,
}

/// Longest text that lies in the index of releases, in bytes. Entries above a tenth of a page, 1.6 KiB, lie apart from it.
const NEEDS_MAX: usize = 1024;

impl Release {
    /// What a resolver asks of a version with this config, as it is kept.
    pub fn needs(config: domain::Config) -> Result<Option<String>, MetaError> {
        Ok(Some(to_json(&Needs::from(config))?).filter(|text| text.len() <= NEEDS_MAX))
    }

    pub fn key(name: impl std::fmt::Display, version: &Version) -> String {
        pair(name, version.number())
    }
}

/// The config of a version, apart from it: versions are read by the hundred, configs one at a time, and may take megabytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Config {
    #[serde(rename = "_id")]
    pub id: String,
    pub text: String,
}

/// `_id`: name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Collection {
    #[serde(rename = "_id")]
    pub id: String,
    pub org: String,
    /// Its document: area and digest.
    pub blob: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub visibility: String,
    /// Names of the packages in it.
    pub packages: Vec<String>,
    pub created: i64,
    pub updated: i64,
}

/// `_id`: name. What an organisation says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Org {
    #[serde(rename = "_id")]
    pub id: String,
    /// Its document: area and digest.
    pub blob: String,
    /// What that says, JSON.
    pub profile: String,
    /// Who sees its packages when they are new.
    pub visibility: String,
    pub created: i64,
    pub updated: i64,
}

/// `_id`: area and digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Blob {
    #[serde(rename = "_id")]
    pub id: String,
    pub size: i64,
    pub touched: i64,
    pub state: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condemned: Option<i64>,
    /// The last event that named it: naming is a write always, and meets a collection that condemns it at the same time.
    #[serde(default)]
    pub named: i64,
}

/// A blob that lives.
pub(super) const LIVE: i32 = 0;
/// A blob that waits for its grace period to end, and may live again.
pub(super) const CONDEMNED: i32 = 1;
/// A blob whose bytes are being removed.
pub(super) const DELETING: i32 = 2;

/// `_id`: repository and digest. That repository may read the blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Link {
    #[serde(rename = "_id")]
    pub id: String,
    /// Area and digest.
    pub blob: String,
    /// An event says so. Links of uploads and mounts alone are not, and a rebuild does not bring them back.
    pub recorded: bool,
}

/// `_id`: the name of a user, or `operator`. With roles and tokens in one document, each change of them is one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Account {
    #[serde(rename = "_id")]
    pub id: String,
    pub created: i64,
    /// Organisation and role.
    pub roles: Vec<String>,
    pub tokens: Vec<Token>,
}

/// A token within its account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Token {
    pub name: String,
    /// SHA-256 of the secret, which is not kept.
    pub hash: String,
    pub created: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

/// `_id`: name, version without build metadata, and day. Downloads of that version on that day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Downloads {
    #[serde(rename = "_id")]
    pub id: String,
    pub name: String,
    pub version: String,
    /// Since 1970-01-01, UTC.
    pub day: i64,
    pub number: i64,
}

/// `_id`: day and name. Downloads of all versions of a package on that day, which is what trends read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Daily {
    #[serde(rename = "_id")]
    pub id: String,
    pub day: i64,
    pub name: String,
    pub number: i64,
}

/// `_id`: a sender of batches. One that is sent again is not counted again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Batch {
    #[serde(rename = "_id")]
    pub id: String,
    /// Its last batch.
    pub number: i64,
}

/// `_id`: user and name of the package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Star {
    #[serde(rename = "_id")]
    pub id: String,
    pub name: String,
    pub starred: i64,
    /// The day of that, since 1970-01-01, UTC.
    pub day: i64,
}
