//! Bytes for the checks.
// Panics because: these are checks of a store; a promise that is not kept is reported as in any test.

use bytes::Bytes;

use super::super::Storage;
use crate::domain::{Area, Digest};

/// Bytes that differ for each seed and do not repeat at any power of two.
pub(super) fn content(seed: u32, size: usize) -> Bytes {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}

/// A stream of these bytes in pieces of `piece` bytes.
pub(super) fn pieces(
    bytes: &Bytes,
    piece: usize,
) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> + Send + use<> {
    let bytes = bytes.clone();
    let starts = (0..bytes.len()).step_by(piece);
    futures::stream::iter(starts.map(move |start| Ok(bytes.slice(start..bytes.len().min(start + piece)))))
}

pub(super) async fn read(storage: &Storage, area: &Area, digest: &Digest) -> Bytes {
    storage.get_blob(area, digest, u64::MAX).await.expect("the blob is there")
}
