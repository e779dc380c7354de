//! What no event says of blobs, in rows that can be carried from one store to another: when each was last needed, how far a
//! collection was with it, and which repositories may read it since an upload alone.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::MetaError;
use crate::domain::{Area, Digest, Repository, Timestamp};

/// What names a blob.
pub type BlobKey = (Area, Digest);

/// What names a link.
pub type LinkKey = (Repository, Digest);

/// How far a collection is with a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// It is needed, or may be.
    Live,
    /// Nothing needed it at that time; it may live again.
    Condemned(Timestamp),
    /// Its bytes are being removed.
    Deleting,
}

/// A blob as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedBlob {
    /// Where its bytes are.
    pub area: Area,
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// When somebody last counted on it.
    pub touched: Timestamp,
    /// How far a collection is with it.
    pub life: Life,
}

impl CarriedBlob {
    /// What names it.
    pub fn key(&self) -> BlobKey {
        (self.area.clone(), self.digest)
    }
}

/// A repository's right to read a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedLink {
    /// Whose right it is.
    pub repository: Repository,
    /// What it may read.
    pub digest: Digest,
    /// Where that is.
    pub area: Area,
    /// An event says so. A link of an upload or a mount alone is not recorded.
    pub recorded: bool,
}

impl CarriedLink {
    /// What names it.
    pub fn key(&self) -> LinkKey {
        (self.repository.clone(), self.digest)
    }
}

/// Rows that no event brings back, as they are, for whoever moves a catalogue to another store.
///
/// Lists are in the order of their keys' text, byte by byte: area or repository first, then the digest. What is put is so
/// exactly, whatever was there before; each call is one transaction, and durable on return. Only who moves a catalogue puts
/// rows here, and nobody else uses that store meanwhile. [`Carrier::links`] and [`Carrier::unlink`] alone are called beside changes.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Blobs after a key, at most `limit`, those that are being deleted too.
    async fn blobs(&self, after: Option<&BlobKey>, limit: usize) -> Result<Vec<CarriedBlob>, MetaError>;

    /// Links after a key, at most `limit`.
    async fn links(&self, after: Option<&LinkKey>, limit: usize) -> Result<Vec<CarriedLink>, MetaError>;

    /// Makes these blobs so, and forgets those that are gone. Links stay as they are.
    async fn put_blobs(&self, blobs: &[CarriedBlob], gone: &[BlobKey]) -> Result<(), MetaError>;

    /// Makes these links so, and removes those that are gone.
    async fn put_links(&self, links: &[CarriedLink], gone: &[LinkKey]) -> Result<(), MetaError>;

    /// Takes away the repository's links to these blobs where they lie in the area and no event says so. For what was uploaded to an area
    /// that is not the right one any more: a link that lies in the other area by now stays, and one that a change recorded does.
    async fn unlink(&self, repository: &Repository, area: &Area, digests: &[Digest]) -> Result<(), MetaError>;
}
