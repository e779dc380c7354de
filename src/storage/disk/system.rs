//! What the system says and what it takes to ask it.

use std::io;
use std::path::Path;

use super::super::error::StorageError;

/// A component of the path that is a file means the same as an absent object.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The folder cannot be made or written: whatever the system calls it, nothing can be stored there.
pub(super) fn unusable(root: &Path, error: io::Error) -> StorageError {
    let path = root.display().to_string();
    match error.kind() {
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound => {
            StorageError::ReadOnly { path, source: error }
        }
        _ => StorageError::io(path, error),
    }
}

/// Runs blocking work on a thread that may block.
pub(in crate::storage) async fn blocking<T: Send + 'static>(
    path: impl Into<String>,
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(StorageError::Unavailable { path: path.into(), source: error.into() }),
    }
}
