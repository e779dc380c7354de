//! Why a use case did not do what was asked: variants that a front turns into an answer.

use std::sync::Arc;

use crate::domain::{Actor, Digest, ManifestError, OrgName, Tag, TokenName, TokenOwner, Version};
use crate::log::LogError;
use crate::meta::{MetaError, Refused};
use crate::resolve::NoMatch;
use crate::storage::StorageError;

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The actor may not do this.
    #[error("this caller may not do that here")]
    Forbidden,
    /// Callers without an account may not do this; others may.
    #[error("callers without an account may not do that here")]
    LoginNeeded,
    /// The token is nobody's, was revoked or has expired, or is not the named user's.
    #[error("the token is not valid: it is mistyped, revoked or expired, or another user's")]
    WrongToken,
    /// No such user or token.
    #[error("there is no {0}")]
    AccountUnknown(String),
    /// The owner has another token of that name.
    #[error("{0} has a token called {1} already; revoke it first, or choose another name")]
    TokenExists(TokenOwner, TokenName),
    /// The store is ahead of the database.
    #[error(
        "the registry serves reads only until its database has caught up with the store: run pclr rebuild --catch-up"
    )]
    ReadOnly,
    /// No such repository.
    #[error("the repository is not known")]
    RepositoryUnknown,
    /// No such manifest or tag.
    #[error("the manifest {0} is not known in the repository")]
    ManifestUnknown(String),
    /// No such blob.
    #[error("the blob {0} is not in the repository")]
    BlobUnknown(Digest),
    /// The blob's old bytes are being deleted at this moment.
    #[error("the blob {0} is being deleted by a collection just now; push it again in a moment")]
    BlobBusy(Digest),
    /// No such upload session.
    #[error("the upload session is not known: it was finished, cancelled or idle for too long; start a new one")]
    UploadUnknown,
    /// No such package.
    #[error("there is no package {0}")]
    PackageUnknown(String),
    /// No such collection.
    #[error("there is no collection {0}")]
    CollectionUnknown(String),
    /// Nobody of that name has said or published anything.
    #[error("there is no organisation {0}: it has said nothing of itself and has no public packages")]
    OrgUnknown(OrgName),
    /// No such version.
    #[error("there is no version {0} of {1}")]
    VersionUnknown(Version, String),
    /// No such tag, or none that names a version.
    #[error("there is no tag {0} of {1} that names a version")]
    TagUnknown(Tag, String),
    /// No version has this id.
    #[error("there is no version with the id {0}")]
    IdUnknown(uuid::Uuid),
    /// No such draft, or none that the caller may see.
    #[error("there is no draft {0}")]
    DraftUnknown(uuid::Uuid),
    /// Somebody else saved the draft, published or removed it.
    #[error("the draft {id} was changed since revision {seen}; read it again")]
    DraftChanged {
        /// Which.
        id: uuid::Uuid,
        /// What the caller saw.
        seen: u64,
    },
    /// No such file in the version.
    #[error("there is no file {0:?} in this version")]
    FileUnknown(String),
    /// No release lies in the range.
    #[error(transparent)]
    NoMatch(#[from] NoMatch),
    /// The catalogue's rules say no.
    #[error("{0}")]
    Refused(#[source] Refused),
    /// The bytes are no manifest that can be taken.
    #[error("{0}")]
    ManifestInvalid(String),
    /// A manifest that was pushed by digest has another.
    #[error("the content is {found}, not {expected}")]
    DigestDiffers {
        /// What the request says.
        expected: Box<Digest>,
        /// What the bytes are.
        found: Box<Digest>,
    },
    /// A blob has another size than the manifest says.
    #[error("the blob {digest} has {found} bytes, the manifest says {expected}")]
    SizeDiffers {
        /// Which.
        digest: Digest,
        /// What the manifest says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// The tag cannot be used.
    #[error("the tag {0} {1}")]
    TagInvalid(Tag, &'static str),
    /// A request's parameter is wrong.
    #[error("{0}")]
    BadRequest(String),
    /// More than is taken.
    #[error("{what} is larger than the {limit} bytes that are accepted")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// From the object store.
    #[error("{0}")]
    Storage(#[source] StorageError),
    /// From the metadata store.
    #[error("{0}")]
    Meta(#[from] MetaError),
    /// From the search index.
    #[error("{0}")]
    Search(#[from] crate::search::SearchError),
    /// A batch of changes failed as a whole. It may have happened all the same; asking again is safe.
    #[error("{0}")]
    Commit(#[source] Arc<RegistryError>),
    /// The transparency log refuses to go on: what is committed is not what it has signed.
    #[error("{0}")]
    Log(#[source] LogError),
    /// What may go is not known, since manifests that count are not there.
    #[error(
        "{0} manifests that are named are not in the store, so that nobody knows what they name: nothing was removed\nhint: pclr fsck tells which; pushing them again mends it"
    )]
    ManifestsLost(usize),
    /// A task of the program itself ended early.
    #[error("the registry is stopping; try again")]
    Stopping,
}

impl From<LogError> for RegistryError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Storage(error) => error.into(),
            LogError::Meta(error) => error.into(),
            error => Self::Log(error),
        }
    }
}

impl RegistryError {
    /// The actor may not do what it asked for: whether a login may help is another answer.
    pub(super) fn refused(actor: &Actor) -> Self {
        match actor {
            Actor::Anonymous(_) => Self::LoginNeeded,
            Actor::User(_) | Actor::Operator => Self::Forbidden,
        }
    }

    /// What callers may read of it. Where the stores are, and how they answer, is for the log alone.
    pub fn public_text(&self) -> String {
        match self {
            Self::Meta(MetaError::Unavailable(_)) => "the metadata store is not available".to_owned(),
            Self::Storage(error) if error.is_for_the_log() => "the object store is not available".to_owned(),
            Self::Commit(shared) => shared.public_text(),
            error => error.to_string(),
        }
    }

    /// Whether the registry failed and not what it was given: the same would come of anything else. What is told of one item of many
    /// is none of these.
    pub(super) fn is_fault(&self) -> bool {
        match self {
            // Longer than is taken, or than was said.
            Self::Storage(StorageError::TooLarge { .. } | StorageError::WrongDigest { .. }) => false,
            Self::Storage(_)
            | Self::Meta(_)
            | Self::Search(_)
            | Self::Commit(_)
            | Self::ManifestsLost(_)
            | Self::ReadOnly
            | Self::Stopping => true,
            _ => false,
        }
    }

    /// Whether the metadata store cannot be asked at present.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self, Self::Meta(MetaError::Unavailable(_)))
    }
}

impl From<Refused> for RegistryError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<ManifestError> for RegistryError {
    fn from(error: ManifestError) -> Self {
        Self::ManifestInvalid(error.to_string())
    }
}

impl From<StorageError> for RegistryError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::UploadUnknown(_) => Self::UploadUnknown,
            error => Self::Storage(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_registry_fails_in_is_no_fault_of_what_it_was_given() {
        let full = || StorageError::Full { path: "blobs/x".into() };
        let gone = || RegistryError::Meta(MetaError::Unavailable("connecting to db.internal:5432 failed".into()));
        let refused = || StorageError::Refused { address: "s3://db.internal".into(), said: "AccessDenied".into() };
        let faults =
            [full().into(), gone(), refused().into(), RegistryError::Commit(Arc::new(gone())), RegistryError::ReadOnly];
        for fault in faults.into_iter().chain([RegistryError::Stopping]) {
            assert!(fault.is_fault(), "{fault:?}");
            assert!(!fault.public_text().contains("db.internal"), "{fault:?}");
        }
        let theirs = [
            StorageError::TooLarge { limit: 7 }.into(),
            RegistryError::BadRequest("no".into()),
            RegistryError::Refused(Refused::LatestIsComputed),
            RegistryError::Forbidden,
        ];
        for error in theirs {
            assert!(!error.is_fault(), "{error:?}");
            assert_eq!(error.public_text(), error.to_string());
        }
    }
}
