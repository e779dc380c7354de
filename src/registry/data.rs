//! A registry in a data folder: objects in it or elsewhere, a metadata store in a file, in memory or on a server, and the search index
//! beside them.
//!
//! ```text
//! DIR/store/            objects (spec/layout.md), unless another store is named
//! DIR/metadata.sqlite   the database, unless another one is named
//! DIR/search/           the index; may be deleted, it is rebuilt
//! DIR/search-N/         that of each server, where several share the folder
//! DIR/search-of-HEX/    that of a store which lies elsewhere
//! DIR/.lock             of this process, where the store lies elsewhere
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::meta::{Address, Memory, Meta, MetaError, Mongo, Postgres, Server, Sqlite};
use crate::search::SearchError;
use crate::storage::{Key, Owner, Role, Sharing, Storage, StorageError, StoreAddress};

use super::carry::{carry_accounts, carry_social};
use super::replay::EVENT_MAX;
use super::{
    Accounts, Builder, Clock, Committing, Limits, MoveError, OpenError, Place, Rebuilt, Registry, RegistryError,
    catch_up,
};

/// Which store holds the pointers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// A SQLite file; the database owns the store.
    Sqlite(PathBuf),
    /// Memory, read from the events at start; the store owns itself.
    Memory,
    /// A database on a server; it owns the store.
    Server(Address),
}

/// What is needed to open a data folder.
#[derive(Clone, Debug)]
pub struct DataOptions {
    /// The folder.
    pub folder: PathBuf,
    /// The store; `None` for the one in the folder.
    pub store: Option<StoreAddress>,
    /// Which metadata.
    pub metadata: Metadata,
    /// Whether others have it open in the same way.
    pub sharing: Sharing,
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
    /// A rebuild into a database that holds something.
    #[error(
        "the database holds {0} events, and a rebuild goes into an empty one; name a new database, and serve with it afterwards"
    )]
    NotEmpty(u64),
    /// There is nothing to build from.
    #[error("there is no registry in {0}; name its data folder with --data")]
    NoStore(PathBuf),
    /// A database that is to be read is not there.
    #[error("there is no file {0}; name the database with sqlite:PATH")]
    NoFile(PathBuf),
    /// A rebuild into the database of another registry.
    #[error("the database holds the catalogue of another registry; name another database")]
    Others,
    /// Accounts where there is no database.
    #[error(
        "a registry without a database keeps no accounts; serve it with --metadata sqlite:PATH or a server's address"
    )]
    NoAccounts,
    /// Store and database do not belong together.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A move to another metadata store.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// A use case.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl DataOptions {
    /// Where it lies.
    pub(super) fn place(&self) -> Place {
        Place { folder: self.folder.clone(), store: self.store.clone() }
    }
}

/// Opens a registry that is there, for a command that must have it alone: a mistyped folder or address must not become one.
pub async fn open_existing_data(options: DataOptions) -> Result<Registry, DataError> {
    let storage = options.place().open_existing(&[&options.metadata]).await?;
    open_over_as(storage, options, Role::Maintenance).await
}

/// [`open_existing_data`] for a collection: beside servers that share a database, else alone.
pub async fn open_to_collect(options: DataOptions) -> Result<Registry, DataError> {
    let storage = options.place().open_beside(&options.metadata).await?;
    open_over_as(storage, options, Role::Collector).await
}

/// Opens a registry, making what is not there.
pub async fn open_data(options: DataOptions) -> Result<Registry, DataError> {
    let storage = options.place().open(&options.metadata, options.sharing).await?;
    open_over(storage, options).await
}

/// Opens a data folder over a store that the caller opened: tests hand in one that fails on demand.
pub async fn open_over(storage: Storage, options: DataOptions) -> Result<Registry, DataError> {
    open_over_as(storage, options, Role::Server).await
}

async fn open_over_as(storage: Storage, options: DataOptions, role: Role) -> Result<Registry, DataError> {
    let (meta, committing) = open_metadata(&options.metadata).await?;
    let search = Box::pin(options.place().open_search(storage.slot()));
    let DataOptions { limits, clock, .. } = options;
    Ok(Builder { storage, meta, committing, search, limits, clock }.open_as(role).await?)
}

/// The accounts of a registry, beside a server that may run on it. What changes so counts in that server a few seconds later.
pub async fn open_accounts(place: impl Into<Place>, metadata: &Metadata, clock: Clock) -> Result<Accounts, DataError> {
    let place = place.into();
    match metadata {
        Metadata::Memory => return Err(DataError::NoAccounts),
        // A mistyped folder must not become a registry.
        Metadata::Sqlite(_) if place.is_absent() => return Err(DataError::NoStore(place.folder)),
        Metadata::Sqlite(path) if !place.is_inside() && !path.is_file() => return Err(DataError::NoFile(path.clone())),
        Metadata::Sqlite(_) | Metadata::Server(_) => {}
    }
    let (meta, _) = open_metadata(metadata).await?;
    Ok(Accounts::beside(&meta, clock))
}

