//! Packages and versions.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::domain::{Name, Package, Published, Release, Version, Visibility};

use super::super::page::{PAGE_MAX, page};
use super::super::{
    Atomicity, Catalog, Change, Cursor, Filter, Label, LabelCount, MetaError, Order, Outcome, Page, Replay, engine,
};
use super::{Keep, Memory};

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
        self.write(|state| {
            let mut head = state.head;
            engine::replay(state, &mut head, events)?;
            state.head = head;
            Ok(((), Keep::Yes))
        })
    }

    async fn package(&self, name: &Name) -> Result<Option<Package>, MetaError> {
        let state = self.read();
        let row = state.packages.get(&name.to_string());
        Ok(row.and_then(|row| row.shown.as_deref()).cloned())
    }

    async fn releases(&self, name: &Name) -> Result<Vec<Release>, MetaError> {
        let state = self.read();
        let readable = state.ranked(name).map(|(_, row)| Release {
            version: row.version.clone(),
            digest: row.digest,
            yanked: row.yanked,
            deprecated: false,
            published: row.published,
        });
        let mut releases: Vec<Release> = readable.collect();
        releases.sort_by(|one, other| other.version.cmp(&one.version));
        Ok(releases)
    }

    async fn version(&self, name: &Name, version: &Version) -> Result<Option<Published>, MetaError> {
        let state = self.read();
        Ok(state.version(name, &version.number()).map(|row| Published {
            name: name.clone(),
            version: row.version.clone(),
            kind: row.kind,
            digest: row.digest,
            record: row.record,
            config: row.config.as_deref().cloned(),
            yanked: row.yanked,
            deleted: row.deleted,
            published: row.published,
            event: row.event,
        }))
    }

    async fn packages(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Package>, MetaError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let place = after.map(|cursor| cursor.place(filter, order)).transpose()?;
        let state = self.read();
        let shown = |name: &String| state.packages.get(name).and_then(|row| row.shown.as_deref());
        let passes = |package: &&Package| filter.matches(package);
        let items: Vec<Package> = match (order, place) {
            (Order::Name, place) => {
                let after = place.map(|(_, name)| name.to_string()).unwrap_or_default();
                let found = state.packages.after(after).filter_map(|(_, row)| row.shown.as_deref());
                found.filter(passes).take(limit + 1).cloned().collect()
            }
            (Order::Updated, None) => {
                let found = state.by_time.iter().filter_map(|((_, name), ())| shown(name));
                found.filter(passes).take(limit + 1).cloned().collect()
            }
            (Order::Updated, Some((time, name))) => {
                let after = (Reverse(time), name.to_string());
                let found = state.by_time.after(after).filter_map(|((_, name), ())| shown(name));
                found.filter(passes).take(limit + 1).cloned().collect()
            }
        };
        Ok(page(items, limit, filter, order))
    }

    async fn labels(&self, label: Label, limit: usize) -> Result<Vec<LabelCount>, MetaError> {
        let state = self.read();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, row) in state.packages.iter() {
            let Some(package) = row.shown.as_deref().filter(|_| row.visibility == Visibility::Public) else { continue };
            let labels: BTreeSet<&str> = match label {
                Label::Tag => package.tags.iter().map(String::as_str).collect(),
                Label::Skill => package.skills.iter().map(|skill| skill.name.as_str()).collect(),
            };
            for label in labels {
                *counts.entry(label).or_default() += 1;
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(label, count)| (Reverse(*count), *label));
        let counts = counts.into_iter().take(limit);
        Ok(counts.map(|(label, count)| LabelCount { label: label.to_owned(), count }).collect())
    }
}
