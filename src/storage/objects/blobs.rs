//! Blobs on object stores: created in one request, and absent where an empty object stands for them.

use bytes::Bytes;
use object_store::{GetOptions, ObjectStore as _, PutMode};

use super::super::disk::Stamp;
use super::super::store::options;
use super::super::trust::Proof;
use super::super::{BlobPut, Key, Storage, StorageError};
use super::PART;
use crate::domain::{Digest, Hasher};

impl Storage {
    /// Puts a blob of bytes that are known to have this digest.
    ///
    /// Nearly all that is pushed is new, so it is created first, which costs one request instead of two.
    pub(in crate::storage) async fn put_object_blob(
        &self,
        key: &Key,
        digest: &Digest,
        bytes: Bytes,
    ) -> Result<BlobPut, StorageError> {
        let created = options(key, PutMode::Create);
        match self.0.objects.put_opts(&key.location(), bytes.clone().into(), created).await {
            Ok(_) => return Ok(BlobPut::Stored),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {}
            Err(error) => return Err(StorageError::object(key.path(), error)),
        }
        // S3 says that it is there also when another request to create it is on its way, and may yet fail.
        if self.holds_object(key, digest, bytes.len() as u64).await? {
            return Ok(BlobPut::Present);
        }
        self.put(key, bytes).await?;
        Ok(BlobPut::Stored)
    }

    /// Whether the blob is there, good: of this size, and hashed by this process. One that was not hashed yet is hashed now if it is
    /// one part, so that what is damaged is replaced and not taken for the bytes that are being pushed; a longer one is written again,
    /// which costs no more.
    pub(in crate::storage) async fn holds_object(
        &self,
        key: &Key,
        digest: &Digest,
        size: u64,
    ) -> Result<bool, StorageError> {
        let (path, location) = (key.path(), key.location());
        let failed = |error| StorageError::object(&path, error);
        let head = size > PART as u64;
        let found = match self.0.objects.get_opts(&location, GetOptions { head, ..GetOptions::default() }).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        let stamp = Stamp::of_object(&found.meta);
        if stamp.size != size {
            if is_blob(digest, stamp.size) {
                tracing::warn!(blob = path, "a stored blob has another length and is replaced by what is pushed");
            }
            return Ok(false);
        }
        if self.0.trust.covers(&path, stamp, Proof::Written) {
            return Ok(true);
        }
        if head {
            return Ok(false);
        }
        if !digest.matches(&found.bytes().await.map_err(failed)?) {
            tracing::warn!(blob = path, "a stored blob is damaged and is replaced by what is pushed");
            return Ok(false);
        }
        self.0.trust.note(&path, stamp, Proof::Read);
        Ok(true)
    }
}

/// Whether an object of this length can be the blob of this digest. An empty one under a digest that is not that of nothing says
/// that the blob is absent (`spec/layout.md`, "Blobs"): it takes the place of what was damaged.
pub(in crate::storage) fn is_blob(digest: &Digest, size: u64) -> bool {
    size > 0 || Hasher::new(digest.algorithm()).finish() == *digest
}
