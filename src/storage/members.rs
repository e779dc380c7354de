//! Who writes to a store that several share over a network: a document for each, since there is no lock.
//!
//! Whoever opens such a store says so, says it again now and then, and takes it back at its end. Age is told by the store's clock alone.
//! What a process says that died is there until it is old. Knows nothing of what they write.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store::delete;
use super::{Key, Storage, StorageError};
use crate::domain::Timestamp;

/// How often a member says that it is there.
pub const RENEW_EVERY: Duration = Duration::from_secs(15 * 60);
/// From which age on a member that says nothing counts as gone.
pub const GONE_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Longest document that is read, in bytes.
const DOCUMENT_MAX: u64 = 64 << 10;

/// What a member is here for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It answers requests.
    Server,
    /// One command, which is over soon.
    Command,
    /// It removes what nobody names.
    Collector,
    /// A command that must have the store alone.
    Maintenance,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Server => "a server",
            Self::Command => "a command",
            Self::Collector => "a collection",
            Self::Maintenance => "a command that must have it alone",
        })
    }
}

/// What a member says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// What it is here for.
    pub role: Role,
    /// Its program's version.
    pub release: String,
    /// Where clients reach it, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Presence {
    /// This program, in that role.
    pub fn of(role: Role, address: Option<String>) -> Self {
        Self { role, release: env!("CARGO_PKG_VERSION").to_owned(), address }
    }
}

/// Another member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// What it says.
    pub presence: Presence,
    /// How long ago it said so.
    pub age: Duration,
    /// Path of its document.
    pub path: String,
}

/// This process among those who write to a store.
#[derive(Clone, Debug)]
pub struct Member {
    key: Key,
    document: Bytes,
}

/// Enough to take a member back when the store is closed. Holds none of its locks.
#[derive(Clone, Debug)]
pub struct Trace {
    objects: Arc<dyn ObjectStore>,
    key: Key,
}

impl Trace {
    /// Takes it back; one that is gone already is no error.
    pub async fn erase(&self) -> Result<(), StorageError> {
        delete(&self.objects, &self.key).await
    }
}

impl Member {
    fn of(key: Key, presence: &Presence) -> Result<Self, StorageError> {
        let document = serde_json::to_vec(presence)
            .map_err(|error| StorageError::Malformed { path: key.path(), why: error.to_string() })?;
        Ok(Self { key, document: document.into() })
    }
}

impl Storage {
    /// What [`Storage::renew`] is to say of this process: that it writes to the store. One with a name says it under that, over what
    /// it said before it died.
    pub fn member(&self, presence: &Presence) -> Result<Member, StorageError> {
        Member::of(Key::Member(self.0.server.unwrap_or_else(Uuid::now_v7)), presence)
    }

    /// Says that in the store.
    pub async fn join(&self, presence: &Presence) -> Result<Member, StorageError> {
        let member = self.member(presence)?;
        self.renew(&member).await?;
        Ok(member)
    }

    /// Says something else of the same process.
    pub async fn say(&self, member: Member, presence: &Presence) -> Result<Member, StorageError> {
        let member = Member::of(member.key, presence)?;
        self.renew(&member).await?;
        Ok(member)
    }

    /// Says it again.
    pub async fn renew(&self, member: &Member) -> Result<(), StorageError> {
        self.put(&member.key, member.document.clone()).await
    }

    /// What is left of a member when the store is closed.
    pub fn trace(&self, member: &Member) -> Trace {
        Trace { objects: Arc::clone(self.objects()), key: member.key.clone() }
    }

    /// Takes it back.
    pub async fn leave(&self, member: Member) -> Result<(), StorageError> {
        self.delete(&member.key).await
    }

    /// What time it is by the store's own clock.
    pub async fn time(&self, member: &Member) -> Result<Timestamp, StorageError> {
        self.renew(member).await?;
        let written = self.0.objects.head(&member.key.location()).await;
        let written = written.map_err(|error| StorageError::object(member.key.path(), error))?;
        Ok(Timestamp::from_micros(written.last_modified.timestamp_micros()))
    }

    /// The others who said at most so long ago that they are here, the latest first.
    ///
    /// Relies on a list that shows what was written before it: what S3, Google and Azure promise. Where it does not show even this
    /// process it is an error.
    pub async fn others(&self, member: &Member, within: Duration) -> Result<Vec<Other>, StorageError> {
        self.renew(member).await?;
        let folder = Key::MEMBERS;
        let list = self.0.objects.list(Some(&Path::from(folder)));
        let found: Vec<_> = list.try_collect().await.map_err(|error| StorageError::object(folder, error))?;
        let own = member.key.location();
        let now = found.iter().find(|meta| meta.location == own).map(|meta| meta.last_modified);
        let now = now.ok_or_else(|| StorageError::Unavailable {
            path: own.to_string(),
            source: "the store's list does not show what was just written".into(),
        })?;
        let mut others = Vec::new();
        for meta in found.into_iter().filter(|meta| meta.location != own) {
            let age = (now - meta.last_modified).to_std().unwrap_or_default();
            if age >= within {
                continue;
            }
            let path = meta.location.to_string();
            let bytes = match self.0.objects.get(&meta.location).await {
                Ok(found) if found.meta.size <= DOCUMENT_MAX => found.bytes().await,
                Ok(_) => Ok(Bytes::new()),
                // It has left meanwhile.
                Err(object_store::Error::NotFound { .. }) => continue,
                Err(error) => Err(error),
            };
            let bytes = bytes.map_err(|error| StorageError::object(&path, error))?;
            // One that a newer program wrote otherwise is somebody all the same.
            let unknown = || Presence { role: Role::Server, release: "unknown".to_owned(), address: None };
            let presence = serde_json::from_slice(&bytes).unwrap_or_else(|_| unknown());
            others.push(Other { presence, age, path });
        }
        others.sort_by_key(|other| other.age);
        Ok(others)
    }
}
