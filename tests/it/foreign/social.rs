//! Downloads and stars: each is a row, and so is what they come to for a package.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use pcl_registry::domain::{Day, Kind, Name, Package, STAR_WEIGHT, Timestamp, UserName, Version};
use pcl_registry::meta::{DownloadBatch, Downloads, Filter, MetaError, Social, StarRow, Starred, Totals};

use super::journal::{Durable, Unit};
use super::rows::{self, Counted, Counts};
use super::store::Foreign;

#[async_trait]
impl Social for Foreign {
    async fn count(&self, batch: &DownloadBatch) -> Result<(), MetaError> {
        self.write(Durable::Now, |unit| {
            let key = rows::batch(batch.sender);
            if batch.number <= unit.get::<u64>(&key)?.unwrap_or_default() {
                return Ok(());
            }
            unit.put(key, &batch.number)?;
            batch.downloads.iter().try_for_each(|downloads| unit.count(downloads))
        })
    }

    async fn star(&self, name: &Name, user: &UserName, at: Option<Timestamp>) -> Result<Starred, MetaError> {
        self.write(Durable::Now, |unit| {
            if !unit.has(&rows::user(user)) {
                return Ok(Starred::NoUser);
            }
            if !unit.has(&rows::package(name)) {
                return Ok(Starred::NoPackage);
            }
            let key = rows::star(user, name);
            match at {
                Some(at) if !unit.has(&key) => {
                    unit.put(key, &at)?;
                    unit.change_counts(name.as_str(), |counts| counts.stars += 1)?;
                }
                // A star that is there keeps its time.
                Some(_) => {}
                None => unit.take_star(user, name.as_str())?,
            }
            Ok(Starred::Done)
        })
    }

    async fn stars(&self, user: &UserName, after: Option<&Name>, limit: usize) -> Result<Vec<StarRow>, MetaError> {
        self.read(|unit| {
            let prefix = rows::star(user, "");
            let given = unit.rows::<Timestamp>(&prefix, after.map(Name::as_str).unwrap_or_default()).take(limit);
            let row = |found: Result<(&str, Timestamp), MetaError>| {
                let (name, starred) = found?;
                let name: Name = rows::parse(name)?;
                let package = unit.package(&name)?.filter(|row| row.shown.is_some());
                Ok(StarRow { name, starred, visibility: package.map(|row| row.visibility) })
            };
            given.map(row).collect()
        })
    }

    async fn counted(&self, after: Option<&Downloads>, limit: usize) -> Result<Vec<Downloads>, MetaError> {
        let after = after.map(|row| rows::counted(&row.name, &row.version, row.day)).unwrap_or_default();
        self.read(|unit| {
            let counted = unit.rows::<Counted>("downloads ", &after).take(limit);
            counted.map(|row| Ok(downloads(row?.1))).collect()
        })
    }

    async fn versions(&self, name: &Name) -> Result<Vec<(Version, u64)>, MetaError> {
        let mut sums: BTreeMap<Reverse<Version>, u64> = BTreeMap::new();
        for row in self.read(|unit| unit.downloads(Some(name)))? {
            *sums.entry(Reverse(row.version)).or_default() += row.number;
        }
        Ok(sums.into_iter().map(|(Reverse(version), number)| (version, number)).collect())
    }

    async fn days(
        &self,
        name: &Name,
        version: Option<&Version>,
        first: Day,
        last: Day,
    ) -> Result<Vec<(Day, u64)>, MetaError> {
        let mut sums: BTreeMap<Day, u64> = BTreeMap::new();
        for row in self.read(|unit| unit.downloads(Some(name)))? {
            if (first..=last).contains(&row.day) && version.is_none_or(|version| row.version == *version) {
                *sums.entry(row.day).or_default() += row.number;
            }
        }
        Ok(sums.into_iter().collect())
    }

