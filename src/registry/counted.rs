//! Which blobs somebody counts on at this moment: whose bytes are being written, or are about to be named by a commit.
//!
//! A purge removes bytes whenever they were touched, so that the times in the database do not tell it what is in use. What is
//! held here is left to collection instead, which finds it later if nothing came of it, and touches what is held before it condemns:
//! a push may take longer than the grace period. One process writes a store (its lock sees to that), so that its memory knows all of
//! them; where several share one, the grace period alone keeps what the others hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::domain::{Area, Digest};

/// How many count on each blob.
#[derive(Default)]
pub(super) struct Counted {
    counts: Mutex<HashMap<(Area, Digest), usize>>,
    gate: RwLock<()>,
}

/// Somebody counts on these blobs until it is dropped.
pub(super) struct Kept {
    counted: Arc<Counted>,
    blobs: Vec<(Area, Digest)>,
}

impl Counted {
    /// To be held from counting on blobs until they are touched, which says whether they are being deleted.
    pub async fn counting(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().await
    }

    /// To be held from a look at what is free until that is marked as being deleted: whoever counts on it is seen by the look, or finds
    /// the mark.
    pub async fn still(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }

    /// Counts on the blobs.
    pub fn keep(self: &Arc<Self>, area: &Area, digests: &[Digest]) -> Kept {
        let blobs: Vec<_> = digests.iter().map(|digest| (area.clone(), *digest)).collect();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for blob in &blobs {
            *counts.entry(blob.clone()).or_default() += 1;
        }
        Kept { counted: Arc::clone(self), blobs }
    }

    /// Those of the blobs that nobody counts on.
    pub fn free(&self, blobs: Vec<(Area, Digest)>) -> Vec<(Area, Digest)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.into_iter().filter(|blob| !counts.contains_key(blob)).collect()
    }

    /// What somebody counts on, by area.
    pub fn held(&self) -> HashMap<Area, Vec<Digest>> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held: HashMap<Area, Vec<Digest>> = HashMap::new();
        for (area, digest) in counts.keys() {
            held.entry(area.clone()).or_default().push(*digest);
        }
        held
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut counts = self.counted.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for blob in &self.blobs {
            if let Some(count) = counts.get_mut(blob) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(blob);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_count_on_is_free_when_both_are_done() {
        let counted = Arc::new(Counted::default());
        let [one, two] = [Digest::sha256(b"one"), Digest::sha256(b"two")];
        let all = || vec![(Area::Public, one), (Area::Public, two)];
        let (first, second) = (counted.keep(&Area::Public, &[one]), counted.keep(&Area::Public, &[one, two]));
        assert_eq!(counted.free(all()), []);
        assert_eq!(counted.held()[&Area::Public].len(), 2);
        drop(second);
        assert_eq!(counted.free(all()), [(Area::Public, two)]);
        drop(first);
        assert_eq!(counted.free(all()), all());
        assert!(counted.held().is_empty());
    }
}
