//! The end of an upload on an object store: its parts become a blob.
//!
//! One part is copied within the store. Several are read and written again, in bounded memory, as no request of the stores joins objects
//! that are there; they are hashed on the way, since it costs no pass.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use object_store::{CopyOptions, ObjectStore as _, ObjectStoreExt as _};
use tokio::sync::OwnedMutexGuard;

use super::super::objects::{COPY_MAX, ObjectWriter, Written, all_of};
use super::super::{Key, Storage, StorageError};
use super::finish::hashed_on_the_way;
use super::state::{Part, State};
use crate::domain::{Digest, Hasher};

/// Parts that are opened before they are read, to hide the latency of the store.
const AHEAD: usize = 2;
/// How long a copy may go on after the store has said that it takes it. Azure may answer first and copy then; until it is done the blob is
/// empty, and so absent.
const COPYING: Duration = Duration::from_secs(30);

impl Storage {
    pub(super) async fn finish_parts(
        &self,
        mut state: OwnedMutexGuard<State>,
        digest: &Digest,
    ) -> Result<u64, StorageError> {
        let (id, size) = (state.upload.id, state.upload.offset);
        let outcome = self.blob_of_parts(&state, digest).await;
        if let Err(Lost::Bytes) = outcome {
            tracing::error!(upload = %id, "the store has other bytes of an upload than it was given, or none: it is given up");
        }
        match outcome {
            Err(Lost::Other(error)) => return Err(error),
            Ok(()) | Err(Lost::Bytes) => {}
        }
        // From here on a failure costs a document whose upload is over.
        self.end(&mut state);
        self.remove_upload(id, &state.parts).await?;
        outcome.map(|()| size).map_err(|_| StorageError::UploadUnknown(id))
    }

    async fn blob_of_parts(&self, state: &State, digest: &Digest) -> Result<(), Lost> {
        let size = state.upload.offset;
        let found = match hashed_on_the_way(state, digest) {
            true => state.hasher.clone().finish(),
            false => self.hash_parts(state, digest).await?,
        };
        if found != *digest {
            return Err(StorageError::wrong_digest(digest, found).into());
        }
        let key = Key::Blob { area: state.upload.area.clone(), digest: *digest };
        if self.holds_object(&key, digest, size).await? {
            return Ok(());
        }
        match state.parts[..] {
            [] => drop(self.put_object_blob(&key, digest, Bytes::new()).await?),
            [only] if only.size <= COPY_MAX && self.copy_part(state, only, &key).await => {}
            _ => self.join_parts(state, &key, digest).await?,
        }
        Ok(())
    }

    /// Makes the blob of the only part. `false` if it must be written after all.
    async fn copy_part(&self, state: &State, only: Part, key: &Key) -> bool {
        let from = Key::UploadPart(state.upload.id, only.name).location();
        if let Err(error) = self.0.objects.copy_opts(&from, &key.location(), CopyOptions::default()).await {
            tracing::info!(upload = %from, %error, "the store does not copy the upload, so it is read and written again");
            return false;
        }
        let is_there = async {
            loop {
                match self.size(key).await {
                    Ok(Some(0) | None) => tokio::time::sleep(Duration::from_millis(200)).await,
                    found => break found.is_ok_and(|found| found == Some(only.size)),
                }
            }
        };
        tokio::time::timeout(COPYING, is_there).await.unwrap_or(false)
    }

    async fn join_parts(&self, state: &State, key: &Key, digest: &Digest) -> Result<(), Lost> {
        let mut object = ObjectWriter::new(self, key.clone(), key.clone());
        let mut hasher = Hasher::new(digest.algorithm());
        let mut chunks = std::pin::pin!(self.staged_parts(state));
        while let Some(chunk) = chunks.try_next().await? {
            hasher.update(&chunk);
            object.write(chunk).await?;
        }
        if hasher.finish() != *digest {
            return Err(Lost::Bytes);
        }
        if let Written::Whole(whole) = object.finish().await? {
            self.put_object_blob(key, digest, whole.bytes.clone()).await?;
        }
        Ok(())
    }

    async fn hash_parts(&self, state: &State, like: &Digest) -> Result<Digest, Lost> {
        let mut hasher = Hasher::new(like.algorithm());
        let mut chunks = std::pin::pin!(self.staged_parts(state));
        while let Some(chunk) = chunks.try_next().await? {
            hasher.update(&chunk);
        }
        Ok(hasher.finish())
    }

    /// The bytes of all parts in order, as they come.
    fn staged_parts(&self, state: &State) -> impl Stream<Item = Result<Bytes, Lost>> + Send + use<> {
        let id = state.upload.id;
        let (storage, parts) = (self.clone(), state.parts.clone());
        let opened = stream::iter(parts).map(move |part| {
            let (storage, key) = (storage.clone(), Key::UploadPart(id, part.name));
            async move {
                let found = match storage.0.objects.get(&key.location()).await {
                    Ok(found) if found.meta.size == part.size => found,
                    Ok(_) | Err(object_store::Error::NotFound { .. }) => return Err(Lost::Bytes),
                    Err(error) => return Err(StorageError::object(key.path(), error).into()),
                };
                Ok(all_of(key.path(), part.size, found.into_stream()).map_err(Lost::Other))
            }
        });
        opened.buffered(AHEAD).try_flatten()
    }
}

/// Why there is no blob.
enum Lost {
    /// The store does not have the bytes that it was given.
    Bytes,
    Other(StorageError),
}

impl From<StorageError> for Lost {
    fn from(error: StorageError) -> Self {
        Self::Other(error)
    }
}
