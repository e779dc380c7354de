//! Documents that change: read with a sign of what was seen, and replaced only if that is still there.
//!
//! Of any number who saw the same document one replaces it. Documents that are written like this are written in no other way. They are
//! small, at most a few MiB. Knows nothing of what they say, but that a document may show a number of an event with it.

use std::io::Read as _;

use bytes::Bytes;
use object_store::{Attribute, ObjectStore as _, ObjectStoreExt as _, PutMode, UpdateVersion};

use super::disk::{DiskStore, blocking};
use super::store::options;
use super::{Key, Storage, StorageError};
use crate::domain::Digest;

/// Name of the attribute that carries [`Document::as_of`]: letters alone, as not every store takes others.
const AS_OF: &str = "asof";

/// What a reader saw of a document: needed to replace it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen(Sight);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Sight {
    Absent,
    /// On a disk: these very bytes.
    Bytes(Digest),
    /// Elsewhere: what the store calls this state of the object.
    State {
        tag: Option<String>,
        version: Option<String>,
    },
}

impl Seen {
    /// There is no such document, or so the caller believes.
    pub const ABSENT: Self = Self(Sight::Absent);
}

/// A document as it was read.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its bytes.
    pub bytes: Bytes,
    /// For replacing it.
    pub seen: Seen,
    /// The event that it shows, where it was written with one and the store keeps attributes. A disk keeps none.
    pub as_of: Option<u64>,
}

/// What [`Storage::replace`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// The document is what was given.
    Replaced,
    /// It is not any more what was seen; nothing changed.
    Changed,
}

impl Storage {
    /// A document of at most `limit` bytes, as it is now; `None` if there is none. Errors: [`StorageError::TooLarge`].
    pub async fn read(&self, key: &Key, limit: u64) -> Result<Option<Document>, StorageError> {
        let path = key.path();
        if let Some(disk) = self.0.disk.clone() {
            return blocking(path.clone(), move || {
                let found = read_file(&disk, &path, limit)?;
                Ok(found.map(|bytes| Document { seen: Seen(Sight::Bytes(Digest::sha256(&bytes))), bytes, as_of: None }))
            })
            .await;
        }
        let failed = |error| StorageError::object(&path, error);
        let found = match self.0.objects.get(&key.location()).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if found.meta.size > limit {
            return Err(StorageError::TooLarge { limit });
        }
        let as_of = found.attributes.get(&Attribute::Metadata(AS_OF.into())).and_then(|number| number.parse().ok());
        let seen = Seen(Sight::State { tag: found.meta.e_tag.clone(), version: found.meta.version.clone() });
        let size = found.meta.size;
        let bytes = found.bytes().await.map_err(failed)?;
        if bytes.len() as u64 != size {
            return Err(StorageError::cut(path, size, bytes.len()));
        }
        Ok(Some(Document { bytes, seen, as_of }))
    }

    /// Replaces a document by these bytes if it still is what was seen, or creates it if nothing was. `as_of` is kept beside it where
    /// the store keeps attributes. Complete and readable on return, not yet durable.
    ///
    /// After an error it may have happened. Two who saw the same and write the very same bytes may both be told that they did.
    pub async fn replace(
        &self,
        key: &Key,
        seen: &Seen,
        bytes: Bytes,
        as_of: Option<u64>,
    ) -> Result<Replaced, StorageError> {
        let now = self.replace_seen(key, seen, bytes, as_of).await?;
        Ok(if now.is_some() { Replaced::Replaced } else { Replaced::Changed })
    }

    /// [`Storage::replace`] for who goes on from there: what is to be seen of the document now, or `None` if it had changed.
    pub async fn replace_seen(
        &self,
        key: &Key,
        seen: &Seen,
        bytes: Bytes,
        as_of: Option<u64>,
    ) -> Result<Option<Seen>, StorageError> {
        let path = key.path();
        if let Some(disk) = self.0.disk.clone() {
            let seen = seen.clone();
            return blocking(path.clone(), move || {
                let failed = |error| StorageError::io(&path, error);
                let _lock = disk.replacing().map_err(failed)?;
                // Whatever lies there is read whole: it decides, so that its length is no reason to refuse.
                let found = match read_file(&disk, &path, u64::MAX)? {
                    Some(bytes) => Sight::Bytes(Digest::sha256(&bytes)),
                    None => Sight::Absent,
                };
                if found != seen.0 {
                    return Ok(None);
                }
                disk.write(&path, &bytes).map_err(failed)?;
                Ok(Some(Seen(Sight::Bytes(Digest::sha256(&bytes)))))
            })
            .await;
        }
        let mode = match &seen.0 {
            Sight::State { tag, version } => {
                PutMode::Update(UpdateVersion { e_tag: tag.clone(), version: version.clone() })
            }
            Sight::Absent | Sight::Bytes(_) => PutMode::Create,
        };
        let mut options = options(key, mode);
        if let Some(as_of) = as_of {
            options.attributes.insert(Attribute::Metadata(AS_OF.into()), as_of.to_string().into());
        }
        match self.0.objects.put_opts(&key.location(), bytes.clone().into(), options).await {
            Ok(put) => Ok(Some(Seen(Sight::State { tag: put.e_tag, version: put.version }))),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }
                | object_store::Error::NotFound { .. },
            ) => {
                // The client repeats what was not answered, and may have met its own first try.
                let ours = self.read(key, bytes.len() as u64).await;
                match ours {
                    Ok(Some(found)) if found.bytes == bytes && found.as_of == as_of => Ok(Some(found.seen)),
                    Ok(_) | Err(StorageError::TooLarge { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(StorageError::object(path, error)),
        }
    }
}

fn read_file(disk: &DiskStore, path: &str, limit: u64) -> Result<Option<Bytes>, StorageError> {
    let failed = |error| StorageError::io(path, error);
    let (file, metadata) = match disk.open_file(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if metadata.len() > limit {
        return Err(StorageError::TooLarge { limit });
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes.into()))
}
