//! What was last seen of a log, so that it can only grow: one small file for each registry.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::cache::write_atomically;
use super::super::folder::{FilesError, failed};
use crate::domain::{Digest, Timestamp};
use crate::tlog::{CheckpointError, NoteVerifier, SignedCheckpoint};

/// Longest file that is read, in bytes.
const FILE_MAX: u64 = 128 << 10;

/// The folder with what was seen of logs.
#[derive(Clone, Debug)]
pub struct LogMemory {
    folder: PathBuf,
}

/// What was last seen of the log of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Address of the registry.
    pub registry: String,
    /// The log's public key: from the first look on no other is believed.
    pub key: String,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// When it was seen.
    pub seen: Timestamp,
}

impl Remembered {
    /// The key, and the checkpoint that it has signed.
    pub fn open(&self) -> Result<(NoteVerifier, SignedCheckpoint), CheckpointError> {
        let key: NoteVerifier = self.key.parse().map_err(|_| CheckpointError::Form)?;
        let checkpoint = SignedCheckpoint::open(self.checkpoint.as_bytes(), &key, &[])?;
        Ok((key, checkpoint))
    }
}

impl LogMemory {
    /// The memory in a folder, which is made when something is remembered.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// What was last seen of a registry's log; `None` if nothing was.
    ///
    /// # Errors
    /// What is there cannot be read. It is not taken for nothing: whoever damages it would have any log believed.
    pub fn recall(&self, registry: &str) -> Result<Option<Remembered>, FilesError> {
        let path = self.path(registry);
        let read = |path: &Path| {
            let length = std::fs::metadata(path)?.len();
            if length > FILE_MAX {
                return Err(std::io::Error::other(format!("it is longer than {FILE_MAX} bytes")));
            }
            serde_json::from_slice(&std::fs::read(path)?).map_err(std::io::Error::other)
        };
        match read(&path) {
            Ok(remembered) => Ok(Some(remembered)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// Remembers this from now on.
    pub fn remember(&self, remembered: &Remembered) -> Result<(), FilesError> {
        let bytes = serde_json::to_vec_pretty(remembered).unwrap_or_default();
        write_atomically(&self.path(&remembered.registry), &bytes)
    }

    /// Where it lies.
    pub fn path(&self, registry: &str) -> PathBuf {
        self.folder.join(format!("{}.json", &Digest::sha256(registry.as_bytes()).hex()[..32]))
    }
}
