//! An object that is written as its bytes come, in memory that is bounded.

use std::pin::pin;

use bytes::Bytes;
use tokio::time::Instant;

use super::super::{Key, Storage, StorageError};
use super::memory::{PartBuffer, Room};
use super::multipart::Multipart;

/// Bytes that are gathered without a part buffer: most blobs are no longer, and need none.
const SMALL: usize = 256 << 10;

/// Bytes on their way to an object. What it has taken counts even if the caller of [`ObjectWriter::write`] stops waiting. Dropped before its
/// end it leaves nothing behind.
pub(in crate::storage) struct ObjectWriter {
    storage: Storage,
    key: Key,
    like: Key,
    /// Taken, and not yet in a buffer.
    pending: Vec<Bytes>,
    pending_size: usize,
    buffer: Option<PartBuffer>,
    parts: Option<Multipart>,
}

/// What became of the bytes.
pub(in crate::storage) enum Written {
    /// They are few, and for the caller to put in one request.
    Whole(Whole),
    /// The object is there.
    Object,
}

/// Bytes of one request, and the room that they take until it is answered.
pub(in crate::storage) struct Whole {
    pub(in crate::storage) bytes: Bytes,
    _room: Option<Room>,
}

impl ObjectWriter {
    /// A writer of `key`, which gets the attributes of `like`. Asks nothing of the store yet.
    pub(in crate::storage) fn new(storage: &Storage, key: Key, like: Key) -> Self {
        let storage = storage.clone();
        Self { storage, key, like, pending: Vec::new(), pending_size: 0, buffer: None, parts: None }
    }

    /// Takes the next bytes. Waits while all uploads together have no buffer left, or too many parts of this one are on their way. After
    /// an error the object cannot be finished.
    pub(in crate::storage) async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        self.pending_size += bytes.len();
        self.pending.push(bytes);
        if self.is_small() { Ok(()) } else { self.flow().await }
    }

    /// Waits for the client's next bytes, for as long as it takes; but not for one that is slow while others wait for the memory
    /// that it holds.
    pub(in crate::storage) async fn await_client<T>(
        &mut self,
        client: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let Some(buffer) = &mut self.buffer else { return client.await };
        let mut client = pin!(client);
        let (mut until, again) = buffer.patience();
        loop {
            match tokio::time::timeout_at(until, &mut client).await {
                Ok(outcome) => return outcome,
                Err(_) if buffer.gives_way() => return Err(StorageError::Interrupted(too_slow().into())),
                Err(_) => until = Instant::now() + again,
            }
        }
    }

    /// Ends the object, or hands out its bytes if they fit into one part.
    pub(in crate::storage) async fn finish(mut self) -> Result<Written, StorageError> {
        if self.is_small() {
            let mut pending = std::mem::take(&mut self.pending);
            let whole = if pending.len() == 1 { pending.pop() } else { None };
            let bytes = whole.unwrap_or_else(|| pending.concat().into());
            return Ok(Written::Whole(Whole { bytes, _room: None }));
        }
        self.flow().await?;
        match (self.parts.take(), self.buffer.take()) {
            (None, None) => Ok(Written::Whole(Whole { bytes: Bytes::new(), _room: None })),
            (None, Some(only)) => {
                let (bytes, room) = only.into_whole();
                Ok(Written::Whole(Whole { bytes, _room: Some(room) }))
            }
            (Some(mut parts), last) => {
                if let Some(last) = last {
                    let (part, room) = last.into_part();
                    parts.start(part, room);
                }
                parts.finish().await?;
                Ok(Written::Object)
            }
        }
    }

    fn is_small(&self) -> bool {
        self.buffer.is_none() && self.parts.is_none() && self.pending_size <= SMALL
    }

    /// Brings what is pending into buffers, and full buffers on their way. Can be stopped and called again at any time.
    async fn flow(&mut self) -> Result<(), StorageError> {
        while let Some(first) = self.pending.first_mut() {
            if first.is_empty() {
                self.pending.remove(0);
                continue;
            }
            // A full part is sent only when there is more: what fits into one goes in one request.
            if self.buffer.as_ref().is_some_and(PartBuffer::is_full) {
                let parts = match &mut self.parts {
                    Some(parts) => parts,
                    none => none.insert(Multipart::begin(&self.storage, &self.key, &self.like).await?),
                };
                parts.ready().await?;
                if let Some(full) = self.buffer.take() {
                    let (part, room) = full.into_part();
                    parts.start(part, room);
                }
            }
            let buffer = match &mut self.buffer {
                Some(buffer) => buffer,
                none => none.insert(self.storage.0.parts.take().await),
            };
            let before = first.len();
            buffer.fill(first);
            self.pending_size -= before - first.len();
        }
        Ok(())
    }
}

fn too_slow() -> String {
    format!(
        "it comes too slowly while other uploads wait for the memory that holds it; {} MiB a minute are enough",
        super::PART >> 20
    )
}
