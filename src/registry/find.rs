//! Searching the catalogue.

use crate::domain::api::{Completion, CompletionOf};
use crate::domain::{Action, Actor, Scope, Visibility};
use crate::search::{Audience, Completed, Page, Query};

use super::{Registry, RegistryError};

/// A search as a front hands it over.
pub type FindQuery = Query;

impl Registry {
    /// Packages that match: public ones, and what is private in organisations that are asked for and let the actor see it.
    pub async fn find(&self, actor: &Actor, query: FindQuery) -> Result<Page, RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        match &query.audience {
            Audience::Everybody => {}
            Audience::Members(orgs) | Audience::OnlyMembers(orgs) => {
                orgs.iter().try_for_each(|org| self.require_seen(actor, Some(org.as_str()), &[Visibility::Private]))?;
            }
            Audience::Operator => self.require(actor, Action::Operate, Scope::Registry)?,
        }
        let index = std::sync::Arc::clone(&self.0.search);
        let search = move || index.search(&query);
        let page = tokio::task::spawn_blocking(search).await.map_err(|_| RegistryError::Stopping)??;
        Ok(page)
    }

    /// Public names, tags and skills that begin like `prefix`: of each sort that is asked for at most `limit`, the most used first,
    /// then by value. Answered from memory.
    pub fn complete(
        &self,
        actor: &Actor,
        of: &[CompletionOf],
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<Completion>, RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        let mut completions = Vec::new();
        for of in of.iter().copied() {
            let completed = match of {
                CompletionOf::Name => Completed::Name,
                CompletionOf::Tag => Completed::Tag,
                CompletionOf::Skill => Completed::Skill,
            };
            let found = self.0.search.complete(completed, prefix, limit);
            completions.extend(found.into_iter().map(|(value, count)| Completion { value, of, count }));
        }
        Ok(completions)
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
