//! Damaged blobs on object stores: kept for whoever wants to know what happened, and taken away without a deletion.
//!
//! A deletion has no condition on these stores, so it could meet the push that mends the blob, and take away good bytes. Replacing an
//! object has one: that it still is what was read.

use object_store::{Attribute, CopyOptions, Error, ObjectMeta, ObjectStore as _, PutMode, PutPayload, UpdateVersion};

use super::super::store::options;
use super::super::{Key, Storage};
use crate::domain::{Area, Digest};

/// Longest object that a store copies in one request: the limit of S3, which has the lowest.
pub(in crate::storage) const COPY_MAX: u64 = 5 << 30;

impl Storage {
    /// Takes a damaged blob out of sight, if it still is `found`: its bytes go to quarantine, and an empty object takes its place.
    pub(super) async fn quarantine_object(&self, area: &Area, digest: &Digest, found: &ObjectMeta) {
        let key = Key::Blob { area: area.clone(), digest: *digest };
        let kept = Key::Quarantined { area: area.clone(), digest: *digest };
        let (from, to) = (key.location(), kept.location());
        if let Err(error) = self.0.objects.copy_opts(&from, &to, CopyOptions::default()).await {
            tracing::error!(blob = %from, %error, "the damaged blob could not be copied to quarantine");
            // The bytes may be wanted; those of one that can never be copied must not keep it from being mended.
            if found.size <= COPY_MAX {
                return;
            }
        }
        let seen = UpdateVersion { e_tag: found.e_tag.clone(), version: found.version.clone() };
        let mut options = options(&key, PutMode::Update(seen));
        // The next push has it in its place, and no cache may know it by this address.
        options.attributes.insert(Attribute::CacheControl, kept.cache_control().into());
        match self.0.objects.put_opts(&from, PutPayload::new(), options).await {
            Ok(_) => {}
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. } | Error::NotFound { .. }) => {
                tracing::info!(blob = %from, "the damaged blob was replaced meanwhile");
            }
            Err(error) => tracing::error!(blob = %from, %error, "the damaged blob could not be moved away"),
        }
    }
}
