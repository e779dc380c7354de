//! Rendering everything anew, and finding what is left of what is not there any more.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::TryStreamExt as _;

use crate::domain::Repository;

use super::super::{Registry, RegistryError};
use super::follow::{Next, Progress};
use super::former::Held;
use super::render::Thoroughness;

/// Most events that a push without a server renders what was touched by.
const REST_MAX: u64 = 256;

impl Registry {
    /// Renders everything anew, whatever is there, and removes what does not belong to it. Returns the last event that the tree shows.
    pub async fn render_whole(&self) -> Result<u64, RegistryError> {
        let storage = &self.0.storage;
        let catalogue: Vec<String> = storage.list_projections("catalogue").try_collect().await?;
        for path in catalogue.iter().map(String::as_str).chain([".well-known/agent-skills/index.json"]) {
            storage.remove_projection(path).await?;
        }
        self.render_former(Thoroughness::Everything).await?;
        let (head, mut progress) = (self.0.meta.ledger.head().await?.n, Progress::whole(Thoroughness::Everything));
        loop {
            match self.render_next(&mut progress, Duration::ZERO).await? {
                Next::Now => {}
                Next::At(time) => tokio::time::sleep_until(time).await,
                Next::Change => break,
            }
        }
        // A part of the catalogue in which nothing is any more was removed, and is named still.
        if let Some(document) = self.registry_document().await? {
            self.gather_registry(document.as_of, document.behind, document.shards.into_iter().collect()).await?;
        }
        self.remove_orphans().await?;
        Ok(head)
    }

    /// For who publishes without a server: renders what the events touched that the tree does not show, if that is little. Says whether the
    /// tree shows all now.
    pub async fn render_rest(&self) -> Result<bool, RegistryError> {
        let head = self.0.meta.ledger.head().await?.n;
        let shown = self.registry_document().await?.map_or(0, |document| document.behind.unwrap_or(document.as_of));
        if head.saturating_sub(shown) > REST_MAX {
            return Ok(false);
        }
        let mut progress = Progress::new();
        loop {
            match self.render_next(&mut progress, Duration::ZERO).await? {
                Next::Now => {}
                Next::At(time) => tokio::time::sleep_until(time).await,
                Next::Change => return Ok(true),
            }
        }
    }

    /// Renders again what has a document: whatever was hidden meanwhile is in no list.
    pub(super) async fn render_former(&self, thoroughness: Thoroughness) -> Result<(), RegistryError> {
        for folder in ["index", "repositories"] {
            let mut paths = self.0.storage.list_projections(folder);
            while let Some(path) = paths.try_next().await? {
                if let Some(repository) = described(&path) {
                    self.render(&repository, thoroughness).await?;
                }
            }
        }
        Ok(())
    }

    /// Removes what belongs to no document.
    async fn remove_orphans(&self) -> Result<(), RegistryError> {
        let mut found: BTreeMap<Repository, Vec<String>> = BTreeMap::new();
        for folder in ["v2", "pages"] {
            let mut paths = self.0.storage.list_projections(folder);
            while let Some(path) = paths.try_next().await? {
                if let Some(repository) = owner(&path) {
                    found.entry(repository).or_default().push(path);
                }
            }
        }
        for (repository, paths) in found {
            let _turn = self.0.storage.rendering().await?;
            let held = Held::of(&self.0.storage, &repository).await?;
            let medium = self.0.storage.medium();
            let pieces: Vec<_> = held.iter().map(|held| held.former.pieces(&repository, medium)).collect();
            for path in paths.iter().filter(|path| !pieces.iter().any(|pieces| pieces.contains_key(*path))) {
                self.0.storage.remove_projection(path).await?;
            }
        }
        Ok(())
    }
}

/// The repository that the document at this path describes.
pub(super) fn described(path: &str) -> Option<Repository> {
    let name = match path.strip_prefix("index/") {
        Some(name) => name.strip_suffix(".json"),
        None => path.strip_prefix("repositories/").and_then(|name| name.strip_suffix("/_.json")),
    };
    name?.parse().ok()
}

/// The repository that a path of `v2/` or `pages/` belongs to.
pub(super) fn owner(path: &str) -> Option<Repository> {
    if let Some(page) = path.strip_prefix("pages/") {
        return page.strip_suffix(".html")?.parse().ok();
    }
    let (folder, _) = path.strip_prefix("v2/")?.rsplit_once('/')?;
    let (repository, _) = folder.rsplit_once('/')?;
    repository.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_whose_it_is() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(owner(path).map(|repository| repository.to_string()).as_deref(), expected, "{path}");
        };
        check("v2/acme/hello/manifests/1.0.0", Some("acme/hello"));
        check("v2/a/b/c/tags/list", Some("a/b/c"));
        check("pages/acme/hello.html", Some("acme/hello"));
        check("v2/list", None);
        check("pages/acme/hello.txt", None);
    }
}
