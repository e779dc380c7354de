//! The end of an upload: its bytes become a blob, if they are what the client says.

use std::io;

use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::super::disk::{DiskStore, Stamp, blocking};
use super::super::trust::Proof;
use super::super::write::hash_file;
use super::super::{Key, Storage, StorageError};
use super::state::State;
use crate::domain::Digest;

impl Storage {
    /// Makes a blob of an upload's bytes. Returns their number. The upload is over afterwards.
    ///
    /// The bytes were hashed as they arrived; only a digest of another algorithm, or a restart of the machine since, costs a
    /// second pass. Errors: [`StorageError::UploadUnknown`], [`StorageError::Busy`], [`StorageError::WrongDigest`], after which the upload is still
    /// there, for the caller to cancel.
    pub async fn finish(&self, id: Uuid, digest: &Digest) -> Result<u64, StorageError> {
        let session = self.session(id).await?;
        let state = self.caught_up(id, &session).await?;
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
}

pub(super) fn hashed_on_the_way(state: &State, digest: &Digest) -> bool {
    state.upload.algorithm == digest.algorithm() && !state.doubtful
}
