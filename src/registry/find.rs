//! Searching the catalogue.

use std::time::Duration;

use crate::domain::api::{Completion, CompletionOf};
use crate::domain::{Action, Actor, Name, Scope, Visibility};
use crate::search::{Audience, Completed, Page, Query};

use super::{Registry, RegistryError};

/// How long a search waits for the metadata store, which it does without where it must.
const LOOK: Duration = Duration::from_secs(1);

/// A search as a front hands it over.
pub type FindQuery = Query;

impl Registry {
    /// Packages that match: public ones, and what is private in organisations that are asked for and let the actor see it.
    pub async fn find(&self, actor: &Actor, query: FindQuery) -> Result<Page, RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        let orgs = match &query.audience {
            Audience::Everybody => Vec::new(),
            Audience::Members(orgs) | Audience::OnlyMembers(orgs) => orgs.clone(),
        };
        orgs.iter().try_for_each(|org| self.require_seen(actor, Some(org.as_str()), &[Visibility::Private]))?;
        let index = std::sync::Arc::clone(&self.0.search);
        let search = move || index.search(&query);
        let mut page = tokio::task::spawn_blocking(search).await.map_err(|_| RegistryError::Stopping)??;
        self.leave_out_hidden(&mut page, &orgs).await?;
        Ok(page)
    }

    /// Leaves out what is not public any more, but for what is in these organisations: the index comes a moment after the change. While the
    /// metadata store is not available, the index alone says what is public.
    async fn leave_out_hidden(&self, page: &mut Page, orgs: &[String]) -> Result<(), RegistryError> {
        let names: Vec<Name> = page.hits.iter().map(|hit| hit.name.clone()).collect();
        let seen = match tokio::time::timeout(LOOK, self.seen_by_all(&names)).await {
            Err(_) => return Ok(()),
            Ok(Err(error)) if error.is_outage() => return Ok(()),
            Ok(seen) => seen?,
        };
        let (found, mut seen) = (page.hits.len(), seen.into_iter());
        page.hits.retain(|hit| {
            let is_public = seen.next().is_some_and(|seen| seen.visibility == Visibility::Public);
            is_public || orgs.iter().any(|org| org == hit.name.org())
        });
        page.total -= found - page.hits.len();
        Ok(())
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

    /// Number of the last event that is committed, as far as this process has heard, as it grows.
    pub fn heads(&self) -> tokio::sync::watch::Receiver<u64> {
        self.0.committer.head()
    }

    /// Waits until searches see all that is committed now.
    pub async fn settled(&self) {
        let head = *self.0.committer.head().borrow();
        // The indexer only ends with the registry itself.
        let _ = self.0.indexed.clone().wait_for(|indexed| *indexed >= head).await;
    }
}
