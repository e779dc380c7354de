//! Downloads and stars, under a lock of their own: they outlive no process, so no snapshot has them.
//!
//! Whoever takes more than one lock takes them in the order accounts, rows of the catalogue, these.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::{Day, Kind, Name, Package, STAR_WEIGHT, Timestamp, UserName, Version, Visibility};

use super::super::social::highest_first;
use super::super::{DownloadBatch, Downloads, MetaError, Order, Social, StarRow, Starred, Totals};
use super::Memory;
use super::state::PackageRow;

/// The rows.
#[derive(Default)]
pub(super) struct Rows {
    /// By package, number of the version and day.
    downloads: BTreeMap<(String, String, Day), u64>,
    /// Downloads, and stars given, by day and package: what trends read.
    days: BTreeMap<(Day, String), (u64, u64)>,
    stars: BTreeMap<(UserName, String), Timestamp>,
    /// Downloads and stars of the packages that have any.
    counts: BTreeMap<String, (u64, u64)>,
    by_downloads: BTreeSet<(Reverse<u64>, String)>,
    by_stars: BTreeSet<(Reverse<u64>, String)>,
    /// The last batch of each sender.
    batches: HashMap<Uuid, u64>,
}

/// All that is counted in a store.
pub(super) type Table = RwLock<Rows>;

impl Memory {
    pub(super) fn social(&self) -> RwLockReadGuard<'_, Rows> {
        self.social.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing below fails or panics halfway through a change, so a panic elsewhere leaves the rows whole.
    pub(super) fn change_social(&self) -> RwLockWriteGuard<'_, Rows> {
        self.social.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    /// Downloads and stars of a package.
    pub fn of(&self, name: &str) -> (u64, u64) {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// The package with its counts.
    pub fn fill(&self, package: &Package) -> Package {
        let (downloads, stars) = self.of(package.name.as_str());
        Package { downloads, stars, ..package.clone() }
    }

    /// Names of packages that have any of what the order is by, most first, after a place.
    pub fn ranked<'a>(
        &'a self,
        order: Order,
        after: Option<&(i64, Name)>,
    ) -> Box<dyn Iterator<Item = &'a String> + 'a> {
        let ranks = self.ranks(order);
        let names = match after {
            None => ranks.range(..),
            Some((count, name)) => {
                let last = (Reverse(u64::try_from(*count).unwrap_or_default()), name.to_string());
                ranks.range((Bound::Excluded(last), Bound::Unbounded))
            }
        };
        Box::new(names.map(|(_, name)| name))
    }

    /// Whether the package has none of what the order is by.
    pub fn is_unranked(&self, order: Order, name: &str) -> bool {
        let (downloads, stars) = self.of(name);
        if order == Order::Stars { stars == 0 } else { downloads == 0 }
    }

    fn ranks(&self, order: Order) -> &BTreeSet<(Reverse<u64>, String)> {
        if order == Order::Stars { &self.by_stars } else { &self.by_downloads }
    }

    /// Forgets what a user starred.
    pub fn forget(&mut self, user: &UserName) {
        let theirs: Vec<String> = self.starred(user, None).map(|(name, _)| name.clone()).collect();
        theirs.iter().for_each(|name| self.take_star(user, name));
    }

    fn give_star(&mut self, user: &UserName, name: &str, at: Timestamp) {
        let (downloads, stars) = self.of(name);
        if self.stars.contains_key(&(user.clone(), name.to_owned())) {
            return;
        }
        self.stars.insert((user.clone(), name.to_owned()), at);
        self.days.entry((Day::of(at), name.to_owned())).or_default().1 += 1;
        self.set(name, (downloads, stars + 1));
    }

    fn take_star(&mut self, user: &UserName, name: &str) {
        let (downloads, stars) = self.of(name);
        let Some(at) = self.stars.remove(&(user.clone(), name.to_owned())) else { return };
        let given = &mut self.days.entry((Day::of(at), name.to_owned())).or_default().1;
        *given = given.saturating_sub(1);
        self.set(name, (downloads, stars.saturating_sub(1)));
    }

    fn starred<'a>(
        &'a self,
        user: &'a UserName,
        after: Option<&Name>,
    ) -> impl Iterator<Item = (&'a String, Timestamp)> + use<'a> {
        let first = (user.clone(), after.map(ToString::to_string).unwrap_or_default());
        let after = self.stars.range((Bound::Excluded(first), Bound::Unbounded));
        after.take_while(move |((of, _), _)| of == user).map(|((_, name), at)| (name, *at))
    }

    fn set(&mut self, name: &str, counts: (u64, u64)) {
        let before = self.counts.insert(name.to_owned(), counts).unwrap_or_default();
        for (ranks, before, now) in
            [(&mut self.by_downloads, before.0, counts.0), (&mut self.by_stars, before.1, counts.1)]
        {
            if before != now {
                ranks.remove(&(Reverse(before), name.to_owned()));
                if now > 0 {
                    ranks.insert((Reverse(now), name.to_owned()));
                }
            }
        }
    }

    fn of_package(&self, name: &Name) -> impl Iterator<Item = (&str, Day, u64)> {
        let name = name.to_string();
        let first = (name.clone(), String::new(), Day::from_number(i32::MIN));
        let rows = self.downloads.range(first..).take_while(move |((of, ..), _)| *of == name);
        rows.map(|((_, version, day), number)| (version.as_str(), *day, *number))
    }
}

fn unreadable(error: impl std::fmt::Display) -> MetaError {
    MetaError::Corrupt(error.to_string())
}

