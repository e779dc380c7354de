//! A catalogue moves from one metadata store to another: the events are replayed there, what no event says is carried over,
//! both are read and compared, and only then does the other one become the owner of the object store.
//!
//! Until that last write the first store is the owner, and nothing is written to it. Whatever interrupts a move, asking for it
//! again goes on: the second store knows its last event, a batch is one transaction, and what is carried is compared first.

use serde::Serialize;

use crate::domain::{Event, UserName};
use crate::meta::{CarriedBlob, CarriedLink, Count, Difference, Meta, MetaError, Table, difference, tally};
use crate::storage::{Key, Owner, Storage, StorageError};

use super::carry::{all_users, carry, carry_accounts, carry_social};
use super::open::{compare_heads, drop_torn_event, settle_tail};
use super::rebuild::{catch_up, catch_up_by};
use super::replay::EVENT_MAX;
use super::{Committing, OpenError, RegistryError};

/// Rows that are compared and written at once.
const ROWS: usize = 1000;

/// A metadata store with who commits to it.
#[derive(Clone)]
pub struct Side {
    /// The store.
    pub meta: Meta,
    /// Its database, or the object store.
    pub committing: Committing,
}

/// What a move is made of.
pub struct Moving {
    /// The object store of the registry, open by nobody else.
    pub storage: Storage,
    /// The metadata store that owns it.
    pub from: Side,
    /// The one that is to own it.
    pub to: Side,
    /// Most events in one transaction.
    pub batch: usize,
    /// What becomes of users, tokens, stars and the counts of downloads.
    pub accounts: CarryAccounts,
}

/// What becomes of what no event tells of where there is no database to keep them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarryAccounts {
    /// The move is refused.
    Always,
    /// They stay behind, or go.
    WherePossible,
    /// Those that a database holds stay, where the first store keeps none.
    Keep,
}

/// What a move is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Events are replayed.
    Events,
    /// Users, roles, tokens, stars and downloads are carried over.
    Accounts,
    /// What is known of blobs is carried over.
    Blobs,
    /// Who may read which blob is carried over.
    Links,
    /// A table is read in the first store.
    Reading(Table),
    /// The same table is read in the second.
    Checking(Table),
}

/// What a move came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Number of the last event.
    pub head: u64,
    /// Events that the second store had before.
    pub known: u64,
    /// Events that were replayed there.
    pub applied: u64,
    /// What both hold.
    pub tables: Vec<Count>,
    /// The second store was the owner before, and nothing was done.
    pub already: bool,
}

/// Why a catalogue does not move. The first store is the owner as before.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// Both addresses are of one store.
    #[error("both are the same metadata store; name another one with --to")]
    Same,
    /// The object store belongs to neither.
    #[error("the store belongs to {0}, which is not the one to move from\nhint: name the owner's address with --from")]
    NotOwner(Owner),
    /// The first store lacks events that the object store has.
    #[error(
        "the metadata to move from lack events that the store has, as an older database that was restored\nhint: pclr rebuild --catch-up adds them"
    )]
    Behind,
    /// The second store holds something else.
    #[error("the metadata store to move to holds {0} of another registry\nhint: name an empty one")]
    Others(&'static str),
    /// There is no database for what no event tells of.
    #[error(
        "{} would be lost: a registry without a database keeps none\nhint: --without-accounts leaves them behind",
        lost(*.accounts, *.are_counted)
    )]
    AccountsLost {
        /// Users and tokens.
        accounts: usize,
        /// Whether downloads were counted.
        are_counted: bool,
    },
    /// A database that somebody left has accounts of then.
    #[error(
        "the database holds {0} users and tokens from before, and which of them were removed since is not known\nhint: --keep-accounts lets them all in again, --without-accounts removes them"
    )]
    AccountsLeft(usize),
    /// What was read from the two afterwards is not the same.
    #[error(
        "the two differ in {0}; the store belongs to the first as before\nhint: run it again; if it says so again, name an empty one with --to"
    )]
    Differs(Difference),
    /// One of the stores failed.
    #[error(transparent)]
    Open(#[from] OpenError),
}

