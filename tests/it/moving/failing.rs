//! A metadata store whose writes fail on demand: before they happen, or after.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use pcl_registry::domain::{
    Area, Day, Digest, Kind, Name, OrgName, Package, Published, Release, Repository, Role, Timestamp, TokenName,
    TokenOwner, UserName, Version,
};
use pcl_registry::meta::{
    Accounts, Atomicity, BlobKey, CarriedBlob, CarriedLink, Carrier, Catalog, Change, Cursor, DownloadBatch, Downloads,
    Filter, Label, LabelCount, LinkKey, Login, Meta, MetaError, Order, Outcome, Page, Releases, Replay, Social,
    StarRow, Starred, TokenAdded, TokenRow, Totals, UserRow,
};

/// Whether a write that fails has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

/// Counts writes, and fails one.
#[derive(Clone)]
pub struct Writes {
    made: Arc<AtomicU64>,
    fails: u64,
    when: When,
}

impl Writes {
    /// Fails the write with this number, from 1; with 0 none.
    pub fn failing(fails: u64, when: When) -> Self {
        Self { made: Arc::default(), fails, when }
    }

    /// How many there were.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::SeqCst)
    }

    /// The store with this in front of everything that a move writes.
    pub fn before(&self, meta: Meta) -> Meta {
        let failing = Arc::new(Failing { meta: meta.clone(), writes: self.clone() });
        Meta { catalog: failing.clone(), accounts: failing.clone(), social: failing.clone(), carrier: failing, ..meta }
    }

    async fn write<T>(&self, write: impl Future<Output = Result<T, MetaError>> + Send) -> Result<T, MetaError> {
        let lost = || MetaError::Unavailable("the connection broke, as a test planned".into());
        let fails = self.made.fetch_add(1, Ordering::SeqCst) + 1 == self.fails;
        if fails && self.when == When::Before {
            return Err(lost());
        }
        let made = write.await;
        if fails { Err(lost()) } else { made }
    }
}

struct Failing {
    meta: Meta,
    writes: Writes,
}

#[async_trait]
impl Catalog for Failing {
    async fn apply(&self, changes: &[Change], atomicity: Atomicity) -> Result<Vec<Outcome>, MetaError> {
        self.writes.write(self.meta.catalog.apply(changes, atomicity)).await
    }

    async fn replay(&self, events: &[Replay]) -> Result<(), MetaError> {
        self.writes.write(self.meta.catalog.replay(events)).await
    }

    async fn package(&self, name: &Name) -> Result<Option<Package>, MetaError> {
        self.meta.catalog.package(name).await
    }

    async fn releases(&self, name: &Name, of: Releases) -> Result<Vec<Release>, MetaError> {
        self.meta.catalog.releases(name, of).await
    }

    async fn versions(&self, wanted: &[(Name, Version)]) -> Result<Vec<Published>, MetaError> {
        self.meta.catalog.versions(wanted).await
    }

    async fn packages(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Package>, MetaError> {
        self.meta.catalog.packages(filter, order, after, limit).await
    }

    async fn count(&self, filter: &Filter) -> Result<u64, MetaError> {
        self.meta.catalog.count(filter).await
    }

    async fn labels(
        &self,
        label: Label,
        after: Option<&LabelCount>,
        limit: usize,
    ) -> Result<Vec<LabelCount>, MetaError> {
        self.meta.catalog.labels(label, after, limit).await
    }
}

#[async_trait]
impl Carrier for Failing {
    async fn blobs(&self, after: Option<&BlobKey>, limit: usize) -> Result<Vec<CarriedBlob>, MetaError> {
        self.meta.carrier.blobs(after, limit).await
    }

    async fn links(&self, after: Option<&LinkKey>, limit: usize) -> Result<Vec<CarriedLink>, MetaError> {
        self.meta.carrier.links(after, limit).await
    }

    async fn put_blobs(&self, blobs: &[CarriedBlob], gone: &[BlobKey]) -> Result<(), MetaError> {
        self.writes.write(self.meta.carrier.put_blobs(blobs, gone)).await
    }

    async fn put_links(&self, links: &[CarriedLink], gone: &[LinkKey]) -> Result<(), MetaError> {
        self.writes.write(self.meta.carrier.put_links(links, gone)).await
    }

    async fn unlink(&self, repository: &Repository, area: &Area, digests: &[Digest]) -> Result<(), MetaError> {
        self.writes.write(self.meta.carrier.unlink(repository, area, digests)).await
    }
}

#[async_trait]
impl Accounts for Failing {
    async fn add_user(&self, name: &UserName, now: Timestamp) -> Result<bool, MetaError> {
        self.writes.write(self.meta.accounts.add_user(name, now)).await
    }

    async fn remove_user(&self, name: &UserName) -> Result<bool, MetaError> {
        self.writes.write(self.meta.accounts.remove_user(name)).await
    }

    async fn users(&self, after: Option<&UserName>, limit: usize) -> Result<Vec<UserRow>, MetaError> {
        self.meta.accounts.users(after, limit).await
    }

    async fn set_role(&self, org: &OrgName, user: &UserName, role: Option<Role>) -> Result<bool, MetaError> {
        self.writes.write(self.meta.accounts.set_role(org, user, role)).await
    }

    async fn add_token(&self, token: &TokenRow) -> Result<TokenAdded, MetaError> {
        self.writes.write(self.meta.accounts.add_token(token)).await
    }

    async fn tokens(&self, owner: Option<&TokenOwner>) -> Result<Vec<TokenRow>, MetaError> {
        self.meta.accounts.tokens(owner).await
    }

    async fn revoke_token(&self, owner: &TokenOwner, name: &TokenName) -> Result<bool, MetaError> {
        self.writes.write(self.meta.accounts.revoke_token(owner, name)).await
    }

    async fn login(&self, hash: &Digest, now: Timestamp) -> Result<Option<Login>, MetaError> {
        self.meta.accounts.login(hash, now).await
    }
}

#[async_trait]
impl Social for Failing {
    async fn count(&self, batch: &DownloadBatch) -> Result<(), MetaError> {
        self.writes.write(self.meta.social.count(batch)).await
    }

    async fn star(&self, name: &Name, user: &UserName, at: Option<Timestamp>) -> Result<Starred, MetaError> {
        self.writes.write(self.meta.social.star(name, user, at)).await
    }

    async fn stars(&self, user: &UserName, after: Option<&Name>, limit: usize) -> Result<Vec<StarRow>, MetaError> {
        self.meta.social.stars(user, after, limit).await
    }

    async fn counted(&self, after: Option<&Downloads>, limit: usize) -> Result<Vec<Downloads>, MetaError> {
        self.meta.social.counted(after, limit).await
    }

    async fn versions(&self, name: &Name) -> Result<Vec<(Version, u64)>, MetaError> {
        self.meta.social.versions(name).await
    }

    async fn days(
        &self,
        name: &Name,
        version: Option<&Version>,
        first: Day,
        last: Day,
    ) -> Result<Vec<(Day, u64)>, MetaError> {
        self.meta.social.days(name, version, first, last).await
    }

    async fn trending(
        &self,
        weights: &[(Day, u64)],
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(Package, u64)>, MetaError> {
        self.meta.social.trending(weights, kinds, limit).await
    }

    async fn totals(&self) -> Result<Totals, MetaError> {
        self.meta.social.totals().await
    }
}
