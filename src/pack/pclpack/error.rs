//! Why a pack was not read or not written.

use std::io;

use super::MemberError;
use crate::domain::{Digest, ManifestError};
use crate::pack::ArchiveError;

/// Why a pack was not read or not written. Of a pack that is refused nothing may be used.
#[derive(Debug, thiserror::Error)]
pub enum PclPackError {
    /// Something else than a pack.
    #[error("this is no pack: {0}")]
    NotAPack(&'static str),
    /// Its tar is damaged or cut off, exceeds a limit, or has an entry that no pack has: a link, a device, a path that leads out.
    #[error("the pack cannot be read: {0}")]
    Archive(#[from] ArchiveError),
    /// Decompression would need more memory than a reader gives.
    #[error(
        "the pack wants {window} bytes of memory to be unpacked, {most} at most are given\nhint: compress it again without --long or --ultra"
    )]
    Window {
        /// What it wants.
        window: u64,
        /// What is given.
        most: u64,
    },
    /// The compressed data does not end where the file ends.
    #[error("there is something behind the end of the pack")]
    Trailing,
    /// A name that no entry of a pack has.
    #[error("{0:?} is no entry of a pack")]
    Unknown(String),
    /// A name that some file systems take for another.
    #[error("{0:?} has capitals: a file system that ignores case would take it for another entry")]
    Case(String),
    /// An entry that was there before.
    #[error("{0:?} is twice in the pack")]
    Twice(String),
    /// An entry that is not due yet, or not any more.
    #[error("{found:?} stands where {expected} is expected: something is missing or in the wrong order")]
    Misplaced {
        /// What stands there.
        found: String,
        /// What must.
        expected: String,
    },
    /// The pack ends, or goes on, without it.
    #[error("the pack has no {0:?}")]
    Missing(String),
    /// A blob that no manifest before it names.
    #[error("nothing in the pack names the blob {0}")]
    Unnamed(Digest),
    /// A proof of something that is no member.
    #[error("{0:?} is about something that is not in the pack")]
    Stray(String),
    /// `oci-layout` or `pcl/resolved.json` is not what it must be.
    #[error("{entry:?} cannot be read: {why}")]
    Document {
        /// Which.
        entry: &'static str,
        /// What is wrong.
        why: String,
    },
    /// An index or a manifest cannot be read.
    #[error("{entry:?} cannot be read: {why}")]
    Manifest {
        /// Which.
        entry: String,
        /// What is wrong.
        why: ManifestError,
    },
    /// `index.json` and the pack's own index say different things.
    #[error("index.json does not list what the index of the pack lists")]
    IndexDiffers,
    /// A member is not described as a member must be.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// What is needed does not fit the members, or their order.
    #[error("pcl/resolved.json is wrong about {release}: {why}")]
    Resolved {
        /// The member, as name and version.
        release: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A blob is not what its digest says.
    #[error("the bytes that are called {0} have another digest")]
    DigestDiffers(Digest),
    /// A blob is not as long as the one that names it says.
    #[error("{digest} has {found} bytes, where {declared} were declared")]
    SizeDiffers {
        /// Which.
        digest: Digest,
        /// What is said.
        declared: u64,
        /// What is there, or is said elsewhere. Of what is written one byte too many is enough.
        found: u64,
    },
    /// One digest is named as a manifest here and as something else there.
    #[error("{0} is named as a manifest and as something else")]
    TwoRoles(Digest),
    /// What it is read for, or written to, failed.
    #[error("the pack could not be passed on: {0}")]
    Io(#[source] io::Error),
}