/// Applies to the database the events of the store that it lacks, after an older database was restored.
///
/// `progress` is told the number of the last applied event.
pub async fn catch_up_catalog(
    place: impl Into<Place>,
    metadata: &Metadata,
    progress: impl FnMut(u64) + Send,
) -> Result<Rebuilt, DataError> {
    let (storage, present) = place.into().hold(&[metadata]).await?;
    present.end(catch_up_owned(&storage, metadata, progress).await).await
}

async fn catch_up_owned(
    storage: &Storage,
    metadata: &Metadata,
    progress: impl FnMut(u64) + Send,
) -> Result<Rebuilt, DataError> {
    let (meta, committing) = open_metadata(metadata).await?;
    let owner = owner_of(&meta, &committing).await?;
    let found = storage.claim_owner(&owner).await?;
    if found != owner {
        return Err(OpenError::owned(storage, owner, found).into());
    }
    Ok(catch_up(storage, &meta, progress).await?)
}

/// Builds the catalogue anew from the store's events alone, and makes its database the store's owner. What was there is kept: a
/// SQLite file beside the new one, with `.before-rebuild` behind its name, PostgreSQL's tables in schema `pclr_before_rebuild`. Of
/// MongoDB an empty database is wanted ([`DataError::NotEmpty`]), and the one before stays what it was.
///
/// `progress` is told the number of the last applied event.
pub async fn rebuild_catalog(
    place: impl Into<Place>,
    metadata: &Metadata,
    progress: impl FnMut(u64) + Send,
) -> Result<Rebuilt, DataError> {
    rebuild_catalog_with(place, metadata, None, progress).await
}

/// The same with users, tokens, downloads and stars out of another database, which must be there and is left as it is. Otherwise they
/// are those of the database that is rebuilt, as far as it can be read; MongoDB's is empty and has none.
pub async fn rebuild_catalog_with(
    place: impl Into<Place>,
    metadata: &Metadata,
    accounts: Option<&Metadata>,
    progress: impl FnMut(u64) + Send,
) -> Result<Rebuilt, DataError> {
    let accounts = match accounts {
        Some(Metadata::Memory) => return Err(DataError::NoAccounts),
        Some(Metadata::Sqlite(path)) if !path.is_file() => return Err(DataError::NoFile(path.clone())),
        Some(metadata) => Some(open_metadata(metadata).await?.0),
        None => None,
    };
    let (storage, present) = place.into().hold(&[metadata]).await?;
    present.end(rebuild_held(&storage, metadata, accounts.as_ref(), progress).await).await
}

async fn rebuild_held(
    storage: &Storage,
    metadata: &Metadata,
    accounts: Option<&Meta>,
    progress: impl FnMut(u64) + Send,
) -> Result<Rebuilt, DataError> {
    // Built beside the old one and put in its place when whole: a rebuild that fails leaves everything as it was.
    match metadata {
        Metadata::Sqlite(path) => rebuild_sqlite(storage, path, accounts, progress).await,
        Metadata::Server(address) => match server_of(address)? {
            Server::Postgres => rebuild_postgres(storage, address, accounts, progress).await,
            Server::Mongo => rebuild_mongo(storage, address, accounts, progress).await,
        },
        // Memory is built from the events at every start; what can be done here is to see that it can.
        Metadata::Memory => Ok(catch_up(storage, &open_metadata(metadata).await?.0, progress).await?),
    }
}

async fn rebuild_sqlite(
    storage: &Storage,
    path: &Path,
    accounts: Option<&Meta>,
    progress: impl FnMut(u64) + Send,
) -> Result<Rebuilt, DataError> {
    let building = beside(path, "rebuilding");
    remove_database(&building)?;
    let (meta, committing) = open_metadata(&Metadata::Sqlite(building.clone())).await?;
    let seen = storage.owner_as_seen().await?;
    let rebuilt = catch_up(storage, &meta, progress).await?;
    if let Some(accounts) = accounts {
        take_accounts(accounts, &meta).await?;
    } else if path.is_file() {
        match open_metadata(&Metadata::Sqlite(path.to_owned())).await {
            Ok((held, _)) => keep_accounts(&held, &meta).await,
            Err(error) => accounts_are_lost(&error),
        }
    }
    let owner = owner_of(&meta, &committing).await?;
    drop((meta, committing));
    storage.expect_owner(&seen).await?;
    let before = beside(path, "before-rebuild");
    remove_database(&before)?;
    move_database(path, &before)?;
    move_database(&building, path)?;
    storage.change_owner(&seen, &owner).await?;
    Ok(rebuilt)
}

