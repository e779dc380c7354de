//! Packages and versions: lists read every package, and sort what passes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use async_trait::async_trait;
use pcl_registry::domain::{Name, Package, Published, Release, Version, Visibility};
use pcl_registry::meta::{
    Atomicity, Catalog, Change, Cursor, Filter, Label, LabelCount, MetaError, Order, Outcome, PACKAGES_MAX, Page,
    Releases, Replay, engine,
};

use super::journal::{Durable, Unit};
use super::rows::PackageRow;
use super::store::Foreign;

/// What a batch came to that is not to be kept.
struct Refused(Vec<Outcome>);

#[async_trait]
impl Catalog for Foreign {
    async fn apply(&self, changes: &[Change], atomicity: Atomicity) -> Result<Vec<Outcome>, MetaError> {
        let mut refused = None;
        let applied = self.write(Durable::Now, |unit| {
            let mut head = unit.head()?;
            let planned = engine::apply(unit, &mut head, changes, atomicity)?;
            let stands = engine::stands(&planned, atomicity);
            let outcomes = engine::outcomes(planned);
            if !stands {
                refused = Some(Refused(outcomes));
                // An error is what takes everything back.
                return Err(MetaError::Cursor);
            }
            Ok(outcomes)
        });
        match refused {
            Some(Refused(outcomes)) => Ok(outcomes),
            None => applied,
        }
    }

    async fn replay(&self, events: &[Replay]) -> Result<(), MetaError> {
        self.write(Durable::Now, |unit| {
            let mut head = unit.head()?;
            engine::replay(unit, &mut head, events)
        })
    }

    async fn package(&self, name: &Name) -> Result<Option<Package>, MetaError> {
        self.read(|unit| match unit.package(name)? {
            Some(row) => unit.shown(row),
            None => Ok(None),
        })
    }

    async fn releases(&self, name: &Name, of: Releases) -> Result<Vec<Release>, MetaError> {
        let mut versions = self.read(|unit| unit.versions(name))?;
        versions.retain(|row| row.deleted == (of == Releases::Deleted));
        let release = |row: Published| Release {
            version: row.version,
            digest: row.digest,
            yanked: row.yanked,
            deprecated: row.deprecation.is_some(),
            deleted: row.deleted,
            published: row.published,
        };
        let mut releases: Vec<Release> = versions.into_iter().map(release).collect();
        releases.sort_by(|one, other| other.version.cmp(&one.version));
        Ok(releases)
    }

    async fn versions(&self, wanted: &[(Name, Version)]) -> Result<Vec<Published>, MetaError> {
        self.read(|unit| {
            wanted.iter().filter_map(|(name, version)| unit.published(name, version).transpose()).collect()
        })
    }

    async fn packages(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Package>, MetaError> {
        let limit = limit.clamp(1, PACKAGES_MAX);
        let place = after.map(|cursor| cursor.place(filter, order)).transpose()?;
        let mut found = self.read(|unit| unit.listed(filter))?;
        // A cursor has what the list is by of the last row, and its name.
        let key = |package: &Package| (Reverse(ordered_by(package, order)), package.name.clone());
        found.sort_by_key(key);
        if let Some((last, name)) = place {
            let place = (Reverse(last), name);
            found.retain(|package| key(package) > place);
        }
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|last| Cursor::after(filter, order, last));
        Ok(Page { items: found, next })
    }

    async fn count(&self, filter: &Filter) -> Result<u64, MetaError> {
        Ok(self.read(|unit| unit.listed(filter))?.len() as u64)
    }

    async fn labels(
        &self,
        label: Label,
        after: Option<&LabelCount>,
        limit: usize,
    ) -> Result<Vec<LabelCount>, MetaError> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        self.read(|unit| {
            for row in unit.rows::<PackageRow>("package ", "") {
                let (_, row) = row?;
                if row.visibility == Visibility::Public {
                    let of_type = row.labels.into_iter().filter(|(other, _)| *other == label);
                    of_type.for_each(|(_, text)| *counts.entry(text).or_default() += 1);
                }
            }
            Ok(())
        })?;
        let key = |counted: &LabelCount| (Reverse(counted.count), counted.label.clone());
        let mut counts: Vec<_> = counts.into_iter().map(|(label, count)| LabelCount { label, count }).collect();
        counts.sort_by_key(key);
        if let Some(after) = after {
            counts.retain(|counted| key(counted) > key(after));
        }
        counts.truncate(limit);
        Ok(counts)
    }
}

/// What a list is ordered by, largest first, before the name.
fn ordered_by(package: &Package, order: Order) -> i64 {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    match order {
        Order::Name => 0,
        Order::Updated => package.updated.micros(),
        Order::Created => package.created.micros(),
        Order::Downloads => number(package.downloads),
        Order::Stars => number(package.stars),
    }
}

impl Unit<'_> {
    /// The package as it is seen, unless it cannot be found.
    pub fn shown(&self, row: PackageRow) -> Result<Option<Package>, MetaError> {
        let Some(package) = row.shown else { return Ok(None) };
        let counts = self.counts(package.name.as_str())?;
        Ok(Some(Package { downloads: counts.downloads, stars: counts.stars, ..package }))
    }

    /// Packages that can be found and pass the filter, by name.
    pub fn listed(&self, filter: &Filter) -> Result<Vec<Package>, MetaError> {
        let mut found = Vec::new();
        for row in self.rows::<PackageRow>("package ", "") {
            let (_, mut row) = row?;
            let labels = std::mem::take(&mut row.labels);
            let passes = |package: &Package| {
                filter.matches(package, &labels) && filter.is_popular(package.downloads, package.stars)
            };
            found.extend(self.shown(row)?.filter(passes));
        }
        Ok(found)
    }
}
