//! Addresses of stores: `s3://bucket/prefix?endpoint=…`, `gs://…`, `az://…`, `file:PATH`, `memory:`. Pure text; nothing is opened.
//!
//! An address is printed and logged, so nothing secret has a place in it: credentials come from where each cloud's own tools look
//! for them. A text that seems to hold a secret is refused and not repeated.

mod bucket;
mod choice;
mod error;
mod place;
#[cfg(test)]
mod tests;

pub use bucket::Bucket;
pub(super) use choice::Choice;
use choice::Cloud;
pub use error::{Quoted, Source, StoreAddressError};
pub use place::StoreAddress;

/// How addresses are written.
pub const STORE_ADDRESSES: &str = "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, file:PATH or memory:";
