//! Archives and what is made of them: deterministic writing and guarded reading of an artifact's file tree, the manifest
//! around it, and the record that a publication leaves (`spec/artifact.md`).
//!
//! Promises that nothing a stranger packed leaves the tree, exceeds [`Limits`] or makes this code panic, and that equal
//! trees give equal bytes. Knows nothing of files on disk, networks, stores, or the formats inside the files.

mod artifact;
mod compare;
mod contents;
mod limits;
pub mod pclpack;
mod read;
mod record;
mod tar_entries;
mod write;

pub use artifact::{Blob, PackError, Packed, TreeDiffers, pack};
pub use compare::{compare_capabilities, compare_fields, compare_files};
pub use contents::{Contents, IdentityError, UnpackError, check_identity, unpack};
pub use limits::{ArchiveError, Limit, Limits};
pub use read::{read_archive, read_files};
pub use record::record;
pub use write::{write_archive, write_tar};
