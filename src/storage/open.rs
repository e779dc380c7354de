//! Opening a store by its address: the folder is locked, the bucket is looked at, the format is checked.
//!
//! What is wrong with an address, with credentials, or with what lies there is told at the start, within seconds.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};

use uuid::Uuid;

use super::clouds::{self, Client, Patience};
use super::disk::{DiskStore, Sharing, Syncing, blocking};
use super::fault::MeteredStore;
use super::store::Origin;
use super::{Format, Key, Meter, Storage, StorageError, StoreAddress, answer};

/// How long the first look at a bucket may take in all.
const FIRST_LOOK: Duration = Duration::from_secs(9);

/// How many names are looked at where no format is found.
const NAMES_LOOKED_AT: usize = 16;

/// How a store is opened.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// Counts writes, and makes them fail where a test wants it.
    pub meter: Meter,
    /// How a disk syncs.
    pub syncing: Syncing,
    /// Whether others have the folder open in the same way.
    pub sharing: Sharing,
    /// What to do where there is no store yet.
    pub absent: Absent,
    /// What this process is called among those who write to a bucket, the same at each of its starts: what it said before it died is
    /// said anew. Nothing: another name each time.
    pub server: Option<Uuid>,
    /// Files that this process alone may have locked for as long as it has the store open. They are created.
    pub locks: Vec<PathBuf>,
}

/// What to do where there is no store yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Absent {
    /// Make one.
    #[default]
    Create,
    /// Refuse: a mistyped address must not become a registry.
    Refuse,
}

impl Storage {
    /// Opens the store at an address.
    ///
    /// Errors: [`StorageError::Locked`] if another process has the folder or one of the locks, [`StorageError::NoStore`],
    /// [`StorageError::NewerFormat`], [`StorageError::Foreign`]; of a folder [`StorageError::ReadOnly`], [`StorageError::Full`]; of
    /// a bucket [`StorageError::Refused`], [`StorageError::NoBucket`], [`StorageError::Unusable`], [`StorageError::Unreachable`].
    pub async fn open(address: &StoreAddress, opening: Opening) -> Result<Self, StorageError> {
        let locks = take_locks(&opening.locks)?;
        let (sharing, server) = (opening.sharing, opening.server);
        let origin = |signer| Origin { sharing, address: Some(address.clone()), signer, server, locks };
        let storage = match address {
            StoreAddress::Disk(root) => return Self::open_folder(root, opening, origin(None)).await,
            StoreAddress::Memory => match opening.absent {
                Absent::Create => Self::over_from(Arc::new(InMemory::new()), opening.meter, origin(None)),
                Absent::Refuse => return Err(StorageError::NoStore(Box::new(address.clone()))),
            },
            StoreAddress::S3(_) | StoreAddress::Gcs(_) | StoreAddress::Azure(_) => {
                first_look(address, opening.absent).await?;
                let Some(Client { objects, signer }) = clouds::client(address, Patience::Long)? else {
                    return Err(StorageError::NoStore(Box::new(address.clone())));
                };
                Self::over_from(objects, opening.meter, origin(Some(signer)))
            }
        };
        let Format { format: _ } = storage.check_format().await.map_err(|error| at(address, error))?;
        Ok(storage)
    }

    async fn open_folder(root: &Path, opening: Opening, origin: Origin) -> Result<Self, StorageError> {
        let Opening { meter, syncing, sharing, absent, .. } = opening;
        if absent == Absent::Refuse && !root.join(Key::Format.path()).is_file() {
            return Err(StorageError::NoStore(Box::new(StoreAddress::Disk(root.to_owned()))));
        }
        let (folder, its_meter) = (root.to_owned(), meter.clone());
        let open = move || DiskStore::open(&folder, its_meter, syncing, sharing);
        let disk = blocking(root.display().to_string(), open).await?;
        let storage = Self::on_disk(disk, meter, Origin { sharing, ..origin });
        let Format { format: _ } = storage.check_format().await?;
        Ok(storage)
    }

    /// Opens a folder as the store, creating and locking it.
    ///
    /// Errors: [`StorageError::Locked`] if another server has it, [`StorageError::NewerFormat`], [`StorageError::ReadOnly`],
    /// [`StorageError::Full`].
    pub async fn open_disk(root: &Path) -> Result<Self, StorageError> {
        Self::open_folder(root, Opening::default(), Origin::default()).await
    }

