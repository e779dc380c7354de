//! Packages and versions.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::{Config, Name, Package, Published, Release, Timestamp, Version, Visibility};

use super::super::column::parse_text;
use super::super::page::{PACKAGES_MAX, page};
use super::super::shown::{Plain, Shown};
use super::super::{
    Atomicity, Catalog, Change, Cursor, Filter, Label, LabelCount, MetaError, Order, Outcome, Page, Releases, Replay,
    engine,
};
use super::packed::Packed;
use super::state::{PackageRow, State, VersionRow};
use super::table::Table;
use super::{Keep, Memory, social};

#[async_trait]
impl Catalog for Memory {
    async fn apply(&self, changes: &[Change], atomicity: Atomicity) -> Result<Vec<Outcome>, MetaError> {
        self.write(|state| {
            let mut head = state.head;
            let planned = engine::apply(state, &mut head, changes, atomicity)?;
            let keep = match engine::stands(&planned, atomicity) {
                true => {
                    state.head = head;
                    Keep::Yes
                }
                false => Keep::No,
            };
            Ok((engine::outcomes(planned), keep))
        })
    }

    async fn replay(&self, events: &[Replay]) -> Result<(), MetaError> {
        // What an archive has is read before the lock is taken.
        let known = self.events_of(events.iter().map(|replay| replay.event.n).collect()).await?;
        let known: BTreeMap<u64, Bytes> = known.into_iter().collect();
        let differs = |replay: &&Replay| known.get(&replay.event.n).is_some_and(|bytes| *bytes != replay.bytes);
        if let Some(replay) = events.iter().find(differs) {
            return Err(MetaError::Diverged(replay.event.n));
        }
        let new = events.iter().position(|replay| !known.contains_key(&replay.event.n)).unwrap_or(events.len());
        let events = &events[new..];
        self.write(|state| {
            let mut head = state.head;
            engine::replay(state, &mut head, events)?;
            state.head = head;
            Ok(((), Keep::Yes))
        })
    }

    async fn package(&self, name: &Name) -> Result<Option<Package>, MetaError> {
        let (state, name) = (self.read(), name.to_string());
        let row = state.packages.get(&name);
        let package = row.map(|row| state.package(&name, row)).transpose()?.flatten();
        Ok(package.map(|package| self.social().fill(&package)))
    }

    async fn releases(&self, name: &Name, of: Releases) -> Result<Vec<Release>, MetaError> {
        let state = self.read();
        let release = |row: &VersionRow| Release {
            version: row.version.clone(),
            digest: row.digest,
            yanked: row.yanked,
            deprecated: row.deprecation.is_some(),
            deleted: row.deleted,
            published: row.published,
        };
        let mut releases: Vec<Release> = match of {
            Releases::Readable => state.ranked(name).map(|(_, row)| release(row)).collect(),
            Releases::Deleted => state.versions_of(name).filter(|row| row.deleted).map(release).collect(),
        };
        releases.sort_by(|one, other| other.version.cmp(&one.version));
        Ok(releases)
    }

