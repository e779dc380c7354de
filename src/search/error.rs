//! What can go wrong, as decisions that a caller can take.

use std::io;

use tantivy::TantivyError;
use tantivy::directory::error::{OpenDirectoryError, OpenReadError, OpenWriteError};

/// A search or a change of the index failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The cursor is no cursor of this question: the caller's mistake, start again without it.
    #[error("the cursor is not valid: {0}")]
    Cursor(&'static str),
    /// Another process has the index open.
    #[error("another process has the search index open")]
    Busy(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is on disk is not what was written: clear the index and feed everything again.
    #[error("the search index is damaged and has to be rebuilt")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The disk is full, or cannot be read or written: the index is as it was, try again later.
    #[error("the search index cannot be read or written")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SearchError {
    /// Damage that no error of tantivy reports.
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into().into())
    }
}

impl From<TantivyError> for SearchError {
    fn from(error: TantivyError) -> Self {
        let damage = match &error {
            TantivyError::LockFailure(..) => return Self::Busy(error.into()),
            TantivyError::IoError(error) => is_damage(error),
            TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => is_damage(io_error),
            TantivyError::OpenReadError(_)
            | TantivyError::DataCorruption(_)
            | TantivyError::SchemaError(_)
            | TantivyError::FieldNotFound(_)
            | TantivyError::IncompatibleIndex(_)
            | TantivyError::DeserializeError(_)
            | TantivyError::InternalError(_) => true,
            TantivyError::OpenDirectoryError(OpenDirectoryError::NotADirectory(_)) => true,
            TantivyError::OpenWriteError(OpenWriteError::FileAlreadyExists(_)) => true,
            _ => false,
        };
        if damage { Self::Damaged(error.into()) } else { Self::Unavailable(error.into()) }
    }
}

impl From<io::Error> for SearchError {
    fn from(error: io::Error) -> Self {
        if is_damage(&error) { Self::Damaged(error.into()) } else { Self::Unavailable(error.into()) }
    }
}

/// A file that is short, missing or not what it should be, as against a disk that does not answer.
fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::NotFound
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
    )
}
