//! What an object store of a cloud needs and a disk does not: objects written in parts within a bound of memory, blobs created in
//! one request, damage replaced rather than deleted, addresses that somebody else may read.
//!
//! Promises that no unfinished multipart upload is left behind by a write that failed or whose caller went, that all uploads of a
//! process together hold no more part buffers than there are, and that what is damaged is taken away only if it still is what was
//! read. Knows nothing of sessions.

mod blobs;
mod memory;
mod multipart;
mod quarantine;
mod read;
mod signed;
mod writer;

pub(super) use blobs::is_blob;
pub(super) use memory::{PART, PartBuffers};
pub(super) use quarantine::COPY_MAX;
pub(super) use read::{all_of, read_object};
pub(super) use writer::{ObjectWriter, Written};
