//! [`Storage`]: objects by [`Key`], on any object store.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::memory::InMemory;
use object_store::signer::Signer;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};
use uuid::Uuid;

use super::buffers::Buffers;
use super::disk::{DiskStore, Sharing, blocking};
use super::error::StorageError;
use super::fault::MeteredStore;
use super::meter::{Meter, Writes};
use super::objects::PartBuffers;
use super::trust::Trust;
use super::turn::Watched;
use super::uploads::Session;
use super::{Key, StoreAddress};

/// How many blobs are looked for at once.
const LOOKS: usize = 16;

/// The object store. Clones are cheap and share everything.
///
/// Serialisable by key, and read-after-write: what was put is what every later read returns. A put is complete and readable
/// when it returns, never in part; it is durable when [`Storage::settle`] has returned for its key. On object stores of
/// a cloud, and in memory, settling does nothing, as those promise what they promise at once.
#[derive(Clone)]
pub struct Storage(pub(super) Arc<Inner>);

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Storage({})", self.0.objects)
    }
}

pub(super) struct Inner {
    pub(super) objects: Arc<dyn ObjectStore>,
    /// The same store, where it is a disk: it can append, rename and sync.
    pub(super) disk: Option<DiskStore>,
    pub(super) meter: Meter,
    pub(super) trust: Trust,
    /// What large reads are read into.
    pub(super) buffers: Buffers,
    /// What large objects are written from, where they are written in parts.
    pub(super) parts: PartBuffers,
    pub(super) corruptions: AtomicU64,
    pub(super) sessions: Mutex<HashMap<Uuid, Arc<Session>>>,
    /// Held while the document of an upload is read.
    pub(super) loading: tokio::sync::Mutex<()>,
    /// Which start of the machine this is, where it can be told: what was written but never synced survives a restart of
    /// the process, and not one of the machine.
    pub(super) boot: Option<String>,
    /// Whether other processes write to the store meanwhile.
    pub(super) sharing: Sharing,
    /// Another's lease of the turn to collect.
    pub(super) watched: tokio::sync::Mutex<Watched>,
    /// Where it lies, where it was opened by an address.
    pub(super) address: Option<StoreAddress>,
    /// Signs addresses of objects for others, where the store is a bucket.
    pub(super) signer: Option<Arc<dyn Signer>>,
    /// What this process is called among those who write to a bucket.
    pub(super) server: Option<Uuid>,
    /// Locks of the process, which end with the store.
    pub(super) _locks: Vec<File>,
}

/// What a store that was opened by an address knows besides.
#[derive(Default)]
pub(super) struct Origin {
    pub(super) sharing: Sharing,
    pub(super) address: Option<StoreAddress>,
    pub(super) signer: Option<Arc<dyn Signer>>,
    pub(super) server: Option<Uuid>,
    pub(super) locks: Vec<File>,
}

impl Storage {
    /// The store over any object store. Callers of a store that outlives the process call [`Storage::check_format`] first.
    pub fn over(objects: Arc<dyn ObjectStore>) -> Self {
        Self::over_with(objects, Meter::default())
    }

    /// [`Storage::over`] with a meter of the caller's, who can plan failures with it.
    pub fn over_with(objects: Arc<dyn ObjectStore>, meter: Meter) -> Self {
        Self::over_from(objects, meter, Origin::default())
    }

    /// [`Storage::over_with`] where other processes write to the same objects meanwhile.
    pub fn over_shared(objects: Arc<dyn ObjectStore>, meter: Meter) -> Self {
        Self::over_from(objects, meter, Origin { sharing: Sharing::Shared, ..Origin::default() })
    }

    /// A store in memory, empty, gone with its last clone.
    pub fn memory() -> Self {
        Self::over(Arc::new(InMemory::new()))
    }

    pub(super) fn on_disk(disk: DiskStore, meter: Meter, origin: Origin) -> Self {
        Self::new(Arc::new(disk.clone()), Some(disk), meter, origin)
    }

    pub(super) fn over_from(objects: Arc<dyn ObjectStore>, meter: Meter, origin: Origin) -> Self {
        let metered = MeteredStore::new(objects, meter.clone());
        Self::new(Arc::new(metered), None, meter, origin)
    }

    fn new(objects: Arc<dyn ObjectStore>, disk: Option<DiskStore>, meter: Meter, origin: Origin) -> Self {
        let Origin { sharing, address, signer, server, locks } = origin;
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().filter(|_| disk.is_some());
        Self(Arc::new(Inner {
            objects,
            disk,
            meter,
            trust: Trust::default(),
            buffers: Buffers::default(),
            parts: PartBuffers::default(),
            corruptions: AtomicU64::new(0),
            sessions: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
            boot: boot.map(|id| id.trim().to_owned()),
            sharing,
            watched: tokio::sync::Mutex::default(),
            address,
            signer,
            server,
            _locks: locks,
        }))
    }

