//! Which blobs somebody counts on at this moment: whose bytes are being written, or are about to be named by a commit.
//!
//! A purge removes bytes whenever they were touched, so that the times in the database do not tell it what is in use. What is
//! held here is left to collection instead, which finds it later if nothing came of it. One process writes a store (its lock
//! sees to that), so that its memory knows all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{Area, Digest};

/// How many count on each blob.
#[derive(Default)]
pub(super) struct Counted(Mutex<HashMap<(Area, Digest), usize>>);

/// Somebody counts on these blobs until it is dropped.
pub(super) struct Kept {
    counted: Arc<Counted>,
    blobs: Vec<(Area, Digest)>,
}

impl Counted {
    /// Counts on the blobs. Said before they are touched: whoever looks at what is free afterwards sees it, or its touch comes
    /// later than that look and finds them being deleted.
    pub fn keep(self: &Arc<Self>, area: &Area, digests: &[Digest]) -> Kept {
        let blobs: Vec<_> = digests.iter().map(|digest| (area.clone(), *digest)).collect();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for blob in &blobs {
            *counts.entry(blob.clone()).or_default() += 1;
        }
        Kept { counted: Arc::clone(self), blobs }
    }

    /// Those of the blobs that nobody counts on.
    pub fn free(&self, blobs: Vec<(Area, Digest)>) -> Vec<(Area, Digest)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.into_iter().filter(|blob| !counts.contains_key(blob)).collect()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut counts = self.counted.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        drop(second);
        assert_eq!(counted.free(all()), [(Area::Public, two)]);
        drop(first);
        assert_eq!(counted.free(all()), all());
    }
}
