//! The traits that a metadata store implements, and the rows and errors that they speak in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

use crate::domain::{
    Area, Config, Dependency, Digest, Kind, Name, Package, Published, Release, Repository, Tag, Timestamp, Version,
    Visibility,
};

use super::{Accounts, Atomicity, Blobs, Carrier, Change, Groups, Label, LabelCount, LogHead, Outcome, Replay, Social};

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    /// It cannot be reached, is full or is too busy. Trying again later may help; the outcome of a write is unknown.
    #[error("the metadata store is not available: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Its schema is newer than this program.
    #[error("{store} has schema {found}, this program knows up to {known}: use a newer release")]
    NewerSchema {
        /// Which store.
        store: String,
        /// Its schema.
        found: u64,
        /// The newest known.
        known: u64,
    },
    /// A migration that was applied is not the one that this program carries.
    #[error("migration {migration} of {store} was changed after it was applied; restore the file or the database")]
    MigrationChanged {
        /// Which store.
        store: String,
        /// Its number and name.
        migration: String,
    },
    /// A migration was applied, and an earlier one was not.
    #[error("migration {missing} of {store} was not applied, and {applied} after it was; restore the database")]
    MigrationMissing {
        /// Which store.
        store: String,
        /// Number and name of the one that is missing.
        missing: String,
        /// And of the next one that is there.
        applied: String,
    },
    /// A replayed event has the number of another event.
    #[error(
        "event {0} differs from the one that the database holds: the store and the database belong to different registries"
    )]
    Diverged(u64),
    /// A replayed event does not follow the head.
    #[error("event {found} does not follow event {head}")]
    Gap {
        /// The head.
        head: u64,
        /// The event's number.
        found: u64,
    },
    /// A row cannot be read back.
    #[error("the metadata store holds something unreadable: {0}")]
    Corrupt(String),
    /// The cursor was made by another query, or by nothing.
    #[error("the cursor does not belong to this query; start again without it")]
    Cursor,
}

/// The traits of one store.
#[derive(Clone)]
pub struct Meta {
    /// Packages and versions.
    pub catalog: Arc<dyn Catalog>,
    /// Manifests, tags, referrers.
    pub refs: Arc<dyn Refs>,
    /// Blobs and links.
    pub blobs: Arc<dyn Blobs>,
    /// Events.
    pub ledger: Arc<dyn Ledger>,
    /// Users and tokens.
    pub accounts: Arc<dyn Accounts>,
    /// Who and what belongs together.
    pub groups: Arc<dyn Groups>,
    /// Downloads and stars.
    pub social: Arc<dyn Social>,
    /// What no event says of blobs, for a move to another store.
    pub carrier: Arc<dyn Carrier>,
}

