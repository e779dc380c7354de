//! PostgreSQL: one database, any number of servers on it.
//!
//! Changes run in a transaction whose first statement locks the row of the counter, so that they are serialised, gapless and see
//! each other whoever asks; `READ COMMITTED` is enough, since every statement after the lock sees all that was committed
//! before it. They run on blocking threads: a caller who goes away never leaves half of one. Reads are single statements, each
//! of one state. Durability is the server's (`synchronous_commit`), except that links and touches do not wait for it.
//!
//! # Locks
//!
//! No two of these wait for each other in a circle, as each keeps to one order: counter, rows of blobs, rows of links.
//!
//! - `apply`, `replay`, `take_condemned`, `forget` hold the counter, so only one of them runs at a time, and so do `count`, `star` and
//!   `remove_user`: rows of packages are written under it alone. Whichever changes a link has locked the blob before.
//! - `link` locks one blob, then its link. `touch` holds one row at a time. Neither waits while it holds what another one of them
//!   wants, and a change that holds the link holds the blob too, for which `link` waits first.
//! - `condemn` does not wait: it passes over rows that somebody has locked or written meanwhile, since somebody counts on them.
//!
//! Facts need no locks of their own: a blob begins to be deleted only under the counter, and a link or a touch only revives it.
//! A transaction that the server ends all the same (deadlock, serialisation) is run again, three times at most.

mod accounts;
mod blobs;
mod carry;
mod catalog;
mod error;
mod facts;
mod groups;
mod heads;
mod ledger;
mod list;
mod migrate;
mod pool;
mod rebuild;
mod refs;
mod reshow;
mod rows;
mod social;
mod sql;
mod transaction;
mod writes;

use std::sync::Arc;

use tokio::sync::{OnceCell, watch};

use super::{Address, Meta, MetaError};

/// A metadata store in a PostgreSQL database.
pub struct Postgres {
    pool: Arc<pool::Pool>,
    /// What the server says of new heads, once somebody has asked.
    heads: OnceCell<watch::Receiver<u64>>,
}

impl Postgres {
    /// Opens the database and brings its schema up to date; any number of servers may do so at once. Tables are made in the first
    /// schema of the `search_path`.
    ///
    /// [`MetaError::Unavailable`] if the server cannot be reached or refuses, within five seconds; [`MetaError::Corrupt`] if the
    /// database is another program's, [`MetaError::NewerSchema`], [`MetaError::MigrationChanged`] and [`MetaError::MigrationMissing`].
    pub async fn open(address: &Address) -> Result<Self, MetaError> {
        Ok(Self { pool: Arc::new(pool::Pool::open(address, None).await?), heads: OnceCell::new() })
    }

    /// How many times this store has asked the server for something since it was opened.
    pub fn round_trips(&self) -> u64 {
        self.pool.round_trips()
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