    async fn trending(
        &self,
        weights: &[(Day, u64)],
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(Package, u64)>, MetaError> {
        let weights: BTreeMap<Day, u64> = weights.iter().copied().collect();
        self.read(|unit| {
            let downloads = unit.downloads(None)?.into_iter().map(|row| (row.name, row.day, row.number));
            let stars = unit.all_stars()?.into_iter().map(|(name, at)| (name, Day::of(at), STAR_WEIGHT));
            let mut scores: BTreeMap<Name, u64> = BTreeMap::new();
            for (name, day, number) in downloads.chain(stars) {
                let weight = weights.get(&day).copied().unwrap_or_default();
                *scores.entry(name).or_default() += number * weight;
            }
            let filter = Filter { kinds: kinds.to_vec(), ..Filter::default() };
            let score = |package: Package| {
                let score = scores.get(&package.name).copied().filter(|score| *score > 0)?;
                Some((package, score))
            };
            let mut found: Vec<(Package, u64)> = unit.listed(&filter)?.into_iter().filter_map(score).collect();
            // By name already.
            found.sort_by_key(|(_, score)| Reverse(*score));
            found.truncate(limit);
            Ok(found)
        })
    }

    async fn totals(&self) -> Result<Totals, MetaError> {
        let (mut totals, mut kinds, mut orgs) = (Totals::default(), BTreeMap::<Kind, u64>::new(), BTreeSet::new());
        for package in self.read(|unit| unit.listed(&Filter::default()))? {
            *kinds.entry(package.kind).or_default() += 1;
            orgs.insert(package.name.org().to_owned());
            totals.versions += package.versions;
            totals.downloads += package.downloads;
            totals.stars += package.stars;
        }
        Ok(Totals { kinds: kinds.into_iter().collect(), organisations: orgs.len() as u64, ..totals })
    }
}

fn downloads((name, version, day, number): Counted) -> Downloads {
    Downloads { name, version, day, number }
}

impl Unit<'_> {
    /// What a package has of both.
    pub fn counts(&self, name: &str) -> Result<Counts, MetaError> {
        Ok(self.get(&rows::counts(name))?.unwrap_or_default())
    }

    fn change_counts(&mut self, name: &str, change: impl FnOnce(&mut Counts)) -> Result<(), MetaError> {
        let mut counts = self.counts(name)?;
        change(&mut counts);
        self.put(rows::counts(name), &counts)
    }

    /// Takes a star away, if it was given.
    pub fn take_star(&mut self, user: &UserName, name: &str) -> Result<(), MetaError> {
        let key = rows::star(user, name);
        if !self.has(&key) {
            return Ok(());
        }
        self.remove(key);
        self.change_counts(name, |counts| counts.stars = counts.stars.saturating_sub(1))
    }

    /// Adds to what was counted, if there ever was such a package.
    fn count(&mut self, Downloads { name, version, day, number }: &Downloads) -> Result<(), MetaError> {
        if *number == 0 || !self.has(&rows::package(name)) {
            return Ok(());
        }
        let key = format!("downloads {}", rows::counted(name, version, *day));
        let known = self.get::<Counted>(&key)?.map_or(0, |(.., known)| known);
        self.put(key, &(name, version.number(), day, known + number))?;
        self.change_counts(name.as_str(), |counts| counts.downloads += number)
    }

    /// All that was counted of a package, or of every one.
    fn downloads(&self, of: Option<&Name>) -> Result<Vec<Downloads>, MetaError> {
        let prefix = match of {
            Some(name) => format!("downloads {name} "),
            None => "downloads ".to_owned(),
        };
        let counted = self.rows::<Counted>(&prefix, "");
        counted.map(|row| Ok(downloads(row?.1))).collect()
    }

    /// For which package each star is, and when it was given.
    fn all_stars(&self) -> Result<Vec<(Name, Timestamp)>, MetaError> {
        let star = |found: Result<(&str, Timestamp), MetaError>| {
            let (key, at) = found?;
            let (_, name) = key.split_once(' ').unwrap_or_default();
            Ok((rows::parse::<Name>(name)?, at))
        };
        self.rows::<Timestamp>("star ", "").map(star).collect()
    }
}