async fn rebuild_postgres(
    storage: &Storage,
    address: &Address,
    accounts: Option<&Meta>,
    progress: impl FnMut(u64) + Send,
) -> Result<Rebuilt, DataError> {
    // A database that cannot be read is what a rebuild is for.
    let held = Postgres::open(address).await.map(|held| Arc::new(held).meta());
    if let Ok(held) = &held
        && let Some((n, bytes)) = held.ledger.events(0, 1).await?.pop()
        && !matches!(storage.get(&Key::Event(n), EVENT_MAX).await, Ok(ours) if ours == bytes)
    {
        return Err(DataError::Others);
    }
    let meta = Arc::new(Postgres::rebuilding(address).await?).meta();
    let seen = storage.owner_as_seen().await?;
    let rebuilt = catch_up(storage, &meta, progress).await?;
    match (accounts, held) {
        (Some(accounts), _) => take_accounts(accounts, &meta).await?,
        (None, Ok(held)) => keep_accounts(&held, &meta).await,
        (None, Err(error)) => accounts_are_lost(&error),
    }
    let owner = owner_of(&meta, &Committing::Database).await?;
    storage.expect_owner(&seen).await?;
    Postgres::take_over(address).await?;
    storage.change_owner(&seen, &owner).await?;
    Ok(rebuilt)
}

/// Carries accounts, downloads and stars over, as far as the store that they are in can be read: what the events say comes back all the
/// same.
async fn keep_accounts(from: &Meta, to: &Meta) {
    if let Err(error) = take_accounts(from, to).await {
        accounts_are_lost(&error);
    }
}

/// The same out of a database that was named for it: its accounts come over whole, or nothing is rebuilt.
async fn take_accounts(from: &Meta, to: &Meta) -> Result<(), MetaError> {
    let carried = carry_accounts(from.accounts.as_ref(), to.accounts.as_ref()).await?;
    tracing::info!(carried, "users and tokens were carried over");
    match carry_social(from, to).await {
        Ok(carried) => tracing::info!(carried, "downloads and stars were carried over"),
        Err(error) => tracing::warn!(error = %error, "downloads and stars could not be carried over whole"),
    }
    Ok(())
}

fn accounts_are_lost(error: &dyn std::error::Error) {
    tracing::warn!(error = %error, "users, tokens, downloads and stars could not be carried over, and are in the database before only");
}

async fn rebuild_mongo(
    storage: &Storage,
    address: &Address,
    accounts: Option<&Meta>,
    progress: impl FnMut(u64) + Send,
) -> Result<Rebuilt, DataError> {
    let meta = Arc::new(Mongo::open(address.reveal()).await?).meta();
    let held = meta.ledger.head().await?.n;
    if held > 0 {
        return Err(DataError::NotEmpty(held));
    }
    let seen = storage.owner_as_seen().await?;
    let rebuilt = catch_up(storage, &meta, progress).await?;
    if let Some(accounts) = accounts {
        take_accounts(accounts, &meta).await?;
    }
    storage.change_owner(&seen, &owner_of(&meta, &Committing::Database).await?).await?;
    Ok(rebuilt)
}

/// Empties the search index and feeds it every package again. Returns the number of the last event.
pub async fn rebuild_search(options: DataOptions) -> Result<u64, DataError> {
    // Locked while it is looked for, and open again below.
    drop(options.place().open_existing(&[&options.metadata]).await?);
    let index = options.place().open_search(None).await?;
    tokio::task::spawn_blocking(move || index.clear()).await.map_err(|_| RegistryError::Stopping)??;
    let registry = open_data(options).await?;
    registry.settled().await;
    let indexed = registry.indexed();
    // Or it would be taken for a server that still runs.
    registry.leave().await?;
    Ok(indexed)
}

async fn owner_of(meta: &Meta, committing: &Committing) -> Result<Owner, MetaError> {
    Ok(match committing {
        Committing::Database => Owner::Database { id: meta.ledger.identity().await? },
        Committing::Store(_) => Owner::Store,
    })
}

/// A SQLite database is up to three files.
const FILES: [&str; 3] = ["", "-wal", "-shm"];

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}.{suffix}", path.display()))
}

fn remove_database(path: &Path) -> Result<(), DataError> {
    FILES.iter().try_for_each(|suffix| absent_is_fine(std::fs::remove_file(format!("{}{suffix}", path.display()))))
}

fn move_database(from: &Path, to: &Path) -> Result<(), DataError> {
    FILES.iter().try_for_each(|suffix| {
        let (from, to) = (format!("{}{suffix}", from.display()), format!("{}{suffix}", to.display()));
        absent_is_fine(std::fs::rename(from, to))
    })
}

fn absent_is_fine(result: std::io::Result<()>) -> Result<(), DataError> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(MetaError::Unavailable(error.into()).into()),
        _ => Ok(()),
    }
}

pub(super) async fn open_metadata(metadata: &Metadata) -> Result<(Meta, Committing), DataError> {
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
        Metadata::Server(address) => {
            let meta = match server_of(address)? {
                Server::Postgres => Arc::new(Postgres::open(address).await?).meta(),
                Server::Mongo => Arc::new(Mongo::open(address.reveal()).await?).meta(),
            };
            Ok((meta, Committing::Database))
        }
    }
}

fn server_of(address: &Address) -> Result<Server, MetaError> {
    let unknown = || MetaError::Unavailable(format!("{address} is of no server that this program knows").into());
    address.server().ok_or_else(unknown)
}
