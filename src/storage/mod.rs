//! The object store: immutable bytes by key, uploads, streaming hashes, durability in groups, collection.
//!
//! [`Storage`] promises that what was put is complete and readable at once and is durable when it was settled, that nothing is
//! ever visible under a digest that is not its own, that a name created if absent has one creator, and that an upload survives a
//! restart. It runs on a folder of a disk, in memory, and over any [`object_store::ObjectStore`]; `contract` holds the checks that
//! each of them passes. `spec/layout.md` is its layout.
//!
//! It knows names of objects, not of artifacts: which blob belongs to what, who may read it and when it may go is decided
//! elsewhere.

mod address;
mod answer;
mod buffers;
mod clouds;
pub mod contract;
mod create;
mod disk;
mod drafts;
mod error;
mod events;
mod fault;
mod fault_reads;
mod format;
mod key;
mod list;
mod members;
mod meter;
mod named;
mod objects;
mod open;
mod planned;
mod projection;
mod read;
mod recent;
mod store;
mod survey;
mod swap;
#[cfg(test)]
mod tests;
mod trust;
mod turn;
mod uploads;
mod write;

pub use address::{Bucket, Quoted, STORE_ADDRESSES, Source, StoreAddress, StoreAddressError};
pub use create::Created;
pub use disk::{DiskStore, Sharing, Syncing};
pub use error::StorageError;
pub use events::EVENT_MAX;
pub use fault::MeteredStore;
pub use format::{FORMAT, Format, Owner};
pub use key::{Key, PartName};
pub use list::StoredBlob;
pub use members::{GONE_AFTER, Member, Other, Presence, RENEW_EVERY, Role, Trace};
pub use meter::{Meter, Reads, Writes};
pub use open::{Absent, Opening};
pub use planned::{Failure, Fault, ReadFailure, ReadFault, Reading, Step, When, Which};
pub use projection::Rendering;
pub use read::BlobStream;
pub use store::Storage;
pub use survey::{Hashed, StoredObject};
pub use swap::{Document, Replaced, Seen};
pub use turn::{PIECE, Turn};
pub use uploads::Upload;
pub use write::BlobPut;
