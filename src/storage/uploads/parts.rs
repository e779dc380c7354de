//! The bytes of a session on an object store: one object for each chunk of a client, however long.
//!
//! A chunk counts once its object is whole and the document names it, and the document is replaced only by who saw it as it is. So a
//! chunk of gigabytes is one object, made of parts that the store joins, and an upload of one chunk, which is what nearly all clients
//! send, becomes a blob by a copy within the store. A process that dies in the middle of a chunk loses that chunk.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use object_store::{ObjectStore as _, PutMode};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::error::Source;
use super::super::objects::{COPY_MAX, ObjectWriter, Written};
use super::super::store::options;
use super::super::{Key, PartName, Storage, StorageError};
use super::Session;
use super::state::{DOCUMENT_MAX, PARTS_MAX, Part, State};
use crate::domain::{Area, Hasher, Timestamp};

/// How often the document says of a chunk that takes long that it is arriving still, where others might take the session for idle. In
/// tests with every piece of it.
const RENEW_EVERY: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_secs(10) };

impl Storage {
    /// Adds a chunk as it arrives to a session on an object store.
    pub(super) async fn append_part<S, E>(
        &self,
        session: Arc<Session>,
        state: OwnedMutexGuard<State>,
        stream: Pin<&mut S>,
        limit: u64,
        now: Timestamp,
    ) -> Result<u64, StorageError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<Source>,
    {
        if state.parts.len() >= PARTS_MAX {
            return Err(StorageError::TooLarge { limit: state.upload.offset });
        }
        let chunk = Chunk::begin(self, &state);
        let clock = Arrival { now, begun: Instant::now() };
        let mut arriving =
            Arriving { storage: self.clone(), session, work: Some((state, chunk)), clock, renewed: clock.begun };
        let taken = arriving.take(stream, limit).await;
        // Whatever ended the chunk, what had arrived of it is kept.
        let offset = arriving.end().await;
        taken?;
        offset
    }

    /// Replaces the document of a session by what `state` says. Errors: [`StorageError::Busy`] if another process went on with it.
    pub(super) async fn save_document(&self, state: &mut State) -> Result<(), StorageError> {
        let (id, document) = (state.upload.id, state.document(None)?);
        if document.len() as u64 > DOCUMENT_MAX {
            return Err(StorageError::TooLarge { limit: state.upload.offset });
        }
        state.is_stored = true;
        state.in_doubt = true;
        match self.replace_seen(&Key::Upload(id), &state.seen, document, None).await? {
            Some(seen) => {
                state.seen = seen;
                state.in_doubt = false;
                state.unsaved = 0;
                Ok(())
            }
            None => Err(StorageError::Busy(id)),
        }
    }

