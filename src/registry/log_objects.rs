//! What readers see of the transparency log: key, checkpoint, tiles, and events too long for an entry.

use bytes::Bytes;

use crate::domain::{Action, Actor, Scope};
use crate::storage::{Key, StorageError};
use crate::tlog::BUNDLE_MAX;

use super::{Registry, RegistryError};

/// An object of the log.
#[derive(Clone, Debug)]
pub struct LogObject {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its media type.
    pub media_type: &'static str,
    /// How long a cache may keep it.
    pub cache_control: &'static str,
}

impl Registry {
    /// The object of the log at this path below `log/`; `None` if there is none. All of the log is for everybody who may read here:
    /// what is not public is sealed in it.
    pub async fn log_object(&self, actor: &Actor, path: &str) -> Result<Option<LogObject>, RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        let key = match Key::of_path(&format!("public/log/{path}")) {
            Some(key @ (Key::LogKey | Key::LogCheckpoint | Key::LogTile(_) | Key::LogLong(_))) => key,
            _ => return Ok(None),
        };
        match self.0.storage.get(&key, BUNDLE_MAX as u64).await {
            Ok(bytes) => {
                Ok(Some(LogObject { bytes, media_type: key.media_type(), cache_control: key.cache_control() }))
            }
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until the log has all that is committed now. Returns at once if none is kept.
    pub async fn logged(&self) {
        let Some(logged) = &self.0.logged else { return };
        let head = *self.0.committer.head().borrow();
        // The log only ends with the registry itself.
        let _ = logged.clone().wait_for(|logged| *logged >= head).await;
    }
}
