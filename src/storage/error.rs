//! What can go wrong in the store, as decisions that a caller can take.

use std::io;
use std::path::PathBuf;

use uuid::Uuid;

use super::StoreAddress;
use super::answer::{self, Verdict, advice};
use crate::domain::Digest;

/// Any error that can be carried on as a source.
pub(super) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the store did not do as asked. Nothing of a refused write is visible afterwards, unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No object has this name.
    #[error("{path} is not in the store")]
    NotFound {
        /// Its path from the root of the store.
        path: String,
    },
    /// The medium has no room left.
    #[error("no space left to write {path}\nhint: free some space where the store lies, then send it again")]
    Full {
        /// What was to be written.
        path: String,
    },
    /// The medium, or a folder of it, cannot be written.
    #[error(
        "{path} cannot be written: {source}\nhint: check the folder's owner and permissions and that its file system is mounted for writing"
    )]
    ReadOnly {
        /// What was to be written.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes have another digest than was claimed. They were not stored.
    #[error("the content has the digest {found}, not {expected}")]
    WrongDigest {
        /// What was claimed.
        expected: Box<Digest>,
        /// What the bytes hash to.
        found: Box<Digest>,
    },
    /// There is more than the caller was willing to take.
    #[error("the content is longer than the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A range starts or ends outside the blob.
    #[error("the range lies outside the content, which has {size} bytes")]
    Range {
        /// Length of the whole blob, in bytes.
        size: u64,
    },
    /// The stored bytes no longer have their digest. They were moved to quarantine; pushing the digest again mends it.
    #[error("the stored bytes of {0} are damaged and were moved to quarantine\nhint: push the content again")]
    Corrupt(Digest),
    /// Another request is writing to this upload.
    #[error("another request is writing to upload {0}\nhint: wait until it ends, then ask for the upload's offset")]
    Busy(Uuid),
    /// No upload has this id: never begun, finished, cancelled or expired.
    #[error("there is no upload {0}: it may be finished, cancelled or expired\nhint: begin a new one")]
    UploadUnknown(Uuid),
    /// A chunk does not start where the upload stands. Nothing of it was taken.
    #[error("the chunk starts at byte {found}, but the upload stands at byte {expected}")]
    Offset {
        /// Where the upload stands.
        expected: u64,
        /// Where the chunk starts.
        found: u64,
    },
    /// The client's bytes stopped coming. What had arrived of an upload session is kept.
    #[error("the content stopped arriving: {0}")]
    Interrupted(#[source] Source),
    /// Another server uses this folder.
    #[error("another server uses {}\nhint: stop it first, or choose another data folder; several servers share one only if all are started with --shared true", .0.display())]
    Locked(PathBuf),
    /// Others write to this store, and what was asked for wants it alone.
    #[error(
        "{who} is at work in this store, and one of the two must have it alone\nhint: stop it first; if it died, it is taken for gone when {path} is removed, or some time after it was written: 40 minutes, for a collection a day"
    )]
    Occupied {
        /// Who, and since when.
        who: String,
        /// Where it says so.
        path: String,
    },
    /// Others may have taken this process for gone, and removed what it was about to name.
    #[error(
        "this process stood still for half an hour or longer, so that others may have taken it for gone; nothing was committed\nhint: try again"
    )]
    StoodStill,
    /// This process has taken back that it writes to the store, as it is to end.
    #[error("the program is ending; nothing was committed\nhint: try again")]
    Left,
    /// Another made somebody else the owner of this store.
    #[error(
        "{path} was changed by another meanwhile\nhint: see that no other command and no server works on this store, and try again"
    )]
    OwnerChanged {
        /// The document.
        path: String,
    },
    /// Somebody collects in this store, which nobody writes to meanwhile.
    #[error("a collection has this store to itself\nhint: try again when it is over; if it died, remove {path}")]
    Collecting {
        /// Where it says so.
        path: String,
    },
    /// The store was written by a newer program.
    #[error("the store has format {found}, and this program knows formats up to {known}\nhint: use a newer program")]
    NewerFormat {
        /// The store's format.
        found: u32,
        /// The newest that this program reads.
        known: u32,
    },
    /// A document of the store's own cannot be read.
    #[error("{path} cannot be understood: {why}\nhint: restore it from a backup")]
    Malformed {
        /// Its path from the root of the store.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// An event is missing between others.
    #[error(
        "event {missing} is missing, but event {present} is there\nhint: restore the missing events from a backup or a mirror of the store"
    )]
    EventGap {
        /// The first number that is absent.
        missing: u64,
        /// A higher number that is present.
        present: u64,
    },
    /// The cloud knows whoever asks not, or does not let it.
    #[error("the store refuses {address}: {said}\nhint: {}", advice(.said))]
    Refused {
        /// Address of the store, or path of an object in it.
        address: String,
        /// What the cloud said, without what nobody should read.
        said: String,
    },
    /// There is no such bucket or container.
    #[error("there is no bucket or container for {address}\nhint: create it first, or mind the spelling")]
    NoBucket {
        /// Address of the store, or path of an object in it.
        address: String,
    },
    /// Something that is no store lies there.
    #[error(
        "{address} is no store of a registry, and not empty: there is {example}\nhint: name a prefix that holds nothing, as in …/registry"
    )]
    Foreign {
        /// Address of the store.
        address: Box<StoreAddress>,
        /// A name that lies there.
        example: String,
    },
    /// There is no store there, and none was to be made.
    #[error("there is no registry in {0}\nhint: name its store with --store")]
    NoStore(Box<StoreAddress>),
    /// What is needed to reach the store is not there, or cannot be used.
    #[error("{address} cannot be opened: {why}\nhint: {hint}")]
    Unusable {
        /// Address of the store.
        address: Box<StoreAddress>,
        /// What is missing or wrong.
        why: String,
        /// What to do.
        hint: &'static str,
    },
    /// The store does not answer when it is opened.
    #[error("{address} does not answer: {why}\nhint: {hint}")]
    Unreachable {
        /// Address of the store.
        address: Box<StoreAddress>,
        /// What happened.
        why: String,
        /// What to do.
        hint: &'static str,
    },
    /// The store did not answer, or not in time; trying again may help. A write may or may not have happened.
    #[error("the store failed on {path}: {source}")]
    Unavailable {
        /// What was read or written.
        path: String,
        /// What the system said.
        source: Source,
    },
}