/// Packages and versions, and the one way to change anything.
///
/// Changes are serialised: each sees all that came before it. Reads see every change that was applied before they began.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Applies the changes in order in one transaction, durable on return, and answers for each in the same order.
    ///
    /// Events are numbered from the head without gaps. Refusals are found by [`super::rules::decide`], never by a violated
    /// constraint. With [`Atomicity::All`] one refusal leaves nothing done.
    async fn apply(&self, changes: &[Change], atomicity: Atomicity) -> Result<Vec<Outcome>, MetaError>;

    /// Applies events again, exactly as they were: numbers, ids, times and bytes. All or none.
    /// An event up to the head is compared, not applied. [`MetaError::Diverged`], [`MetaError::Gap`].
    async fn replay(&self, events: &[Replay]) -> Result<(), MetaError>;

    /// The package of that name, if any of its versions can be read.
    async fn package(&self, name: &Name) -> Result<Option<Package>, MetaError>;

    /// Versions of a package, yanked ones too, newest (highest) first. Empty if there is no such package.
    async fn releases(&self, name: &Name, of: Releases) -> Result<Vec<Release>, MetaError>;

    /// Several versions at once, in the order in which they are wanted, deleted ones too; those that are not there are left out.
    /// Build metadata does not matter.
    async fn versions(&self, wanted: &[(Name, Version)]) -> Result<Vec<Published>, MetaError>;

    /// The same without their configs, which may take megabytes. They are read and dropped, unless the store does better.
    async fn bare_versions(&self, wanted: &[(Name, Version)]) -> Result<Vec<Published>, MetaError> {
        let versions = self.versions(wanted).await?;
        Ok(versions.into_iter().map(|version| Published { config: None, ..version }).collect())
    }

    /// The versions of a package that can be read, as [`Catalog::releases`] gives them, each with what a resolver asks of it.
    /// They are made of the configs, [`CONFIGS_MAX`] at a time, unless the store does better.
    async fn needs(&self, name: &Name) -> Result<Vec<(Release, Option<Needs>)>, MetaError> {
        let releases = self.releases(name, Releases::Readable).await?;
        let mut needs = Vec::with_capacity(releases.len());
        for releases in releases.chunks(CONFIGS_MAX) {
            let wanted: Vec<_> = releases.iter().map(|release| (name.clone(), release.version.clone())).collect();
            let found = self.versions(&wanted).await?.into_iter();
            let mut found: HashMap<_, _> = found.map(|found| (found.version.number(), found.config)).collect();
            let mut needs_of = |release: &Release| found.remove(&release.version.number()).flatten().map(Needs::from);
            needs.extend(releases.iter().map(|release| (release.clone(), needs_of(release))));
        }
        Ok(needs)
    }

    /// Packages that pass the filter, `limit` (1 to [`super::PACKAGES_MAX`]) at a time.
    async fn packages(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Package>, MetaError>;

    /// How many packages pass the filter.
    async fn count(&self, filter: &Filter) -> Result<u64, MetaError>;

    /// Labels of public packages with the number of packages that show them, most used first, then by label; those behind `after`
    /// in that order, whether it is still there or not.
    async fn labels(
        &self,
        label: Label,
        after: Option<&LabelCount>,
        limit: usize,
    ) -> Result<Vec<LabelCount>, MetaError>;
}

impl dyn Catalog {
    /// One version, deleted ones too. Build metadata does not matter.
    pub async fn version(&self, name: &Name, version: &Version) -> Result<Option<Published>, MetaError> {
        Ok(self.versions(&[(name.clone(), version.clone())]).await?.pop())
    }

    /// The same without its config.
    pub async fn bare_version(&self, name: &Name, version: &Version) -> Result<Option<Published>, MetaError> {
        Ok(self.bare_versions(&[(name.clone(), version.clone())]).await?.pop())
    }
}

/// Manifests, tags and referrers of any repository, and what an id names.
#[async_trait]
pub trait Refs: Send + Sync {
    /// The manifest of that digest in the repository.
    async fn manifest(&self, repository: &Repository, digest: &Digest) -> Result<Option<ManifestRow>, MetaError>;

    /// What a tag names.
    async fn tag(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, MetaError>;

    /// Tags after `after` in the order of their bytes, at most `limit`; `None` if the repository was never pushed to.
    async fn tags(
        &self,
        repository: &Repository,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<Tag>>, MetaError>;

    /// Repositories with at least one manifest that are in lists: plain ones and public packages, after `after` in the order of their
    /// bytes, at most `limit`.
    async fn repositories(&self, after: Option<&str>, limit: usize) -> Result<Vec<Repository>, MetaError>;

    /// Manifests after `after` in the order of their digests, at most `limit`, each with the blobs that it names. Hidden ones are
    /// left out.
    async fn manifests(
        &self,
        repository: &Repository,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Vec<(ManifestRow, Vec<Digest>)>, MetaError>;

    /// Manifests of the repository that refer to `subject`, in the order of their events.
    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<ManifestRow>, MetaError>;

    /// The version with this id, which is that of the event that published it: deleted ones too.
    async fn identified(&self, id: Uuid) -> Result<Option<(Name, Version)>, MetaError>;
    /// Which version each of these manifests was published as, deleted ones too, in the same order: the one that was published last
    /// where it is several, `None` where it is none.
    async fn published_as(&self, manifests: &[(Name, Digest)]) -> Result<Vec<Option<Version>>, MetaError>;
}

/// The sequence of events.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Identity of this store, made once when it was created. Written into `owner.json`.
    async fn identity(&self) -> Result<String, MetaError>;

    /// The last event.
    async fn head(&self) -> Result<Head, MetaError>;

    /// Exact bytes of up to `limit` events after number `after`, in order.
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<(u64, Bytes)>, MetaError>;

    /// Exact bytes of up to `limit` events of a repository with numbers below `before`, latest first.
    async fn history(
        &self,
        repository: &Repository,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Bytes)>, MetaError>;

    /// The head of the transparency log; `None` if nothing was logged, or if this store was made again from the events.
    async fn log_head(&self) -> Result<Option<LogHead>, MetaError>;

    /// Makes `next` the head of the log if it still is `seen`, and says whether it is `next` now: whoever asks again, as an answer was lost,
    /// is told so. It waits for no change, and survives the end of the process. After a loss of power an earlier head may be back, which
    /// costs nothing: the log is a function of the events.
    async fn swap_log_head(&self, seen: Option<&LogHead>, next: &LogHead) -> Result<bool, MetaError>;

    /// Tells the number of the last event, now and soon after each change, whichever process made it on a database that tells
    /// others. A hint and no promise: it may come late, leave numbers out, or not come at all when a connection breaks. Whoever
    /// must not miss a change asks for the head from time to time as well.
    async fn heads(&self) -> Result<watch::Receiver<u64>, MetaError>;
}

/// The last event of a sequence. `n` is 0 before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub n: u64,
    /// Its time.
    pub time: Timestamp,
}

/// A manifest in a repository.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ManifestRow {
    /// Its digest.
    pub digest: Digest,
    /// Area that holds its bytes.
    pub area: Area,
    /// Its media type.
    pub media_type: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its type of artifact.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The manifest that it refers to.
    pub subject: Option<Digest>,
}

