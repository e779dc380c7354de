//! What collection needs of the store: the blobs of an area, and their removal.

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _};

use super::key::blobs_folder;
use super::objects::is_blob;
use super::{Key, Storage, StorageError};
use crate::domain::{Area, Digest, Timestamp};

/// A blob that lies in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// What it is called.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written.
    pub written: Timestamp,
}

impl Storage {
    /// Removes a blob. One that is absent is no error.
    pub async fn delete_blob(&self, area: &Area, digest: &Digest) -> Result<(), StorageError> {
        let key = Key::Blob { area: area.clone(), digest: *digest };
        self.delete(&key).await?;
        self.0.trust.forget(&key.path());
        Ok(())
    }

    /// All blobs of an area, in no order. What is written or removed meanwhile may be missing or there.
    pub fn list_blobs(&self, area: &Area) -> BoxStream<'static, Result<StoredBlob, StorageError>> {
        let folder = blobs_folder(area);
        let list = self.0.objects.list(Some(&Path::from(folder.as_str())));
        let on_disk = self.0.disk.is_some();
        let is_there = move |blob: &StoredBlob| on_disk || is_blob(&blob.digest, blob.size);
        list.map_err(move |error| StorageError::object(&folder, error))
            .try_filter_map(move |meta| std::future::ready(Ok(stored_blob(&meta).filter(is_there))))
            .boxed()
    }
}

/// `<area>/blobs/<algorithm>/<2>/<hex>` as a blob. Whatever else lies there is none.
fn stored_blob(meta: &ObjectMeta) -> Option<StoredBlob> {
    let mut components = meta.location.as_ref().rsplit('/');
    let (hex, _, algorithm) = (components.next()?, components.next()?, components.next()?);
    let digest = format!("{algorithm}:{hex}").parse().ok()?;
    let written = Timestamp::from_micros(meta.last_modified.timestamp_micros());
    Some(StoredBlob { digest, size: meta.size, written })
}