impl StorageError {
    /// Whether a folder has the name that a file was to have, or a file that of a folder above it.
    pub fn is_name_taken(&self) -> bool {
        use io::ErrorKind as Kind;
        let Self::Unavailable { source, .. } = self else { return false };
        let taken = [Kind::NotADirectory, Kind::IsADirectory, Kind::AlreadyExists, Kind::DirectoryNotEmpty];
        source.downcast_ref::<io::Error>().is_some_and(|error| taken.contains(&error.kind()))
    }

    /// From what the system said about `path`.
    pub(super) fn io(path: impl Into<String>, error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let path = path.into();
        match error.kind() {
            Kind::NotFound => Self::NotFound { path },
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Self::Full { path },
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Self::ReadOnly { path, source: error },
            _ => Self::Unavailable { path, source: error.into() },
        }
    }

    /// From what an object store said about `path`.
    pub(super) fn object(path: impl Into<String>, error: object_store::Error) -> Self {
        let path = path.into();
        if let Some(cause) = io_cause(&error) {
            return Self::io(path, io::Error::new(cause.kind(), error.to_string()));
        }
        match answer::verdict(&error) {
            Verdict::Absent => Self::NotFound { path },
            Verdict::NoBucket => Self::NoBucket { address: path },
            Verdict::Refused => Self::Refused { address: path, said: answer::said(&error) },
            Verdict::Failed => Self::Unavailable { path, source: answer::said(&error).into() },
        }
    }

    /// Whether it says where the store is, or how a server on the way answers, which is not for everybody.
    pub fn is_for_the_log(&self) -> bool {
        match self {
            Self::Refused { .. }
            | Self::NoBucket { .. }
            | Self::Foreign { .. }
            | Self::NoStore(_)
            | Self::Unusable { .. }
            | Self::Unreachable { .. } => true,
            // Of a folder the system's own words; of a bucket what the network said.
            Self::Unavailable { source, .. } => !source.is::<io::Error>(),
            _ => false,
        }
    }

    /// Another is here.
    pub(crate) fn occupied(other: &super::Other) -> Self {
        let minutes = other.age.as_secs() / 60;
        let at = other.presence.address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
        let who = format!("{}{at}, as it said {minutes} minutes ago,", other.presence.role);
        Self::Occupied { who, path: other.path.clone() }
    }

    /// A store that sent fewer bytes than it had promised.
    pub(super) fn cut(path: impl Into<String>, promised: u64, came: usize) -> Self {
        let source = format!("{came} bytes came of {promised}").into();
        Self::Unavailable { path: path.into(), source }
    }

    /// Work on `path` that was given up because the process ends, or broke.
    pub(super) fn stopped(path: impl Into<String>, error: tokio::task::JoinError) -> Self {
        Self::Unavailable { path: path.into(), source: error.into() }
    }

    pub(super) fn wrong_digest(expected: &Digest, found: Digest) -> Self {
        Self::WrongDigest { expected: Box::new(*expected), found: Box::new(found) }
    }
}

/// The error of the operating system, if the store's own code met one. What lies deeper is that of a connection or a credential,
/// and says nothing of an object.
fn io_cause(error: &object_store::Error) -> Option<&io::Error> {
    match error {
        object_store::Error::Generic { source, .. } => source.downcast_ref(),
        _ => None,
    }
}
