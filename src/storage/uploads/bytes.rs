//! The bytes of a session: one file that grows on a disk, one object a write on other stores.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::super::disk::{DiskStore, blocking};
use super::super::planned::Step;
use super::super::{Key, Storage, StorageError};
use super::state::State;

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

/// A writer's hold on a session, given back with the outcome of what it was used for.
type Held = (OwnedMutexGuard<State>, Result<(), StorageError>);

impl Storage {
    /// Adds bytes to a session. On error none of `chunks` counts, and the session stands where it stood.
    pub(super) async fn write_staged(
        &self,
        mut state: OwnedMutexGuard<State>,
        chunks: Vec<Bytes>,
        save: Save,
    ) -> Result<Held, StorageError> {
        state.is_stored = true;
        if let Some(disk) = self.0.disk.clone() {
            let storage = self.clone();
            return blocking("an upload", move || {
                let outcome = storage.write_to_file(&disk, &mut state, &chunks, save);
                Ok((state, outcome))
            })
            .await;
        }
        let outcome = self.write_to_parts(&mut state, chunks, save).await;
        Ok((state, outcome))
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

    async fn write_to_parts(&self, state: &mut State, chunks: Vec<Bytes>, save: Save) -> Result<(), StorageError> {
        let id = state.upload.id;
        let size = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        if size > 0 {
            let key = Key::UploadPart(id, state.parts.len() as u32);
            let payload = chunks.iter().cloned().collect::<object_store::PutPayload>();
            let put = self.0.objects.put(&key.location(), payload).await;
            put.map_err(|error| StorageError::object(key.path(), error))?;
            state.parts.push(size);
            take_in(state, &chunks);
        }
        if save == Save::Now || state.unsaved >= SAVE_EVERY {
            self.put(&Key::Upload(id), state.document(None)?).await?;
            state.unsaved = 0;
        }
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
        for (number, length) in (0..).zip(&state.parts) {
            if self.size(&Key::UploadPart(state.upload.id, number)).await? != Some(*length) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Removes all of a session. Its document goes last: until then the next process knows what to remove.
    pub(super) async fn remove_upload(&self, id: Uuid) -> Result<(), StorageError> {
        if self.0.disk.is_some() {
            self.delete(&Key::UploadData(id)).await?;
        } else {
            let folder = format!("{}/{id}", Key::UPLOADS);
            let failed = |error| StorageError::object(&folder, error);
            let list = self.0.objects.list(Some(&Path::from(folder.as_str())));
            let parts: Vec<Path> = list.map_ok(|meta| meta.location).try_collect().await.map_err(failed)?;
            for part in parts {
                self.0.objects.delete(&part).await.map_err(failed)?;
            }
        }
        self.delete(&Key::Upload(id)).await
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
