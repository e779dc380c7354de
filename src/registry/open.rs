//! Opening a registry: who owns the store, whether store and database agree, and what runs beside the requests.

use futures::future::BoxFuture;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::{Mutex, Semaphore, watch};

use crate::cache::Cache;
use crate::meta::{Head, Meta, MetaError};
use crate::search::{self, SearchError};
use crate::storage::{Key, Owner, Role, Sharing, Storage, StorageError, StoreAddress};

use super::commit::{Committer, Committing};
use super::downloads::Counting;
use super::event_objects::write_missing_events;
use super::import_whole::WHOLE_MAX;
use super::present::Present;
use super::rebuild::catch_up;
use super::replay::EVENT_MAX;
use super::snapshot::Snapshots;
use super::{Clock, Inner, Limits, Registry, RegistryError, follow, index, logging, snapshot, statics};

/// How many of the last events are looked at and synced at start: as many as the largest batch can have left unsynced, and one that was
/// written before it.
const TAIL: u64 = 2 * WHOLE_MAX as u64;

/// How many of them are looked at at once: on a store that is asked over a network it is the time of a start.
const LOOKS: usize = 32;

/// Memory that archives may take while they are opened, all requests together, in MiB.
pub(super) const OPENING_MIB: usize = 1024;

/// What is needed to open a registry.
pub struct Builder {
    /// Where the bytes are.
    pub storage: Storage,
    /// Where the pointers are.
    pub meta: Meta,
    /// Who commits: the metadata store's database, or the store itself.
    pub committing: Committing,
    /// Opens the search index, beside all else that is read.
    pub search: BoxFuture<'static, Result<search::Index, SearchError>>,
    /// Limits.
    pub limits: Limits,
    /// Clock.
    pub clock: Clock,
}

/// Why a registry cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else commits to this store.
    #[error(
        "the store{} belongs to {found}, this is {asked}\nhint: start with the metadata that belong to it, or, if they are lost, run pclr rebuild",
        at(store.as_deref())
    )]
    Owned {
        /// Where the store lies, if it was opened by an address.
        store: Option<Box<StoreAddress>>,
        /// Who opened it.
        asked: Owner,
        /// Whose it is.
        found: Owner,
    },
    /// A database decides what is committed to the store.
    #[error("the store belongs to {owner}, and only its servers publish there{}", hint_of(address.as_deref()))]
    Served {
        /// Whose it is.
        owner: Owner,
        /// Where a server of it is reached, if one said so.
        address: Option<String>,
    },
    /// A store without an owner, and a database that belongs to another one.
    #[error(
        "the database holds {0} events, and the store is new: they belong to another store\nhint: name a database of its own, or the data folder that belongs to this one; if owner.json of the store is lost, run pclr rebuild"
    )]
    Foreign(u64),
    /// The same event number holds other bytes in the store than in the database.
    #[error("event {0} of the store differs from event {0} of the database: they belong to different registries")]
    Diverged(u64),
    /// The store keeps a transparency log, which this process cannot go on with.
    #[error(
        "the store keeps the transparency log {0}, and nothing is published there that is not logged\nhint: name the file with the log's key with --log-key"
    )]
    LogKept(String),
    /// The store is shared, and what holds the pointers cannot be.
    #[error(
        "several servers cannot share {0}\nhint: name a database on a server with --metadata postgres://… or mongodb://…, or leave --shared out"
    )]
    NotShared(&'static str),
    /// One of the stores failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

fn at(store: Option<&StoreAddress>) -> String {
    store.map(|store| format!(" {store}")).unwrap_or_default()
}

fn hint_of(address: Option<&str>) -> String {
    match address {
        Some(address) => format!("\nhint: push to its server, with --registry {address}"),
        None => "\nhint: push to its server, with --registry".to_owned(),
    }
}

impl OpenError {
    /// That a store belongs to `found`, where it was opened for `asked`.
    pub(super) fn owned(storage: &Storage, asked: Owner, found: Owner) -> Self {
        Self::Owned { store: storage.address().cloned().map(Box::new), asked, found }
    }
}

impl From<MetaError> for OpenError {
    fn from(error: MetaError) -> Self {
        Self::Registry(error.into())
    }
}

impl From<crate::storage::StorageError> for OpenError {
    fn from(error: crate::storage::StorageError) -> Self {
        Self::Registry(error.into())
    }
}

/// How a registry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Health {
    /// Whether it takes changes.
    pub writable: bool,
    /// Last event that is committed, as far as this server has heard.
    pub head: u64,
    /// Last event that searches see.
    pub indexed: u64,
}

impl Builder {
    /// Opens the registry and starts its jobs on the current runtime.
    ///
    /// If the store is ahead of the database, the registry serves reads only. If both hold other bytes under one number, or the
    /// store belongs to somebody else, it does not open.
    pub async fn open(self) -> Result<Registry, OpenError> {
        self.open_as(Role::Server).await
    }

