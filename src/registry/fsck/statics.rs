//! The static tree: each document can be read, shows nothing beyond the last event, and all that it names is there; and `v2/` has nothing
//! else.
//!
//! A projection: whatever is wrong with it is made anew. A server that renders meanwhile is at each document for a moment, so that beside
//! one only what stays wrong is told.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::TryStreamExt as _;
use serde::de::DeserializeOwned;

use super::super::RegistryError;
use super::check::Check;
use super::finding::Finding;
use super::report::{Report, Summary};
use crate::domain::public::{
    Medium, OciDocument, PUBLIC_DOCUMENT_MAX, PackageDocument, PublicPath, RegistryDocument, RepositoryDocument,
    Tombstone, oci_tree, read_document,
};
use crate::domain::{Name, Repository};
use crate::storage::{Key, StorageError, StoredObject};

/// How often it is looked at, where a server may be writing it.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(300);

/// What is wrong, by path.
type Wrong = BTreeSet<(String, String)>;

/// Whether an object belongs to the tree.
pub(super) fn is_static(path: &str) -> bool {
    path.starts_with("public/")
}

/// Counts a document of the tree.
pub(super) fn count(document: &StoredObject, summary: &mut Summary) {
    summary.statics.add(document.size);
}

/// Tells what is wrong with the tree.
pub(super) async fn check(check: &Check, report: &mut Report) -> Result<(), RegistryError> {
    if report.summary.statics.number == 0 {
        return Ok(());
    }
    let mut wrong = look(check).await?;
    for _ in 1..LOOKS {
        if wrong.is_empty() || check.is_alone() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        let again = look(check).await?;
        wrong.retain(|one| again.contains(one));
    }
    for (path, why) in wrong {
        report.tell(Finding::StaticWrong { path, why });
    }
    Ok(())
}

/// Looks at the whole tree once.
async fn look(check: &Check) -> Result<Wrong, RegistryError> {
    // Listed first: what is removed later is no more in a document either.
    let mut present = BTreeSet::new();
    let mut objects = check.storage.list_all();
    while let Some(object) = objects.try_next().await? {
        if object.key.as_ref().is_none_or(|key| matches!(key, Key::Public(_)))
            && let Some(path) = object.path.strip_prefix("public/")
        {
            present.insert(path.to_owned());
        }
    }
    let mut tree = Tree { check, expected: BTreeSet::new(), wrong: Wrong::new(), shown: 0 };
    for path in &present {
        tree.document(path).await?;
    }
    let head = check.head().await?;
    let Tree { expected, mut wrong, shown, .. } = tree;
    if shown > head {
        wrong.insert(("registry.json".to_owned(), format!("a document shows event {shown}, and the last is {head}")));
    }
    for path in expected.difference(&present) {
        // It may have been written since the list.
        if !exists(check, path).await? {
            wrong.insert((path.clone(), "a document of the tree names it, and it is not there".to_owned()));
        }
    }
    for path in present.iter().filter(|path| path.starts_with("v2/") && !expected.contains(*path)) {
        if exists(check, path).await? {
            wrong.insert((path.clone(), "no document of the tree names it".to_owned()));
        }
    }
    Ok(wrong.into_iter().map(|(path, why)| (format!("public/{path}"), why)).collect())
}

/// What the documents say.
struct Tree<'a> {
    check: &'a Check,
    /// All paths below `public/` that they name.
    expected: BTreeSet<String>,
    wrong: Wrong,
    /// The last event that any of them shows.
    shown: u64,
}

impl Tree<'_> {
    /// Takes in a document, if the path is that of one that names others.
    async fn document(&mut self, path: &str) -> Result<(), RegistryError> {
        if path == PublicPath::Registry.path() {
            let Some(document) =
                self.read::<RegistryDocument>(path, |bytes| serde_json::from_slice(bytes).map(Ok)).await?
            else {
                return Ok(());
            };
            if let Ok(document) = document {
                self.shown = self.shown.max(document.as_of);
                if let Some(behind) = document.behind {
                    let why =
                        format!("what came after event {behind} could not all be rendered: the server's log says what");
                    self.wrong.insert((path.to_owned(), why));
                }
                self.expected.extend(document.shards.into_iter().map(|shard| PublicPath::Shard(shard).path()));
            }
            return Ok(());
        }
        let name = |prefix: &str, suffix: &str| path.strip_prefix(prefix)?.strip_suffix(suffix);
        if let Some(name) = name("index/", ".json").and_then(|name| name.parse::<Name>().ok()) {
            if let Some(Ok(document)) = self.read::<PackageDocument>(path, read_or_gone).await? {
                if document.name != name {
                    self.wrong.insert((path.to_owned(), format!("it says that it is of {}", document.name)));
                }
                self.shown = self.shown.max(document.as_of);
                self.expected.insert(PublicPath::Page(name.clone()).path());
                self.names(&name.repository(), &document.oci);
            }
        } else if let Some(repository) =
            name("repositories/", "/_.json").and_then(|name| name.parse::<Repository>().ok())
            && let Some(Ok(document)) = self.read::<RepositoryDocument>(path, read_or_gone).await?
        {
            if document.repository != repository {
                self.wrong.insert((path.to_owned(), format!("it says that it is of {}", document.repository)));
            }
            self.shown = self.shown.max(document.as_of);
            self.names(&repository, &document.oci);
        }
        Ok(())
    }

    fn names(&mut self, repository: &Repository, document: &OciDocument) {
        let medium = if self.check.storage.disk().is_some() { Medium::Files } else { Medium::Objects };
        self.expected.extend(oci_tree(repository, document, medium).into_keys());
    }

    /// A document, or what lies in its place; `None` if it cannot be read, or is gone.
    async fn read<T>(
        &mut self,
        path: &str,
        parse: impl FnOnce(&[u8]) -> serde_json::Result<Result<T, Tombstone>>,
    ) -> Result<Option<Result<T, Tombstone>>, RegistryError> {
        let bytes = match self.check.storage.read_path(&format!("public/{path}"), PUBLIC_DOCUMENT_MAX).await {
            Ok(bytes) => bytes,
            Err(StorageError::NotFound { .. }) => return Ok(None),
            Err(StorageError::TooLarge { limit }) => {
                self.wrong.insert((path.to_owned(), format!("it is longer than {limit} bytes")));
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        match parse(&bytes) {
            Ok(document) => {
                if let Err(tombstone) = &document {
                    self.shown = self.shown.max(tombstone.as_of);
                }
                Ok(Some(document))
            }
            Err(error) => {
                self.wrong.insert((path.to_owned(), format!("it cannot be read: {error}")));
                Ok(None)
            }
        }
    }
}

fn read_or_gone<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<Result<T, Tombstone>> {
    match read_document(bytes)? {
        Some(document) => Ok(Ok(document)),
        None => serde_json::from_slice(bytes).map(Err),
    }
}

async fn exists(check: &Check, path: &str) -> Result<bool, RegistryError> {
    match check.storage.read_path(&format!("public/{path}"), 0).await {
        Ok(_) | Err(StorageError::TooLarge { .. }) => Ok(true),
        Err(StorageError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
