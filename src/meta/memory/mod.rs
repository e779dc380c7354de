//! Everything in memory, behind one lock.
//!
//! For tests, and for a registry whose object store is the truth (`--metadata memory:`): there the commit is the creation of
//! an event object, so [`Memory::plan`] says which bytes a change comes to without doing it, and [`Memory::absorb`] does it
//! once the object is there. Nothing survives the process; a start replays the events, or those after a [`Snapshot`], and they tell
//! nothing of accounts, downloads and stars. Events from before a snapshot are read from an [`Archive`].

mod accounts;
mod archive;
mod blobs;
mod carry;
mod catalog;
mod groups;
mod indexes;
mod ledger;
mod packed;
mod references;
mod refs;
mod rows;
mod snapshot;
mod social;
mod state;
mod stored;
mod table;
mod writes;

use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;
use uuid::Uuid;

use super::{Atomicity, Change, LogHead, Meta, MetaError, Planned, Refused, engine};
use state::{Keep, State};

pub use archive::Archive;
pub use references::{NamedBlob, Role};
pub use snapshot::{SNAPSHOT, Snapshot, Unbelievable};

/// A metadata store in memory.
pub struct Memory {
    state: RwLock<State>,
    accounts: accounts::Table,
    social: social::Table,
    identity: String,
    /// Who has the events that came before a snapshot.
    archive: RwLock<Option<Arc<dyn Archive>>>,
    /// Where a store that owns itself has it, it is not asked for here.
    log_head: Mutex<Option<LogHead>>,
    /// Held while a snapshot is written.
    snapshots: Mutex<()>,
    heads: watch::Sender<u64>,
}

impl Memory {
    /// An empty store with an identity of its own.
    #[expect(clippy::new_without_default, reason = "two of them differ: each has its own identity")]
    pub fn new() -> Self {
        Self {
            state: RwLock::new(State::new()),
            accounts: accounts::Table::default(),
            social: social::Table::default(),
            identity: Uuid::now_v7().to_string(),
            archive: RwLock::default(),
            log_head: Mutex::default(),
            snapshots: Mutex::default(),
            heads: watch::Sender::new(0),
        }
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

    /// What the changes would come to, each seeing those before it, with the events that they would be, numbered from the
    /// head. Nothing is done.
    pub fn plan(&self, changes: &[Change], atomicity: Atomicity) -> Result<Vec<Result<Planned, Refused>>, MetaError> {
        self.write(|state| {
            let mut head = state.head;
            Ok((engine::apply(state, &mut head, changes, atomicity)?, Keep::No))
        })
    }

    /// Makes planned changes so, in their order, all or none. [`MetaError::Gap`] if the head has moved since they were planned:
    /// plan again. A planned change without an event is nothing to do.
    pub fn absorb<'a>(&self, planned: impl IntoIterator<Item = &'a Planned>) -> Result<(), MetaError> {
        self.write(|state| {
            let mut head = state.head;
            for planned in planned {
                engine::absorb(state, &mut head, planned)?;
            }
            state.head = head;
            Ok(((), Keep::Yes))
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        if self.state.is_poisoned() {
            self.heal();
        }
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows, between two transactions.
    fn lock(&self) -> RwLockWriteGuard<'_, State> {
        if self.state.is_poisoned() {
            self.heal();
        }
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes under the lock; what an error or a panic leaves half done is taken back.
    fn write<T>(&self, work: impl FnOnce(&mut State) -> Result<(T, Keep), MetaError>) -> Result<T, MetaError> {
        let mut state = self.lock();
        match work(&mut state) {
            Ok((made, Keep::Yes)) => {
                state.commit();
                let head = state.head.n;
                self.heads.send_if_modified(|told| std::mem::replace(told, head) != head);
                Ok(made)
            }
            Ok((made, Keep::No)) => {
                state.roll_back();
                Ok(made)
            }
            Err(error) => {
                state.roll_back();
                Err(error)
            }
        }
    }

    /// A panic came between a write and its commit.
    fn heal(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.roll_back();
        self.state.clear_poison();
    }
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod tests;