    /// [`Builder::open`] for what is not a server: a command does what it is for and ends, so that no jobs run beside it. What follows from
    /// the events it adds is left to the next server, and to what the command itself asks for.
    pub async fn open_as(self, role: Role) -> Result<Registry, OpenError> {
        let Self { storage, meta, committing, search, limits, clock } = self;
        let owns_itself = matches!(committing, Committing::Store(_));
        // Said before anything is read, so that whoever wants the store alone sees it.
        let present = Present::begin(&storage, role, owns_itself).await?;
        // Waited for in any case, so that nothing is held open after a failure.
        let (search, agreed) = tokio::join!(search, agree(&storage, &meta, &committing, limits.snapshot_every));
        let both = search
            .map_err(|error| OpenError::from(RegistryError::from(error)))
            .and_then(|search| Ok((search, agreed?)));
        let (search, Agreed { written, is_ahead, snapshots }) = match both {
            Ok(both) => both,
            Err(error) => {
                present.leave().await?;
                return Err(error);
            }
        };
        if is_ahead {
            tracing::warn!("the store is ahead of the database: reads only until pclr rebuild --catch-up");
        }
        let log = match is_ahead {
            // It goes on once the database has caught up.
            true => None,
            false => {
                match logging::open(&storage, &meta, &committing, limits.log.as_ref(), role, written, &clock).await {
                    Ok(log) => log,
                    Err(error) => {
                        present.leave().await?;
                        return Err(error);
                    }
                }
            }
        };
        let (answers, logged) = logging::start(log, &meta, &clock);
        let cache = Arc::new(Cache::new(limits.cache));
        let known = Arc::new(watch::Sender::new(written));
        let committer = Committer::start(
            storage.clone(),
            meta.clone(),
            committing.clone(),
            Arc::clone(&cache),
            written,
            Arc::clone(&known),
            present.standing(),
            answers,
        );
        // Heard from before anything is read into the cache.
        let heads = match (storage.sharing(), &committing) {
            (Sharing::Shared, Committing::Database) => Some(meta.ledger.heads().await?),
            // The lane looks for the events of others.
            (Sharing::Shared, Committing::Store(_)) | (Sharing::Alone, _) => None,
        };
        let (indexed_sender, indexed) = watch::channel(search.through());
        let head = committer.head();
        let kept = limits.static_tree.filter(|_| role == Role::Server);
        let rendering = kept.map(|gather| (gather, watch::channel(0)));
        let inner = Arc::new(Inner {
            storage,
            meta,
            committer,
            cache,
            search: Arc::new(search),
            clock,
            limits,
            read_only: AtomicBool::new(is_ahead),
            corruptions: AtomicU64::new(0),
            opening: Semaphore::new(OPENING_MIB),
            comparing: Arc::new(Semaphore::new(2)),
            counted: Arc::default(),
            counting: Counting::new(),
            removing: Mutex::new(()),
            snapshots,
            present,
            indexed,
            logged,
            rendered: rendering.as_ref().map(|(_, (_, rendered))| rendered.clone()),
        });
        if role != Role::Server {
            return Ok(Registry(inner));
        }
        if let Some((gather, (rendered, _))) = rendering {
            tokio::spawn(statics::follow(Arc::downgrade(&inner), head.clone(), rendered, gather));
        }
        if inner.snapshots.is_some() {
            tokio::spawn(snapshot::follow(Arc::downgrade(&inner), head.clone()));
        }
        tokio::spawn(index::follow(Arc::downgrade(&inner), head, indexed_sender));
        if let Some(heads) = heads {
            tokio::spawn(follow::follow(Arc::downgrade(&inner), heads, known));
        }
        Ok(Registry(inner))
    }
}

/// What store and metadata agree on.
struct Agreed {
    /// The last event whose object is durable.
    written: u64,
    /// Whether the store is ahead of the database.
    is_ahead: bool,
    /// Of a registry without a database.
    snapshots: Option<Snapshots>,
}

