//! Searching the catalogue.

use crate::domain::{Action, Actor, Scope};
use crate::search::{Page, Query};

use super::{Registry, RegistryError};

/// A search as a front hands it over.
pub type FindQuery = Query;

impl Registry {
    /// Public packages that match.
    pub async fn find(&self, actor: &Actor, query: FindQuery) -> Result<Page, RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        let index = std::sync::Arc::clone(&self.0.search);
        let search = move || index.search(&query);
        let page = tokio::task::spawn_blocking(search).await.map_err(|_| RegistryError::Stopping)??;
        Ok(page)
    }

    /// Number of the last event that searches see.
    pub fn indexed(&self) -> u64 {
        *self.0.indexed.borrow()
    }

    /// Waits until searches see all that is committed now.
    pub async fn settled(&self) {
        let head = *self.0.committer.head().borrow();
        // The indexer only ends with the registry itself.
        let _ = self.0.indexed.clone().wait_for(|indexed| *indexed >= head).await;
    }
}
