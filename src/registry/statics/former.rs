//! What the tree has of a repository before it is rendered.

use std::collections::BTreeMap;

use crate::domain::Repository;
use crate::domain::public::{
    Medium, OciDocument, PUBLIC_DOCUMENT_MAX, PackageDocument, Piece, PublicPath, RepositoryDocument, Tombstone,
    oci_tree, read_document,
};
use crate::storage::{Key, Seen, Storage, StorageError};

use super::page::package_page;

/// All that `v2/` and `pages/` have of something, by path.
pub(super) type Pieces = BTreeMap<String, (PublicPath, Piece)>;

/// A document as it lies there.
pub(super) struct Held {
    pub(super) path: PublicPath,
    pub(super) seen: Seen,
    pub(super) former: Former,
}

/// What a document says.
pub(super) enum Former {
    /// There is none, or one that nobody can read.
    Absent,
    Package(Box<PackageDocument>),
    Plain(Box<RepositoryDocument>),
    Gone(Tombstone),
}

impl Held {
    /// The documents that a repository may have: that of a package first, if it may be one.
    pub(super) async fn of(storage: &Storage, repository: &Repository) -> Result<Vec<Self>, StorageError> {
        let package = repository.package().map(PublicPath::Package);
        let mut held = Vec::new();
        for path in package.into_iter().chain([PublicPath::Repository(repository.clone())]) {
            held.push(Self::read(storage, path).await?);
        }
        Ok(held)
    }

    /// One of them.
    pub(super) async fn read(storage: &Storage, path: PublicPath) -> Result<Self, StorageError> {
        let Some(found) = storage.read(&Key::Public(path.clone()), PUBLIC_DOCUMENT_MAX).await? else {
            return Ok(Self { path, seen: Seen::ABSENT, former: Former::Absent });
        };
        let read = match &path {
            PublicPath::Package(_) => read_document(&found.bytes).map(|read| read.map(Former::Package)),
            _ => read_document(&found.bytes).map(|read| read.map(Former::Plain)),
        };
        let read = match read {
            Ok(Some(former)) => Ok(former),
            Ok(None) => serde_json::from_slice(&found.bytes).map(Former::Gone),
            Err(error) => Err(error),
        };
        let former = read.unwrap_or_else(|error| {
            tracing::warn!(path = path.path(), %error, "a document of the static tree cannot be read, and is written anew");
            Former::Absent
        });
        Ok(Self { path, seen: found.seen, former })
    }
}

impl Former {
    /// The last event that it surely shows.
    pub(super) fn as_of(&self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Package(document) => document.as_of,
            Self::Plain(document) => document.as_of,
            Self::Gone(tombstone) => tombstone.as_of,
        }
    }

    /// Paths that may be there still, and must not be.
    pub(super) fn removed(&self) -> &[String] {
        match self {
            Self::Absent => &[],
            Self::Package(document) => &document.oci.removed,
            Self::Plain(document) => &document.oci.removed,
            Self::Gone(tombstone) => &tombstone.removed,
        }
    }

    /// What belongs to it.
    pub(super) fn pieces(&self, repository: &Repository, medium: Medium) -> Pieces {
        match self {
            Self::Absent | Self::Gone(_) => Pieces::new(),
            Self::Package(document) => {
                let mut pieces = oci_tree(repository, &document.oci, medium);
                let path = PublicPath::Page(document.name.clone());
                pieces.insert(path.path(), (path, Piece::Text(package_page(document))));
                pieces
            }
            Self::Plain(document) => oci_tree(repository, &document.oci, medium),
        }
    }

    /// The document as it is written, and where; `None`: there is to be none. `removed`: what it does not name any more.
    pub(super) fn written(&mut self, removed: Vec<String>) -> Option<(PublicPath, serde_json::Result<Vec<u8>>)> {
        match self {
            Self::Package(document) => {
                document.oci.removed = removed;
                Some((PublicPath::Package(document.name.clone()), serde_json::to_vec(&**document)))
            }
            Self::Plain(document) => {
                document.oci.removed = removed;
                Some((PublicPath::Repository(document.repository.clone()), serde_json::to_vec(&**document)))
            }
            Self::Absent | Self::Gone(_) => None,
        }
    }

    /// Whether another says the same, but for what it does not name any more.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Package(one), Self::Package(other)) => {
                let other = PackageDocument { oci: without_removed(&other.oci), ..(**other).clone() };
                **one == other
            }
            (Self::Plain(one), Self::Plain(other)) => {
                let other = RepositoryDocument { oci: without_removed(&other.oci), ..(**other).clone() };
                **one == other
            }
            _ => false,
        }
    }

    /// Whether it tells of something that is there.
    pub(super) fn is_there(&self) -> bool {
        matches!(self, Self::Package(_) | Self::Plain(_))
    }
}

fn without_removed(oci: &OciDocument) -> OciDocument {
    OciDocument { removed: Vec::new(), ..oci.clone() }
}