#[async_trait]
impl Social for Memory {
    async fn count(&self, batch: &DownloadBatch) -> Result<(), MetaError> {
        let state = self.read();
        let mut rows = self.change_social();
        let last = rows.batches.entry(batch.sender).or_default();
        if batch.number <= *last {
            return Ok(());
        }
        *last = batch.number;
        for Downloads { name, version, day, number } in &batch.downloads {
            let name = name.to_string();
            if state.packages.get(&name).is_none() {
                continue;
            }
            *rows.downloads.entry((name.clone(), version.number(), *day)).or_default() += number;
            rows.days.entry((*day, name.clone())).or_default().0 += number;
            let (downloads, stars) = rows.of(&name);
            rows.set(&name, (downloads + number, stars));
        }
        Ok(())
    }

    async fn star(&self, name: &Name, user: &UserName, at: Option<Timestamp>) -> Result<Starred, MetaError> {
        let accounts = self.accounts();
        if !accounts.users.contains_key(user) {
            return Ok(Starred::NoUser);
        }
        if self.read().packages.get(&name.to_string()).is_none() {
            return Ok(Starred::NoPackage);
        }
        let mut rows = self.change_social();
        match at {
            Some(at) => rows.give_star(user, name.as_str(), at),
            None => rows.take_star(user, name.as_str()),
        }
        Ok(Starred::Done)
    }

    async fn stars(&self, user: &UserName, after: Option<&Name>, limit: usize) -> Result<Vec<StarRow>, MetaError> {
        let state = self.read();
        let rows = self.social();
        let row = |(name, starred): (&String, Timestamp)| {
            let package = state.packages.get(name).filter(|row| row.shown.is_some());
            let visibility = package.map(|row| row.visibility);
            Ok(StarRow { name: name.parse().map_err(unreadable)?, starred, visibility })
        };
        rows.starred(user, after).take(limit).map(row).collect()
    }

    async fn counted(&self, after: Option<&Downloads>, limit: usize) -> Result<Vec<Downloads>, MetaError> {
        let rows = self.social();
        let last = after.map(|row| (row.name.to_string(), row.version.number(), row.day));
        let page = rows.downloads.range((last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)).take(limit);
        let row = |((name, version, day), number): (&(String, String, Day), &u64)| {
            let (name, version) = (name.parse().map_err(unreadable)?, version.parse().map_err(unreadable)?);
            Ok(Downloads { name, version, day: *day, number: *number })
        };
        page.map(row).collect()
    }

    async fn versions(&self, name: &Name) -> Result<Vec<(Version, u64)>, MetaError> {
        let rows = self.social();
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        rows.of_package(name).for_each(|(version, _, number)| *sums.entry(version).or_default() += number);
        let read = |(version, number): (&str, u64)| Ok((version.parse().map_err(unreadable)?, number));
        Ok(highest_first(sums.into_iter().map(read).collect::<Result<_, MetaError>>()?))
    }

    async fn days(
        &self,
        name: &Name,
        version: Option<&Version>,
        first: Day,
        last: Day,
    ) -> Result<Vec<(Day, u64)>, MetaError> {
        let rows = self.social();
        let version = version.map(Version::number);
        let mut sums: BTreeMap<Day, u64> = BTreeMap::new();
        let wanted = rows.of_package(name).filter(|(of, day, _)| {
            (first..=last).contains(day) && version.as_deref().is_none_or(|version| version == *of)
        });
        wanted.for_each(|(_, day, number)| *sums.entry(day).or_default() += number);
        Ok(sums.into_iter().collect())
    }

    async fn trending(
        &self,
        weights: &[(Day, u64)],
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(Package, u64)>, MetaError> {
        let state = self.read();
        let rows = self.social();
        let mut scores: BTreeMap<&String, u64> = BTreeMap::new();
        for (day, weight) in weights {
            let of_day = rows.days.range((*day, String::new())..).take_while(|((of, _), _)| of == day);
            for ((_, name), (downloads, stars)) in of_day {
                *scores.entry(name).or_default() += (downloads + stars * STAR_WEIGHT) * weight;
            }
        }
        let mut scores: Vec<(&String, u64)> = scores.into_iter().filter(|(_, score)| *score > 0).collect();
        // By name already.
        scores.sort_by_key(|(_, score)| Reverse(*score));
        let is_wanted =
            |row: &PackageRow| row.visibility == Visibility::Public && (kinds.is_empty() || kinds.contains(&row.kind));
        let wanted = scores.into_iter().filter_map(|(name, score)| {
            let row = state.packages.get(name).filter(|row| is_wanted(row))?;
            let package = state.package(name, row).transpose()?;
            Some(package.map(|package| (rows.fill(&package), score)))
        });
        wanted.take(limit).collect()
    }

    async fn totals(&self) -> Result<Totals, MetaError> {
        let state = self.read();
        let rows = self.social();
        let mut kinds: BTreeMap<Kind, (u64, [u64; 3])> = BTreeMap::new();
        let mut organisations: BTreeSet<&str> = BTreeSet::new();
        for (name, row) in state.packages.iter().filter(|(_, row)| row.visibility == Visibility::Public) {
            let Some(shown) = &row.shown else { continue };
            let (downloads, stars) = rows.of(name);
            let (packages, sums) = kinds.entry(row.kind).or_default();
            *packages += 1;
            for (sum, more) in sums.iter_mut().zip([shown.versions, downloads, stars]) {
                *sum += more;
            }
            organisations.extend(name.split('/').next());
        }
        let mut totals = Totals { organisations: organisations.len() as u64, ..Totals::default() };
        kinds.into_iter().for_each(|(kind, (packages, sums))| totals.add(kind, packages, sums));
        Ok(totals)
    }
}
