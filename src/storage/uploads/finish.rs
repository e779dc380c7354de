//! The end of an upload: its bytes become a blob, if they are what the client says.

use std::io;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::super::disk::{DiskStore, Stamp, blocking};
use super::super::trust::Proof;
use super::super::write::{ObjectParts, PART, hash_file};
use super::super::{Key, Storage, StorageError};
use super::state::State;
use crate::domain::{Digest, Hasher};

impl Storage {
    /// Makes a blob of an upload's bytes. Returns their number. The upload is over afterwards.
    ///
    /// The bytes were hashed as they arrived; only a digest of another algorithm, or a restart of the machine since, costs a
    /// second pass. Errors: [`StorageError::UploadUnknown`], [`StorageError::Busy`], [`StorageError::WrongDigest`], after which the upload is still
    /// there, for the caller to cancel.
    pub async fn finish(&self, id: Uuid, digest: &Digest) -> Result<u64, StorageError> {
        let state = self.session(id).await?.writer(id).await?;
        match self.0.disk.clone() {
            Some(disk) => {
                let (storage, digest) = (self.clone(), *digest);
                blocking("an upload", move || storage.finish_file(&disk, state, &digest)).await
            }
            None => self.finish_parts(state, digest).await,
        }
    }

    fn finish_file(
        &self,
        disk: &DiskStore,
        mut state: OwnedMutexGuard<State>,
        digest: &Digest,
    ) -> Result<u64, StorageError> {
        let (id, size) = (state.upload.id, state.upload.offset);
        let data = Key::UploadData(id).path();
        let failed = |error| StorageError::io(&data, error);
        // What a write that failed left beyond the offset goes; an upload without bytes gets its file.
        state.file = None;
        let file = disk.open_append(&data, size).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => StorageError::UploadUnknown(id),
            _ => StorageError::io(&data, error),
        })?;
        let stamp = Stamp::of(&file.metadata().map_err(failed)?);
        drop(file);
        let found = if hashed_on_the_way(&state, digest) {
            state.hasher.clone().finish()
        } else {
            let (file, _) = disk.open_file(&data).map_err(failed)?;
            hash_file(file, digest).map_err(failed)?
        };
        if found != *digest {
            return Err(StorageError::wrong_digest(digest, found));
        }
        let blob = Key::Blob { area: state.upload.area.clone(), digest: *digest }.path();
        if self.holds(disk, &blob, size, digest).map_err(failed)? {
            disk.remove(&data).map_err(failed)?;
        } else {
            disk.rename(&data, &blob).map_err(failed)?;
            self.0.trust.note(&blob, stamp, Proof::Written);
        }
        // The blob is there: from here on a failure costs a document that the next start finds without bytes.
        self.end(&mut state);
        let document = Key::Upload(id).path();
        match disk.remove(&document) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StorageError::io(document, error)),
            _ => Ok(size),
        }
    }

    async fn finish_parts(&self, mut state: OwnedMutexGuard<State>, digest: &Digest) -> Result<u64, StorageError> {
        let (id, size) = (state.upload.id, state.upload.offset);
        let found = if hashed_on_the_way(&state, digest) {
            state.hasher.clone().finish()
        } else {
            let mut hasher = Hasher::new(digest.algorithm());
            let mut bytes = std::pin::pin!(self.staged_parts(&state));
            while let Some(bytes) = bytes.try_next().await? {
                hasher.update(&bytes);
            }
            hasher.finish()
        };
        if found != *digest {
            return Err(StorageError::wrong_digest(digest, found));
        }
        let key = Key::Blob { area: state.upload.area.clone(), digest: *digest };
        if self.size(&key).await? != Some(size) {
            self.join_parts(&state, &key).await?;
        }
        self.end(&mut state);
        self.remove_upload(id).await?;
        Ok(size)
    }

    async fn join_parts(&self, state: &State, key: &Key) -> Result<(), StorageError> {
        let mut bytes = std::pin::pin!(self.staged_parts(state));
        if state.upload.offset <= PART as u64 {
            let whole: Vec<Bytes> = bytes.try_collect().await?;
            return self.put(key, whole.concat().into()).await;
        }
        let mut parts = ObjectParts::begin(self, key).await?;
        while let Some(next) = bytes.next().await {
            let put = match next {
                Ok(next) => parts.put(next).await,
                Err(error) => Err(error),
            };
            if let Err(error) = put {
                parts.abort().await;
                return Err(error);
            }
        }
        parts.finish().await
    }

    fn staged_parts(&self, state: &State) -> impl Stream<Item = Result<Bytes, StorageError>> + Send + use<> {
        let id = state.upload.id;
        let keys: Vec<Key> = (0..state.parts.len() as u32).map(|number| Key::UploadPart(id, number)).collect();
        let storage = self.clone();
        stream::iter(keys).then(move |key| {
            let storage = storage.clone();
            async move {
                // No longer than the session was willing to take.
                storage.get(&key, u64::MAX).await
            }
        })
    }

    fn end(&self, state: &mut State) {
        state.over = true;
        self.sessions().remove(&state.upload.id);
    }
}

fn hashed_on_the_way(state: &State, digest: &Digest) -> bool {
    state.upload.algorithm == digest.algorithm() && !state.doubtful
}