    /// [`Storage::open_disk`] together with others who open it like this. Each needs the same database to agree with them.
    pub async fn open_disk_shared(root: &Path) -> Result<Self, StorageError> {
        Self::open_folder(root, Opening { sharing: Sharing::Shared, ..Opening::default() }, Origin::default()).await
    }

    /// [`Storage::open_disk`] with a meter of the caller's, who can plan failures with it, and a way of syncing.
    pub async fn open_disk_with(root: &Path, meter: Meter, syncing: Syncing) -> Result<Self, StorageError> {
        Self::open_folder(root, Opening { meter, syncing, ..Opening::default() }, Origin::default()).await
    }
}

fn take_locks(paths: &[PathBuf]) -> Result<Vec<File>, StorageError> {
    paths.iter().map(|path| take_lock(path)).collect()
}

fn take_lock(path: &Path) -> Result<File, StorageError> {
    let failed = |error| StorageError::io(path.display().to_string(), error);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = File::options().create(true).append(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::Locked(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Looks at a bucket with little patience: is it there, may we, and is what lies there a store?
async fn first_look(address: &StoreAddress, absent: Absent) -> Result<(), StorageError> {
    let Some(Client { objects, .. }) = clouds::client(address, Patience::Short)? else { return Ok(()) };
    let metered = MeteredStore::new(objects, Meter::default());
    match tokio::time::timeout(FIRST_LOOK, look(&metered, address, absent)).await {
        Ok(looked) => looked,
        Err(_) => Err(unreachable(address, format!("nothing came within {} s", FIRST_LOOK.as_secs()))),
    }
}

async fn look(objects: &dyn ObjectStore, address: &StoreAddress, absent: Absent) -> Result<(), StorageError> {
    let failed = |error| at(address, StorageError::object(address.to_string(), error));
    if has_format(objects).await.map_err(failed)? {
        return Ok(());
    }
    // Only a list tells whether there is a bucket where nothing of ours is, and whether something else is.
    let mut names = objects.list(None).take(NAMES_LOOKED_AT);
    let mut example = None;
    while let Some(name) = names.next().await {
        example = example.or(Some(name.map_err(failed)?.location.to_string()));
    }
    match (example, absent) {
        (None, Absent::Create) => Ok(()),
        (None, Absent::Refuse) => Err(StorageError::NoStore(Box::new(address.clone()))),
        // Another process may have made the store between the two looks.
        (Some(_), _) if has_format(objects).await.map_err(failed)? => Ok(()),
        (Some(example), _) => Err(StorageError::Foreign { address: Box::new(address.clone()), example }),
    }
}

async fn has_format(objects: &dyn ObjectStore) -> object_store::Result<bool> {
    // No HEAD: its answer has no body, and only the body tells a bucket that is absent from an object that is.
    match objects.get(&Key::Format.location()).await {
        Ok(_) => Ok(true),
        Err(error @ object_store::Error::NotFound { .. }) => match answer::verdict(&error) {
            answer::Verdict::Absent => Ok(false),
            _ => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// What an error of a bucket means to whoever opens it.
fn at(address: &StoreAddress, error: StorageError) -> StorageError {
    match error {
        StorageError::Refused { said, .. } => StorageError::Refused { address: address.to_string(), said },
        StorageError::NoBucket { .. } => StorageError::NoBucket { address: address.to_string() },
        // An object that was there a moment ago, or that was just created.
        StorageError::NotFound { .. } => StorageError::NoBucket { address: address.to_string() },
        StorageError::Unavailable { source, .. } => unreachable(address, source.to_string()),
        error => error,
    }
}

fn unreachable(address: &StoreAddress, why: String) -> StorageError {
    // Without credentials the clouds' libraries ask the machine that they take themselves to run on.
    let is_metadata = why.contains("169.254.") || why.contains("metadata.google") || why.contains("metadata/identity");
    let hint = match address.credentials() {
        Some(credentials) if is_metadata => credentials,
        _ => {
            "check the address and its endpoint, and that this machine reaches it; without credentials the machine itself is asked for them"
        }
    };
    StorageError::Unreachable { address: Box::new(address.clone()), why, hint }
}