    async fn versions(&self, wanted: &[(Name, Version)]) -> Result<Vec<Published>, MetaError> {
        let state = self.read();
        let found = wanted.iter().filter_map(|(name, version)| Some((name, state.version(name, &version.number())?)));
        let published = |(name, row): (&Name, &Arc<VersionRow>)| {
            Ok(Published {
                id: row.id,
                name: name.clone(),
                version: row.version.clone(),
                kind: row.kind,
                digest: row.digest,
                record: row.record,
                config: row.config()?,
                yanked: row.yanked,
                yank_reason: row.reason,
                deprecation: row.deprecation.clone(),
                deleted: row.deleted,
                purged: row.purged,
                published: row.published,
                event: row.event,
            })
        };
        found.map(published).collect()
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
        let state = self.read();
        let social = self.social();
        let row = |name: &String| state.packages.get_key_value(name);
        let after = place.as_ref().map_or(Bound::Unbounded, |(time, name)| {
            Bound::Excluded((Reverse(Timestamp::from_micros(*time)), name.to_string()))
        });
        let by_time = |table| -> Box<dyn Iterator<Item = Listed<'_>>> {
            let rows = Table::range(table, (after.clone(), Bound::Unbounded));
            Box::new(rows.filter_map(|((_, name), ())| row(name)))
        };
        let rows: Box<dyn Iterator<Item = Listed<'_>>> = match order {
            Order::Name => {
                let after = place.as_ref().map(|(_, name)| name.to_string()).unwrap_or_default();
                Box::new(state.packages.after(after))
            }
            Order::Updated => by_time(&state.by_time),
            Order::Created => by_time(&state.by_age),
            Order::Downloads | Order::Stars => {
                let counted = social.ranked(order, place.as_ref()).filter_map(row);
                // Those without any come last, by name.
                let after = place.as_ref().filter(|(count, _)| *count == 0).map(|(_, name)| name.to_string());
                let uncounted = state.packages.after(after.unwrap_or_default());
                let uncounted = uncounted.filter(|(name, _)| social.is_unranked(order, name));
                Box::new(counted.chain(uncounted))
            }
        };
        let found = listed(rows, filter, &social).take(limit + 1);
        let packages = found.filter_map(|(name, row)| state.package(name, row).transpose());
        let items = packages.map(|package| Ok(social.fill(&package?))).collect::<Result<_, MetaError>>()?;
        Ok(page(items, limit, filter, order))
    }

    async fn count(&self, filter: &Filter) -> Result<u64, MetaError> {
        let state = self.read();
        let social = self.social();
        Ok(listed(state.packages.iter(), filter, &social).count() as u64)
    }

    async fn labels(
        &self,
        label: Label,
        after: Option<&LabelCount>,
        limit: usize,
    ) -> Result<Vec<LabelCount>, MetaError> {
        let state = self.read();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, row) in state.packages.iter() {
            if row.visibility != Visibility::Public {
                continue;
            }
            for (_, text) in row.labels.iter().filter(|(other, _)| *other == label) {
                *counts.entry(text).or_default() += 1;
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(label, count)| (Reverse(*count), *label));
        let place = after.map(|after| (Reverse(after.count), after.label.as_str()));
        let is_behind = |(label, count): &(&str, u64)| place.is_none_or(|place| (Reverse(*count), *label) > place);
        let counts = counts.into_iter().filter(is_behind).take(limit);
        Ok(counts.map(|(label, count)| LabelCount { label: label.to_owned(), count }).collect())
    }
}

/// A package and its name.
type Listed<'a> = (&'a String, &'a Arc<PackageRow>);

/// Packages that can be found and pass the filter.
fn listed<'a>(
    rows: impl Iterator<Item = Listed<'a>>,
    filter: &Filter,
    social: &social::Rows,
) -> impl Iterator<Item = Listed<'a>> {
    rows.filter(move |(name, row)| {
        let plain = Plain {
            org: name.split('/').next().unwrap_or_default(),
            kind: row.kind,
            visibility: row.visibility,
            created: row.created,
            updated: row.updated,
        };
        let (downloads, stars) = social.of(name);
        row.shown.is_some()
            && filter.passes(&plain, |label, word| row.labels.has(label, word))
            && filter.is_popular(downloads, stars)
    })
}

impl State {
    /// The package as lists and pages show it, without its downloads and stars, which are kept apart. `None` if it cannot be found.
    pub(super) fn package(&self, name: &str, row: &PackageRow) -> Result<Option<Package>, MetaError> {
        let Some(shown) = &row.shown else { return Ok(None) };
        let name: Name = parse_text(name)?;
        let Some(version) = self.version(&name, &shown.number) else { return Ok(None) };
        let words = Shown::of(version.config()?.as_ref());
        Ok(Some(Package {
            name,
            kind: row.kind,
            visibility: row.visibility,
            latest: shown.is_latest.then(|| version.version.clone()),
            pinned: row.pinned.clone(),
            shown: version.version.clone(),
            title: words.title,
            description: words.description,
            tags: words.tags,
            skills: words.skills,
            license: words.license,
            authors: words.authors,
            source: words.source,
            owners: row.owners.clone(),
            versions: shown.versions,
            created: row.created,
            updated: row.updated,
            downloads: 0,
            stars: 0,
        }))
    }
}

impl VersionRow {
    /// Its config, which a purge takes away.
    pub(super) fn config(&self) -> Result<Option<Config>, MetaError> {
        self.config.as_ref().map(Packed::get).transpose()
    }
}