/// Which packages. Lists within one field are alternatives, except tags and skills, all of which must be there.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Filter {
    /// Any of these kinds; all kinds if empty.
    pub kinds: Vec<Kind>,
    /// All of these tags, as shown.
    pub tags: Vec<String>,
    /// All of these skills, by name.
    pub skills: Vec<String>,
    /// In this organisation.
    pub org: Option<String>,
    /// Any of these visibilities; public alone if empty.
    pub visibilities: Vec<Visibility>,
    /// Of each group at least one label.
    pub labelled: Vec<Vec<(Label, String)>>,
    /// When its first version was published.
    pub created: Between,
    /// When it last changed.
    pub updated: Between,
    /// With at least so many downloads.
    #[serde(skip_serializing_if = "is_zero")]
    pub downloads_min: u64,
    /// With at least so many stars.
    #[serde(skip_serializing_if = "is_zero")]
    pub stars_min: u64,
}

/// What is not asked for is not in a cursor's hash.
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Filter {
    /// Groups of labels, of each of which at least one must be there: those of `tags` and `skills` alone in theirs.
    pub fn groups(&self) -> Vec<Vec<(Label, &str)>> {
        let tags = self.tags.iter().map(|tag| vec![(Label::Tag, tag.as_str())]);
        let skills = self.skills.iter().map(|skill| vec![(Label::Skill, skill.as_str())]);
        let labelled =
            self.labelled.iter().map(|group| group.iter().map(|(label, text)| (*label, text.as_str())).collect());
        tags.chain(skills).chain(labelled).collect()
    }
}

/// A span of time, open where an end is not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Between {
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub before: Option<Timestamp>,
}

impl Between {
    /// Whether the time lies in it.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.before.is_none_or(|before| time < before)
    }
}

/// Configs that are read at once where many are wanted: they lie in memory together.
pub const CONFIGS_MAX: usize = 500;

/// What a resolver asks of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// What it is.
    pub kind: Kind,
    /// Digest of its files.
    pub tree: Digest,
    /// What it needs, as its source names it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
}

impl From<Config> for Needs {
    fn from(config: Config) -> Self {
        Self { kind: config.kind, tree: config.tree, dependencies: config.about.dependencies }
    }
}

/// Which versions of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Releases {
    /// Those that can be read.
    Readable,
    /// Deleted ones, purged ones too.
    Deleted,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Order {
    /// By name.
    Name,
    /// Latest change first, then by name.
    Updated,
    /// Newest first, by the first version, then by name.
    Created,
    /// Most downloads first, then by name.
    Downloads,
    /// Most stars first, then by name.
    Stars,
}

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Hash of filter and order: a cursor of another query is refused.
    pub query: String,
    /// Sort key of the last row.
    pub key: String,
    /// Name of the last row.
    pub name: String,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Cursor>,
}
