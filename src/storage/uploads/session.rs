//! A session in memory.

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
}

impl Session {
    pub(super) fn new(state: State) -> Self {
        let shown = Mutex::new(state.upload.clone());
        Self { state: Arc::new(Lane::new(state)), shown }
    }

    pub(super) fn show(&self, upload: &Upload) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = upload.clone();
    }

    /// The only one who may write, until the guard is dropped.
    pub(super) fn writer(&self, id: Uuid) -> Result<OwnedMutexGuard<State>, StorageError> {
        let state = self.state.clone().try_lock_owned().map_err(|_| StorageError::Busy(id))?;
        if state.over { Err(StorageError::UploadUnknown(id)) } else { Ok(state) }
    }
}
