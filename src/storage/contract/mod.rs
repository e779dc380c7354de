//! What every store must do: checks that the disk, the memory and any other store pass.
//!
//! A store written elsewhere proves itself with [`check_all`] on an empty store, and with the checks that take a way to open
//! it again. A check panics on the first promise that is not kept.
// Panics because: these are checks of a store; a promise that is not kept is reported as in any test.
#![allow(clippy::expect_used, reason = "a promise that is not kept is reported as in any test")]

mod blobs;
mod objects;
mod uploads;

pub use blobs::{
    check_blobs, check_damage_is_found, check_large_blobs, check_listing, check_ranges, check_refused_blobs,
};
pub use objects::{check_creation, check_events, check_objects, check_owner};
pub use uploads::{
    check_chunks, check_expiry, check_finish_with_another_algorithm, check_hang_up, check_one_writer,
    check_upload_survives_restart, check_wrong_upload,
};

use bytes::Bytes;

use super::Storage;
use crate::domain::{Area, Digest};

/// Every check that needs no second opening, on an empty store.
pub async fn check_all(storage: &Storage) {
    check_objects(storage).await;
    check_creation(storage).await;
    check_events(storage).await;
    check_owner(storage).await;
    check_blobs(storage).await;
    check_large_blobs(storage).await;
    check_ranges(storage).await;
    check_refused_blobs(storage).await;
    check_damage_is_found(storage).await;
    check_listing(storage).await;
    check_chunks(storage).await;
    check_one_writer(storage).await;
    check_hang_up(storage).await;
    check_wrong_upload(storage).await;
    check_finish_with_another_algorithm(storage).await;
    check_expiry(storage).await;
}

/// Bytes that differ for each seed and do not repeat at any power of two.
fn content(seed: u32, size: usize) -> Bytes {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}

/// A stream of these bytes in pieces of `piece` bytes.
fn pieces(bytes: &Bytes, piece: usize) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> + Send + use<> {
    let bytes = bytes.clone();
    let starts = (0..bytes.len()).step_by(piece);
    futures::stream::iter(starts.map(move |start| Ok(bytes.slice(start..bytes.len().min(start + piece)))))
}

async fn read(storage: &Storage, area: &Area, digest: &Digest) -> Bytes {
    storage.get_blob(area, digest, u64::MAX).await.expect("the blob is there")
}