    /// The object store underneath, for what has no key here: projections.
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.0.objects
    }

    /// Where it lies; `None` of a store that was not opened by an address.
    pub fn address(&self) -> Option<&StoreAddress> {
        self.0.address.as_ref()
    }

    /// What signs addresses of objects for others, by names below the store's prefix; `None` of what is no bucket.
    pub fn signer(&self) -> Option<&Arc<dyn Signer>> {
        self.0.signer.as_ref()
    }

    /// The disk store underneath, if it is one.
    pub fn disk(&self) -> Option<&DiskStore> {
        self.0.disk.as_ref()
    }

    /// Whether other processes write to the store meanwhile.
    pub fn sharing(&self) -> Sharing {
        self.0.sharing
    }

    /// Its number among the processes that share a folder; `None` if it has the folder alone, or the store is none.
    pub fn slot(&self) -> Option<u8> {
        self.0.disk.as_ref().and_then(DiskStore::slot)
    }

    /// What was written since the store was opened.
    pub fn writes(&self) -> Writes {
        self.0.meter.writes()
    }

    /// Puts an object, replacing what has its name. Complete and readable when this returns, not yet durable.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StorageError> {
        let path = key.path();
        if let Some(disk) = self.0.disk.clone() {
            return blocking(path.clone(), move || {
                disk.write(&path, &bytes).map(|_| ()).map_err(|error| StorageError::io(path, error))
            })
            .await;
        }
        let done = self.0.objects.put_opts(&key.location(), bytes.into(), options(key, PutMode::Overwrite)).await;
        done.map(|_| ()).map_err(|error| StorageError::object(path, error))
    }

    /// Makes these objects durable, all in one group: afterwards they survive a loss of power.
    ///
    /// Each file and each folder that names one is synced once; what is known to be durable costs nothing. Calls that
    /// overlap share groups. What an earlier sync failed on is written anew first. Errors with the first object that could not be made
    /// durable, or is absent; whether the others are is then not said. In a bucket all is durable that is there, and blobs alone are
    /// looked for: they were written a while ago, and may have been taken away since.
    pub async fn settle(&self, keys: &[Key]) -> Result<(), StorageError> {
        match &self.0.disk {
            Some(disk) => {
                for key in keys {
                    self.mend(disk, key).await?;
                }
                disk.settle(keys.iter().map(Key::path).collect()).await
            }
            None => {
                let blobs = keys.iter().filter_map(|key| match key {
                    Key::Blob { area, digest } => Some(async move {
                        let size = self.blob_size(area, digest).await?;
                        size.map(drop).ok_or_else(|| StorageError::NotFound { path: key.path() })
                    }),
                    _ => None,
                });
                stream::iter(blobs.collect::<Vec<_>>()).buffered(LOOKS).try_collect().await
            }
        }
    }

    /// A whole object of at most `limit` bytes. Errors: [`StorageError::NotFound`], [`StorageError::TooLarge`].
    pub async fn get(&self, key: &Key, limit: u64) -> Result<Bytes, StorageError> {
        let path = key.path();
        if let Some(disk) = self.0.disk.clone() {
            return blocking(path.clone(), move || {
                let failed = |error| StorageError::io(&path, error);
                let (file, metadata) = disk.open_file(&path).map_err(failed)?;
                if metadata.len() > limit {
                    return Err(StorageError::TooLarge { limit });
                }
                let mut bytes = Vec::with_capacity(metadata.len() as usize);
                file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
                Ok(bytes.into())
            })
            .await;
        }
        let failed = |error| StorageError::object(&path, error);
        let found = self.0.objects.get(&key.location()).await.map_err(failed)?;
        let size = found.meta.size;
        if size > limit {
            return Err(StorageError::TooLarge { limit });
        }
        let bytes = found.bytes().await.map_err(failed)?;
        if bytes.len() as u64 == size { Ok(bytes) } else { Err(StorageError::cut(path, size, bytes.len())) }
    }

    /// Whether there is such an object.
    pub async fn exists(&self, key: &Key) -> Result<bool, StorageError> {
        Ok(self.size(key).await?.is_some())
    }

    /// Removes an object. One that is absent is no error.
    pub async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        delete(self.objects(), key).await
    }

    /// Length of an object in bytes, if there is one.
    pub(super) async fn size(&self, key: &Key) -> Result<Option<u64>, StorageError> {
        let path = key.path();
        if let Some(disk) = self.0.disk.clone() {
            return blocking(path.clone(), move || {
                let found = disk.stat(&path).map_err(|error| StorageError::io(path, error))?;
                Ok(found.map(|metadata| metadata.len()))
            })
            .await;
        }
        match self.0.objects.head(&key.location()).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(StorageError::object(path, error)),
        }
    }
}

/// What a store that keeps attributes is told about an object.
pub(super) fn attributes(key: &Key) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, key.media_type().into());
    attributes.insert(Attribute::CacheControl, key.cache_control().into());
    attributes
}

/// Removes an object. One that is absent is no error.
pub(super) async fn delete(objects: &Arc<dyn ObjectStore>, key: &Key) -> Result<(), StorageError> {
    match objects.delete(&key.location()).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(StorageError::object(key.path(), error)),
    }
}

pub(super) fn options(key: &Key, mode: PutMode) -> PutOptions {
    PutOptions { mode, attributes: attributes(key), ..PutOptions::default() }
}
