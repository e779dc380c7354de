//! Counting downloads: in memory where a manifest is handed out, in the metadata store every few seconds, many at once.
//!
//! A pull is counted in the entry of the cache that it is answered from. Whoever saves walks over those entries, asks which versions
//! they are, and sends batches. A batch whose fate is unknown is sent again as it was, and the store counts it once.
//!
//! What was counted since the last save is lost when the process is killed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::cache::{CachedManifest, Pulls};
use crate::domain::{Day, Digest, Name};
use crate::meta::{DownloadBatch, Downloads, Meta, MetaError};

use super::{Registry, RegistryError};

/// Most versions and days in one batch: changes of the catalogue wait for as long as it takes, which in SQLite was
/// 50 ms among 100,000 packages on a busy machine.
const BATCH_MAX: usize = 100;

/// Most versions and days that wait to be saved, as when the store is away for hours. What comes on top is not counted.
const WAITING_MAX: usize = if cfg!(test) { 3 } else { 100_000 };

/// What is counted and not saved yet.
pub(super) struct Counting {
    /// Every manifest that is cached, and those that have gone since the last save.
    pulled: Mutex<Vec<Arc<Pulls>>>,
    waiting: Mutex<HashMap<(Name, Digest, Day), u64>>,
    /// Not counted, as too many were waiting.
    left_out: AtomicU64,
    sending: tokio::sync::Mutex<Sending>,
}

/// One at a time sends.
struct Sending {
    sender: Uuid,
    /// Number of the last batch.
    number: u64,
    /// A batch that may or may not have been counted.
    batch: Option<DownloadBatch>,
}

impl Counting {
    pub fn new() -> Self {
        let sending = Sending { sender: Uuid::now_v7(), number: 0, batch: None };
        Self {
            pulled: Mutex::default(),
            waiting: Mutex::default(),
            left_out: AtomicU64::new(0),
            sending: tokio::sync::Mutex::new(sending),
        }
    }

    /// Counts the pulls of a manifest that is about to be cached.
    pub fn watch(&self, name: Name, digest: Digest) -> Arc<Pulls> {
        let pulls = Arc::new(Pulls::new(name, digest));
        self.pulled.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&pulls));
        pulls
    }

    fn wait(&self, pulls: &Pulls, day: Day, number: u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (pulls.name.clone(), pulls.digest, day);
        if waiting.len() >= WAITING_MAX && !waiting.contains_key(&key) {
            self.left_out.fetch_add(number, Ordering::Relaxed);
            return;
        }
        *waiting.entry(key).or_default() += number;
    }

    /// Takes what was counted, and forgets manifests that are in no cache any more.
    fn gather(&self) {
        let mut pulled = self.pulled.lock().unwrap_or_else(PoisonError::into_inner);
        pulled.retain(|pulls| {
            // Asked before: who holds it now may count once more, and nobody new can come to hold it.
            let is_held = Arc::strong_count(pulls) > 1;
            if let Some((day, number)) = pulls.take() {
                self.wait(pulls, day, number);
            }
            is_held
        });
        drop(pulled);
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            tracing::warn!(downloads = left_out, "downloads are not counted: too many wait to be saved");
        }
    }

    /// Up to [`BATCH_MAX`] of what waits.
    fn some(&self) -> Vec<((Name, Digest, Day), u64)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<_> = waiting.keys().take(BATCH_MAX).cloned().collect();
        keys.into_iter().filter_map(|key| waiting.remove_entry(&key)).collect()
    }

    fn put_back(&self, taken: Vec<((Name, Digest, Day), u64)>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, number) in taken {
            *waiting.entry(key).or_default() += number;
        }
    }

    /// The next of what waits that are versions; `None` if nothing waits.
    async fn next(&self, meta: &Meta) -> Result<Option<Vec<Downloads>>, MetaError> {
        let taken = self.some();
        if taken.is_empty() {
            return Ok(None);
        }
        let manifests: Vec<(Name, Digest)> =
            taken.iter().map(|((name, digest, _), _)| (name.clone(), *digest)).collect();
        let versions = match meta.refs.published_as(&manifests).await {
            Ok(versions) => versions,
            Err(error) => {
                self.put_back(taken);
                return Err(error);
            }
        };
        let row = |(((name, _, day), number), version)| Some(Downloads { name, version: version?, day, number });
        Ok(Some(taken.into_iter().zip(versions).filter_map(row).collect()))
    }
}

impl Registry {
    /// Counts a download: the manifest goes to somebody. Waits for nothing.
    pub fn downloaded(&self, manifest: &CachedManifest) {
        let Some(pulls) = &manifest.pulls else { return };
        if let Some((day, number)) = pulls.add(Day::of(self.0.clock.now())) {
            self.0.counting.wait(pulls, day, number);
        }
    }

    /// Writes down what was counted since the last time, and returns how many downloads. What cannot be written is kept for the next
    /// time.
    pub async fn save_downloads(&self) -> Result<u64, RegistryError> {
        let (counting, meta) = (&self.0.counting, &self.0.meta);
        // A caller who goes away leaves the batch where the next one finds it.
        let mut sending = counting.sending.lock().await;
        counting.gather();
        let mut saved = 0;
        loop {
            if sending.batch.is_none() {
                let Some(downloads) = counting.next(meta).await? else { return Ok(saved) };
                if downloads.is_empty() {
                    continue;
                }
                sending.number += 1;
                let (sender, number) = (sending.sender, sending.number);
                sending.batch = Some(DownloadBatch { sender, number, downloads });
            }
            if let Some(batch) = &sending.batch {
                meta.social.count(batch).await?;
                saved += batch.downloads.iter().map(|row| row.number).sum::<u64>();
            }
            sending.batch = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_has_an_end_and_none_of_it_is_lost() {
        let counting = Counting::new();
        let day = Day::from_number(20_000);
        let pulls: Vec<Arc<Pulls>> =
            (0..5).map(|at| counting.watch("acme/hello".parse().unwrap(), Digest::sha256(&[at]))).collect();
        pulls.iter().for_each(|pulls| assert_eq!(pulls.add(day), None));
        counting.gather();
        let taken = counting.some();
        assert_eq!(taken.len(), WAITING_MAX);
        // Those that wait already go on being counted, and what could not be sent waits again.
        counting.put_back(taken);
        pulls.iter().for_each(|pulls| assert_eq!(pulls.add(day), None));
        counting.gather();
        let taken = counting.some();
        assert_eq!(taken.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [2; WAITING_MAX]);
        assert!(counting.some().is_empty());
    }

    #[test]
    fn manifests_that_nobody_holds_are_forgotten_when_they_are_counted() {
        let counting = Counting::new();
        let watch = || counting.watch("acme/hello".parse().unwrap(), Digest::sha256(b""));
        let (kept, gone) = (watch(), watch());
        assert_eq!(gone.add(Day::from_number(1)), None);
        drop(gone);
        counting.gather();
        assert_eq!(counting.pulled.lock().unwrap().len(), 1);
        assert_eq!(counting.some().len(), 1);
        drop(kept);
        counting.gather();
        assert!(counting.pulled.lock().unwrap().is_empty());
    }
}
