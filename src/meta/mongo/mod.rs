//! MongoDB: a replica set, of one member or more, that any number of servers share.
//!
//! Each change runs in a transaction that reads the counter and writes it, so that two changes that meet conflict there and
//! one of them begins again: changes are serialised and numbers stay gapless. They are durable on a majority of members on
//! return. Links and touches are not: a majority that has a change has every write before it too.
//!
//! Reads are ordinary and go to the primary. What changes wrote is read with read concern `majority`: nothing that a change of
//! primary could take back is shown, and an acknowledged change is in the majority's snapshot. Blobs and links are read with
//! `local`, as a link must be seen at once. A primary that was cut off and does not know it yet may answer for some seconds
//! without the newest changes; `linearizable` would close that gap at the price of a write for each read.

mod accounts;
mod address;
mod ahead;
mod blobs;
mod carry;
mod catalog;
mod connection;
mod content;
mod error;
mod facts;
mod found_by;
mod groups;
mod heads;
mod keys;
mod ledger;
mod list;
mod passing;
mod posting;
mod refs;
mod reshow;
mod rows;
mod schema;
mod session;
mod social;
mod table;
#[cfg(test)]
mod tests;
mod unit;
mod upgrade;
mod writes;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::{Mutex, OnceCell, watch};

use super::{Meta, MetaError};

/// A metadata store in a database of MongoDB.
pub struct Mongo {
    connection: connection::Connection,
    /// Held during a change: those of one process wait for each other instead of conflicting.
    changing: Arc<Mutex<()>>,
    /// Whether the last change met none of another process, and it is known how it ended.
    is_alone: Arc<AtomicBool>,
    /// What the server says of new heads, once somebody has asked.
    heads: OnceCell<watch::Receiver<u64>>,
}

impl Mongo {
    /// Connects to `mongodb://[user:password@]host[:port],…/[database][?options]`, makes what is not there, and checks the rest.
    /// The database is `pclr` unless the address names another.
    ///
    /// [`MetaError::Unavailable`] if nobody answers within a few seconds, the password is wrong, or the server is no replica
    /// set; [`MetaError::Corrupt`] if the database belongs to another program; [`MetaError::NewerSchema`].
    pub async fn open(address: &str) -> Result<Self, MetaError> {
        let connection = connection::Connection::open(address).await?;
        schema::ensure(&connection).await?;
        Ok(Self { connection, changing: Arc::default(), is_alone: Arc::default(), heads: OnceCell::new() })
    }

    /// How many operations this store has sent since it was opened.
    pub fn operations(&self) -> u64 {
        self.connection.operations()
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
