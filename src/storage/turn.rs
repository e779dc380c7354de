//! The turn to collect: of all processes that have a store, one has it.
//!
//! In a folder it is a lock of the operating system. In a store that several share over a network it is a lease, a document that its
//! holder renews; one that was not renewed for an hour is taken over by whoever has watched it for that long. The holder must renew before
//! each bounded piece of work, and give up a piece that took longer than [`PIECE`]: so a process that stood still and comes back finds
//! that it has the turn no more before it does anything that another does meanwhile.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::disk::{Lock, blocking};
use super::{Key, Replaced, Seen, Sharing, Storage, StorageError};

/// How long a lease holds that nobody renews.
const HELD: Duration = Duration::from_secs(3600);
/// For how long work may go on after [`Turn::renew`].
pub const PIECE: Duration = Duration::from_secs(60);
/// Longest lease that is read, in bytes.
const LEASE_MAX: u64 = 64 << 10;

/// The right to do what one process at a time does. Ends when it is dropped, or, if it is a lease, with [`Turn::end`], or an hour later.
#[derive(Debug)]
pub struct Turn(Held);

#[derive(Debug)]
enum Held {
    /// There is nobody to share with.
    Alone,
    Lock(#[expect(dead_code, reason = "its lock is what counts")] Lock),
    Lease {
        storage: Storage,
        lease: Lease,
        seen: Seen,
    },
}

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    /// Who has it, made anew for each turn.
    holder: Uuid,
    /// How often it was renewed.
    renewed: u64,
}

/// What was seen of another's lease, and since when it is the same.
pub(super) type Watched = Option<(Seen, Instant)>;

impl Storage {
    /// The right to collect; `None` while another process has it.
    pub async fn turn(&self) -> Result<Option<Turn>, StorageError> {
        self.turn_after(HELD).await
    }

    /// The same where a lease that this process has seen unchanged for so long is taken over.
    pub async fn turn_after(&self, held: Duration) -> Result<Option<Turn>, StorageError> {
        match (self.0.disk.clone(), self.sharing()) {
            (Some(disk), _) => {
                let lock = blocking("the turn to collect", move || disk.turn()).await?;
                Ok(lock.map(|lock| Turn(lock.map_or(Held::Alone, Held::Lock))))
            }
            (None, Sharing::Alone) => Ok(Some(Turn(Held::Alone))),
            (None, Sharing::Shared) => self.lease(held).await,
        }
    }

    /// Whether somebody has the turn in a store that several share over a network.
    pub async fn is_leased(&self) -> Result<bool, StorageError> {
        self.exists(&Key::Collecting).await
    }

    async fn lease(&self, held: Duration) -> Result<Option<Turn>, StorageError> {
        let seen = match self.read(&Key::Collecting, LEASE_MAX).await? {
            None => Seen::ABSENT,
            Some(found) => {
                let mut watched = self.0.watched.lock().await;
                match &*watched {
                    Some((seen, since)) if *seen == found.seen && since.elapsed() >= held => {}
                    Some((seen, _)) if *seen == found.seen => return Ok(None),
                    _ => {
                        *watched = Some((found.seen, Instant::now()));
                        return Ok(None);
                    }
                }
                found.seen
            }
        };
        let lease = Lease { holder: Uuid::now_v7(), renewed: 0 };
        let mut turn = Held::Lease { storage: self.clone(), lease, seen };
        match turn.write().await {
            Ok(is_ours) => Ok(is_ours.then_some(Turn(turn))),
            Err(error) => {
                // It may be there all the same.
                let _ = Turn(turn).end().await;
                Err(error)
            }
        }
    }
}

impl Held {
    /// Writes the lease where it was seen; whether it is ours.
    async fn write(&mut self) -> Result<bool, StorageError> {
        let Self::Lease { storage, lease, seen } = self else { return Ok(true) };
        let malformed =
            |error: serde_json::Error| StorageError::Malformed { path: Key::Collecting.path(), why: error.to_string() };
        let bytes: Bytes = serde_json::to_vec(lease).map_err(malformed)?.into();
        for _ in 0..2 {
            let replaced = storage.replace(&Key::Collecting, seen, bytes.clone(), None).await?;
            let Some(found) = storage.read(&Key::Collecting, LEASE_MAX).await? else { return Ok(false) };
            if replaced == Replaced::Replaced && found.bytes == bytes {
                *seen = found.seen;
                return Ok(true);
            }
            // It may be our own, by a write whose answer was lost.
            if !serde_json::from_slice::<Lease>(&found.bytes).is_ok_and(|theirs| theirs.holder == lease.holder) {
                return Ok(false);
            }
            *seen = found.seen;
        }
        Ok(false)
    }
}

impl Turn {
    /// Whether the turn is still ours, for as long as [`PIECE`].
    pub async fn renew(&mut self) -> Result<bool, StorageError> {
        if let Held::Lease { lease, .. } = &mut self.0 {
            lease.renewed += 1;
        }
        self.0.write().await
    }

    /// Whether a piece of work that began then has taken too long to go on with. By the clock on the wall: the other one stands still
    /// while a machine sleeps.
    pub fn is_over(begun: SystemTime) -> bool {
        begun.elapsed().map_or(true, |taken| taken > PIECE)
    }

    /// Gives it back.
    pub async fn end(mut self) -> Result<(), StorageError> {
        // Renewed first: what is removed must be our own.
        if self.renew().await?
            && let Held::Lease { storage, .. } = &self.0
        {
            storage.delete(&Key::Collecting).await?;
        }
        Ok(())
    }
}
