//! Upload sessions: bytes that arrive in pieces before their digest is known (OCI distribution 1.1, "Pushing blobs").
//!
//! A session is kept under `staging/uploads/`: a document with its offset and the state of its hash, and its bytes, as one
//! file on a disk and as parts on other stores. It survives a restart. One request at a time writes to it. Its offset is
//! truthful whatever happens: a client that hangs up leaves what had arrived, and a process that dies leaves what its document
//! says, with whatever lies beyond cut off before more is taken.
//!
//! Most uploads are over within milliseconds of their beginning. So a session that has received nothing gets its document only
//! after a second, or when the server stops: whoever is killed within that second loses sessions without a byte in them.
//!
//! On an object store that others may use too, every session has its document from its beginning, and any server goes on with it:
//! what this process remembers of one is compared with the document before it is used, and the document is replaced only by who saw
//! it as it is. Of two servers that write to one session at once, one is told that the other does.

mod append;
mod bytes;
mod finish;
mod join;
mod parts;
mod session;
mod state;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::{Key, Seen, Sharing, Storage, StorageError};
use crate::domain::{Algorithm, Area, Repository, Timestamp};
pub(super) use session::Session;
use state::State;

/// How long a session may be without a document before its first byte.
const SAVE_AFTER: Duration = Duration::from_secs(1);

/// An upload in flight, as it stood when this was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its name.
    pub id: Uuid,
    /// The repository it was begun in.
    pub repository: Repository,
    /// The area that its bytes will lie in.
    pub area: Area,
    /// What its bytes are hashed with while they arrive.
    pub algorithm: Algorithm,
    /// How many bytes have been taken: where the next chunk starts.
    pub offset: u64,
    /// When it was begun.
    pub started: Timestamp,
    /// When bytes were last sent to it.
    pub touched: Timestamp,
}

