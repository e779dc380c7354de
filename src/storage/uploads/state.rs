//! What a session knows of itself, and the document that keeps it (`spec/layout.md`, "Uploads").

use std::fs::File;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::{Key, PartName, Seen, StorageError};
use super::Upload;
use crate::domain::{Area, Hasher, Repository, Timestamp};

/// Longest document that is read, in bytes: some 18,000 parts, of 56 characters each.
pub(super) const DOCUMENT_MAX: u64 = 1 << 20;
/// Parts that an upload may have, so that its document can be read again.
pub(super) const PARTS_MAX: usize = 16_000;

pub(super) struct State {
    pub(super) upload: Upload,
    /// Has taken in exactly `upload.offset` bytes.
    pub(super) hasher: Hasher,
    /// The parts in order, on stores that cannot append.
    pub(super) parts: Vec<Part>,
    /// What this process last saw of the document, on such stores.
    pub(super) seen: Seen,
    /// Whether the document has to be read again before anything is done: a write of it failed, and may have happened.
    pub(super) in_doubt: bool,
    /// The document was read for the request that is about to use this.
    pub(super) just_read: bool,
    /// Open for writing, at `upload.offset`, on a disk.
    pub(super) file: Option<File>,
    /// Bytes taken since the document was written.
    pub(super) unsaved: u64,
    /// Length of the document's file, on a disk.
    pub(super) document_size: u64,
    /// The bytes may not be those that were hashed: the machine has been started again since, and nothing of them was synced.
    pub(super) doubtful: bool,
    /// Whether anything of it may lie in the store.
    pub(super) is_stored: bool,
    /// Finished or cancelled.
    pub(super) over: bool,
}

/// A part of an upload's bytes: an object of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// What its object is called, below the upload.
    #[serde(with = "in_words")]
    pub(super) name: PartName,
    /// Its length in bytes.
    pub(super) size: u64,
}

/// The name of a part as its path ends.
mod in_words {
    use super::PartName;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(name: &PartName, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(name)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PartName, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| de::Error::custom("not the name of a part"))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    repository: Repository,
    area: Area,
    offset: u64,
    hash: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part>,
    started: Timestamp,
    touched: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boot: Option<String>,
}

impl State {
    pub(super) fn new(upload: Upload) -> Self {
        let hasher = Hasher::new(upload.algorithm);
        Self {
            upload,
            hasher,
            parts: Vec::new(),
            seen: Seen::ABSENT,
            in_doubt: false,
            just_read: false,
            file: None,
            unsaved: 0,
            document_size: 0,
            doubtful: false,
            is_stored: false,
            over: false,
        }
    }

    /// A name for the next part, which no other has.
    pub(super) fn next_part(&self) -> PartName {
        let [.., a, b, c, d] = Uuid::now_v7().into_bytes();
        PartName { place: self.parts.len() as u32, mark: u32::from_be_bytes([a, b, c, d]) }
    }

    /// The document as it stands, one line. Doubt outlives it: only a document of this very start of the machine vouches for its bytes.
    pub(super) fn document(&self, boot: Option<&str>) -> Result<Bytes, StorageError> {
        let document = Document {
            repository: self.upload.repository.clone(),
            area: self.upload.area.clone(),
            offset: self.upload.offset,
            hash: self.hasher.save(),
            parts: self.parts.clone(),
            started: self.upload.started,
            touched: self.upload.touched,
            boot: boot.filter(|_| !self.doubtful).map(str::to_owned),
        };
        // The line feed in front ends whatever a failed write left there.
        let mut line = vec![b'\n'];
        serde_json::to_writer(&mut line, &document).map_err(|error| malformed(self.upload.id, error))?;
        line.push(b'\n');
        Ok(line.into())
    }

    /// The state that the last whole line tells of.
    pub(super) fn restore(id: Uuid, file: &[u8], boot: Option<&str>) -> Result<Self, StorageError> {
        let lines = file.rsplit(|byte| *byte == b'\n');
        let last = lines.filter(|line| !line.is_empty()).find_map(|line| serde_json::from_slice(line).ok());
        let document: Document = last.ok_or_else(|| malformed(id, "no line of it can be read"))?;
        let hasher = Hasher::restore(&document.hash).ok_or_else(|| malformed(id, "its hash state cannot be read"))?;
        let in_parts = !document.parts.is_empty();
        if in_parts && document.parts.iter().map(|part| part.size).sum::<u64>() != document.offset {
            return Err(malformed(id, "its parts do not add up to its offset"));
        }
        let same_start = boot.is_some() && document.boot.as_deref() == boot;
        let upload = Upload {
            id,
            repository: document.repository,
            area: document.area,
            algorithm: hasher.algorithm(),
            offset: document.offset,
            started: document.started,
            touched: document.touched,
        };
        // Parts are whole objects, which their store keeps or does not.
        let doubtful = upload.offset > 0 && !in_parts && !same_start;
        let document_size = file.len() as u64;
        Ok(Self { hasher, parts: document.parts, doubtful, document_size, is_stored: true, ..Self::new(upload) })
    }
}

fn malformed(id: Uuid, why: impl ToString) -> StorageError {
    StorageError::Malformed { path: Key::Upload(id).path(), why: why.to_string() }
}
