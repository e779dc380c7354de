//! Memory for the parts of large objects: a number of buffers for all uploads of the process together.
//!
//! A buffer is taken before a part is gathered, and its room is free again when the store has the part, whether or not it keeps the very
//! bytes, as one in memory does. Whoever finds none waits, and so does
//! its client. Nobody waits for a buffer while holding one that only another buffer would free, so that somebody always goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Length of a part. Stores ask for at least 5 MiB, some for parts of one length, and S3 for at most 10,000.
pub(in crate::storage) const PART: usize = 8 << 20;
/// Buffers in all: 64 MiB. Sixteen pushes at once share them and leave the rest of the process half of 128 MB.
const BUFFERS: usize = 8;
/// How long a client may take to fill a buffer that another waits for: 140 kB/s are enough.
const PATIENCE: Duration = Duration::from_secs(60);

/// The buffers. Clones share them.
#[derive(Clone)]
pub(in crate::storage) struct PartBuffers(Arc<Pool>);

struct Pool {
    permits: Arc<Semaphore>,
    /// Emptied buffers that wait to be used again: fresh memory costs a page fault for every 4 KiB.
    free: Mutex<Vec<Vec<u8>>>,
    waiting: AtomicUsize,
    /// Buffers that come back because somebody waits.
    leaving: AtomicUsize,
    patience: Duration,
}

impl Default for PartBuffers {
    fn default() -> Self {
        Self::with_patience(PATIENCE)
    }
}

impl PartBuffers {
    /// Buffers, each of which may be filled for so long while others wait for one.
    pub(in crate::storage) fn with_patience(patience: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(BUFFERS));
        Self(Arc::new(Pool {
            permits,
            free: Mutex::default(),
            waiting: AtomicUsize::new(0),
            leaving: AtomicUsize::new(0),
            patience,
        }))
    }

    /// An empty buffer, once there is one. First come, first served.
    pub(super) async fn take(&self) -> PartBuffer {
        let waits = Waits::among(&self.0.waiting);
        // The semaphore is never closed.
        let permit = self.0.permits.clone().acquire_owned().await.ok();
        drop(waits);
        let kept = self.0.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // Resident is only what was written to.
        let bytes = kept.unwrap_or_else(|| Vec::with_capacity(PART));
        PartBuffer { bytes, since: Instant::now(), leaving: false, home: self.clone(), permit }
    }

    /// Keeps memory for who comes next.
    fn keep(&self, mut bytes: Vec<u8>) {
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        let is_busy = self.0.permits.available_permits() < BUFFERS;
        if bytes.capacity() == PART && is_busy && free.len() < BUFFERS {
            bytes.clear();
            free.push(bytes);
        }
    }

    /// Buffers that are in use.
    #[cfg(test)]
    pub(in crate::storage) fn in_use(&self) -> usize {
        BUFFERS - self.0.permits.available_permits()
    }
}

/// Counts a waiter for as long as it waits.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn among(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Room for one part.
pub(super) struct PartBuffer {
    bytes: Vec<u8>,
    since: Instant,
    leaving: bool,
    home: PartBuffers,
    permit: Option<OwnedSemaphorePermit>,
}

impl PartBuffer {
    /// Copies what fits from the front of `bytes`, which keeps the rest. The pieces that a connection hands out may be small parts
    /// of large allocations, so holding them instead would not be bounded.
    pub(super) fn fill(&mut self, bytes: &mut Bytes) {
        let fits = bytes.len().min(PART - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..fits]);
        bytes.advance(fits);
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() == PART
    }

    /// Until when it may be filled though somebody waits for it, and how long it may be after that before this is asked again.
    pub(super) fn patience(&self) -> (Instant, Duration) {
        let patience = self.home.0.patience;
        (self.since + patience, patience / 60)
    }

    /// Whether it is to be given back to somebody who waits, for whom no other has been given back. It is then on its way.
    pub(super) fn gives_way(&mut self) -> bool {
        let pool = &self.home.0;
        let is_missed = pool.waiting.load(Ordering::SeqCst) > pool.leaving.load(Ordering::SeqCst);
        if is_missed && !self.leaving {
            pool.leaving.fetch_add(1, Ordering::SeqCst);
            self.leaving = true;
        }
        is_missed
    }

    /// What is in it, for a part. The memory is used again when the last of the bytes is dropped.
    pub(super) fn into_part(mut self) -> (Bytes, Room) {
        let lent = Lent { bytes: std::mem::take(&mut self.bytes), home: self.home.clone() };
        (Bytes::from_owner(lent), Room(self))
    }

    /// What is in it, for an object of its own, which a store may keep as it is: no more than its length.
    pub(super) fn into_whole(mut self) -> (Bytes, Room) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.shrink_to_fit();
        (bytes.into(), Room(self))
    }
}

impl Drop for PartBuffer {
    fn drop(&mut self) {
        let pool = &self.home.0;
        self.home.keep(std::mem::take(&mut self.bytes));
        drop(self.permit.take());
        if self.leaving {
            pool.leaving.fetch_sub(1, Ordering::SeqCst);
        }
        if pool.permits.available_permits() == BUFFERS {
            // A server at rest keeps none.
            pool.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

/// The right to have one part more in memory. Dropped when the store has it.
pub(super) struct Room(#[expect(dead_code, reason = "its end is what counts")] PartBuffer);

/// Bytes that a store was given.
struct Lent {
    bytes: Vec<u8>,
    home: PartBuffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.keep(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_are_so_many_and_no_more_and_none_is_kept_at_rest() {
        let buffers = PartBuffers::default();
        let mut taken = Vec::new();
        for _ in 0..BUFFERS {
            taken.push(buffers.take().await);
        }
        let mut next = Box::pin(buffers.take());
        assert!(futures::poll!(&mut next).is_pending());
        let mut bytes = Bytes::from(vec![7; PART + 1]);
        let mut buffer = taken.remove(0);
        assert!(buffer.gives_way(), "somebody waits");
        assert!(!taken[0].gives_way(), "one is enough");
        buffer.fill(&mut bytes);
        assert!(buffer.is_full());
        assert_eq!(bytes.len(), 1, "the rest stays with the caller");
        let (part, room) = buffer.into_part();
        assert!(futures::poll!(&mut next).is_pending(), "the store does not have it yet");
        drop(room);
        let mut another = next.await;
        another.fill(&mut bytes);
        let (whole, room) = another.into_whole();
        assert_eq!((whole.as_ref(), part.len()), ([7].as_slice(), PART), "whoever keeps the bytes keeps them");
        drop(room);
        drop(part);
        assert_eq!(buffers.0.free.lock().unwrap().len(), 1, "to be used again");
        assert!(!taken[0].gives_way());
        drop(taken);
        assert_eq!(buffers.in_use(), 0);
        assert!(buffers.0.free.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_stops_waiting_takes_none() {
        let buffers = PartBuffers::default();
        let mut taken = Vec::new();
        for _ in 0..BUFFERS {
            taken.push(buffers.take().await);
        }
        {
            let mut next = Box::pin(buffers.take());
            assert!(futures::poll!(&mut next).is_pending());
        }
        assert!(!taken[0].gives_way());
        drop(taken);
        assert_eq!(buffers.in_use(), 0);
    }
}
