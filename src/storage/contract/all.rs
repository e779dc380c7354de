//! Every check in a row.

use super::super::Storage;
use super::*;

/// Every check that needs no second opening, on an empty store.
pub async fn check_all(storage: &Storage) {
    check_objects(storage).await;
    check_creation(storage).await;
    check_replacement(storage).await;
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
