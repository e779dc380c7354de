//! Collections: ordered bundles of packages. Who may publish in an organisation makes, changes and removes its collections.

use std::sync::Arc;

use crate::domain::api::{CollectionDocument, CollectionEntry};
use crate::domain::{Action, Actor, Area, COLLECTION_MAX, Collection, Digest, Name, Scope, allows};
use crate::meta::{Act, CollectionRow, Collections, MetaError, Refused, Seen};
use crate::storage::{Key, StorageError};

use super::seen::is_seen;
use super::{Registry, RegistryError};

impl Registry {
    /// Collections after `after` in the order of their names, at most `limit`; none with a package that is not there for the actor.
    pub async fn collections(
        &self,
        actor: &Actor,
        which: &Collections,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<CollectionEntry>, RegistryError> {
        self.require_seen(actor, which.org.as_deref(), &which.visibilities)?;
        if let Some(package) = &which.with {
            let (repository, seen) = (package.repository(), self.seen_by(&package.repository()).await?);
            if !(seen.is_package && is_seen(actor, &repository, &seen)) {
                return Ok(Vec::new());
            }
        }
        let rows = self.0.meta.groups.collections(which, after, limit).await?;
        Ok(rows.into_iter().map(entry).collect())
    }

    /// A collection, and the digest of its document. Who may publish in its organisation sees it as it was written; to others, what is no
    /// package that they see is left out, be it private or absent.
    pub async fn collection(&self, actor: &Actor, name: &Name) -> Result<(CollectionDocument, Digest), RegistryError> {
        self.require(actor, Action::Read, Scope::Repository(&name.repository()))?;
        let row = self.0.meta.groups.collection(name).await?.ok_or_else(|| unknown(name))?;
        let content = self.shown(actor, name, self.content(&row).await?).await?;
        let CollectionRow { name, document, created, updated, .. } = row;
        Ok((CollectionDocument { name, content, created, updated }, document))
    }

    /// Makes a collection, or puts what it says in the place of what it said. `seen`: what the caller saw of it; it is refused if
    /// that changed meanwhile.
    pub async fn put_collection(
        &self,
        actor: &Actor,
        name: &Name,
        content: Collection,
        seen: Seen,
    ) -> Result<CollectionDocument, RegistryError> {
        self.require(actor, Action::Push, Scope::Repository(&name.repository()))?;
        content.check().map_err(RegistryError::BadRequest)?;
        let (area, bytes) = (Area::Public, content.to_bytes());
        let (document, size) = (Digest::sha256(&bytes), bytes.len() as u64);
        if size > COLLECTION_MAX {
            return Err(RegistryError::TooLarge { what: "the collection", limit: COLLECTION_MAX });
        }
        let _kept = self.keep(&area, &[document]).await?;
        self.0.storage.put_blob(&area, bytes, &document).await?;
        let (name, content) = (name.clone(), Some(Arc::new(content)));
        let act = Act::SetCollection { name: name.clone(), document, size, content, seen };
        self.commit(actor, act, vec![Key::Blob { area, digest: document }]).await?;
        Ok(self.collection(actor, &name).await?.0)
    }

    /// Removes a collection; the packages in it stay. `seen` as for a change.
    pub async fn delete_collection(&self, actor: &Actor, name: &Name, seen: Seen) -> Result<(), RegistryError> {
        self.require(actor, Action::Push, Scope::Repository(&name.repository()))?;
        match self.commit(actor, Act::DeleteCollection { name: name.clone(), seen }, Vec::new()).await {
            Err(RegistryError::Refused(Refused::NotFound(_))) => Err(unknown(name)),
            other => other.map(drop),
        }
    }

    /// What a collection says to the actor.
    async fn shown(&self, actor: &Actor, name: &Name, content: Collection) -> Result<Collection, RegistryError> {
        if allows(actor, Action::Push, Scope::Repository(&name.repository())) {
            return Ok(content);
        }
        let names: Vec<Name> = content.items.iter().map(|item| item.name.clone()).collect();
        let seen = self.seen_by_all(&names).await?;
        let items = content.items.into_iter().zip(seen);
        let items = items.filter(|(item, seen)| seen.is_package && is_seen(actor, &item.name.repository(), seen));
        Ok(Collection { items: items.map(|(item, _)| item).collect(), ..content })
    }

    /// What a collection says; nothing, if its document was purged.
    async fn content(&self, row: &CollectionRow) -> Result<Collection, RegistryError> {
        match self.0.storage.get_blob(&Area::Public, &row.document, COLLECTION_MAX).await {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                RegistryError::Meta(MetaError::Corrupt(format!("the document of collection {}: {error}", row.name)))
            }),
            Err(StorageError::NotFound { .. }) => {
                Ok(Collection { visibility: row.visibility, ..Collection::default() })
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn unknown(name: &Name) -> RegistryError {
    RegistryError::CollectionUnknown(name.to_string())
}

fn entry(row: CollectionRow) -> CollectionEntry {
    let CollectionRow { name, title, description, visibility, items, created, updated, .. } = row;
    CollectionEntry { name, title, description, visibility, items, created, updated }
}
