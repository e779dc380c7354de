//! Chunks of an upload.

use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::super::disk::DiskStore;
use super::super::error::Source;
use super::super::write::{GATHER, Gathered};
use super::super::{Storage, StorageError};
use super::Session;
use super::bytes::Save;
use super::state::State;
use crate::domain::Timestamp;

impl Storage {
    /// Adds a chunk as it arrives. Returns the new offset.
    ///
    /// `expected_offset` is where the client says that its chunk starts; `limit` is the most that the whole upload may hold.
    /// Errors: [`StorageError::UploadUnknown`], [`StorageError::Busy`], [`StorageError::Offset`], and, with what had arrived taken,
    /// [`StorageError::Interrupted`] and [`StorageError::TooLarge`]. A caller who stops waiting leaves what had arrived, too.
    pub async fn append<S, E>(
        &self,
        id: Uuid,
        expected_offset: Option<u64>,
        stream: S,
        limit: u64,
        now: Timestamp,
    ) -> Result<u64, StorageError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<Source>,
    {
        let session = self.session(id).await?;
        let mut state = self.caught_up(id, &session).await?;
        let offset = state.upload.offset;
        if let Some(found) = expected_offset.filter(|found| *found != offset) {
            return Err(StorageError::Offset { expected: offset, found });
        }
        let Some(disk) = self.0.disk.clone() else {
            return self.append_part(session, state, std::pin::pin!(stream), limit, now).await;
        };
        state.upload.touched = now;
        let (storage, gathered) = (self.clone(), Gathered::default());
        let mut appending = Appending { storage, disk, session, state: Some(state), gathered };
        let taken = appending.take(std::pin::pin!(stream), limit).await;
        // Whatever ended the chunk, what had arrived of it is kept.
        let offset = appending.write(Save::Now).await;
        appending.state = None;
        taken?;
        offset
    }
}

/// A chunk that is arriving on a disk. Dropped in the middle it writes what had arrived, and only then lets go of the session.
struct Appending {
    storage: Storage,
    disk: DiskStore,
    session: Arc<Session>,
    state: Option<OwnedMutexGuard<State>>,
    gathered: Gathered,
}

impl Appending {
    async fn take<S, E>(&mut self, mut stream: S, limit: u64) -> Result<(), StorageError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Source>,
    {
        loop {
            let offset = self.state.as_ref().map_or(0, |state| state.upload.offset);
            let left = limit.saturating_sub(offset);
            let ended = self.gathered.fill(&mut stream, GATHER, left).await.map_err(|error| error.with_limit(limit))?;
            if ended {
                return Ok(());
            }
            self.write(Save::Later).await?;
        }
    }

    async fn write(&mut self, save: Save) -> Result<u64, StorageError> {
        let chunks = self.gathered.take();
        // Gone only after an earlier write failed with all of it.
        let Some(state) = self.state.take() else { return Ok(0) };
        let (state, outcome) = self.storage.write_staged(&self.disk, state, chunks, save).await?;
        let offset = state.upload.offset;
        self.session.show(&state.upload);
        self.state = Some(state);
        outcome.map(|()| offset)
    }
}

impl Drop for Appending {
    fn drop(&mut self) {
        let Some(state) = self.state.take() else { return };
        if state.unsaved == 0 && self.gathered.chunks.is_empty() {
            return;
        }
        // Without a runtime the process is ending, and the document says where the session stood.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (storage, disk, session) = (self.storage.clone(), self.disk.clone(), self.session.clone());
        let chunks = self.gathered.take();
        runtime.spawn(async move {
            match storage.write_staged(&disk, state, chunks, Save::Now).await {
                Ok((state, outcome)) => {
                    session.show(&state.upload);
                    if let Err(error) = outcome {
                        tracing::warn!(upload = %state.upload.id, %error, "the end of an interrupted chunk is lost");
                    }
                }
                Err(error) => tracing::warn!(%error, "the end of an interrupted chunk is lost"),
            }
        });
    }
}