fn lost(accounts: usize, are_counted: bool) -> String {
    match (accounts, are_counted) {
        (0, _) => "the counts of downloads".to_owned(),
        (_, false) => format!("{accounts} users and tokens"),
        (_, true) => format!("{accounts} users and tokens, their stars, and the counts of downloads"),
    }
}

impl From<MetaError> for MoveError {
    fn from(error: MetaError) -> Self {
        Self::Open(error.into())
    }
}

impl From<StorageError> for MoveError {
    fn from(error: StorageError) -> Self {
        Self::Open(error.into())
    }
}

impl From<RegistryError> for MoveError {
    fn from(error: RegistryError) -> Self {
        Self::Open(error.into())
    }
}

impl Side {
    /// Who owns an object store that this one commits to.
    pub(super) async fn owner(&self) -> Result<Owner, MetaError> {
        Ok(match &self.committing {
            Committing::Database => Owner::Database { id: self.meta.ledger.identity().await? },
            Committing::Store(_) => Owner::Store,
        })
    }

    fn is_database(&self) -> bool {
        matches!(self.committing, Committing::Database)
    }
}

impl Moving {
    /// Moves the catalogue, or goes on with a move that was interrupted. `progress` is told the stage, and how far it is.
    pub async fn run(self, mut progress: impl FnMut(Stage, u64) + Send) -> Result<Moved, MoveError> {
        let (owner, new_owner) = (self.from.owner().await?, self.to.owner().await?);
        if owner == new_owner {
            return Err(MoveError::Same);
        }
        let seen = self.storage.owner_as_seen().await?;
        match self.storage.owner().await? {
            Some(found) if found == owner => {}
            Some(found) if found == new_owner => {
                let head = self.storage.last_event(0).await?;
                return Ok(Moved { head, known: head, applied: 0, tables: Vec::new(), already: true });
            }
            Some(found) => return Err(MoveError::NotOwner(found)),
            // Nothing was ever committed to it: what a database holds is of another store, and its events must not be written here.
            None if self.from.is_database() => match self.from.meta.ledger.head().await?.n {
                0 => {}
                held => return Err(OpenError::Foreign(held).into()),
            },
            // What is in memory is read from this store.
            None => {}
        }
        let head = self.complete_source().await?;
        self.check_target(head).await?;
        let to = &self.to.meta;
        let filled = catch_up_by(&self.storage, to, self.batch.max(1), |n| progress(Stage::Events, n)).await?;
        self.carry(&mut progress).await?;
        let tables = self.compare(&mut progress).await?;
        self.storage.change_owner(&seen, &new_owner).await?;
        Ok(Moved { head, known: filled.known, applied: filled.applied, tables, already: false })
    }

    /// Compares the two, and changes neither. Where one of them is in memory it is read from the events; those are made whole first, as
    /// a start of their owner does it.
    pub async fn check(self, mut progress: impl FnMut(Stage, u64) + Send) -> Result<Moved, MoveError> {
        let (from, to) = (self.from.owner().await?, self.to.owner().await?);
        if from == to {
            return Err(MoveError::Same);
        }
        if !(self.from.is_database() && self.to.is_database()) {
            match self.storage.owner().await? {
                Some(owner) if owner == from => complete(&self.storage, &self.from).await?,
                Some(owner) if owner == to => complete(&self.storage, &self.to).await?,
                // It is neither's: whose events they are, only comparing tells.
                Some(_) | None => false,
            };
        }
        for side in [&self.from, &self.to] {
            if !side.is_database() {
                catch_up(&self.storage, &side.meta, |n| progress(Stage::Events, n)).await?;
            }
        }
        let tables = self.compare(&mut progress).await?;
        let head = self.from.meta.ledger.head().await?.n;
        Ok(Moved { head, known: head, applied: 0, tables, already: false })
    }

    /// Brings the object store and the metadata to move from to the same head, as a start does. Returns it.
    async fn complete_source(&self) -> Result<u64, MoveError> {
        if complete(&self.storage, &self.from).await? {
            return Err(MoveError::Behind);
        }
        Ok(self.from.meta.ledger.head().await?.n)
    }

