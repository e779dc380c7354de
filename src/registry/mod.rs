//! The use cases: one public function for each thing that a caller can ask, whatever front it came through.
//!
//! Each asks `allows` first, takes parsed types, and leaves one event if it changed the catalogue. The fronts hold a
//! [`Registry`] and nothing else. Knows nothing of HTTP.

mod blobs;
mod browse;
mod clock;
mod collect;
mod commit;
mod data;
mod delete;
mod error;
mod find;
mod import;
mod index;
mod manifests;
mod open;
mod publish;
mod push;
mod rebuild;
mod referrers;
mod replay;
mod uploads;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::cache::Cache;
use crate::domain::{Action, Actor, Scope, allows};
use crate::meta::Meta;
use crate::search;
use crate::storage::Storage;

pub use blobs::{BlobBody, BlobInfo};
pub use clock::Clock;
pub use collect::Collected;
pub use commit::{Committer, Committing};
pub use data::{
    DataError, DataOptions, Metadata, catch_up_catalog, open_data, open_over, rebuild_catalog, rebuild_search,
};
pub use error::RegistryError;
pub use find::FindQuery;
pub use open::{Builder, Health, Limits, OpenError};
pub use push::{Push, Pushed};
pub use rebuild::{Rebuilt, catch_up};
pub use referrers::Referrers;

/// A registry: everything that the fronts can ask for. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    storage: Storage,
    meta: Meta,
    committer: Committer,
    cache: Arc<Cache>,
    search: Arc<search::Index>,
    clock: Clock,
    limits: Limits,
    read_only: AtomicBool,
    /// Damaged blobs that the cache knows about.
    corruptions: AtomicU64,
    indexed: tokio::sync::watch::Receiver<u64>,
}

impl Registry {
    /// Refuses what the actor may not do, and every change while the store is ahead of the database.
    fn require(&self, actor: &Actor, action: Action, scope: Scope<'_>) -> Result<(), RegistryError> {
        if !allows(actor, action, scope) {
            return Err(RegistryError::Forbidden);
        }
        if !matches!(action, Action::Read) && self.0.read_only.load(Ordering::Relaxed) {
            return Err(RegistryError::ReadOnly);
        }
        Ok(())
    }

    /// The limits it was opened with.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }
}
