//! What a check of a whole store needs: everything that lies in it, and what the stored bytes hash to.
//!
//! Nothing here changes the store, believes what was found out before, or moves damage away: whoever looks may do so beside a server.

use std::io::Read as _;
use std::path::Path as FilePath;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use super::disk::{DiskStore, Sharing, blocking};
use super::store::Origin;
use super::{Key, Meter, Storage, StorageError};
use crate::domain::{Algorithm, Digest, Hasher, Timestamp};

/// Bytes read at once from a file: a thread holds so many.
const CHUNK: usize = 1 << 20;

/// An object that lies in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its path from the root of the store.
    pub path: String,
    /// What it is, if the path is one of this program's.
    pub key: Option<Key>,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written.
    pub written: Timestamp,
}

/// What the stored bytes of an object came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// How many there are.
    pub size: u64,
    /// What they hash to.
    pub digest: Digest,
}

impl Storage {
    /// Opens a folder only to look at it, beside whoever has it open. It takes no lock and makes nothing; a caller who writes all the
    /// same breaks the promises of those who have a lock.
    ///
    /// Errors as [`Storage::open_disk`] does, but never with [`StorageError::Locked`].
    pub async fn look_at_disk(root: &FilePath) -> Result<Self, StorageError> {
        let disk = DiskStore::look_at(root, Meter::default());
        let origin = Origin { sharing: Sharing::Shared, ..Origin::default() };
        let storage = Self::on_disk(disk, Meter::default(), origin);
        storage.check_format().await?;
        Ok(storage)
    }

    /// All objects of the store, in no order. What is written or removed meanwhile may be missing or there.
    pub fn list_all(&self) -> BoxStream<'static, Result<StoredObject, StorageError>> {
        let list = self.0.objects.list(None);
        list.map_err(|error| StorageError::object("the store", error))
            .map_ok(|meta| {
                let path = meta.location.to_string();
                let written = Timestamp::from_micros(meta.last_modified.timestamp_micros());
                StoredObject { key: Key::of_path(&path), path, size: meta.size, written }
            })
            .boxed()
    }

    /// How many temporary files lie in a folder, those of writes that are in flight too. None where the store is no folder.
    pub async fn temporary_files(&self) -> Result<u64, StorageError> {
        let Some(disk) = self.0.disk.clone() else { return Ok(0) };
        blocking("temporary files", move || {
            disk.temporary_files().map_err(|error| StorageError::io("temporary files", error))
        })
        .await
    }

    /// An object of at most `limit` bytes by its path, whatever it is. Errors: [`StorageError::NotFound`], [`StorageError::TooLarge`].
    pub async fn read_path(&self, path: &str, limit: u64) -> Result<Bytes, StorageError> {
        let failed = |error| StorageError::object(path, error);
        let found = self.0.objects.get(&object_store::path::Path::from(path)).await.map_err(failed)?;
        if found.meta.size > limit {
            return Err(StorageError::TooLarge { limit });
        }
        found.bytes().await.map_err(failed)
    }

    /// The stored bytes of an object as they are, unchecked. Errors with [`StorageError::NotFound`].
    pub async fn stream_object(
        &self,
        key: &Key,
    ) -> Result<BoxStream<'static, Result<Bytes, StorageError>>, StorageError> {
        let path = key.path();
        let found = self.0.objects.get(&key.location()).await.map_err(|error| StorageError::object(&path, error))?;
        Ok(found.into_stream().map_err(move |error| StorageError::object(&path, error)).boxed())
    }

    /// Hashes the stored bytes of an object, whatever was known of them. `None` if there is none. In bounded memory, whatever its length;
    /// `read` is told how many bytes more were read.
    pub async fn hash_object(
        &self,
        key: &Key,
        algorithm: Algorithm,
        read: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<Option<Hashed>, StorageError> {
        let path = key.path();
        if let Some(disk) = self.0.disk.clone() {
            return blocking(path.clone(), move || hash_file(&disk, &path, algorithm, read)).await;
        }
        let found = match self.0.objects.get(&key.location()).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(StorageError::object(path, error)),
        };
        let (mut hasher, mut size) = (Hasher::new(algorithm), 0);
        let mut chunks = found.into_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk: Bytes = chunk.map_err(|error| StorageError::object(&path, error))?;
            hasher.update(&chunk);
            size += chunk.len() as u64;
            read(chunk.len() as u64);
        }
        Ok(Some(Hashed { size, digest: hasher.finish() }))
    }
}

fn hash_file(
    disk: &DiskStore,
    path: &str,
    algorithm: Algorithm,
    read: impl Fn(u64),
) -> Result<Option<Hashed>, StorageError> {
    let failed = |error| StorageError::io(path, error);
    let (mut file, metadata) = match disk.open_file(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // Most are small, and need no more than they are long.
    let length = usize::try_from(metadata.len()).unwrap_or(CHUNK).clamp(1, CHUNK);
    let (mut buffer, mut hasher, mut size) = (vec![0; length], Hasher::new(algorithm), 0);
    loop {
        let bytes = match file.read(&mut buffer) {
            Ok(0) => return Ok(Some(Hashed { size, digest: hasher.finish() })),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        hasher.update(&buffer[..bytes]);
        size += bytes as u64;
        read(bytes as u64);
    }
}
