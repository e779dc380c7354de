//! SQLite: one file, one writer, several readers.
//!
//! Changes are durable on return: WAL with `synchronous=FULL`, one sync a batch. Links and touches are not, as nothing counts on
//! them before a change does, and the change's sync covers them: they run under `synchronous=NORMAL`, without a sync. The log is
//! copied into the file beside the changes, not within them. Several processes may open the file; each change locks the counter
//! first, so numbers stay gapless. Calls run on blocking threads and never hold up the runtime.

mod accounts;
mod blobs;
mod carry;
mod catalog;
mod checkpoint;
mod facts;
#[cfg(test)]
mod fault_tests;
mod groups;
mod ledger;
mod list;
mod migrate;
#[cfg(test)]
mod older_tests;
mod pool;
mod refs;
mod reshow;
mod social;
mod sql;
mod statements;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod undo;
mod writer;
mod writes;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Meta, MetaError};

/// A metadata store in one SQLite file.
pub struct Sqlite {
    pool: Arc<pool::Pool>,
    /// Heads that changes of this process led to.
    heads: watch::Sender<u64>,
}

impl Sqlite {
    /// Opens the file, creating it and its identity if it is not there, and brings its schema up to date.
    ///
    /// [`MetaError::Unavailable`] if the folder is missing, read-only or full, [`MetaError::Corrupt`] if the file is damaged or no
    /// database of ours, [`MetaError::NewerSchema`], [`MetaError::MigrationChanged`] and [`MetaError::MigrationMissing`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, MetaError> {
        Ok(Self { pool: Arc::new(pool::Pool::open(path.as_ref())?), heads: watch::Sender::new(0) })
    }

    /// Tells of a head, unless a later one was told already.
    fn tell(&self, head: u64) {
        self.heads.send_if_modified(|told| std::mem::replace(told, head.max(*told)) < head);
    }

    /// How many statements this store has run since it was opened.
    pub fn statements(&self) -> u64 {
        self.pool.statements().number()
    }

    /// The traits of the store.
    pub fn meta(self: Arc<Self>) -> Meta {
        Meta {
            catalog: self.clone(),
            refs: self.clone(),
            blobs: self.clone(),
            ledger: self.clone(),
            accounts: self.clone(),
            groups: self.clone(),
            social: self.clone(),
            carrier: self,
        }
    }
}
