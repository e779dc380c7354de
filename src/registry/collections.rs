//! Collections: ordered bundles of packages. Who may publish in an organisation makes, changes and removes its collections.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use crate::domain::api::{CollectionDocument, CollectionEntry};
use crate::domain::{Action, Actor, Area, COLLECTION_MAX, Collection, CollectionItem, Digest, Name, Repository, Scope};
use crate::meta::{Act, CollectionRow, Collections, MetaError, Refused, Seen};
use crate::storage::{Key, StorageError};

use super::{Registry, RegistryError};

/// Packages that are looked at side by side.
const READS: usize = 16;

impl Registry {
    /// Collections after `after` in the order of their names, at most `limit`.
    pub async fn collections(
        &self,
        actor: &Actor,
        which: &Collections,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<CollectionEntry>, RegistryError> {
        self.require_seen(actor, which.org.as_deref(), &which.visibilities)?;
        if let Some(package) = &which.with
            && !self.sees(actor, &package.repository()).await?
        {
            return Ok(Vec::new());
        }
        let rows = self.0.meta.groups.collections(which, after, limit).await?;
        Ok(rows.into_iter().map(entry).collect())
    }

    /// A collection, and the digest of its document. Packages in it that the actor does not see are left out.
    pub async fn collection(&self, actor: &Actor, name: &Name) -> Result<(CollectionDocument, Digest), RegistryError> {
        self.require(actor, Action::Read, Scope::Repository(&name.repository()))?;
        let row = self.0.meta.groups.collection(name).await?.ok_or_else(|| unknown(name))?;
        let (content, _) = self.divided(actor, self.content(&row).await?).await?;
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
        // What the caller could not see and so could not repeat stays.
        let mut content = content;
        if let Some(row) = self.0.meta.groups.collection(name).await? {
            let (_, hidden) = self.divided(actor, self.content(&row).await?).await?;
            let is_new = |item: &CollectionItem| content.items.iter().all(|own| own.name != item.name);
            let hidden: Vec<CollectionItem> = hidden.into_iter().filter(is_new).collect();
            content.items.extend(hidden);
        }
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

    /// What a collection says with the packages alone that the actor sees, and the others.
    async fn divided(
        &self,
        actor: &Actor,
        content: Collection,
    ) -> Result<(Collection, Vec<CollectionItem>), RegistryError> {
        let names: Vec<Repository> = content.items.iter().map(|item| item.name.repository()).collect();
        let seen: Vec<bool> = stream::iter(names)
            .map(|name| async move { self.sees(actor, &name).await })
            .buffered(READS)
            .try_collect()
            .await?;
        let (mut items, mut hidden) = (Vec::new(), Vec::new());
        for (item, is_seen) in content.items.into_iter().zip(seen) {
            if is_seen { items.push(item) } else { hidden.push(item) }
        }
        Ok((Collection { items, ..content }, hidden))
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
