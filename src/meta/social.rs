//! Downloads and stars: what people do with packages. No event tells of them, so no rebuild brings them back.

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::{Day, Kind, Name, Package, Timestamp, UserName, Version, Visibility};

use super::MetaError;

/// Packages of a trend that are looked at first, highest score first: some are not public, or of another kind. If they are not enough,
/// ten times as many are. Tests have few packages, and are to look again.
pub(super) const RANKED: usize = if cfg!(test) { 2 } else { 1000 };

/// Counts of downloads, and stars of users.
///
/// Each change is one transaction, and durable on return. What a package has of both is part of what [`super::Catalog`] says of it, and
/// lists are ordered and filtered by it. Labels, events and the times of a package are not touched.
#[async_trait]
pub trait Social: Send + Sync {
    /// Adds up downloads. A batch that this sender had counted before, or one with a lower number, is passed over: it may be sent again
    /// when its fate is unknown. Downloads of packages that never were are left out.
    async fn count(&self, batch: &DownloadBatch) -> Result<(), MetaError>;

    /// Gives a package a star of a user, or with `None` takes it away. A star that is there keeps its time.
    async fn star(&self, name: &Name, user: &UserName, at: Option<Timestamp>) -> Result<Starred, MetaError>;

    /// The stars of a user by name of the package, after `after`, at most `limit`.
    async fn stars(&self, user: &UserName, after: Option<&Name>, limit: usize) -> Result<Vec<StarRow>, MetaError>;

    /// All that was counted, after the last row of the page before, at most `limit` rows, in an order of the store's own.
    async fn counted(&self, after: Option<&Downloads>, limit: usize) -> Result<Vec<Downloads>, MetaError>;

    /// Downloads of each version of a package that had any, highest version first.
    async fn versions(&self, name: &Name) -> Result<Vec<(Version, u64)>, MetaError>;

    /// Downloads of a package, or of one of its versions, on each day from `first` to `last` that had any, in order.
    async fn days(
        &self,
        name: &Name,
        version: Option<&Version>,
        first: Day,
        last: Day,
    ) -> Result<Vec<(Day, u64)>, MetaError>;

    /// Public packages of these kinds, or of all, by the sum of their downloads times the weight of the day, and of stars given that
    /// day times [`crate::domain::STAR_WEIGHT`] as well; highest first, then by name, those alone that have any. The days follow each
    /// other without a gap.
    async fn trending(
        &self,
        weights: &[(Day, u64)],
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(Package, u64)>, MetaError>;

    /// What public packages come to together.
    async fn totals(&self) -> Result<Totals, MetaError>;
}

/// Downloads of one version on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloads {
    /// The package.
    pub name: Name,
    /// The version; build metadata does not matter.
    pub version: Version,
    /// The day, UTC.
    pub day: Day,
    /// How many.
    pub number: u64,
}

/// Downloads that are counted together, and once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadBatch {
    /// Who sends it: another one for each process.
    pub sender: Uuid,
    /// Its number among those of the sender, from 1 on.
    pub number: u64,
    /// The downloads; a version may be there more than once.
    pub downloads: Vec<Downloads>,
}

/// A star.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StarRow {
    /// The package.
    pub name: Name,
    /// When it was given.
    pub starred: Timestamp,
    /// Who sees the package; `None` if none of its versions can be read.
    pub visibility: Option<Visibility>,
}

/// What came of giving a star, or taking it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starred {
    /// It is as was asked.
    Done,
    /// There is no such user. Nothing was done.
    NoUser,
    /// There never was such a package. Nothing was done.
    NoPackage,
}

/// What public packages come to together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many there are of each kind that there is, in the order of [`Kind::ALL`].
    pub kinds: Vec<(Kind, u64)>,
    /// In how many organisations.
    pub organisations: u64,
    /// Versions that can be read.
    pub versions: u64,
    /// Downloads.
    pub downloads: u64,
    /// Stars.
    pub stars: u64,
}

impl Totals {
    /// Adds what the packages of one kind come to.
    pub(super) fn add(&mut self, kind: Kind, packages: u64, [versions, downloads, stars]: [u64; 3]) {
        self.kinds.push((kind, packages));
        self.kinds.sort_unstable();
        self.versions += versions;
        self.downloads += downloads;
        self.stars += stars;
    }
}

/// Puts versions into the order in which they are answered.
pub(super) fn highest_first(mut versions: Vec<(Version, u64)>) -> Vec<(Version, u64)> {
    versions.sort_by(|(one, _), (other, _)| other.cmp(one));
    versions
}
