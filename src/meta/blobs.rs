//! What a metadata store knows of blobs: which lie where, who may read them, and how far a collection is with each.

use async_trait::async_trait;

use super::MetaError;
use crate::domain::{Area, Digest, Repository, Timestamp};

/// A blob that a repository may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRow {
    /// Where its bytes are.
    pub area: Area,
    /// Its length in bytes.
    pub size: u64,
}

/// What becomes of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// The repository may read the blob in that area.
    Done,
    /// Nothing that can be read: the blob is being deleted just now.
    Vanishing,
    /// The repository is linked to the blob in another area, and stays so.
    Elsewhere,
}

/// What becomes of a blob that is touched and not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Nothing.
    PassOver,
    /// It lies there from now on, of a length that is not known, and no repository is linked to it: its bytes are about to be written, and
    /// are to be collected if nothing comes of it.
    Record,
}

/// Which blobs lie where, and who may read them.
///
/// [`Blobs::link`] and [`Blobs::touch`] need not be durable on return, only no later than the next change that is applied.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// The blob, if the repository is linked to it and it is not being deleted.
    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<BlobRow>, MetaError>;

    /// Records that a blob lies in `area`, links the repository to it, and notes the time as its last touch.
    /// A condemned blob lives again. A link that is there already is never moved to another area; that the blob lies in this one is
    /// recorded all the same.
    async fn link(
        &self,
        repository: &Repository,
        area: &Area,
        digest: &Digest,
        size: u64,
        now: Timestamp,
    ) -> Result<Linked, MetaError>;

    /// Notes that somebody counts on these blobs (HEAD, mount, bytes about to be written again): a condemned one lives again,
    /// and collection leaves them alone for the grace period. Those that are being deleted just now are not touched but returned,
    /// and must not be counted on.
    async fn touch(
        &self,
        area: &Area,
        digests: &[Digest],
        unknown: Unknown,
        now: Timestamp,
    ) -> Result<Vec<Digest>, MetaError>;

    /// The size of a blob in the area that some repository (or, if given, that one) is linked to.
    async fn find(&self, area: &Area, digest: &Digest, from: Option<&Repository>) -> Result<Option<u64>, MetaError>;

    /// Condemns blobs that nothing references and nobody touched since `before`. Returns how many were condemned.
    /// References: blobs of manifests (deleted versions' too), manifests themselves, records, reasons.
    async fn condemn(&self, before: Timestamp, now: Timestamp) -> Result<u64, MetaError>;

    /// Moves up to `limit` blobs that were condemned before `before` and not revived to *being deleted*, and names them,
    /// with any that a crash left in that state.
    async fn take_condemned(&self, before: Timestamp, limit: usize) -> Result<Vec<(Area, Digest)>, MetaError>;

    /// Moves those of these blobs that nothing references to *being deleted*, whenever they were touched, and names them. For
    /// what is purged: bytes that nobody else uses go at once. What counts as a reference is as in [`Blobs::condemn`].
    async fn take_unneeded(&self, blobs: &[(Area, Digest)]) -> Result<Vec<(Area, Digest)>, MetaError>;

    /// Forgets blobs whose bytes are gone, and the links to them.
    async fn forget(&self, blobs: &[(Area, Digest)]) -> Result<(), MetaError>;
}
