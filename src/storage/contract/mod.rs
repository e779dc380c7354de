//! What every store must do: checks that the disk, the memory and any other store pass.
//!
//! A store written elsewhere proves itself with [`check_all`] on an empty store, and with the checks that take a way to open
//! it again. A check panics on the first promise that is not kept.
// Panics because: these are checks of a store; a promise that is not kept is reported as in any test.
#![allow(clippy::expect_used, reason = "a promise that is not kept is reported as in any test")]

mod all;
mod blobs;
mod content;
mod doubt;
mod objects;
mod uploads;

pub use all::check_all;
pub use blobs::{
    check_blobs, check_damage_is_found, check_large_blobs, check_listing, check_ranges, check_refused_blobs,
};
use content::{content, pieces, read};
pub use doubt::{check_answers_in_doubt, check_bodies_cut_short};
pub use objects::{check_creation, check_events, check_objects, check_owner, check_replacement};
pub use uploads::{
    check_chunks, check_expiry, check_finish_with_another_algorithm, check_hang_up, check_one_writer,
    check_shared_uploads, check_upload_survives_restart, check_wrong_upload,
};
