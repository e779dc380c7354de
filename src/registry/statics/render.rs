//! Writing what the tree has of one repository.
//!
//! The order: what the document will name, then the document, then removals of what it does not name any more. A document is replaced
//! only by one that shows a later event. On a disk a repository is rendered by one at a time; elsewhere whoever was too late looks once
//! more, and takes back what does not belong to the document that won.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;

use crate::domain::public::{Medium, PUBLIC_DOCUMENT_MAX, Piece, PublicPath, Tombstone};
use crate::domain::{Area, Digest, MANIFEST_READ_MAX, Reference, Repository};
use crate::storage::{Key, Replaced, StorageError};

use super::super::{Registry, RegistryError};
use super::former::{Former, Held, Pieces};

/// How often a repository is rendered that others render at the same time.
const ATTEMPTS: usize = 20;

/// How much is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thoroughness {
    /// What the document that is there does not name.
    Changes,
    /// Everything, whatever is there.
    Everything,
}

/// What became of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The tree shows it.
    There,
    /// Nothing of it is public, and nothing was.
    Absent,
    /// Nothing of it is public any more.
    Hidden,
}

/// What one rendering has done so far.
#[derive(Default)]
struct Done {
    written: BTreeMap<String, PublicPath>,
    removed: BTreeSet<String>,
    /// Manifests that were read; each is written under several names.
    manifests: HashMap<Digest, Option<Bytes>>,
}

impl Registry {
    /// Brings what the tree has of a repository to what the rows say now.
    pub(super) async fn render(
        &self,
        repository: &Repository,
        thoroughness: Thoroughness,
    ) -> Result<Outcome, RegistryError> {
        let _turn = self.0.storage.rendering().await?;
        let mut done = Done::default();
        for _ in 0..ATTEMPTS {
            if let Some(outcome) = self.try_render(repository, thoroughness, &mut done).await? {
                if self.0.storage.medium() == Medium::Objects {
                    self.reconcile(repository, &mut done).await?;
                }
                return Ok(outcome);
            }
        }
        let path = PublicPath::Repository(repository.clone()).path();
        let source = "others render the repository all the time".into();
        Err(StorageError::Unavailable { path, source }.into())
    }

