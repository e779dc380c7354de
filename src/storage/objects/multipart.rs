//! A native multipart upload that leaves nothing behind: finished, or aborted.

use bytes::Bytes;
use object_store::{MultipartUpload, PutMultipartOptions};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::super::store::attributes;
use super::super::{Key, Storage, StorageError};
use super::memory::Room;

/// Parts of one object that are sent at once: they hide the latency of the store.
const AT_ONCE: usize = 4;

/// Parts on their way to an object that appears when all are there. Dropped before that it is aborted, so that the store does not
/// keep, and bill, what nobody will finish. What a process that is killed leaves is removed by the bucket's own rule.
pub(super) struct Multipart {
    storage: Storage,
    key: Key,
    size: u64,
    /// Taken once it is finished or aborted.
    upload: Option<Box<dyn MultipartUpload>>,
    sending: JoinSet<object_store::Result<()>>,
}

impl Multipart {
    /// Begins the upload of an object with the attributes of `like`.
    pub(super) async fn begin(storage: &Storage, key: &Key, like: &Key) -> Result<Self, StorageError> {
        let options = PutMultipartOptions { attributes: attributes(like), ..PutMultipartOptions::default() };
        let (storage, key) = (storage.clone(), key.clone());
        // Not cut off in the middle by a caller who goes: the store would have begun what nobody here knows the name of.
        let begun = tokio::spawn(async move {
            match storage.0.objects.put_multipart_opts(&key.location(), options).await {
                Ok(upload) => Ok(Self { storage, key, size: 0, upload: Some(upload), sending: JoinSet::new() }),
                Err(error) => Err(StorageError::object(key.path(), error)),
            }
        });
        begun.await.unwrap_or_else(|error| Err(StorageError::stopped("an upload", error)))
    }

    /// Waits until one more part may be on its way. Fails if an earlier one did not arrive.
    pub(super) async fn ready(&mut self) -> Result<(), StorageError> {
        while self.sending.len() >= AT_ONCE {
            self.sent().await?;
        }
        Ok(())
    }

    /// Sends the next part: of [`super::PART`] bytes, unless it is the last.
    pub(super) fn start(&mut self, part: Bytes, room: Room) {
        self.size += part.len() as u64;
        if let Some(upload) = &mut self.upload {
            let sending = upload.put_part(part.into());
            self.sending.spawn(async move {
                let sent = sending.await;
                drop(room);
                sent
            });
        }
    }

    /// Makes the object of the parts. After an error there is none of them, but the object may be there.
    pub(super) async fn finish(mut self) -> Result<(), StorageError> {
        while !self.sending.is_empty() {
            self.sent().await?;
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let Err(error) = upload.complete().await else {
            self.upload = None;
            return Ok(());
        };
        let (storage, key, size) = (self.storage.clone(), self.key.clone(), self.size);
        drop(self);
        // A store whose answer was lost is asked again by the client, and then no longer knows the upload.
        match storage.size(&key).await {
            Ok(Some(found)) if found == size => Ok(()),
            _ => Err(StorageError::object(key.path(), error)),
        }
    }

    /// Waits until the store has one more part.
    async fn sent(&mut self) -> Result<(), StorageError> {
        match self.sending.join_next().await {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(error))) => Err(StorageError::object(self.key.path(), error)),
            Some(Err(error)) => Err(StorageError::stopped(self.key.path(), error)),
        }
    }
}

impl Drop for Multipart {
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        // Without a runtime the process is ending.
        let Ok(runtime) = Handle::try_current() else { return };
        let (path, mut sending) = (self.key.path(), std::mem::take(&mut self.sending));
        runtime.spawn(async move {
            sending.shutdown().await;
            match upload.abort().await {
                // A completion whose answer was lost may have come before.
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => {
                    tracing::warn!(object = path, %error, "an unfinished upload is left to the store's own rule for such");
                }
            }
        });
    }
}