/// Sees that store and metadata belong together, and brings them to the same head.
async fn agree(
    storage: &Storage,
    meta: &Meta,
    committing: &Committing,
    snapshot_every: u64,
) -> Result<Agreed, OpenError> {
    let owner = match committing {
        Committing::Database => Owner::Database { id: meta.ledger.identity().await? },
        Committing::Store(_) => Owner::Store,
    };
    if matches!(owner, Owner::Database { .. }) {
        // The head first: another server that opens the same store names its owner before it commits anything.
        let held = meta.ledger.head().await?.n;
        if held > 0 && storage.owner().await?.is_none() {
            return Err(OpenError::Foreign(held));
        }
    }
    let found = storage.claim_owner(&owner).await?;
    if found != owner {
        return Err(OpenError::owned(storage, owner, found));
    }
    let mut snapshots = None;
    if let Committing::Store(memory) = committing {
        let begun = Snapshots::begin(storage, Arc::clone(memory), snapshot_every).await?;
        drop_torn_event(storage, begun.last()).await?;
        catch_up(storage, meta, |_| {}).await?;
        snapshots = Some(begun);
    }
    let (written, is_ahead) = match committing {
        Committing::Database => compare_heads(storage, meta).await?,
        Committing::Store(_) => (settle_tail(storage, meta).await?, false),
    };
    Ok(Agreed { written, is_ahead, snapshots })
}

/// Brings event objects and ledger to the same head where the ledger is ahead. Returns the last durable event, and whether the
/// store is ahead.
pub(super) async fn compare_heads(storage: &Storage, meta: &Meta) -> Result<(u64, bool), OpenError> {
    let Head { n: head, .. } = meta.ledger.head().await?;
    mend_tail(storage, meta, head).await?;
    let last = storage.last_event(head).await?;
    let common = last.min(head);
    let mut written = common;
    write_missing_events(storage, meta, &mut written, common).await?;
    // Another server may have committed between the two looks.
    let ahead = last > head && last > meta.ledger.head().await?.n;
    Ok((written, ahead))
}

/// Makes the last events of the ledger whole and durable in the store.
///
/// A process that ended between creating objects and syncing them left them readable and not durable; if the machine lost
/// power then, any of that last batch may be absent, empty or cut. What the ledger has is written again where the store has
/// nothing, or a beginning of the same bytes; other bytes mean that the two do not belong together.
async fn mend_tail(storage: &Storage, meta: &Meta, head: u64) -> Result<(), OpenError> {
    let before = head.saturating_sub(TAIL);
    let events = meta.ledger.events(before, TAIL as usize).await?;
    let keys: Vec<Key> = events.iter().map(|(n, _)| Key::Event(*n)).collect();
    // Whole events that the store has are all that says whose store it is: without one there is nothing to mend.
    let looks = events.into_iter().map(|(n, bytes)| async move {
        match storage.get(&Key::Event(n), EVENT_MAX).await {
            Ok(found) if found == bytes => Ok(None),
            Ok(found) if bytes.starts_with(&found) => Ok(Some((n, bytes))),
            Ok(_) => Err(OpenError::Diverged(n)),
            Err(StorageError::NotFound { .. }) => Ok(Some((n, bytes))),
            Err(error) => Err(error.into()),
        }
    });
    let absent: Vec<_> = stream::iter(looks).buffered(LOOKS).try_collect().await?;
    for (n, bytes) in absent.into_iter().flatten() {
        tracing::warn!(event = n, "an event object is missing or cut, and is written again");
        storage.put(&Key::Event(n), bytes).await?;
    }
    Ok(storage.settle(&keys).await?)
}

/// Makes the last events durable of a store that owns itself: a process that ended between creating one and syncing it left it
/// readable, and what comes next builds on it. Returns the last.
pub(super) async fn settle_tail(storage: &Storage, meta: &Meta) -> Result<u64, OpenError> {
    let head = meta.ledger.head().await?.n;
    let keys: Vec<Key> = (head.saturating_sub(TAIL) + 1..=head).map(Key::Event).collect();
    storage.settle(&keys).await?;
    Ok(head)
}

/// Removes the last event of a store that owns itself if a loss of power cut it while it was written: each event is durable
/// before the next is created and before anybody is told, so that a cut last one was never acknowledged.
pub(super) async fn drop_torn_event(storage: &Storage, hint: u64) -> Result<(), OpenError> {
    // Objects that several write are whole or not there, and the last one may be somebody's who is at the next.
    if storage.sharing() == Sharing::Shared {
        return Ok(());
    }
    let last = storage.last_event(hint).await?;
    if last == 0 {
        return Ok(());
    }
    let bytes = storage.get(&Key::Event(last), EVENT_MAX).await?;
    // A whole event is an object of JSON; a file that was cut has no end, or none of its bytes.
    if bytes.last() != Some(&b'}') {
        tracing::warn!(
            event = last,
            length = bytes.len(),
            "the last event is cut and was never acknowledged: it is removed"
        );
        storage.delete(&Key::Event(last)).await?;
    }
    Ok(())
}

impl Registry {
    /// How the registry is. Asks the metadata store, so an error means that it is not ready.
    pub async fn health(&self) -> Result<Health, RegistryError> {
        self.0.meta.ledger.head().await?;
        Ok(Health {
            writable: !self.0.read_only.load(Ordering::Relaxed),
            head: *self.0.committer.head().borrow(),
            indexed: self.indexed(),
        })
    }
}
