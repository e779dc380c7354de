//! Where a registry lies: a data folder, and the store in it or elsewhere.
//!
//! A store in the folder is locked with all else that is in it. Where the store lies elsewhere the folder has a lock of its own, so
//! that no two processes get into one database file or one search index.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::meta::MetaError;
use crate::search::{Index, SearchError};
use crate::storage::{Absent, Key, Opening, Role, Sharing, Storage, StoreAddress};

use super::present::Present;
use super::{DataError, Metadata, OpenError};

/// The lock of a data folder whose store lies elsewhere.
const LOCK: &str = ".lock";

/// The name of a data folder among those who write to a bucket.
const SERVER: &str = "server-id";

/// A data folder and its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The folder.
    pub folder: PathBuf,
    /// The store; `None` for the one in the folder.
    pub store: Option<StoreAddress>,
}

/// A folder with its store in it.
impl<P: AsRef<Path> + ?Sized> From<&P> for Place {
    fn from(folder: &P) -> Self {
        Self { folder: folder.as_ref().to_owned(), store: None }
    }
}

impl Place {
    /// Opens the store, making what is not there.
    pub(super) async fn open(&self, metadata: &Metadata, sharing: Sharing) -> Result<Storage, DataError> {
        let is_bucket = self.address().bucket().is_some();
        match (sharing, metadata) {
            (Sharing::Alone, _) | (Sharing::Shared, Metadata::Server(_)) => {}
            (Sharing::Shared, Metadata::Memory) if is_bucket => {}
            (Sharing::Shared, Metadata::Sqlite(_)) => return Err(OpenError::NotShared("a file of SQLite").into()),
            (Sharing::Shared, Metadata::Memory) => return Err(OpenError::NotShared("metadata in memory").into()),
        }
        if sharing == Sharing::Shared && self.address() == StoreAddress::Memory {
            return Err(OpenError::NotShared("a store in memory").into());
        }
        self.open_as(&[metadata], self.sharing(metadata, sharing), Absent::Create).await
    }

    /// Opens a store that is there, as a server would, beside others where they may be.
    pub(super) async fn open_beside(&self, metadata: &Metadata) -> Result<Storage, DataError> {
        match self.is_absent() {
            true => Err(DataError::NoStore(self.folder.clone())),
            false => self.open_as(&[metadata], self.sharing(metadata, Sharing::Alone), Absent::Refuse).await,
        }
    }

    /// Whether others may write to the store meanwhile. A bucket has no lock that could keep them out; only a database in a file says
    /// that there is nobody else.
    fn sharing(&self, metadata: &Metadata, asked: Sharing) -> Sharing {
        match (self.address().bucket(), metadata) {
            (Some(_), Metadata::Server(_) | Metadata::Memory) => Sharing::Shared,
            (Some(_), Metadata::Sqlite(_)) | (None, _) => asked,
        }
    }

    /// Opens a store that is there, alone: a mistyped one must not become a registry. `metadata`: what is worked on besides.
    pub(super) async fn open_existing(&self, metadata: &[&Metadata]) -> Result<Storage, DataError> {
        match self.is_absent() {
            true => Err(DataError::NoStore(self.folder.clone())),
            false => self.open_as(metadata, Sharing::Alone, Absent::Refuse).await,
        }
    }

    /// The same, held alone in a bucket too until what comes with it is [ended](Present::end): nobody else comes meanwhile. Errors with
    /// [`StorageError::Occupied`] where somebody said a moment ago that it writes to the bucket.
    ///
    /// [`StorageError::Occupied`]: crate::storage::StorageError::Occupied
    pub(super) async fn hold(&self, metadata: &[&Metadata]) -> Result<(Storage, Present), DataError> {
        let storage = self.open_existing(metadata).await?;
        let present = Present::begin(&storage, Role::Maintenance, false).await?;
        Ok((storage, present))
    }