impl Storage {
    /// Begins an upload of bytes that will be hashed with `algorithm`.
    pub async fn begin_upload(
        &self,
        repository: &Repository,
        area: &Area,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Upload, StorageError> {
        let upload = Upload {
            id: self.upload_id(),
            repository: repository.clone(),
            area: area.clone(),
            algorithm,
            offset: 0,
            started: now,
            touched: now,
        };
        if self.is_shared() {
            let mut state = State::new(upload.clone());
            self.save_document(&mut state).await?;
            self.remember(state);
            return Ok(upload);
        }
        self.remember(State::new(upload.clone()));
        let (id, store) = (upload.id, Arc::downgrade(&self.0));
        tokio::spawn(async move {
            tokio::time::sleep(SAVE_AFTER).await;
            let Some(inner) = store.upgrade() else { return };
            if let Err(error) = Self(inner).save_begun(id).await {
                tracing::warn!(upload = %id, %error, "an upload would not survive a restart");
            }
        });
        Ok(upload)
    }

    /// Writes the documents of uploads that have none yet. A server that stops calls this.
    pub async fn save_uploads(&self) -> Result<(), StorageError> {
        let ids: Vec<Uuid> = self.sessions().keys().copied().collect();
        for id in ids {
            self.save_begun(id).await?;
        }
        Ok(())
    }

    /// Writes the document of a session if nothing of it is stored and nobody is writing to it.
    async fn save_begun(&self, id: Uuid) -> Result<(), StorageError> {
        let Some(session) = self.sessions().get(&id).cloned() else { return Ok(()) };
        session.save_first(|state| self.save_first(state)).await
    }

    /// An upload in flight. Errors: [`StorageError::UploadUnknown`].
    pub async fn upload(&self, id: Uuid) -> Result<Upload, StorageError> {
        let session = self.session(id).await?;
        let known = &session;
        session.look(|mut state| async move { self.catch_up(known, &mut state).await }).await?;
        let shown = session.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(shown)
    }

    /// Ends an upload and removes its bytes. Errors: [`StorageError::UploadUnknown`], [`StorageError::Busy`].
    pub async fn cancel_upload(&self, id: Uuid) -> Result<(), StorageError> {
        let mut state = self.session(id).await?.writer(id).await?;
        if state.is_stored {
            self.remove_upload(id, &state.parts).await?;
        }
        self.end(&mut state);
        Ok(())
    }

    /// Ends all uploads that nobody has sent to since `before`, and removes what is left of others. Returns how many.
    pub async fn expire_uploads(&self, before: Timestamp) -> Result<usize, StorageError> {
        let mut expired = 0;
        let mut ids = self.staged_uploads().await?;
        ids.extend(self.sessions().keys());
        for id in ids.into_iter().filter(|id| self.is_own(*id)) {
            let idle = match self.session(id).await {
                Ok(session) => match self.caught_up(id, &session).await {
                    Ok(state) => state.upload.touched < before,
                    // Somebody writes to it, or has just ended it.
                    Err(StorageError::Busy(_) | StorageError::UploadUnknown(_)) => false,
                    Err(error) => return Err(error),
                },
                // Bytes without a document that can be read: nobody can go on with them.
                Err(StorageError::UploadUnknown(_) | StorageError::Malformed { .. }) => {
                    self.remove_strays(id).await?;
                    expired += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if idle {
                match self.cancel_upload(id).await {
                    Ok(()) => expired += 1,
                    Err(StorageError::Busy(_) | StorageError::UploadUnknown(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(expired)
    }

    /// Looks at what is stored of an upload, whosever it is, and keeps nothing of it in mind; `None` if there is no document of it.
    ///
    /// Errors: [`StorageError::Malformed`] if its document cannot be read, [`StorageError::UploadUnknown`] if bytes are lost that it
    /// speaks of.
    pub async fn look_at_upload(&self, id: Uuid) -> Result<Option<Upload>, StorageError> {
        let document = match self.get(&Key::Upload(id), state::DOCUMENT_MAX).await {
            Err(StorageError::NotFound { .. }) => return Ok(None),
            document => document?,
        };
        let state = State::restore(id, &document, self.0.boot.as_deref())?;
        if self.has_staged_bytes(&state).await? {
            return Ok(Some(state.upload));
        }
        // It may have been finished between the two looks.
        match self.exists(&Key::Upload(id)).await? {
            true => Err(StorageError::UploadUnknown(id)),
            false => Ok(None),
        }
    }

    /// The session, from its document if this process has not met it.
    async fn session(&self, id: Uuid) -> Result<Arc<Session>, StorageError> {
        // Two that wrote to one upload would each hash what the other wrote.
        if !self.is_own(id) {
            return Err(StorageError::UploadUnknown(id));
        }
        if let Some(session) = self.sessions().get(&id) {
            return Ok(session.clone());
        }
        // One at a time: a session that is finished while another request loads its document must not come back.
        let _loading = self.0.loading.lock().await;
        if let Some(session) = self.sessions().get(&id) {
            return Ok(session.clone());
        }
        let mut state = match self.read(&Key::Upload(id), state::DOCUMENT_MAX).await? {
            Some(document) => {
                State { seen: document.seen, ..State::restore(id, &document.bytes, self.0.boot.as_deref())? }
            }
            None => return Err(StorageError::UploadUnknown(id)),
        };
        // A loss of power may have kept the document and lost bytes. Parts are whole objects, which their store keeps or does not, and
        // what is lost of them is missed at the end.
        if self.0.disk.is_some() && !self.has_staged_bytes(&state).await? {
            return Err(StorageError::UploadUnknown(id));
        }
        state.just_read = true;
        Ok(self.remember(state))
    }

    /// The session for the one request that may change it, as it is in the store.
    async fn caught_up(&self, id: Uuid, session: &Session) -> Result<OwnedMutexGuard<State>, StorageError> {
        let mut state = session.writer(id).await?;
        self.catch_up(session, &mut state).await?;
        Ok(state)
    }

    /// Compares what this process knows of a session with its document, where another may have gone on with it, or a write of it may
    /// have happened.
    async fn catch_up(&self, session: &Session, state: &mut State) -> Result<(), StorageError> {
        let just_read = std::mem::take(&mut state.just_read);
        if state.over || !(self.is_shared() && !just_read || state.in_doubt) {
            return Ok(());
        }
        let id = state.upload.id;
        match self.read(&Key::Upload(id), state::DOCUMENT_MAX).await? {
            Some(document) if document.seen == state.seen => {}
            Some(document) => {
                let read = State::restore(id, &document.bytes, None)?;
                *state = State { seen: document.seen, ..read };
                session.show(&state.upload);
            }
            // It never had one.
            None if state.seen == Seen::ABSENT => {}
            None => {
                self.end(state);
                return Err(StorageError::UploadUnknown(id));
            }
        }
        state.in_doubt = false;
        Ok(())
    }

    /// Whether other processes may go on with a session of this one.
    fn is_shared(&self) -> bool {
        self.0.disk.is_none() && self.0.sharing == Sharing::Shared
    }

    fn remember(&self, state: State) -> Arc<Session> {
        let (id, session) = (state.upload.id, Arc::new(Session::new(state)));
        self.sessions().insert(id, session.clone());
        session
    }

    /// The session is over, for whoever still has it.
    fn end(&self, state: &mut State) {
        state.over = true;
        self.sessions().remove(&state.upload.id);
    }

    /// A new name. Where several processes share the store its last byte says whose the upload is, so that whoever spreads
    /// requests over them can send all of one upload to the same.
    fn upload_id(&self) -> Uuid {
        let mut bytes = Uuid::now_v7().into_bytes();
        if let Some(slot) = self.slot() {
            bytes[15] = slot;
        }
        Uuid::from_bytes(bytes)
    }

    /// Whether the upload was begun by this process, or by the one before it in its place.
    fn is_own(&self, id: Uuid) -> bool {
        self.slot().is_none_or(|slot| id.as_bytes()[15] == slot)
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, std::collections::HashMap<Uuid, Arc<Session>>> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
