//! Hidden stays hidden: finds what the tree shows and nobody may find, and takes it away.
//!
//! Whoever writes late takes back what does not belong there; whoever dies just then does not. Another server may never touch it again, as
//! it has rendered the events that hid it. So each looks at the whole tree when it starts, and once in a while.

use std::collections::{BTreeSet, HashSet};

use futures::TryStreamExt as _;

use crate::domain::public::{Medium, PUBLIC_DOCUMENT_MAX, PublicPath, SkillIndex};
use crate::domain::{Name, Repository};
use crate::storage::Key;

use super::super::{Registry, RegistryError};
use super::former::Held;
use super::render::Thoroughness;
use super::shard;
use super::whole::{described, owner};

/// Repositories that are listed at once.
const PAGE: usize = 1000;

impl Registry {
    /// Renders what has a document and is not public, removes what is left of it, and gives the packages that what shows many still shows.
    pub(super) async fn mend_tree(&self) -> Result<BTreeSet<Name>, RegistryError> {
        // Listed first: what becomes public meanwhile is in no list, what becomes hidden is rendered once more.
        let mut shown = BTreeSet::new();
        for folder in ["index", "repositories"] {
            let paths: Vec<String> = self.0.storage.list_projections(folder).try_collect().await?;
            shown.extend(paths.iter().filter_map(|path| described(path)));
        }
        let mut lying = BTreeSet::new();
        for folder in ["pages", "v2"] {
            let mut paths = self.0.storage.list_projections(folder);
            while let Some(path) = paths.try_next().await? {
                lying.extend(owner(&path));
            }
        }
        shown.extend(lying.iter().cloned());
        let mut listed = self.catalogued().await?;
        let public = self.public_repositories().await?;
        listed.retain(|name| !public.contains(name.as_str()));
        let hidden: Vec<_> = shown.iter().filter(|repository| !public.contains(repository.as_str())).collect();
        for repository in &hidden {
            match self.take_away(repository, lying.contains(*repository)).await {
                Ok(true) => listed.extend(repository.package()),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%repository, %error, "what is hidden could not be taken away, and is tried again later")
                }
            }
        }
        // Of what became public just then, pieces may be gone that another had written and not yet named.
        if !hidden.is_empty() {
            let public = self.public_repositories().await?;
            for repository in hidden.into_iter().filter(|repository| public.contains(repository.as_str())) {
                self.render(repository, Thoroughness::Everything).await?;
            }
        }
        Ok(listed)
    }

    /// Hides a repository that is not public any more; whether its document showed it. `lies`: something of it lies in the tree.
    async fn take_away(&self, repository: &Repository, lies: bool) -> Result<bool, RegistryError> {
        let held = Held::of(&self.0.storage, repository).await?;
        let is_shown = held.iter().any(|held| held.former.is_there());
        if is_shown {
            tracing::warn!(%repository, "the static tree shows what is not public any more: it is taken away");
        }
        // Or whoever hid it did not come to the end, and the tombstone still names what it had.
        if is_shown || held.iter().any(|held| !held.former.removed().is_empty()) {
            self.render(repository, Thoroughness::Changes).await?;
        }
        if lies {
            self.remove_left(repository).await?;
        }
        Ok(is_shown)
    }

    /// All that is public, by name.
    async fn public_repositories(&self) -> Result<HashSet<String>, RegistryError> {
        let (mut public, mut after): (HashSet<String>, Option<String>) = (HashSet::new(), None);
        loop {
            let page = self.0.meta.refs.repositories(after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(public) };
            after = Some(last.as_str().to_owned());
            public.extend(page.iter().map(|repository| repository.as_str().to_owned()));
        }
    }

    /// The packages that the catalogue and the skills show.
    async fn catalogued(&self) -> Result<BTreeSet<Name>, RegistryError> {
        let (storage, mut names) = (&self.0.storage, BTreeSet::new());
        let shards = self.registry_document().await?.map(|document| document.shards).unwrap_or_default();
        for shard in shards {
            let key = Key::Public(PublicPath::Shard(shard));
            let Some(found) = storage.read(&key, PUBLIC_DOCUMENT_MAX).await? else { continue };
            let read = tokio::task::spawn_blocking(move || shard::packages(&found.bytes));
            // What cannot be read is begun anew when it is next written.
            names.extend(read.await.map_err(|_| RegistryError::Stopping)?.unwrap_or_default());
        }
        if let Some(found) = storage.read(&Key::Public(PublicPath::Skills), PUBLIC_DOCUMENT_MAX).await?
            && let Ok(index) = serde_json::from_slice::<SkillIndex>(&found.bytes)
        {
            names.extend(index.skills.into_iter().map(|skill| skill.package));
        }
        Ok(names)
    }

    /// Removes what a repository has in `v2/`, and its page, that its document does not name.
    async fn remove_left(&self, repository: &Repository) -> Result<(), RegistryError> {
        let paths: Vec<String> = self.0.storage.list_projections(&format!("v2/{repository}")).try_collect().await?;
        let mut left: Vec<String> = paths.into_iter().filter(|path| owner(path).as_ref() == Some(repository)).collect();
        left.extend(repository.package().map(|name| PublicPath::Page(name).path()));
        // Only now, so that what was written meanwhile is named.
        let held = Held::of(&self.0.storage, repository).await?;
        let named: Vec<_> = held.iter().map(|held| held.former.pieces(repository, Medium::Objects)).collect();
        for path in left.iter().filter(|path| !named.iter().any(|pieces| pieces.contains_key(*path))) {
            self.0.storage.remove_projection(path).await?;
        }
        Ok(())
    }
}
