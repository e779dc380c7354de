//! Events that lie elsewhere: a memory that began with a snapshot has only those that came after.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::super::MetaError;
use super::Memory;

/// Most events that are asked for at once.
const BATCH: usize = 256;

/// Where every event lies, whatever a [`Memory`] holds: the object store of a registry without a database.
///
/// The events before a snapshot are needed for a history or a new search index, and seldom; so they are read when they are asked for,
/// instead of at each start.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Exact bytes of these events, in the order of the numbers, all of which are there: [`MetaError::Corrupt`] if one is not.
    async fn events(&self, numbers: &[u64]) -> Result<Vec<Bytes>, MetaError>;
}

impl Memory {
    /// Exact bytes of these events: those that are at hand, and from the archive what is not. Numbers beyond the head are left out.
    pub(super) async fn events_of(&self, numbers: Vec<u64>) -> Result<Vec<(u64, Bytes)>, MetaError> {
        let mut events: Vec<(u64, Option<Bytes>)> = {
            let state = self.read();
            let known = numbers.into_iter().filter(|n| *n <= state.head.n);
            known.map(|n| (n, state.events.get(&n).cloned())).collect()
        };
        let absent: Vec<u64> = events.iter().filter(|(_, bytes)| bytes.is_none()).map(|(n, _)| *n).collect();
        let mut found = Vec::with_capacity(absent.len());
        if !absent.is_empty() {
            let archive = self.archive();
            let archive = archive.ok_or_else(|| MetaError::Corrupt(format!("event {} is gone", absent[0])))?;
            for numbers in absent.chunks(BATCH) {
                found.extend(archive.events(numbers).await?);
            }
        }
        let mut found = found.into_iter();
        for (_, bytes) in &mut events {
            if bytes.is_none() {
                *bytes = found.next();
            }
        }
        Ok(events.into_iter().filter_map(|(n, bytes)| Some((n, bytes?))).collect())
    }

    /// Lets go of the events up to this one, which the archive has too; the last stays at hand, as snapshots name it.
    /// Nothing without an archive.
    pub fn release_events(&self, through: u64) {
        if self.archive().is_none() {
            return;
        }
        let mut state = self.lock();
        let last = state.head.n;
        let old: Vec<u64> = state.events.range(..=through).map(|(n, _)| *n).filter(|n| *n != last).collect();
        for n in old {
            state.events.remove(&n);
        }
        state.commit();
    }

    /// Says who has every event.
    pub fn archive_in(&self, archive: Arc<dyn Archive>) {
        *self.archive.write().unwrap_or_else(PoisonError::into_inner) = Some(archive);
    }

    fn archive(&self) -> Option<Arc<dyn Archive>> {
        self.archive.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