    /// Opens a store that is there only to look at it, beside whoever has it open: nothing is locked, and nothing is said to anybody.
    pub(super) async fn look(&self) -> Result<Storage, DataError> {
        match (self.is_absent(), self.address()) {
            (true, _) => Err(DataError::NoStore(self.folder.clone())),
            (false, StoreAddress::Disk(root)) => Ok(Storage::look_at_disk(&root).await?),
            (false, address) => {
                let opening = Opening { sharing: Sharing::Shared, absent: Absent::Refuse, ..Opening::default() };
                Ok(Storage::open(&address, opening).await?)
            }
        }
    }

    async fn open_as(&self, metadata: &[&Metadata], sharing: Sharing, absent: Absent) -> Result<Storage, DataError> {
        let address = self.address();
        let locks = match sharing {
            Sharing::Shared if address.bucket().is_none() => Vec::new(),
            // In a bucket too each needs a folder for its index.
            Sharing::Alone | Sharing::Shared => self.locks(metadata),
        };
        let server = address.bucket().map(|_| self.server()).transpose()?;
        Ok(Storage::open(&address, Opening { sharing, absent, server, locks, ..Opening::default() }).await?)
    }

    /// What this folder is called among those who write to a bucket. Its lock proves that whoever used the name before is gone.
    fn server(&self) -> Result<Uuid, DataError> {
        let path = self.folder.join(SERVER);
        let failed = |error: std::io::Error| MetaError::Unavailable(format!("{}: {error}", path.display()).into());
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        if !path.is_file() {
            // Whole or not at all, and of two at once one.
            let server = Uuid::now_v7();
            let written = self.folder.join(format!("{SERVER}.{server}"));
            std::fs::write(&written, format!("{server}\n")).map_err(failed)?;
            let linked = std::fs::hard_link(&written, &path);
            std::fs::remove_file(&written).map_err(failed)?;
            match linked {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(error).into()),
                _ => {}
            }
        }
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        text.trim().parse().map_err(|error| failed(std::io::Error::other(error)).into())
    }

    /// Whether the folder ought to have a store in it, and has none.
    pub(super) fn is_absent(&self) -> bool {
        self.is_inside() && !self.inside().join(Key::Format.path()).is_file()
    }

    /// Whether the store lies in the folder.
    pub(super) fn is_inside(&self) -> bool {
        self.address() == StoreAddress::Disk(self.inside())
    }

    fn inside(&self) -> PathBuf {
        self.folder.join("store")
    }

    fn address(&self) -> StoreAddress {
        self.store.clone().unwrap_or_else(|| StoreAddress::Disk(self.inside()))
    }

    fn locks(&self, metadata: &[&Metadata]) -> Vec<PathBuf> {
        if self.is_inside() {
            return Vec::new();
        }
        let mut locks = vec![self.folder.join(LOCK)];
        for metadata in metadata {
            // Another data folder may name the same file.
            if let Metadata::Sqlite(path) = metadata {
                locks.push(PathBuf::from(format!("{}{LOCK}", path.display())));
            }
        }
        locks.dedup();
        locks
    }

    /// Opens the search index. `slot`: the number of this server among those who share the folder. Each has an index of its own, and
    /// so has each store that lies elsewhere.
    pub(super) async fn open_search(self, slot: Option<u8>) -> Result<Index, SearchError> {
        let address = self.address();
        if address == StoreAddress::Memory {
            // It would know what the store has forgotten.
            return Index::memory();
        }
        let mut name = "search".to_owned();
        if !self.is_inside() {
            let digest = crate::domain::Digest::sha256(address.to_string().as_bytes()).hex();
            name = format!("{name}-of-{}", &digest[..8]);
        }
        if let Some(slot) = slot {
            name = format!("{name}-{slot}");
        }
        let folder = self.folder.join(name);
        let open = move || Index::open(&folder);
        let (index, opened) =
            tokio::task::spawn_blocking(open).await.map_err(|error| SearchError::Unavailable(error.into()))??;
        tracing::debug!(origin = ?opened.origin, through = opened.through, "search index opened");
        Ok(index)
    }
}