    /// Whether the second store is empty, or holds a beginning of these events.
    async fn check_target(&self, head: u64) -> Result<(), MoveError> {
        let (from, to) = (&self.from.meta, &self.to.meta);
        if !self.to.is_database() {
            let accounts = all_users(from.accounts.as_ref()).await?.len() + from.accounts.tokens(None).await?.len();
            let are_counted = !from.social.counted(None, 1).await?.is_empty();
            return match self.accounts {
                CarryAccounts::Always if accounts > 0 || are_counted => {
                    Err(MoveError::AccountsLost { accounts, are_counted })
                }
                _ => Ok(()),
            };
        }
        if !self.from.is_database() && self.accounts == CarryAccounts::Always {
            let left = all_users(to.accounts.as_ref()).await?.len() + to.accounts.tokens(None).await?.len();
            if left > 0 {
                return Err(MoveError::AccountsLeft(left));
            }
        }
        let held = to.ledger.head().await?.n;
        if held > head {
            return Err(MoveError::Others("events"));
        }
        // The last event names no other, but its identifier is like none else; what comes before it is compared at the end.
        for n in [1, held].into_iter().filter(|n| *n <= held && held > 0) {
            let theirs = to.ledger.events(n - 1, 1).await?.pop();
            let ours = self.storage.get(&Key::Event(n), EVENT_MAX).await?;
            let is_ours = |bytes: &bytes::Bytes| *bytes == ours && Event::parse(bytes).is_ok();
            if !theirs.is_some_and(|(_, bytes)| is_ours(&bytes)) {
                return Err(MoveError::Others("events"));
            }
        }
        if held == 0 {
            let known = all_users(from.accounts.as_ref()).await?;
            let users = all_users(to.accounts.as_ref()).await?;
            let is_known = |name: &UserName| known.iter().any(|user| user.name == *name);
            if users.iter().any(|user| !is_known(&user.name)) {
                return Err(MoveError::Others("users"));
            }
        }
        Ok(())
    }

    /// Carries over what no event says.
    async fn carry(&self, progress: &mut (impl FnMut(Stage, u64) + Send)) -> Result<(), MoveError> {
        if !self.to.is_database() {
            return Ok(());
        }
        let (from, to) = (&self.from.meta, &self.to.meta);
        if self.from.is_database() || self.accounts != CarryAccounts::Keep {
            let accounts = carry_accounts(from.accounts.as_ref(), to.accounts.as_ref()).await?;
            let social = carry_social(from, to).await?;
            progress(Stage::Accounts, accounts + social);
        }
        let (from, to) = (from.carrier.as_ref(), to.carrier.as_ref());
        let limit = self.batch.clamp(1, ROWS);
        carry::<CarriedBlob>(from, to, limit, |compared| progress(Stage::Blobs, compared)).await?;
        carry::<CarriedLink>(from, to, limit, |compared| progress(Stage::Links, compared)).await?;
        Ok(())
    }

    /// Reads both and compares. Where one of them keeps nothing but what events say, no more than that is compared.
    async fn compare(&self, progress: &mut (impl FnMut(Stage, u64) + Send)) -> Result<Vec<Count>, MoveError> {
        let (from, to) = (&self.from.meta, &self.to.meta);
        let tables: &[Table] = match self.to.is_database() && self.from.is_database() {
            true => &Table::ALL,
            false => &Table::CATALOGUE,
        };
        let ours = tally(from, tables, |table, rows| progress(Stage::Reading(table), rows)).await?;
        let theirs = tally(to, tables, |table, rows| progress(Stage::Checking(table), rows)).await?;
        for (one, other) in ours.iter().zip(&theirs) {
            if one != other {
                let found = difference(from, to, one.table).await?;
                let found = found.unwrap_or(Difference { table: one.table, one: None, other: None });
                return Err(MoveError::Differs(found));
            }
        }
        Ok(ours)
    }
}

/// Brings the object store and the metadata store that owns it to the same head, as a start does: an event that was cut is written again
/// by the database that has it, or else removed. Returns whether the object store is ahead all the same.
async fn complete(storage: &Storage, owner: &Side) -> Result<bool, MoveError> {
    if owner.is_database() {
        let (_, ahead) = compare_heads(storage, &owner.meta).await?;
        return Ok(ahead);
    }
    drop_torn_event(storage, 0).await?;
    catch_up(storage, &owner.meta, |_| {}).await?;
    settle_tail(storage, &owner.meta).await?;
    Ok(false)
}
