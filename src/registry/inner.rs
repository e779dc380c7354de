//! What a registry is made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::counted::Counted;
use super::downloads::Counting;
use super::{Clock, Committer, Limits};
use crate::cache::Cache;
use crate::meta::Meta;
use crate::search;
use crate::storage::Storage;

/// The parts that every use case works with.
pub(super) struct Inner {
    pub(super) meta: Meta,
    pub(super) committer: Committer,
    // Dropped after the database is closed: the store's lock stands for both.
    pub(super) storage: Storage,
    pub(super) cache: Arc<Cache>,
    pub(super) search: Arc<search::Index>,
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    pub(super) read_only: AtomicBool,
    /// Damaged blobs that the cache knows about.
    pub(super) corruptions: AtomicU64,
    /// A permit a MiB that an archive may take while it is opened.
    pub(super) opening: tokio::sync::Semaphore,
    /// Turns to compare two versions: both lie in memory meanwhile.
    pub(super) comparing: Arc<tokio::sync::Semaphore>,
    /// Blobs that somebody counts on just now.
    pub(super) counted: Arc<Counted>,
    /// Downloads that are not saved yet.
    pub(super) counting: Counting,
    /// The turn to remove bytes: collections and purges, one at a time.
    pub(super) removing: tokio::sync::Mutex<()>,
    /// Of a registry without a database.
    pub(super) snapshots: Option<super::snapshot::Snapshots>,
    /// That this process writes to a store which others write to as well.
    pub(super) present: super::present::Present,
    pub(super) indexed: tokio::sync::watch::Receiver<u64>,
    /// Last event that the transparency log has, if one is kept.
    pub(super) logged: Option<tokio::sync::watch::Receiver<u64>>,
    /// Last event that the static tree shows, if one is kept.
    pub(super) rendered: Option<tokio::sync::watch::Receiver<u64>>,
}
