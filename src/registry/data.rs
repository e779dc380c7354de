//! A registry in a data folder: local disk, SQLite or memory, and the search index beside them.
//!
//! ```text
//! DIR/store/            objects (spec/layout.md)
//! DIR/metadata.sqlite   the database, unless another path is given
//! DIR/search/           the index; may be deleted, it is rebuilt
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::meta::{Memory, Meta, MetaError, Sqlite};
use crate::search::{Index, SearchError};
use crate::storage::{Owner, Storage, StorageError};

use super::{Builder, Clock, Committing, Limits, OpenError, Rebuilt, Registry, RegistryError, catch_up};

/// Which store holds the pointers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// A SQLite file; the database owns the store.
    Sqlite(PathBuf),
    /// Memory, read from the events at start; the store owns itself.
    Memory,
}

/// What is needed to open a data folder.
#[derive(Clone, Debug)]
pub struct DataOptions {
    /// The folder.
    pub folder: PathBuf,
    /// Which metadata.
    pub metadata: Metadata,
    /// Limits.
    pub limits: Limits,
    /// Clock.
    pub clock: Clock,
}

/// Why a data folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The search index.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Store and database do not belong together.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A use case.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Opens a data folder, making what is not there.
pub async fn open_data(options: DataOptions) -> Result<Registry, DataError> {
    let storage = Storage::open_disk(&store_of(&options.folder)).await?;
    open_over(storage, options).await
}

/// Opens a data folder over a store that the caller opened: tests hand in one that fails on demand.
pub async fn open_over(storage: Storage, options: DataOptions) -> Result<Registry, DataError> {
    let (meta, committing) = open_metadata(&options.metadata).await?;
    let search = open_search(&options.folder).await?;
    let DataOptions { limits, clock, .. } = options;
    Ok(Builder { storage, meta, committing, search, limits, clock }.open().await?)
}

/// Applies the store's events to the database: all of them into a new one, or those that an older one lacks.
/// A new database becomes the store's owner when it is whole.
///
/// `progress` is told the number of the last applied event.
pub async fn rebuild_catalog(
    folder: &Path,
    metadata: &Metadata,
    progress: impl FnMut(u64) + Send,
) -> Result<Rebuilt, DataError> {
    let storage = Storage::open_disk(&store_of(folder)).await?;
    let (meta, committing) = open_metadata(metadata).await?;
    let rebuilt = catch_up(&storage, &meta, progress).await?;
    let owner = match committing {
        Committing::Database => Owner::Database { id: meta.ledger.identity().await? },
        Committing::Store(_) => Owner::Store,
    };
    storage.replace_owner(&owner).await?;
    Ok(rebuilt)
}

/// Empties the search index and feeds it every package again. Returns the number of the last event.
pub async fn rebuild_search(options: DataOptions) -> Result<u64, DataError> {
    let index = open_search(&options.folder).await?;
    tokio::task::spawn_blocking(move || index.clear()).await.map_err(|_| RegistryError::Stopping)??;
    let registry = open_data(options).await?;
    registry.settled().await;
    Ok(registry.indexed())
}

fn store_of(folder: &Path) -> PathBuf {
    folder.join("store")
}

async fn open_metadata(metadata: &Metadata) -> Result<(Meta, Committing), DataError> {
    match metadata {
        Metadata::Sqlite(path) => {
            let path = path.clone();
            let open = move || Sqlite::open(path);
            let sqlite = tokio::task::spawn_blocking(open).await.map_err(|_| RegistryError::Stopping)??;
            Ok((Arc::new(sqlite).meta(), Committing::Database))
        }
        Metadata::Memory => {
            let memory = Arc::new(Memory::new());
            Ok((Arc::clone(&memory).meta(), Committing::Store(memory)))
        }
    }
}

async fn open_search(folder: &Path) -> Result<Index, DataError> {
    let folder = folder.join("search");
    let open = move || Index::open(&folder);
    let (index, opened) = tokio::task::spawn_blocking(open).await.map_err(|_| RegistryError::Stopping)??;
    tracing::debug!(origin = ?opened.origin, through = opened.through, "search index opened");
    Ok(index)
}