    /// `None`: others have replaced a document meanwhile.
    async fn try_render(
        &self,
        repository: &Repository,
        thoroughness: Thoroughness,
        done: &mut Done,
    ) -> Result<Option<Outcome>, RegistryError> {
        let (storage, medium) = (&self.0.storage, self.0.storage.medium());
        // Before the rows: what they show is this event, or a later one.
        let as_of = self.0.meta.ledger.head().await?.n;
        let held = Held::of(storage, repository).await?;
        if held.iter().any(|held| held.former.as_of() > as_of) {
            let is_there = held.iter().any(|held| held.former.is_there());
            return Ok(Some(if is_there { Outcome::There } else { Outcome::Hidden }));
        }
        let first = held.first().map_or(&Former::Absent, |held| &held.former);
        let mut now = self.former_now(repository, as_of, first).await?;
        // What a reader would refuse is not written, and must not keep all that comes after it from being shown. Room is left for the
        // names of what goes.
        if let Some((path, Ok(bytes))) = now.written(Vec::new())
            && bytes.len() as u64 > PUBLIC_DOCUMENT_MAX / 4
        {
            let size = bytes.len();
            tracing::error!(
                path = path.path(),
                size,
                "a document is too long for the static tree, which goes without what it tells of"
            );
            now = Former::Absent;
        }
        let mut before = Pieces::new();
        for held in &held {
            before.extend(held.former.pieces(repository, medium));
        }
        let after = now.pieces(repository, medium);
        for (path, (public, piece)) in &after {
            let is_there = before.get(path).is_some_and(|(old, was)| (old, was) == (public, piece));
            let is_trusted = thoroughness == Thoroughness::Changes && !done.removed.contains(path);
            if !(is_there && is_trusted) {
                self.write_piece(public, piece, as_of, done).await?;
            }
        }
        // What an earlier rendering did not come to.
        let left = held.iter().flat_map(|held| held.former.removed()).filter(|path| !after.contains_key(*path));
        for path in left {
            self.remove_piece(path, done).await?;
        }
        let removed: Vec<String> = before.keys().filter(|path| !after.contains_key(*path)).cloned().collect();
        // Another server may have written the very same.
        let is_known = thoroughness == Thoroughness::Changes
            && removed.is_empty()
            && held.iter().any(|held| now.says_the_same_as(&held.former));
        let there = now.written(removed.clone());
        let outcome = match &there {
            Some(_) => Outcome::There,
            None if held.iter().any(|held| !matches!(held.former, Former::Absent)) => Outcome::Hidden,
            None => Outcome::Absent,
        };
        if let Some((path, bytes)) = &there
            && !is_known
        {
            let bytes = bytes.as_ref().map_err(|error| unwritable(path, error))?.clone();
            if self.replace(&held, path, bytes, as_of).await? == Replaced::Changed {
                return Ok(None);
            }
        }
        for other in held.iter().filter(|held| there.as_ref().is_none_or(|(path, _)| *path != held.path)) {
            // Where nothing was, nothing tells of it.
            let bury =
                other.former.is_there() || matches!(&other.former, Former::Gone(gone) if !gone.removed.is_empty());
            if !bury {
                continue;
            }
            let removed = if there.is_some() { Vec::new() } else { removed.clone() };
            if !self.bury(other, as_of, removed).await? {
                return Ok(None);
            }
        }
        let surplus: Vec<String> = done.written.keys().filter(|path| !after.contains_key(*path)).cloned().collect();
        for path in removed.iter().chain(&surplus) {
            self.remove_piece(path, done).await?;
        }
        if there.is_none() && !removed.is_empty() {
            // What is hidden is not even told of by the names of what it had.
            for path in held.into_iter().map(|held| held.path) {
                let again = Held::read(storage, path).await?;
                if matches!(&again.former, Former::Gone(gone) if !gone.removed.is_empty() && gone.as_of == as_of)
                    && !self.bury(&again, as_of, Vec::new()).await?
                {
                    return Ok(None);
                }
            }
        }
        Ok(Some(outcome))
    }

    /// Writes the tombstone of a document; `false` if others have replaced it meanwhile.
    async fn bury(&self, held: &Held, as_of: u64, removed: Vec<String>) -> Result<bool, RegistryError> {
        let tombstone = serde_json::to_vec(&Tombstone { as_of, gone: true, removed });
        let bytes = tombstone.map_err(|error| unwritable(&held.path, &error))?;
        let key = Key::Public(held.path.clone());
        let replaced = self.0.storage.replace(&key, &held.seen, bytes.into(), Some(as_of)).await?;
        Ok(replaced == Replaced::Replaced)
    }

    async fn replace(
        &self,
        held: &[Held],
        path: &PublicPath,
        bytes: Vec<u8>,
        as_of: u64,
    ) -> Result<Replaced, RegistryError> {
        let Some(held) = held.iter().find(|held| held.path == *path) else { return Ok(Replaced::Changed) };
        let key = Key::Public(path.clone());
        Ok(self.0.storage.replace(&key, &held.seen, bytes.into(), Some(as_of)).await?)
    }

