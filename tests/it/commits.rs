//! A catalogue whose commits, and reads, do what a test plans.

use std::sync::Arc;

use async_trait::async_trait;
use pcl_registry::domain::{Name, Package, Published, Release, Version};
use pcl_registry::meta::{
    Atomicity, Catalog, Change, Cursor, Filter, Label, LabelCount, Meta, MetaError, Order, Outcome, Page, Releases,
    Replay,
};

/// What is done where changes are committed; `catalog` is the real one.
#[async_trait]
pub trait Commits: Send + Sync {
    async fn apply(
        &self,
        catalog: &dyn Catalog,
        changes: &[Change],
        atomicity: Atomicity,
    ) -> Result<Vec<Outcome>, MetaError> {
        catalog.apply(changes, atomicity).await
    }

    /// What comes before a read of a package or its versions.
    async fn before_read(&self) -> Result<(), MetaError> {
        Ok(())
    }
}

/// The same stores with other commits.
pub fn with_commits(meta: Meta, commits: impl Commits + 'static) -> Meta {
    let catalog = Arc::new(Planned { catalog: meta.catalog.clone(), commits });
    Meta { catalog, ..meta }
}

struct Planned<C> {
    catalog: Arc<dyn Catalog>,
    commits: C,
}

#[async_trait]
impl<C: Commits> Catalog for Planned<C> {
    async fn apply(&self, changes: &[Change], atomicity: Atomicity) -> Result<Vec<Outcome>, MetaError> {
        self.commits.apply(&*self.catalog, changes, atomicity).await
    }

    async fn replay(&self, events: &[Replay]) -> Result<(), MetaError> {
        self.catalog.replay(events).await
    }

    async fn package(&self, name: &Name) -> Result<Option<Package>, MetaError> {
        self.commits.before_read().await?;
        self.catalog.package(name).await
    }

    async fn releases(&self, name: &Name, of: Releases) -> Result<Vec<Release>, MetaError> {
        self.commits.before_read().await?;
        self.catalog.releases(name, of).await
    }

    async fn versions(&self, wanted: &[(Name, Version)]) -> Result<Vec<Published>, MetaError> {
        self.commits.before_read().await?;
        self.catalog.versions(wanted).await
    }

    async fn packages(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Package>, MetaError> {
        self.catalog.packages(filter, order, after, limit).await
    }

    async fn count(&self, filter: &Filter) -> Result<u64, MetaError> {
        self.catalog.count(filter).await
    }

    async fn labels(
        &self,
        label: Label,
        after: Option<&LabelCount>,
        limit: usize,
    ) -> Result<Vec<LabelCount>, MetaError> {
        self.catalog.labels(label, after, limit).await
    }
}
