//! The bytes of a session on a disk, one file that grows; and the end of any session's bytes.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use bytes::Bytes;
use futures::{TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::super::disk::{DiskStore, blocking};
use super::super::planned::Step;
use super::super::{Key, Storage, StorageError};
use super::state::{Part, State};

/// Whether the document is written after the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Save {
    Now,
    Later,
}

/// Bytes after which the document is written anyway, so that a process that dies in the middle of a long chunk loses no more.
const SAVE_EVERY: u64 = 64 << 20;

/// Length at which the document's file is replaced by its last line: about 200 chunks.
const REWRITE_AT: u64 = 64 << 10;

/// Parts that are deleted at once.
const DELETED_AT_ONCE: usize = 8;

/// A writer's hold on a session, given back with the outcome of what it was used for.
type Held = (OwnedMutexGuard<State>, Result<(), StorageError>);

impl Storage {
    /// Adds bytes to a session on a disk. On error none of `chunks` counts, and the session stands where it stood.
    pub(super) async fn write_staged(
        &self,
        disk: &DiskStore,
        mut state: OwnedMutexGuard<State>,
        chunks: Vec<Bytes>,
        save: Save,
    ) -> Result<Held, StorageError> {
        state.is_stored = true;
        let (storage, disk) = (self.clone(), disk.clone());
        blocking("an upload", move || {
            let outcome = storage.write_to_file(&disk, &mut state, &chunks, save);
            Ok((state, outcome))
        })
        .await
    }

    /// Writes the first document of a session.
    pub(super) async fn save_first(&self, mut state: OwnedMutexGuard<State>) -> Result<(), StorageError> {
        match &self.0.disk {
            Some(disk) => self.write_staged(disk, state, Vec::new(), Save::Now).await?.1,
            None => self.save_document(&mut state).await,
        }
    }

    fn write_to_file(
        &self,
        disk: &DiskStore,
        state: &mut State,
        chunks: &[Bytes],
        save: Save,
    ) -> Result<(), StorageError> {
        let id = state.upload.id;
        if !chunks.is_empty() {
            let path = Key::UploadData(id).path();
            append(disk, state, &path, chunks).map_err(|error| {
                // Opened again, it is cut back to where the session stands.
                state.file = None;
                match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => StorageError::UploadUnknown(id),
                    _ => StorageError::io(path, error),
                }
            })?;
            take_in(state, chunks);
        }
        if save == Save::Now || state.unsaved >= SAVE_EVERY {
            self.save_to_file(disk, state)?;
        }
        if save == Save::Now {
            // Many sessions lie idle between two chunks, and files that may be open are few.
            state.file = None;
        }
        Ok(())
    }

    fn save_to_file(&self, disk: &DiskStore, state: &mut State) -> Result<(), StorageError> {
        let line = state.document(self.0.boot.as_deref())?;
        let path = Key::Upload(state.upload.id).path();
        let size = state.document_size + line.len() as u64;
        let (saved, size) = if size > REWRITE_AT {
            (disk.write(&path, &line).map(|_| ()), line.len() as u64)
        } else {
            (disk.append(&path, &line), size)
        };
        saved.map_err(|error| StorageError::io(path, error))?;
        state.document_size = size;
        state.unsaved = 0;
        Ok(())
    }

    /// Whether the bytes that the document speaks of are there.
    pub(super) async fn has_staged_bytes(&self, state: &State) -> Result<bool, StorageError> {
        if state.upload.offset == 0 {
            return Ok(true);
        }
        if self.0.disk.is_some() {
            let size = self.size(&Key::UploadData(state.upload.id)).await?;
            return Ok(size.is_some_and(|size| size >= state.upload.offset));
        }
        for part in &state.parts {
            if self.size(&Key::UploadPart(state.upload.id, part.name)).await? != Some(part.size) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Removes all of a session that its document tells of. The document goes last: until then the next process knows what to remove.
    pub(super) async fn remove_upload(&self, id: Uuid, parts: &[Part]) -> Result<(), StorageError> {
        if self.0.disk.is_some() {
            self.delete(&Key::UploadData(id)).await?;
        }
        let parts = parts.iter().map(|part| Key::UploadPart(id, part.name));
        stream::iter(parts.map(Ok))
            .try_for_each_concurrent(DELETED_AT_ONCE, |part| async move { self.delete(&part).await })
            .await?;
        self.delete(&Key::Upload(id)).await
    }

    /// Removes what lies there of a session without a document: bytes that nobody can go on with.
    pub(super) async fn remove_strays(&self, id: Uuid) -> Result<(), StorageError> {
        let folder = Key::upload_folder(id);
        let list = self.0.objects.list(Some(&Path::from(folder.as_str())));
        let strays: Vec<ObjectMeta> = list.try_collect().await.map_err(|error| StorageError::object(&folder, error))?;
        for stray in strays {
            match self.0.objects.delete(&stray.location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(StorageError::object(&folder, error)),
            }
        }
        self.remove_upload(id, &[]).await
    }

    /// Every upload that something is staged for.
    pub(super) async fn staged_uploads(&self) -> Result<BTreeSet<Uuid>, StorageError> {
        let folder = Path::from(Key::UPLOADS);
        let id = |path: &str| path.strip_prefix(Key::UPLOADS)?.get(1..37)?.parse::<Uuid>().ok();
        self.0
            .objects
            .list(Some(&folder))
            .map_err(|error| StorageError::object(Key::UPLOADS, error))
            .try_filter_map(|meta| std::future::ready(Ok(id(meta.location.as_ref()))))
            .try_collect()
            .await
    }
}

fn append(disk: &DiskStore, state: &mut State, path: &str, chunks: &[Bytes]) -> io::Result<()> {
    let offset = state.upload.offset;
    let file = match &mut state.file {
        Some(file) => file,
        none => none.insert(disk.open_append(path, offset)?),
    };
    disk.meter().step(Step::Append, || chunks.iter().try_for_each(|chunk| file.write_all(chunk)))
}

/// The bytes are stored: now they count.
fn take_in(state: &mut State, chunks: &[Bytes]) {
    for chunk in chunks {
        state.hasher.update(chunk);
        state.upload.offset += chunk.len() as u64;
        state.unsaved += chunk.len() as u64;
    }
}