    /// Adds an object that is there to the session, if nobody else has gone on with it.
    async fn count_part(&self, state: &mut State, chunk: Counted, now: Timestamp) -> Result<(), StorageError> {
        if state.in_doubt {
            self.look_after_renewal(state).await?;
        }
        let mut next = State {
            hasher: chunk.hasher,
            parts: state.parts.clone(),
            seen: state.seen.clone(),
            in_doubt: state.in_doubt,
            ..State::new(state.upload.clone())
        };
        next.upload.touched = now;
        if chunk.size > 0 {
            next.upload.offset += chunk.size;
            next.parts.push(Part { name: chunk.name, size: chunk.size });
        }
        let saved = self.save_document(&mut next).await;
        state.is_stored = true;
        match saved {
            Ok(()) => *state = next,
            Err(error) => {
                // Where it stands is read before it is used again.
                state.in_doubt = true;
                if matches!(error, StorageError::Busy(_)) && chunk.size > 0 {
                    self.remove_unnamed(state.upload.id, chunk.name).await;
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Storage {
    /// After a renewal whose end nobody saw: the document may be the renewed one, and says the same but for the time.
    async fn look_after_renewal(&self, state: &mut State) -> Result<(), StorageError> {
        let id = state.upload.id;
        let Some(document) = self.read(&Key::Upload(id), DOCUMENT_MAX).await? else { return Ok(()) };
        let read = State::restore(id, &document.bytes, None)?;
        if read.upload.offset == state.upload.offset && read.parts == state.parts {
            state.seen = document.seen;
            state.in_doubt = false;
        }
        Ok(())
    }

    /// Removes a part that does not count. If that fails, it goes with what else is left of uploads.
    async fn remove_unnamed(&self, id: Uuid, part: PartName) {
        // The document may have been replaced after all, before the answer was lost, and by another since.
        let names_it = match self.read(&Key::Upload(id), DOCUMENT_MAX).await {
            Ok(Some(document)) => State::restore(id, &document.bytes, None)
                .map_or(true, |state| state.parts.iter().any(|named| named.name == part)),
            Ok(None) => false,
            Err(_) => true,
        };
        if !names_it && let Err(error) = self.delete(&Key::UploadPart(id, part)).await {
            tracing::info!(upload = %id, %error, "a part that does not count stays for now");
        }
    }
}

/// The object of a chunk that is arriving.
struct Chunk {
    name: PartName,
    like: Key,
    key: Key,
    object: ObjectWriter,
    /// Has taken in all of the upload, and `size` bytes of this chunk.
    hasher: Hasher,
    size: u64,
}

/// The object of a chunk that is there, or of no bytes at all.
struct Counted {
    name: PartName,
    hasher: Hasher,
    size: u64,
}

impl Chunk {
    fn begin(storage: &Storage, state: &State) -> Self {
        let (id, name) = (state.upload.id, state.next_part());
        let key = Key::UploadPart(id, name);
        // The only part of an upload becomes the blob by a copy, which keeps attributes.
        let like = like_blob(&state.upload.area, state);
        let object = ObjectWriter::new(storage, key.clone(), like.clone());
        Self { name, like, key, object, hasher: state.hasher.clone(), size: 0 }
    }

    async fn end(self, storage: &Storage) -> Result<Counted, StorageError> {
        let Self { name, like, key, object, hasher, size } = self;
        if size > 0
            && let Written::Whole(whole) = object.finish().await?
        {
            let (location, options) = (key.location(), options(&like, PutMode::Overwrite));
            let put = storage.0.objects.put_opts(&location, whole.bytes.clone().into(), options).await;
            put.map_err(|error| StorageError::object(key.path(), error))?;
        }
        Ok(Counted { name, hasher, size })
    }
}

/// A blob of the area, for its attributes.
fn like_blob(area: &Area, state: &State) -> Key {
    Key::Blob { area: area.clone(), digest: Hasher::new(state.upload.algorithm).finish() }
}

/// A chunk that is arriving. Dropped in the middle it keeps what had arrived, and only then lets go of the session.
struct Arriving {
    storage: Storage,
    session: Arc<Session>,
    /// Gone once an object could not be written.
    work: Option<(OwnedMutexGuard<State>, Chunk)>,
    clock: Arrival,
    /// When the document was written last, or the chunk began.
    renewed: Instant,
}

/// When a chunk began to arrive.
#[derive(Clone, Copy)]
struct Arrival {
    now: Timestamp,
    begun: Instant,
}

impl Arrival {
    fn now(self) -> Timestamp {
        let elapsed = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(self.now.micros().saturating_add(elapsed))
    }
}

impl Arriving {
    async fn take<S, E>(&mut self, mut stream: Pin<&mut S>, limit: u64) -> Result<(), StorageError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<Source>,
    {
        while let Some((state, chunk)) = &mut self.work {
            let next =
                async { stream.next().await.transpose().map_err(|error| StorageError::Interrupted(error.into())) };
            let Some(bytes) = chunk.object.await_client(next).await? else { break };
            let size = chunk.size + bytes.len() as u64;
            if size > limit.saturating_sub(state.upload.offset) {
                return Err(StorageError::TooLarge { limit });
            }
            if size > COPY_MAX {
                // An object that is longer could not be copied.
                self.begin_another().await?;
            }
            self.put(bytes).await?;
            if self.renewed.elapsed() >= RENEW_EVERY && self.storage.is_shared() {
                self.renew().await?;
            }
        }
        Ok(())
    }

    /// Says in the document that bytes arrive. Errors: [`StorageError::Busy`] if another process went on with the session.
    async fn renew(&mut self) -> Result<(), StorageError> {
        let Some((state, _)) = &mut self.work else { return Ok(()) };
        self.renewed = Instant::now();
        state.upload.touched = self.clock.now();
        match self.storage.save_document(state).await {
            Err(error @ StorageError::Busy(_)) => {
                self.work = None;
                Err(error)
            }
            Err(error) => {
                // The next one may do, and the end of the chunk looks what became of it.
                tracing::debug!(upload = %state.upload.id, %error, "an upload could not be renewed");
                self.storage.look_after_renewal(state).await.or(Ok(()))
            }
            Ok(()) => Ok(()),
        }
    }

    async fn put(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        let Some((_, chunk)) = &mut self.work else { return Ok(()) };
        chunk.hasher.update(&bytes);
        chunk.size += bytes.len() as u64;
        let written = chunk.object.write(bytes).await;
        if written.is_err() {
            // None of the object counts.
            self.work = None;
        }
        written
    }

    async fn begin_another(&mut self) -> Result<(), StorageError> {
        let Some((state, chunk)) = self.work.take() else { return Ok(()) };
        let state = self.keep(state, chunk).await?;
        let chunk = Chunk::begin(&self.storage, &state);
        self.work = Some((state, chunk));
        Ok(())
    }

    /// Counts what has arrived. Returns where the session stands.
    async fn end(&mut self) -> Result<u64, StorageError> {
        // An earlier error says more.
        let Some((state, chunk)) = self.work.take() else { return Ok(0) };
        Ok(self.keep(state, chunk).await?.upload.offset)
    }

    /// Ends the object and counts it, whether or not the caller waits for it.
    async fn keep(
        &mut self,
        mut state: OwnedMutexGuard<State>,
        chunk: Chunk,
    ) -> Result<OwnedMutexGuard<State>, StorageError> {
        let (storage, session, clock) = (self.storage.clone(), self.session.clone(), self.clock);
        let kept = tokio::spawn(async move {
            let id = state.upload.id;
            let counted = async {
                let counted = chunk.end(&storage).await?;
                storage.count_part(&mut state, counted, clock.now()).await
            };
            if let Err(error) = counted.await {
                tracing::warn!(upload = %id, %error, "a chunk of an upload is lost");
                return Err(error);
            }
            session.show(&state.upload);
            Ok(state)
        });
        kept.await.unwrap_or_else(|error| Err(StorageError::stopped("an upload", error)))
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let Some((state, chunk)) = self.work.take().filter(|(_, chunk)| chunk.size > 0) else { return };
        // Without a runtime the process is ending, and the document says where the session stood.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (storage, session) = (self.storage.clone(), self.session.clone());
        let mut left = Self { storage, session, work: None, clock: self.clock, renewed: self.renewed };
        runtime.spawn(async move { left.keep(state, chunk).await.map(drop) });
    }
}