    /// Writes a piece, unless its content is lost, or another object is where it would lie.
    async fn write_piece(
        &self,
        path: &PublicPath,
        piece: &Piece,
        as_of: u64,
        done: &mut Done,
    ) -> Result<(), RegistryError> {
        let (storage, key) = (&self.0.storage, Key::Public(path.clone()));
        let lost = || tracing::warn!(path = path.path(), "content is lost, and the static tree goes without it");
        let bytes = match (path, piece) {
            (PublicPath::Blob { .. }, Piece::Content(digest)) => {
                // A store may deny once what is there, and what is made of that answer stays.
                if !(storage.copy_content(digest, &key).await? || storage.copy_content(digest, &key).await?) {
                    lost();
                }
                done.written.insert(path.path(), path.clone());
                return Ok(());
            }
            (_, Piece::Content(digest)) => match self.manifest_bytes(digest, done).await? {
                Some(bytes) => bytes,
                None => {
                    lost();
                    return Ok(());
                }
            },
            (_, Piece::Text(text)) => Bytes::from(text.clone()),
        };
        let written = if is_immutable(path) {
            storage.put(&key, bytes).await
        } else {
            storage.put_newer(&key, bytes, as_of).await.map(drop)
        };
        match written {
            Ok(()) => {
                done.removed.remove(&path.path());
                done.written.insert(path.path(), path.clone());
                Ok(())
            }
            Err(error) if error.is_name_taken() => {
                tracing::warn!(%error, "what another repository has lies where this would, and the static tree goes without it");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A public blob; `None` if it is lost or damaged. Looked for twice: a store may deny once what is there, and what is made of that
    /// answer stays.
    pub(super) async fn public_content(&self, digest: &Digest, limit: u64) -> Result<Option<Bytes>, RegistryError> {
        let read = || self.0.storage.get_blob(&Area::Public, digest, limit);
        let found = match read().await {
            Err(StorageError::NotFound { .. }) => read().await,
            found => found,
        };
        match found {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StorageError::NotFound { .. } | StorageError::Corrupt(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn manifest_bytes(&self, digest: &Digest, done: &mut Done) -> Result<Option<Bytes>, RegistryError> {
        if let Some(known) = done.manifests.get(digest) {
            return Ok(known.clone());
        }
        let bytes = self.public_content(digest, MANIFEST_READ_MAX as u64).await?;
        done.manifests.insert(*digest, bytes.clone());
        Ok(bytes)
    }

    async fn remove_piece(&self, path: &str, done: &mut Done) -> Result<(), RegistryError> {
        self.0.storage.remove_projection(path).await?;
        done.written.remove(path);
        done.removed.insert(path.to_owned());
        Ok(())
    }

    /// Takes back what was written and does not belong to the documents that are there now, and writes again what was removed and does:
    /// others may have been quicker.
    async fn reconcile(&self, repository: &Repository, done: &mut Done) -> Result<(), RegistryError> {
        for _ in 0..ATTEMPTS {
            let held = Held::of(&self.0.storage, repository).await?;
            let as_of = held.iter().map(|held| held.former.as_of()).max().unwrap_or_default();
            let mut current = Pieces::new();
            for held in &held {
                current.extend(held.former.pieces(repository, Medium::Objects));
            }
            let surplus: Vec<String> =
                done.written.keys().filter(|path| !current.contains_key(*path)).cloned().collect();
            for path in &surplus {
                self.remove_piece(path, done).await?;
            }
            let missing: Vec<String> =
                done.removed.iter().filter(|path| current.contains_key(*path)).cloned().collect();
            for path in &missing {
                if let Some((public, piece)) = current.get(path) {
                    self.write_piece(public, piece, as_of, done).await?;
                    done.removed.remove(path);
                }
            }
            if surplus.is_empty() && missing.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Whether what lies there is the same for ever.
fn is_immutable(path: &PublicPath) -> bool {
    match path {
        PublicPath::Manifest { reference, .. } | PublicPath::TypedManifest { reference, .. } => {
            matches!(reference, Reference::Digest(_))
        }
        PublicPath::Blob { .. } => true,
        _ => false,
    }
}

fn unwritable(path: &PublicPath, error: &serde_json::Error) -> RegistryError {
    StorageError::Malformed { path: path.path(), why: error.to_string() }.into()
}
