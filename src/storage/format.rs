//! The two documents that say what a store is: `format.json` and `owner.json` (`spec/layout.md`).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Created, Key, Replaced, Seen, Storage, StorageError};

/// The layout's number that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Longest of these documents that is read, in bytes.
const DOCUMENT_MAX: u64 = 64 << 10;

/// `format.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// [`FORMAT`] at the time of writing.
    pub format: u32,
}

/// `owner.json`: who decides the order of events in this store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "owner", rename_all = "lowercase")]
pub enum Owner {
    /// The store itself: creating the next event object, if absent, is the commit.
    Store,
    /// A database, by the id that it keeps: its transactions are the commits, and nobody else may write events.
    Database {
        /// The database's id.
        id: String,
    },
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store => f.write_str("itself (metadata memory:)"),
            Self::Database { id } => write!(f, "database {id}"),
        }
    }
}

impl Storage {
    /// Reads `format.json`, writing it in a store that has none. Call it before anything else.
    ///
    /// Errors with [`StorageError::NewerFormat`] where a newer program wrote the store.
    pub async fn check_format(&self) -> Result<Format, StorageError> {
        let ours = Format { format: FORMAT };
        if self.create(&Key::Format, document(&ours)?).await? == Created::Created {
            self.settle(&[Key::Format]).await?;
            return Ok(ours);
        }
        let found: Format = self.document(&Key::Format).await?;
        match found.format {
            FORMAT => Ok(found),
            // Format 1 is the first. The step from an older one to its next belongs here, one arm each.
            0 => Err(StorageError::Malformed { path: Key::Format.path(), why: "no format has the number 0".into() }),
            newer => Err(StorageError::NewerFormat { found: newer, known: FORMAT }),
        }
    }

    /// Makes `owner` the owner of the store if it has none. Returns the owner, durable: `owner`, or who was there before.
    pub async fn claim_owner(&self, owner: &Owner) -> Result<Owner, StorageError> {
        let created = self.create(&Key::Owner, document(owner)?).await?;
        self.settle(&[Key::Owner]).await?;
        match created {
            Created::Created => Ok(owner.clone()),
            Created::Exists => self.document(&Key::Owner).await,
        }
    }

    /// What is seen of the owner's document now, readable or not.
    pub async fn owner_as_seen(&self) -> Result<Seen, StorageError> {
        Ok(self.read(&Key::Owner, DOCUMENT_MAX).await?.map_or(Seen::ABSENT, |found| found.seen))
    }

    /// Errors with [`StorageError::OwnerChanged`] if the owner's document is not what was seen.
    pub async fn expect_owner(&self, seen: &Seen) -> Result<(), StorageError> {
        match self.owner_as_seen().await? == *seen {
            true => Ok(()),
            false => Err(StorageError::OwnerChanged { path: Key::Owner.path() }),
        }
    }

    /// Makes `owner` the owner if the document is still what was seen: for an operator who has rebuilt the database, with no server
    /// running. Errors with [`StorageError::OwnerChanged`] if another did so meanwhile.
    pub async fn change_owner(&self, seen: &Seen, owner: &Owner) -> Result<(), StorageError> {
        if self.replace(&Key::Owner, seen, document(owner)?, None).await? == Replaced::Changed {
            return Err(StorageError::OwnerChanged { path: Key::Owner.path() });
        }
        self.settle(&[Key::Owner]).await
    }

    /// The owner, if the store has one.
    pub async fn owner(&self) -> Result<Option<Owner>, StorageError> {
        match self.document(&Key::Owner).await {
            Ok(owner) => Ok(Some(owner)),
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn document<T: for<'de> Deserialize<'de>>(&self, key: &Key) -> Result<T, StorageError> {
        let bytes = self.get(key, DOCUMENT_MAX).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| StorageError::Malformed { path: key.path(), why: error.to_string() })
    }
}

fn document(value: &impl Serialize) -> Result<Bytes, StorageError> {
    let mut text = serde_json::to_vec(value)
        .map_err(|error| StorageError::Malformed { path: "a document".into(), why: error.to_string() })?;
    text.push(b'\n');
    Ok(text.into())
}
