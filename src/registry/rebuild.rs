//! Rebuilding projections from the store alone: the catalogue and the search index.

use futures::TryStreamExt;

use crate::domain::EventBatch;
use crate::meta::{Meta, MetaError};
use crate::storage::{Sharing, Storage};

use super::RegistryError;
use super::replay::replay_of;
use super::whole::{finish_batch, finish_batches};

/// Most events in one transaction of a rebuild.
pub(super) const BATCH: usize = 512;

/// What a rebuild did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Events that the catalogue held already.
    pub known: u64,
    /// Events that were applied.
    pub applied: u64,
}

/// Applies all events of the store that the catalogue lacks. Stops with an error, never skips: at an event that cannot be read,
/// at a gap, and where an event that both hold differs.
///
/// `progress` is told the number of the last applied event.
pub async fn catch_up(
    storage: &Storage,
    meta: &Meta,
    progress: impl FnMut(u64) + Send,
) -> Result<Rebuilt, RegistryError> {
    catch_up_by(storage, meta, BATCH, progress).await
}

/// The same with at most so many events in one transaction.
pub(super) async fn catch_up_by(
    storage: &Storage,
    meta: &Meta,
    most: usize,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Rebuilt, RegistryError> {
    // Where others write, a document whose batch has not begun may be about to: only those of batches that have begun are looked at.
    let is_bucket = storage.address().is_some_and(|address| address.bucket().is_some());
    if storage.sharing() == Sharing::Alone && !is_bucket {
        finish_batches(storage).await?;
    }
    let known = meta.ledger.head().await?.n;
    // The last known event is replayed too: its bytes are compared.
    let mut events = storage.events(known.saturating_sub(1));
    let mut batch = Vec::new();
    let mut applied = 0;
    // Events that count only together are applied together: somebody may read meanwhile.
    let mut together: Option<Together> = None;
    loop {
        let next = events.try_next().await?;
        let last = next.is_none();
        if let Some((n, bytes)) = next {
            applied += u64::from(n > known);
            let replay = replay_of(storage, n, bytes).await?;
            if let Some(of) = replay.event.batch {
                let last = n.saturating_add(of.count.saturating_sub(1));
                together = Some(Together { of, last, is_finished: false });
            }
            batch.push(replay);
        }
        let through = batch.last().map(|replay| replay.event.n);
        let is_whole = together.as_ref().zip(through).is_none_or(|(together, through)| through >= together.last);
        if let (true, false, Some(together), Some(through)) = (last, is_whole, &mut together, through) {
            if together.is_finished {
                let why =
                    format!("the batch of {} events that ends with event {} is cut", together.of.count, together.last);
                return Err(MetaError::Corrupt(why).into());
            }
            finish_batch(storage, together.of).await?;
            together.is_finished = true;
            events = storage.events(through);
            continue;
        }
        if (batch.len() >= most && is_whole) || last {
            meta.catalog.replay(&batch).await?;
            if let Some(replay) = batch.last() {
                progress(replay.event.n);
            }
            batch.clear();
        }
        if last {
            return Ok(Rebuilt { known, applied });
        }
    }
}

/// Events that count only together.
struct Together {
    of: EventBatch,
    last: u64,
    /// Whether what was missing of them has been written.
    is_finished: bool,
}
