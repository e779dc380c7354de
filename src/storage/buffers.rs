//! Buffers that reads fill again and again. Fresh memory for each chunk of a large blob costs a page fault for every 4 KiB: a
//! fifth of the processor time of a download.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Most buffers that wait to be used again.
const KEPT: usize = 24;

/// A store of buffers of one capacity. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// An empty buffer of at least that capacity.
    pub(super) fn take(&self, capacity: usize) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = kept.unwrap_or_default();
        buffer.clear();
        buffer.reserve(capacity);
        buffer
    }

    /// The buffer's bytes; it comes back when the last of them is dropped.
    pub(super) fn lend(&self, buffer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { buffer, home: self.clone() })
    }
}

struct Lent {
    buffer: Vec<u8>,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut kept = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_nobody_reads_it_any_more() {
        let buffers = Buffers::default();
        let waiting = || buffers.0.lock().unwrap().len();
        let mut buffer = buffers.take(1000);
        buffer.extend(b"content");
        let bytes = buffers.lend(buffer);
        let part = bytes.slice(3..);
        drop(bytes);
        assert_eq!(waiting(), 0, "a part of it is still being read");
        assert_eq!(part, &b"tent"[..]);
        drop(part);
        assert_eq!(waiting(), 1);
        let again = buffers.take(10);
        assert!(again.is_empty() && again.capacity() >= 1000, "the same, emptied");
        assert_eq!(waiting(), 0);
    }

    #[test]
    fn no_more_are_kept_than_is_said() {
        let buffers = Buffers::default();
        let lent: Vec<Bytes> = (0..2 * KEPT).map(|_| buffers.lend(buffers.take(10))).collect();
        drop(lent);
        assert_eq!(buffers.0.lock().unwrap().len(), KEPT);
    }
}
