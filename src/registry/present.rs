//! That this process writes to a store which others write to as well: said in the store while the registry is open.
//!
//! Only where the store is objects over a network. In a folder the locks of the operating system say it.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::storage::{GONE_AFTER, Key, Member, Presence, RENEW_EVERY, Role, Sharing, Storage, StorageError};

use super::{Inner, Registry, RegistryError};

/// For how long a server counts as running after it said so: it says so again within that time.
const LIVELY: Duration = Duration::from_secs(40 * 60);
/// How long to wait before it is said again if that failed.
const RETRY: Duration = Duration::from_secs(30);

/// What is said of this process, and by which document.
pub(super) struct Present {
    role: Role,
    /// Taken at the end.
    member: Mutex<Option<Member>>,
}

impl Present {
    /// Says that this process is here; nothing where nobody else can be.
    ///
    /// Errors with [`StorageError::Collecting`] if the store owns itself and somebody collects in it: whoever joins looks for a
    /// collection afterwards, and whoever collects looks for those who joined after it said so, so that one of them sees the other.
    pub(super) async fn begin(storage: &Storage, role: Role, owns_itself: bool) -> Result<Self, StorageError> {
        if !is_bucket(storage) {
            return Ok(Self { role, member: Mutex::new(None) });
        }
        let member = storage.join(&Presence::of(role, None)).await?;
        if owns_itself && role != Role::Collector {
            let collected = is_collected(storage, &member).await;
            if !matches!(collected, Ok(false)) {
                let left = storage.leave(member).await;
                collected?;
                left?;
                return Err(StorageError::Collecting { path: Key::Collecting.path() });
            }
        }
        Ok(Self { role, member: Mutex::new(Some(member)) })
    }

    /// What this process is here for.
    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// The document, if there is one.
    pub(super) fn member(&self) -> Option<Member> {
        self.member.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether somebody collects in the store. A lease that a collector left behind who is not here any more is taken away: one that comes
/// now finds this member, and one that only seems to be gone finds its lease gone before it does anything more.
async fn is_collected(storage: &Storage, member: &Member) -> Result<bool, StorageError> {
    if !storage.is_leased().await? {
        return Ok(false);
    }
    let others = storage.others(member, GONE_AFTER).await?;
    if others.iter().any(|other| other.presence.role == Role::Collector) {
        return Ok(true);
    }
    storage.delete(&Key::Collecting).await?;
    Ok(false)
}

/// Whether others could write to the store, and no lock keeps them out.
fn is_bucket(storage: &Storage) -> bool {
    let is_there = storage.address().is_some_and(|address| address.bucket().is_some());
    is_there || (storage.disk().is_none() && storage.sharing() == Sharing::Shared)
}

/// Sees that nobody has just said that they write to the store: for what wants it alone, with a database that others may have open.
pub(super) async fn refuse_others(storage: &Storage) -> Result<(), StorageError> {
    if !is_bucket(storage) {
        return Ok(());
    }
    let member = storage.join(&Presence::of(Role::Command, None)).await?;
    let others = storage.others(&member, LIVELY).await;
    storage.leave(member).await?;
    match others?.into_iter().next() {
        Some(other) => Err(StorageError::occupied(&other)),
        None => Ok(()),
    }
}

/// Says again and again that the process is here, until the registry is dropped.
pub(super) async fn follow(registry: Weak<Inner>) {
    let mut pause = RENEW_EVERY;
    loop {
        tokio::time::sleep(pause).await;
        pause = RENEW_EVERY;
        let Some(inner) = registry.upgrade() else { return };
        if let Some(member) = inner.present.member()
            && let Err(error) = inner.storage.renew(&member).await
        {
            tracing::warn!(%error, "the store could not be told that this server is still here");
            pause = RETRY;
        }
    }
}

impl Registry {
    /// Says in a store that several share where clients reach this server.
    pub async fn announce(&self, address: String) -> Result<(), RegistryError> {
        let Some(member) = self.0.present.member() else { return Ok(()) };
        let presence = Presence::of(self.0.present.role, Some(address));
        let member = self.0.storage.say(member, &presence).await?;
        *self.0.present.member.lock().unwrap_or_else(PoisonError::into_inner) = Some(member);
        Ok(())
    }

    /// Takes back that this process writes to the store. For its end.
    pub async fn leave(&self) -> Result<(), RegistryError> {
        let member = self.0.present.member.lock().unwrap_or_else(PoisonError::into_inner).take();
        match member {
            Some(member) => Ok(self.0.storage.leave(member).await?),
            None => Ok(()),
        }
    }
}

/// Keeps it said from now on.
pub(super) fn keep(inner: &Arc<Inner>) {
    if inner.present.member().is_some() {
        tokio::spawn(follow(Arc::downgrade(inner)));
    }
}
