//! A session in memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Lane, OwnedMutexGuard};
use uuid::Uuid;

use super::super::StorageError;
use super::Upload;
use super::state::State;

/// A session that this process has met.
pub(in crate::storage) struct Session {
    /// Held by whoever writes.
    pub(super) state: Arc<Lane<State>>,
    /// For those who ask meanwhile.
    pub(super) shown: Mutex<Upload>,
    /// The writer's place is taken for a moment, and by nobody who writes to it: its first document is being written, or its
    /// document read.
    briefly: AtomicUsize,
}

impl Session {
    pub(super) fn new(state: State) -> Self {
        let shown = Mutex::new(state.upload.clone());
        Self { state: Arc::new(Lane::new(state)), shown, briefly: AtomicUsize::new(0) }
    }

    pub(super) fn show(&self, upload: &Upload) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = upload.clone();
    }

    /// The only one who may write, until the guard is dropped.
    pub(super) async fn writer(&self, id: Uuid) -> Result<OwnedMutexGuard<State>, StorageError> {
        let state = match self.state.clone().try_lock_owned() {
            Ok(state) => state,
            // Over in a moment, and no request that the client could have waited for.
            Err(_) if self.briefly.load(Ordering::SeqCst) > 0 => self.state.clone().lock_owned().await,
            Err(_) => return Err(StorageError::Busy(id)),
        };
        if state.over { Err(StorageError::UploadUnknown(id)) } else { Ok(state) }
    }

    /// Writes the first document by `save`, unless there is one, or somebody writes, who will write it.
    pub(super) async fn save_first<F>(&self, save: impl FnOnce(OwnedMutexGuard<State>) -> F) -> Result<(), StorageError>
    where
        F: Future<Output = Result<(), StorageError>>,
    {
        let _briefly = Briefly::hold(&self.briefly);
        match self.state.clone().try_lock_owned() {
            Ok(state) if !state.is_stored && !state.over => save(state).await,
            _ => Ok(()),
        }
    }

    /// Does `look` to the session, unless somebody writes to it, who knows it better.
    pub(super) async fn look<F>(&self, look: impl FnOnce(OwnedMutexGuard<State>) -> F) -> Result<(), StorageError>
    where
        F: Future<Output = Result<(), StorageError>>,
    {
        let _briefly = Briefly::hold(&self.briefly);
        match self.state.clone().try_lock_owned() {
            Ok(state) => look(state).await,
            Err(_) => Ok(()),
        }
    }
}

/// Those who hold the writer's place briefly are counted, also if they are given up.
struct Briefly<'a>(&'a AtomicUsize);

impl<'a> Briefly<'a> {
    fn hold(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Briefly<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use futures::poll;

    use super::*;
    use crate::domain::{Algorithm, Area, Timestamp};

    fn session() -> Session {
        let now = Timestamp::from_micros(0);
        Session::new(State::new(Upload {
            id: Uuid::nil(),
            repository: "acme/hello".parse().unwrap(),
            area: Area::Public,
            algorithm: Algorithm::Sha256,
            offset: 0,
            started: now,
            touched: now,
        }))
    }

    #[tokio::test]
    async fn a_request_waits_for_the_first_document_and_not_for_another_request() {
        let session = session();
        let (go_on, waits) = tokio::sync::oneshot::channel::<()>();
        let mut saving = Box::pin(session.save_first(|state| async move {
            waits.await.unwrap();
            drop(state);
            Ok(())
        }));
        assert!(poll!(&mut saving).is_pending());
        let mut request = Box::pin(session.writer(Uuid::nil()));
        assert!(poll!(&mut request).is_pending(), "it is not refused");
        go_on.send(()).unwrap();
        saving.await.unwrap();
        let first = request.await.unwrap();
        assert!(matches!(session.writer(Uuid::nil()).await, Err(StorageError::Busy(_))));
        let never = |_| async { panic!("somebody writes") };
        session.save_first(never).await.unwrap();
        drop(first);
    }
}
